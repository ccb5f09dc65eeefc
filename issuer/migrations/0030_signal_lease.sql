-- `lease` numbers who delivers to a stream: whoever takes it gets the next number, and so does whoever changes where or whether
-- something goes out; who has an older one writes nothing more. A stream that is `halted` was halted by the operator.
ALTER TABLE signal_stream ADD COLUMN lease BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signal_stream ADD COLUMN halted BIGINT NOT NULL DEFAULT 0;

-- 1 where nothing ties the user to the receiver: it hears of everybody.
ALTER TABLE signal ADD COLUMN of_everyone BIGINT NOT NULL DEFAULT 0;
