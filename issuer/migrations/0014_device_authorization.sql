-- Device authorizations (RFC 8628): from the request of a device until its tokens, or until it expires. The device code is
-- sealed and has no column, the user code is a keyed hash. Times are Unix seconds.
CREATE TABLE device_authorization (
    id TEXT PRIMARY KEY,
    user_code_hash TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES client (id),
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    -- pending, approved, denied or redeemed.
    state TEXT NOT NULL,
    -- How many seconds the device must wait between two questions, and when it last asked.
    poll_interval BIGINT NOT NULL,
    polled_at BIGINT,
    -- Who approved it, in which session.
    user_id TEXT REFERENCES user_account (id),
    session_id TEXT,
    auth_time BIGINT,
    amr TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX device_authorization_expires_at ON device_authorization (expires_at);
