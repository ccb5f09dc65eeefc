-- One text for SQLite and PostgreSQL: BIGINT and TEXT only. Lists are JSON, bytes are base64url, booleans are 0 and 1,
-- times are Unix seconds. Rows that nodes follow carry the generation of their last change.

-- Which releases may work with this schema: those that know at least `oldest_compatible`.
CREATE TABLE schema_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    oldest_compatible BIGINT NOT NULL
);
INSERT INTO schema_state (id, oldest_compatible) VALUES (1, 1);

-- Every change takes the next number first, which also puts writers in a row.
CREATE TABLE generation (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO generation (id, value) VALUES (1, 0);

CREATE TABLE resource (
    identifier TEXT PRIMARY KEY,
    name TEXT,
    scopes TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    token_lifetime BIGINT NOT NULL,
    max_token_bytes BIGINT NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    generation BIGINT NOT NULL
);
CREATE INDEX resource_generation ON resource (generation);

-- A deleted client stays as a tombstone, so that its id is never given to another.
CREATE TABLE client (
    id TEXT PRIMARY KEY,
    name TEXT,
    grants TEXT NOT NULL,
    auth TEXT NOT NULL,
    jwks TEXT,
    jwks_uri TEXT,
    token_endpoint_audience BIGINT NOT NULL CHECK (token_endpoint_audience IN (0, 1)),
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    generation BIGINT NOT NULL
);
CREATE INDEX client_generation ON client (generation);

CREATE TABLE client_secret (
    client_id TEXT NOT NULL REFERENCES client (id),
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (client_id, id)
);

CREATE TABLE client_permission (
    client_id TEXT NOT NULL REFERENCES client (id),
    resource TEXT NOT NULL REFERENCES resource (identifier),
    scopes TEXT NOT NULL,
    roles TEXT NOT NULL,
    PRIMARY KEY (client_id, resource)
);

CREATE TABLE user_account (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    -- The username in lower case, or NULL once the user is deleted: then the name is free again, the id never.
    username_key TEXT UNIQUE,
    email TEXT,
    roles TEXT NOT NULL,
    group_names TEXT NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    generation BIGINT NOT NULL
);

CREATE TABLE key_ring (
    algorithm TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    generation BIGINT NOT NULL
);

CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL REFERENCES key_ring (algorithm),
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'retired')),
    since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sealed TEXT NOT NULL
);
CREATE UNIQUE INDEX signing_key_one_active ON signing_key (algorithm) WHERE state = 'active';

-- Other secrets of the issuer, sealed under the master key like the signing keys.
CREATE TABLE sealed_secret (
    name TEXT PRIMARY KEY,
    sealed TEXT NOT NULL
);

-- RFC 7523 §3: a client assertion is accepted once; a record is kept until the assertion has expired.
CREATE TABLE assertion_use (
    client_id TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);
CREATE INDEX assertion_use_expires_at ON assertion_use (expires_at);

-- Who changed what. Appended in the transaction of the change.
CREATE TABLE audit_event (
    generation BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (generation, ordinal)
);
