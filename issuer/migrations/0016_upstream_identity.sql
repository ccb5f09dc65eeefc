-- Who a user is at other OpenID Connect providers. Nothing but issuer and subject identifies anybody there; a subject
-- leads to one user.
CREATE TABLE upstream_identity (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES user_account (id),
    -- What the provider calls the person; for lists only.
    label TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX upstream_identity_user_id ON upstream_identity (user_id);
