-- Whom a client may assert (RFC 7523), one row a rule: for each of whom it is, one rule at each resource.
CREATE TABLE client_assertion_rule (
    client_id TEXT NOT NULL REFERENCES client (id),
    -- `user` and its id, `group` and its name, `namespace` and its name.
    whom TEXT NOT NULL,
    name TEXT NOT NULL,
    resource TEXT NOT NULL REFERENCES resource (identifier),
    scopes TEXT NOT NULL,
    lifetime BIGINT NOT NULL,
    reason_required BIGINT NOT NULL,
    PRIMARY KEY (client_id, whom, name, resource)
);
CREATE INDEX client_assertion_rule_of_resource ON client_assertion_rule (resource);
