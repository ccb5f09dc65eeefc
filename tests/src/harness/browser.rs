//! Debian's Chromium, driven by the scripts in `tests/browser`. A script is told what to do by JSON on its standard input
//! and prints what it saw as JSON.

use super::{Certificate, Deployment, environment, run};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than any script takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(4);

/// Runs a script against the issuer of a deployment, with more to tell it; panics with what it printed if it failed.
pub async fn browse(
    script: &str,
    deployment: &Deployment,
    trusted: &Certificate,
    more: Value,
) -> Value {
    let Value::Object(mut wish) = more else { panic!("{more} is not an object") };
    let mut add = |name: &str, value: String| wish.insert(name.to_owned(), Value::String(value));
    add("issuer", deployment.issuer.clone());
    add("certificate", trusted.certificate.display().to_string());
    add("key", trusted.key.display().to_string());
    add("folder", deployment.path("").display().to_string());
    add("screenshots", environment::screenshots().display().to_string());
    let text = start(script, &wish).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{script}: {error} in {text:?}"))
}

async fn start(script: &str, wish: &Map<String, Value>) -> String {
    let mut command = Command::new("node");
    command.arg(environment::workspace().join(format!("tests/browser/{script}.mjs")));
    let wish = Value::Object(wish.clone()).to_string();
    let ended = timeout(LIMIT, run(command, &wish)).await;
    let ended = ended.unwrap_or_else(|_| panic!("{script} is not over after {LIMIT:?}"));
    ended.unwrap_or_else(|error| panic!("{script}: {error}"))
}
