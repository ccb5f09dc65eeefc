-- What was revoked, as one sequence that nodes and verifiers follow (decision 0031). The number is taken last in the
-- transaction that revokes, so that numbers are committed in their order. An entry decides nothing after `expires_at`.
CREATE TABLE revocation_feed (
    id BIGINT PRIMARY KEY,
    feed TEXT NOT NULL,
    seq BIGINT NOT NULL
);
-- The first node names it.
INSERT INTO revocation_feed (id, feed, seq) VALUES (1, '', 0);

CREATE TABLE revocation (
    seq BIGINT PRIMARY KEY,
    entry TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revocation_expires_at ON revocation (expires_at);

-- All that a client has may be revoked.
CREATE INDEX refresh_family_client ON refresh_family (client_id);

-- The resources whose tokens a client may ask about (RFC 7662).
ALTER TABLE client ADD COLUMN introspects TEXT NOT NULL DEFAULT '[]';
