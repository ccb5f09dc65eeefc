//! Which workloads may authenticate as a client, by tokens of issuers outside (RFC 7523): a pod, a CI job, a service of
//! another fleet. Default deny: without a rule nothing of an outside issuer is this client.

use std::fmt;

use serde_json::Value;

use super::InvalidValue;

/// One sort of workload that is the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRule {
    /// The issuer of its tokens, as the configuration names it: a URL, or a SPIFFE trust domain.
    pub issuer: String,
    /// Its subject there.
    pub subject: SubjectPattern,
    /// What its tokens must say besides.
    pub claims: Vec<RequiredClaim>,
}

impl WorkloadRule {
    /// Whether a verified token of the issuer is about such a workload.
    pub fn fits(&self, issuer: &str, subject: &str, claims: &Value) -> bool {
        self.issuer == issuer
            && self.subject.fits(subject)
            && self.claims.iter().all(|required| required.holds(claims))
    }
}

/// One subject, or all below a prefix: `repo:acme/shop:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPattern(String);

impl SubjectPattern {
    /// Reads a subject; a `*` at its end stands for anything. It must follow a `:` or `/`, so that `repo:acme/*` never lets
    /// in `repo:acme-evil/…`, and two parts of a name, so that a rule is never about everybody at a provider that all
    /// share.
    ///
    /// # Errors
    ///
    /// If it is empty or too long, or its `*` stands elsewhere.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |rule| Err(InvalidValue::new("subject", text, rule));
        if text.is_empty() || text.len() > 512 || text.chars().any(char::is_control) {
            return invalid("use 1 to 512 characters");
        }
        let prefix = text.strip_suffix('*');
        if prefix.unwrap_or(text).contains('*') {
            return invalid("a `*` may only stand at the end");
        }
        let Some(prefix) = prefix else { return Ok(Self(text.to_owned())) };
        let parts = prefix.split([':', '/']).filter(|part| !part.is_empty()).count();
        if !prefix.ends_with([':', '/']) || parts < 2 {
            return invalid("a `*` must follow two parts of the name and a `:` or `/`");
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn fits(&self, subject: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => subject.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()),
            None => self.0 == subject,
        }
    }
}

/// A claim that must have a value: `environment=production`, or by a JSON pointer (RFC 6901) `/kubernetes.io/pod/name=x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    name: String,
    value: String,
}

impl RequiredClaim {
    /// Reads `name=value`.
    ///
    /// # Errors
    ///
    /// If it has not both.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() && text.len() <= 512 => {
                Ok(Self { name: name.to_owned(), value: value.to_owned() })
            }
            _ => Err(InvalidValue::new("claim", text, "use NAME=VALUE, 512 characters at most")),
        }
    }

    /// A text must be the value byte for byte; a number or a truth value as JSON writes it. A list or an object never is.
    fn holds(&self, claims: &Value) -> bool {
        let is_pointer = self.name.starts_with('/');
        let found =
            if is_pointer { claims.pointer(&self.name) } else { claims.get(self.name.as_str()) };
        match found {
            Some(Value::String(text)) => *text == self.value,
            Some(Value::Number(number)) => number.to_string() == self.value,
            Some(Value::Bool(is_true)) => self.value == if *is_true { "true" } else { "false" },
            _ => false,
        }
    }
}

impl fmt::Display for RequiredClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_is_about_one_subject_or_about_all_below_a_name() {
        for (pattern, subject, fits) in [
            ("repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main", true),
            ("repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:ref:refs/heads/main2", false),
            ("repo:acme/shop:*", "repo:acme/shop:environment:production", true),
            ("repo:acme/shop:*", "repo:acme/shop-evil:environment:production", false),
            ("repo:acme/shop:*", "repo:acme/shop:", false),
            ("repo:acme/*", "repo:acme-evil/shop:ref:refs/heads/main", false),
            ("spiffe://acme.example/*", "spiffe://acme.example/ns/orders", true),
            ("spiffe://acme.example/*", "spiffe://acme.example.evil/ns/orders", false),
        ] {
            let found = SubjectPattern::parse(pattern).unwrap().fits(subject);
            assert_eq!(found, fits, "{pattern} {subject}");
        }
    }

    #[test]
    fn a_pattern_that_would_be_about_everybody_is_none() {
        for pattern in [
            "",
            "*",
            "repo:*",
            "repo:acme*",
            "spiffe://*",
            "repo:*/shop:x",
            "a:b:**",
            "a\n",
            "://*",
        ] {
            assert!(SubjectPattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(SubjectPattern::parse(&"x".repeat(513)).is_err());
    }

    #[test]
    fn a_claim_has_its_very_value() {
        let claims = json!({
            "environment": "production", "repository_id": 123, "protected": true, "list": ["production"],
            "kubernetes.io": {"pod": {"name": "orders-1"}}, "null": null,
        });
        for (text, holds) in [
            ("environment=production", true),
            ("environment=Production", false),
            ("environment=prod", false),
            ("repository_id=123", true),
            ("repository_id=0123", false),
            ("protected=true", true),
            ("list=production", false),
            ("null=null", false),
            ("absent=x", false),
            ("/kubernetes.io/pod/name=orders-1", true),
            ("/kubernetes.io/pod/uid=orders-1", false),
        ] {
            assert_eq!(RequiredClaim::parse(text).unwrap().holds(&claims), holds, "{text}");
        }
        for text in ["", "x", "=x", "x="] {
            assert!(RequiredClaim::parse(text).is_err(), "{text}");
        }
    }
}
