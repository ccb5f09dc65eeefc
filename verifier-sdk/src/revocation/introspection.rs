//! Asking the issuer about one token (RFC 7662), where the feed is late and a route would rather wait than refuse. It never
//! makes a token good that is known to be revoked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_keys::json;
use serde::Deserialize;

use crate::claims::{Claim, StandardClaims};
use crate::error::VerifyError;
use crate::key_source::BoxFuture;

/// So many questions wait at the same time; the others are answered 503 at once.
const MAX_QUESTIONS: usize = 64;

/// Asks the issuer about a token. Given to [`VerifierBuilder::introspection`](crate::VerifierBuilder::introspection).
pub trait Introspect: Send + Sync + 'static {
    /// The issuer's answer about this access token, as JSON (RFC 7662 §2.2). Must come back within a few seconds, also when
    /// it fails.
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<String, IntrospectionError>>;
}

/// The issuer cannot be asked now, or did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the issuer cannot be asked about a token")]
pub struct IntrospectionError;

/// What is done where the feed is late.
#[derive(Clone)]
pub(crate) struct Fallback {
    introspect: Arc<dyn Introspect>,
    questions: Arc<AtomicUsize>,
}

/// The members that matter here.
#[derive(Deserialize)]
struct Answer {
    active: bool,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    exp: Option<i64>,
}

impl Fallback {
    pub(crate) fn new(introspect: Arc<dyn Introspect>) -> Self {
        Self { introspect, questions: Arc::default() }
    }

    /// That the issuer says the token is good, and means this one.
    pub(super) async fn ask(
        &self,
        token: &str,
        claims: &StandardClaims,
    ) -> Result<(), VerifyError> {
        let late = VerifyError::RevocationsLate { retry_after: Duration::from_secs(1) };
        let Some(_question) = Question::admit(&self.questions) else { return Err(late) };
        match self.introspect.introspect(token).await {
            Ok(answer) => judge(&answer, claims).unwrap_or(Err(late)),
            Err(IntrospectionError) => Err(late),
        }
    }
}

/// None if it cannot be read, or is not about this token: then nothing is known.
fn judge(answer: &str, claims: &StandardClaims) -> Option<Result<(), VerifyError>> {
    json::check(answer).ok()?;
    let answer: Answer = serde_json::from_str(answer).ok()?;
    // RFC 7662 §2.2: nothing else is said of a token that is not good.
    if !answer.active {
        return Some(Err(VerifyError::Revoked));
    }
    let is_same = |said: &Option<String>, claim| said.as_deref() == claims.text(claim);
    let is_it = is_same(&answer.jti, Claim::Jti)
        && is_same(&answer.sub, Claim::Sub)
        && is_same(&answer.client_id, Claim::ClientId)
        && answer.exp == claims.expires_at()
        && (answer.iss.is_none() || is_same(&answer.iss, Claim::Iss));
    if !is_it {
        tracing::warn!("an answer of introspection is about another token");
    }
    is_it.then_some(Ok(()))
}

struct Question<'q>(&'q AtomicUsize);

impl<'q> Question<'q> {
    fn admit(questions: &'q AtomicUsize) -> Option<Self> {
        let admitted = |count: usize| (count < MAX_QUESTIONS).then_some(count + 1);
        questions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admitted).ok()?;
        Some(Self(questions))
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outcome(answer: &Value) -> Option<&'static str> {
        let token = json!({"iss": "i", "sub": "s", "client_id": "c", "jti": "j", "exp": 9});
        let claims = StandardClaims::parse_unverified(token.to_string()).unwrap();
        let judged = judge(&answer.to_string(), &claims)?;
        Some(judged.map_or_else(|error| error.code(), |()| "good"))
    }

    #[test]
    fn an_answer_must_be_about_exactly_this_token() {
        let good = json!({"active": true, "sub": "s", "client_id": "c", "jti": "j", "exp": 9});
        assert_eq!(outcome(&good), Some("good"));
        for (member, value) in [
            ("sub", json!("x")),
            ("client_id", json!("x")),
            ("jti", json!("x")),
            ("jti", json!(null)),
            ("exp", json!(10)),
            ("iss", json!("x")),
            ("active", json!("true")),
            ("active", json!(null)),
        ] {
            let mut other = good.clone();
            other[member] = value;
            assert_eq!(outcome(&other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_active_is_revoked_and_what_is_no_answer_says_nothing() {
        assert_eq!(outcome(&json!({"active": false})), Some("revoked"));
        assert_eq!(outcome(&json!({})), None);
        assert_eq!(outcome(&json!([true])), None);
    }
}
