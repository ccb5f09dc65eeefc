-- Whether a client is held to the FAPI 2.0 security profile.
ALTER TABLE client ADD COLUMN fapi2 BIGINT NOT NULL DEFAULT 0;
