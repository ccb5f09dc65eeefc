-- Accounts that are about to be: there is no user before the address was proved. One row an address and way, so that asking
-- again adds none; the token of its link is kept as a keyed hash.
CREATE TABLE registration (
    email_key TEXT NOT NULL,
    -- By an operator's invitation, which a stranger's wish must not replace.
    invited BIGINT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    roles TEXT NOT NULL,
    group_names TEXT NOT NULL,
    -- The sign-in that goes on afterwards, sealed for the browser in which it began.
    continuation TEXT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (email_key, invited)
);
CREATE INDEX registration_expires_at ON registration (expires_at);
