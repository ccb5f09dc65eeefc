//! What `tests/run` says through the environment, and where the parts of this package lie.

use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "the one file of this package that reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that `tests/run` sets; without it the story cannot be told, and that is a failure, not a skip.
fn required(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("{name} is not set: start the stories with tests/run"))
}

/// Lets nothing of what this process was told reach a node: only its configuration counts.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
}

/// The top of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a parent").into()
}

/// The binary under test: `COUNTERSIGN_BIN`, or what `cargo build -p countersign` left.
pub fn countersign() -> PathBuf {
    let path = variable("COUNTERSIGN_BIN")
        .map_or_else(|| workspace().join("target/debug/countersign"), PathBuf::from);
    assert!(path.is_file(), "{} is missing: cargo build -p countersign", path.display());
    path
}

/// A PostgreSQL server of our own: the URL of a database from which others can be created.
pub fn postgres_url() -> String {
    required("COUNTERSIGN_TEST_POSTGRES_URL")
}

/// The log file of that server.
pub fn postgres_log() -> PathBuf {
    required("COUNTERSIGN_TEST_POSTGRES_LOG").into()
}

/// The NATS server under test: Debian's, or the one that is named.
pub fn nats_server() -> PathBuf {
    let debian = "/usr/sbin/nats-server";
    let path: PathBuf =
        variable("COUNTERSIGN_TEST_NATS_SERVER").as_deref().unwrap_or(debian).into();
    assert!(path.is_file(), "{} is missing: start the stories with tests/run", path.display());
    path
}

/// The folder of the scripts that use foreign libraries.
pub fn interop() -> PathBuf {
    workspace().join("tests/interop")
}

/// The folder for pictures of every page that a browser was shown.
pub fn screenshots() -> PathBuf {
    workspace().join("target/screenshots")
}

/// A program of the Python environment that `tests/run` makes (`python`, `envoy`).
pub fn python_program(name: &str) -> PathBuf {
    let path = workspace().join("target/interop-venv/bin").join(name);
    assert!(path.exists(), "{} is missing: start the stories with tests/run", path.display());
    path
}

/// How many tokens the story about growth asks for: 100,000, or what `tests/run --soak` says.
pub fn soak_tokens() -> u64 {
    variable("COUNTERSIGN_TEST_SOAK_TOKENS").map_or(100_000, |text| text.parse().expect("a number"))
}

/// How many verifiers the story about revocation has: 100, or a thousand with `tests/run --soak`.
pub fn verifiers() -> usize {
    if variable("COUNTERSIGN_TEST_SOAK_TOKENS").is_some() { 1_000 } else { 100 }
}

/// For how long the story about troubles cuts the network: 40 s, or ten minutes with `tests/run --soak`.
pub fn partition() -> Duration {
    if variable("COUNTERSIGN_TEST_SOAK_TOKENS").is_some() {
        Duration::from_mins(10)
    } else {
        Duration::from_secs(40)
    }
}

/// How many revocations are in force in the story about many of them: 20,000, or a million with `tests/run --soak`.
pub fn revocations() -> usize {
    if variable("COUNTERSIGN_TEST_SOAK_TOKENS").is_some() { 1_000_000 } else { 20_000 }
}

/// How often each race is run: 50 times, or what `tests/run --soak` says.
pub fn race_rounds() -> u32 {
    variable("COUNTERSIGN_TEST_RACE_ROUNDS").map_or(50, |text| text.parse().expect("a number"))
}

/// How many authorization requests the story about storage makes: 20,000, or what `tests/run --soak` says.
pub fn soak_authorizations() -> u64 {
    variable("COUNTERSIGN_TEST_SOAK_TOKENS").map_or(20_000, |text| text.parse().expect("a number"))
}

/// Is the binary under test built as it is delivered? Bars on time and memory hold only then.
pub fn release_binary() -> bool {
    countersign().components().any(|part| part.as_os_str() == "release")
}
