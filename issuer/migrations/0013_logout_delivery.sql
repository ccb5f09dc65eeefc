-- Clients that have to hear of a session that ended (OpenID Connect Back-Channel Logout). A row is written with the end
-- of the session, taken by whoever moves its `due_at` on, and gone when the client has heard.
CREATE TABLE logout_delivery (
    session_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX logout_delivery_due_at ON logout_delivery (due_at);
