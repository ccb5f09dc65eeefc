-- Mutual TLS (RFC 8705): by which subject a certificate names a client, whose tokens are bound to their certificate, and to
-- which one a family of refresh tokens of a public client is bound.
ALTER TABLE client ADD COLUMN tls_subject_kind TEXT;
ALTER TABLE client ADD COLUMN tls_subject TEXT;
ALTER TABLE client ADD COLUMN tls_client_certificate_bound_access_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refresh_family ADD COLUMN x5t_s256 TEXT;
