-- People: what is known of them, their sessions, and what was given to clients in their name. Times are Unix seconds,
-- secrets are keyed hashes. An authorization code has no row of its own before it is used: it is sealed.

-- How people sign in through the client, as JSON; NULL for a client that only speaks for itself.
ALTER TABLE client ADD COLUMN sign_in TEXT;

-- The claims of OpenID Connect Core §5.1 beyond e-mail, as JSON.
ALTER TABLE user_account ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
ALTER TABLE user_account ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;

-- One sign-in of one user in one browser. The cookie changes at each level-up, the id stays.
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    cookie_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES user_account (id),
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    user_agent TEXT,
    address TEXT
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_expires_at ON session (expires_at);
CREATE INDEX session_last_seen_at ON session (last_seen_at);

-- The clients that took part in a session: whom a sign-out must reach.
CREATE TABLE session_client (
    session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES client (id),
    since BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);

-- Things that are good once: the hash of each that was used, until it would have expired anyway.
CREATE TABLE one_time_use (
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, hash)
);
CREATE INDEX one_time_use_expires_at ON one_time_use (expires_at);

-- What a user granted to a client (OpenID Connect Core §3.1.2.4).
CREATE TABLE consent (
    user_id TEXT NOT NULL REFERENCES user_account (id),
    client_id TEXT NOT NULL REFERENCES client (id),
    scopes TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- All refresh tokens that follow from one sign-in: the tokens are computed from the id and the counter, and stored nowhere.
CREATE TABLE refresh_family (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    user_id TEXT NOT NULL REFERENCES user_account (id),
    session_id TEXT,
    -- Which token of the family is good now, and since when.
    counter BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    claims TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX refresh_family_session ON refresh_family (session_id);
CREATE INDEX refresh_family_user ON refresh_family (user_id, client_id);
CREATE INDEX refresh_family_expires_at ON refresh_family (expires_at);

-- Pushed authorization requests (RFC 9126).
CREATE TABLE pushed_request (
    hash TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    parameters TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pushed_request_expires_at ON pushed_request (expires_at);
