//! `countersign token explain`: what each check of the SDK says of a token. The keys come from a file, from the database
//! of the configuration (then no server need run), or from the issuer; the answer says which.

use std::path::PathBuf;

use clap::Args;
use countersign_keys::algorithm::ALGORITHMS;
use countersign_keys::{Algorithm, JwkSet, UnverifiedJws};
use countersign_verifier::{CheckReport, Keys, Outcome, Start, Verifier};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::{Failure, Session};
use super::{TokenError, from_standard_input};
use crate::jwks::JwksDocument;
use crate::signing::{OpenRing, reopen_rings};
use crate::store::Store;

/// What to explain.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Explain {
    /// The token, or `-` to read it from standard input (a token in the arguments is seen by others).
    token: String,
    /// The issuer that is expected; without it the one of the configuration.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The audience that is expected; without it the token's own, which then proves nothing.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// A file with the key set. Without it the database of the configuration is asked, and the issuer where there is
    /// none, or for the tokens of another issuer.
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
}

/// What the checks say, and whose keys they used.
pub(super) struct Explanation {
    reports: Vec<CheckReport>,
    keys_from: String,
}

impl Explain {
    /// Runs the checks of the SDK, in its order.
    ///
    /// # Errors
    ///
    /// If the token or the keys cannot be had; a token that fails is not an error here.
    pub(super) async fn run(&self, session: &Session) -> Result<Explanation, TokenError> {
        let token = match self.token.as_str() {
            "-" => from_standard_input("the token", session)?,
            token => Zeroizing::new(token.to_owned()),
        };
        let token = token.trim();
        let issuer = self.issuer.as_deref().unwrap_or(session.config.issuer.as_str());
        let audience = self.audience.clone().unwrap_or_else(|| own_audience(token));
        let builder = Verifier::builder(issuer).audience(&audience).algorithms(every_algorithm());
        let (verifier, keys_from) = match self.known_keys(issuer, session).await? {
            Some((keys, from)) => (builder.keys(Keys::Fixed(keys)).build().await?, from),
            None => (builder.start(Start::FailFast).build().await?, format!("the issuer {issuer}")),
        };
        Ok(Explanation { reports: verifier.explain(token), keys_from })
    }

    /// The keys that need no running issuer, and where they are from.
    async fn known_keys(
        &self,
        issuer: &str,
        session: &Session,
    ) -> Result<Option<(JwkSet, String)>, TokenError> {
        if let Some(path) = &self.jwks_file {
            let what = path.display().to_string();
            let json = std::fs::read(path)
                .map_err(|cause| TokenError::Unreadable { what: what.clone(), cause })?;
            return Ok(Some((key_set(&json)?, format!("the file {what}"))));
        }
        if issuer != session.config.issuer.as_str() {
            return Ok(None);
        }
        match published(session).await {
            Ok(None) => Ok(None),
            Ok(Some(document)) => {
                let set = key_set(document.body())?;
                Ok(Some((set, "the database of the configuration".to_owned())))
            }
            Err(failure) => {
                let remark = format!("{}; the issuer is asked instead", failure.message);
                session.output.note(&remark);
                Ok(None)
            }
        }
    }
}

/// The keys that a server on this database publishes, or `None` if there is no database, or no key in it.
async fn published(session: &Session) -> Result<Option<JwksDocument>, Failure> {
    let Some(store) = Store::attach(&session.config).await? else { return Ok(None) };
    let rows = store.load_rings().await?;
    let (rings, refused) = reopen_rings(&rows, &session.master_keys()?, &[]);
    for error in refused {
        session.output.note(&error.to_string());
    }
    let mut keys = rings.iter().flat_map(OpenRing::published).peekable();
    Ok(keys.peek().is_some().then(|| JwksDocument::new(keys)))
}

fn key_set(json: &[u8]) -> Result<JwkSet, TokenError> {
    let all: Vec<_> = every_algorithm().collect();
    Ok(JwkSet::parse(json, &all)?.0)
}

fn every_algorithm() -> impl Iterator<Item = Algorithm> {
    ALGORITHMS.iter().map(|row| row.algorithm)
}

impl Explanation {
    /// Whether every check that was made passed.
    pub(super) fn holds(&self) -> bool {
        self.reports.iter().all(|report| report.outcome == Outcome::Passed)
    }

    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let checks: Vec<Value> = self
            .reports
            .iter()
            .map(|report| {
                json!({
                    "check": report.check,
                    "outcome": outcome(report.outcome),
                    "code": report.code,
                    "detail": report.detail,
                })
            })
            .collect();
        json!({ "valid": self.holds(), "keys_from": self.keys_from, "checks": checks })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for report in &self.reports {
            let mark = match report.outcome {
                Outcome::Failed => "FAILED",
                other => outcome(other),
            };
            let line = format!("{mark:8} {:18} {}", report.check, report.detail);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let verdict = if self.holds() { "good" } else { "refused" };
        text + &format!("The token is {verdict}, by the keys of {}.\n", self.keys_from)
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        _ => "skipped",
    }
}

/// The first `aud` of a token that nobody has verified.
fn own_audience(token: &str) -> String {
    #[derive(Deserialize)]
    struct Audience {
        aud: Value,
    }
    let payload =
        UnverifiedJws::parse(token).ok().and_then(|jws| jws.danger_unverified_payload().ok());
    let claims = payload.and_then(|payload| serde_json::from_slice::<Audience>(&payload).ok());
    let audience = claims.and_then(|claims| match claims.aud {
        Value::String(one) => Some(one),
        Value::Array(many) => many.first().and_then(Value::as_str).map(str::to_owned),
        _ => None,
    });
    audience.filter(|audience| !audience.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
