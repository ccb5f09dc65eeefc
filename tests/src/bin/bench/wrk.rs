//! `wrk` on the core of the load: keep-alive, one thread, latencies from its own histogram.

use crate::figure::median;
use end_to_end::harness::{environment, run};
use serde::Deserialize;
use std::path::Path;
use tokio::process::Command;

/// How long one round lasts.
const SECONDS: &str = "3s";

/// One round, as `bench/report.lua` prints it.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    failures: u64,
}

impl Measured {
    /// The medians of several rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| median(rounds.iter().map(field).collect());
        Self {
            per_second: of(|round| round.per_second),
            p50_ms: of(|round| round.p50_ms),
            p99_ms: of(|round| round.p99_ms),
            failures: 0,
        }
    }
}

/// `POST` of a form.
pub(crate) async fn post(url: &str, form: &str, connections: u32) -> Measured {
    load(url, connections, (&[], &[form])).await
}

/// `POST` of forms that are good once each: as many as there are lines in the file. What is over when the time is up is left.
pub(crate) async fn post_each(url: &str, file: &Path, connections: u32) -> Measured {
    load(url, connections, (&[], &[&format!("@{}", file.display())])).await
}

/// `GET`.
pub(crate) async fn get(url: &str, connections: u32) -> Measured {
    load(url, connections, (&[], &[])).await
}

/// `GET` with headers.
pub(crate) async fn get_with(url: &str, headers: &[&str], connections: u32) -> Measured {
    load(url, connections, (headers, &[])).await
}

async fn load(url: &str, connections: u32, (headers, form): (&[&str], &[&str])) -> Measured {
    let mut command = Command::new("taskset");
    command.args(["-c", "1", "wrk", "--threads", "1", "--duration", SECONDS, "--timeout", "10s"]);
    command.args(["--connections", &connections.to_string(), "--script"]);
    command.arg(environment::workspace().join("tests/bench/report.lua"));
    command.args(headers.iter().flat_map(|header| ["--header", header]));
    command.arg(url).arg("--").args(form);
    let text = run(command, "").await.expect("wrk");
    let line = text.lines().find(|line| line.starts_with('{')).expect("a report");
    let measured: Measured = serde_json::from_str(line).expect("a report");
    assert_eq!(measured.failures, 0, "{url}: {text}");
    measured
}
