//! A NATS server with JetStream, in a folder of its own, which can be killed, started again, and started with nothing.

use super::{Process, environment, eventually, free_port};
use std::fmt::Write as _;
use std::fs::{remove_dir_all, write};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

/// The server; dropped, it is gone.
#[derive(Debug)]
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    /// The process itself.
    pub process: Process,
}

impl NatsServer {
    /// Starts one to which everybody may do everything.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts one with this beside its configuration, e.g. `authorization { … }`.
    pub async fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let mut text = format!("listen: \"127.0.0.1:{port}\"\n");
        let store = folder.path().join("store");
        let store = store.display();
        write!(text, "jetstream {{ store_dir: \"{store}\" }}\n{settings}\n").expect("memory");
        write(folder.path().join("nats.conf"), text).expect("a configuration");
        let process = run(&folder);
        let server = Self { folder, port, process };
        server.answers().await;
        server
    }

    /// Its address: `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts again after it was killed, with what it had stored.
    pub async fn restart(&mut self) {
        self.process = run(&self.folder);
        self.answers().await;
    }

    /// Starts again after it was killed, with nothing.
    pub async fn restart_empty(&mut self) {
        remove_dir_all(self.folder.path().join("store")).expect("a folder");
        self.restart().await;
    }

    async fn answers(&self) {
        eventually("the NATS server is there", Duration::from_secs(20), async || {
            TcpStream::connect(self.address()).await.ok().map(|_| ())
        })
        .await;
    }
}

fn run(folder: &TempDir) -> Process {
    let mut command = Command::new(environment::nats_server());
    command.arg("--config").arg(folder.path().join("nats.conf"));
    Process::start(command, folder.path().join("nats.log"))
}
