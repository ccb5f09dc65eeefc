-- Token status lists (decision 0037): for resources that ask for them, a row a token, until it has expired. A list belongs to
-- the process that opened it, so that no two give the same place.
ALTER TABLE resource ADD COLUMN status_list BIGINT NOT NULL DEFAULT 0;

CREATE TABLE status_list (
    id BIGINT PRIMARY KEY,
    newest BIGINT NOT NULL
);
INSERT INTO status_list (id, newest) VALUES (1, 0);

-- `marks` are what a revocation can match of the token.
CREATE TABLE status_token (
    list BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    marks TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (list, idx)
);
CREATE INDEX status_token_expires_at ON status_token (expires_at);
