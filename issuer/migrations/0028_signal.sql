-- Receivers of shared signals (OpenID Shared Signals Framework 1.0, decision 0036), and what they still have to hear. `seq`
-- numbers the signals of a stream in the order of their commits. A stream is delivered to by one node at a time: until
-- `leased_until` nobody else tries.
CREATE TABLE signal_stream (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    -- Where signals are pushed to; NULL for a receiver that polls.
    endpoint_url TEXT,
    authorization_sealed TEXT,
    events_requested TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    seq BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    verified_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX signal_stream_client ON signal_stream (client_id);

-- `due_at` is NULL where nothing is pushed: the receiver polls, or the stream is paused.
CREATE TABLE signal (
    stream_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    jti TEXT NOT NULL,
    event TEXT NOT NULL,
    -- It is about the stream itself, and goes out whatever the status is.
    about_stream BIGINT NOT NULL,
    due_at BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (stream_id, seq)
);
CREATE UNIQUE INDEX signal_jti ON signal (stream_id, jti);
CREATE INDEX signal_due_at ON signal (due_at);
CREATE INDEX signal_expires_at ON signal (expires_at);
