-- Keys that were withdrawn in an emergency. A kid is the thumbprint of its key, so none of them may ever come back.
CREATE TABLE withdrawn_key (
    kid TEXT PRIMARY KEY,
    withdrawn_at BIGINT NOT NULL
);
