-- To whom the access tokens of a resource are encrypted (RFC 7516): the JWK set that was registered, and how. Those of clients
-- are with the rest of what is registered of a client.
ALTER TABLE resource ADD COLUMN encryption_jwks TEXT;
ALTER TABLE resource ADD COLUMN encryption_enc TEXT;
