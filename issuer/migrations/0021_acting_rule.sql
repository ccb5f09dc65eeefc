-- For whom a client may act (RFC 8693), one row a rule: what it gets at one resource for the tokens that another is given.
CREATE TABLE client_acting_rule (
    client_id TEXT NOT NULL REFERENCES client (id),
    audience TEXT NOT NULL REFERENCES resource (identifier),
    resource TEXT NOT NULL REFERENCES resource (identifier),
    -- A scope that the token must carry; empty for none in particular.
    needs TEXT NOT NULL,
    scopes TEXT NOT NULL,
    identities TEXT NOT NULL,
    impersonation BIGINT NOT NULL,
    PRIMARY KEY (client_id, audience, resource, needs)
);
CREATE INDEX client_acting_rule_of_audience ON client_acting_rule (audience);
CREATE INDEX client_acting_rule_of_resource ON client_acting_rule (resource);
