-- Which workloads may authenticate as a client, by tokens of outside issuers (RFC 7523), one row a rule.
CREATE TABLE client_workload_rule (
    client_id TEXT NOT NULL REFERENCES client (id),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- A JSON list of `name=value`, in order.
    claims TEXT NOT NULL,
    PRIMARY KEY (client_id, issuer, subject, claims)
);
