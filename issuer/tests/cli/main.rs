//! The command line as scripts see it: exact JSON on standard output, failures on standard error, exit codes. One file a
//! group of commands; here is the desk at which they are run.

#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use std::process::{Command, Output, Stdio};

use serde_json::Value;

mod client;
mod config;
mod doctor;
mod keys;
mod revoke;
mod stream;
mod token;
mod user;

/// One data folder, and the binary run on it with nothing from the environment but where it is.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("COUNTERSIGN_DATA_DIR", self.path("data"))
            .current_dir(self.0.path());
        command
    }

    pub(crate) fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The document of a command that succeeds with something on standard input.
    pub(crate) fn json_with(&self, arguments: &str, input: &str) -> Value {
        let output = self.output_with(arguments, input);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {words}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn output_with(&self, arguments: &str, input: &str) -> Output {
        use std::io::Write as _;
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(arguments.split_whitespace())
            .arg("--json")
            .env_clear()
            .env("COUNTERSIGN_DATA_DIR", self.path("data"))
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The document of a command that succeeds.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let output = self.output(&format!("{arguments} --json"));
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {words}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code and the failure of a command that fails.
    pub(crate) fn failure(&self, arguments: &str) -> (i32, Value) {
        let output = self.output(&format!("{arguments} --json"));
        assert!(output.stdout.is_empty() || arguments == "doctor", "{arguments}");
        let failure = serde_json::from_slice(&output.stderr).unwrap();
        (output.status.code().unwrap(), failure)
    }
}

impl Desk {
    /// Does to the database what no command does.
    pub(crate) fn damage(&self, sql: &str) {
        let url = format!("sqlite://{}", self.path("data/countersign.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
            pool.close().await;
        });
    }
}
