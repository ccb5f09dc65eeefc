//! `countersign doctor`: looks at everything a server needs, changes nothing, and says what to do about each fault.

use std::fmt::{Display, Write as _};
use std::path::Path;

use serde::Serialize;

use super::{Failure, Output, Session};

mod machine;
mod mail;
mod registry;
mod state;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    outcome: Outcome,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Warning,
    Failed,
    Skipped,
}

impl Finding {
    fn new(check: &'static str, outcome: Outcome, detail: impl Display) -> Self {
        Self { check, outcome, detail: detail.to_string(), hint: None }
    }

    fn ok(check: &'static str, detail: impl Display) -> Self {
        Self::new(check, Outcome::Ok, detail)
    }

    fn skipped(check: &'static str, detail: impl Display) -> Self {
        Self::new(check, Outcome::Skipped, detail)
    }

    fn failed(check: &'static str, detail: impl Display) -> Self {
        Self::new(check, Outcome::Failed, detail)
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn from_failure(check: &'static str, failure: Failure) -> Self {
        Self { hint: failure.hint, ..Self::failed(check, failure.message) }
    }
}

/// Looks at everything; fails if anything is wrong.
pub(super) async fn run(config: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let findings = match Session::new(config, output.clone()) {
        Ok(session) => examine(&session).await,
        Err(failure) => vec![Finding::from_failure("configuration", failure)],
    };
    let failed = findings.iter().filter(|finding| finding.outcome == Outcome::Failed).count();
    let document = serde_json::json!({ "healthy": failed == 0, "checks": findings });
    output.result(&document, &text(&findings));
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("unhealthy", "one check failed")),
        many => Err(Failure::new("unhealthy", format!("{many} checks failed"))),
    }
}

async fn examine(session: &Session) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("configuration", "it can be used")];
    findings.extend(
        session
            .warnings
            .iter()
            .map(|warning| Finding::new("configuration", Outcome::Warning, warning)),
    );
    findings.push(machine::data_folder(&session.config));
    findings.extend(machine::master_keys(&session.config));
    findings.extend(state::examine(session).await);
    findings.push(mail::server(&session.config, &session.clock).await);
    findings.extend(machine::reachable(&session.config).await);
    findings
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.outcome {
            Outcome::Ok => "ok      ",
            Outcome::Warning => "WARNING ",
            Outcome::Failed => "FAILED  ",
            Outcome::Skipped => "skipped ",
        };
        let _ = writeln!(text, "{mark}{:14}{}", finding.check, finding.detail);
        if let Some(hint) = &finding.hint {
            let _ = writeln!(text, "{:22}{hint}", "");
        }
    }
    text
}
