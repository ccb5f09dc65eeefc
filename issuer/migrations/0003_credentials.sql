-- How people prove who they are. Whatever could be guessed offline is sealed under the master key and bound to its user;
-- codes and tokens that are drawn at random are kept as keyed hashes. A deleted user has no row here.

CREATE TABLE user_password (
    user_id TEXT PRIMARY KEY REFERENCES user_account (id),
    -- The function that made the hash, such as `argon2id` or `bcrypt`: for lists, never for verification.
    scheme TEXT NOT NULL,
    sealed TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- RFC 6238 §5.2: a step is accepted once, and never one before it. There is a row only after a first code was right.
CREATE TABLE user_totp (
    user_id TEXT PRIMARY KEY REFERENCES user_account (id),
    sealed TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE TABLE recovery_code (
    user_id TEXT NOT NULL REFERENCES user_account (id),
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- `credential` is the public key with its flags; `sign_count` repeats its counter, so that one statement can compare it.
CREATE TABLE passkey (
    id TEXT PRIMARY KEY,
    credential_id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES user_account (id),
    name TEXT NOT NULL,
    credential TEXT NOT NULL,
    sign_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkey_user_id ON passkey (user_id);

-- One link a user and purpose: a newer one takes the place of the older.
CREATE TABLE one_time_link (
    user_id TEXT NOT NULL REFERENCES user_account (id),
    purpose TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    email TEXT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
CREATE INDEX one_time_link_expires_at ON one_time_link (expires_at);

-- An address that its owner proved; it belongs to one user. It counts while it is the address of the user's account.
CREATE TABLE verified_email (
    user_id TEXT PRIMARY KEY REFERENCES user_account (id),
    email_key TEXT NOT NULL UNIQUE,
    verified_at BIGINT NOT NULL
);

-- Wrong second factors, counted here so that neither a restart nor another node forgets them.
CREATE TABLE guess_count (
    user_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, lane)
);
CREATE INDEX guess_count_last_at ON guess_count (last_at);

-- A passkey ceremony is finished once; a record is kept until the ceremony has expired.
CREATE TABLE ceremony_use (
    digest TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ceremony_use_expires_at ON ceremony_use (expires_at);
