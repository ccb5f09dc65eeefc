//! A child process with its output in a file, ended by its own id and never outliving the test.

use std::fs::{File, read_to_string};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much of its output a program shows when the test that uses it fails.
const LINES_OF_A_FAILURE: usize = 30;

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    output: PathBuf,
}

impl Process {
    /// Starts `command`; standard output and standard error go to the file `output`.
    pub fn start(mut command: Command, output: PathBuf) -> Self {
        let file = File::options().create(true).append(true).open(&output).expect("the log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let pid = child.id().expect("a process that was just started has an id");
        Self { child, pid, output }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Everything it has printed.
    pub fn output(&self) -> String {
        read_to_string(&self.output).unwrap_or_default()
    }

    /// The status with which it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child")
    }

    /// `kill -9`, as a crash would.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Sends SIGTERM, as an orchestrator would.
    pub async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Sends SIGINT, as Ctrl-C at a terminal does.
    pub async fn interrupt(&self) {
        self.signal("-INT").await;
    }

    async fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.pid.to_string()]).status().await;
        assert!(status.expect("kill starts").success(), "process {} is gone", self.pid);
    }

    /// Waits for the end, at most for `limit`.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let ended = timeout(limit, self.child.wait()).await;
        let ended =
            ended.unwrap_or_else(|_| panic!("still running after {limit:?}:\n{}", self.output()));
        ended.expect("the state of a child")
    }

    /// Resident memory in KiB (`VmRSS`).
    pub fn resident_kib(&self) -> u64 {
        resident_kib(self.pid)
    }
}

/// Resident memory of a process in KiB (`VmRSS`).
pub fn resident_kib(pid: u32) -> u64 {
    let status = read_to_string(format!("/proc/{pid}/status")).expect("a live process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "shown by the test runner beside the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.output();
            let last = output.lines().rev().take(LINES_OF_A_FAILURE).collect::<Vec<_>>();
            for line in last.iter().rev() {
                eprintln!("[{}] {line}", self.pid);
            }
        }
    }
}
