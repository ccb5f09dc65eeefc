-- For how long a retired key has been retired, as nodes saw it pass on clocks that cannot be set: a fleet that restarts
-- often still learns when a key is spent. It counts for the state that the key was in, and goes with the key.
CREATE TABLE key_observation (
    kid TEXT PRIMARY KEY REFERENCES signing_key (kid) ON DELETE CASCADE,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    seconds BIGINT NOT NULL
);
