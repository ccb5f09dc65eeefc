-- Tokens that are bound to a key (RFC 9449): which clients and resources demand it, and to which key a family of refresh
-- tokens of a public client is bound.
ALTER TABLE client ADD COLUMN dpop_bound_access_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE resource ADD COLUMN required_binding TEXT;
ALTER TABLE refresh_family ADD COLUMN jkt TEXT;
