//! A PostgreSQL server of a story's own: one that it may kill. It writes to the disk as a real one does.

use super::{Process, command::run, eventually, free_port};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// The server; dropped, it is gone with its data.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    port: u16,
    process: Process,
}

impl PostgresServer {
    /// Makes a cluster and starts it.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (port, data) = (free_port(), folder.path().join("cluster"));
        std::fs::create_dir(&data).expect("a folder");
        if is_root() {
            // PostgreSQL refuses to run as root.
            shell(&format!("chmod 711 {}", folder.path().display())).await;
            shell(&format!("chown postgres {}", data.display())).await;
        }
        let mut initdb = as_postgres("initdb");
        initdb.args(["--auth", "trust", "--username", "postgres", "--encoding", "UTF8"]);
        initdb.arg("--pgdata").arg(&data).current_dir("/");
        run(initdb, "").await.expect("a cluster");
        let process = serve(folder.path(), port);
        let server = Self { folder, port, process };
        server.is_ready().await;
        server
    }

    /// The URL of a database from which others can be created.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// `kill -9`, as a crash would: its workers end when they miss it.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Starts it again on the data that it left.
    pub async fn restart(&mut self) {
        self.process = serve(self.folder.path(), self.port);
        self.is_ready().await;
    }

    async fn is_ready(&self) {
        eventually("PostgreSQL answers", Duration::from_mins(1), || async {
            let mut psql = Command::new("psql");
            psql.args(["--no-psqlrc", "--quiet", &self.url(), "--command", "SELECT 1"]);
            run(psql, "").await.ok()
        })
        .await;
    }
}

fn serve(folder: &Path, port: u16) -> Process {
    let mut command = as_postgres("postgres");
    command.arg("-D").arg(folder.join("cluster")).current_dir("/");
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100"]
    {
        command.args(["-c", setting]);
    }
    command.args(["-c", &format!("port={port}")]);
    Process::start(command, folder.join("server.log"))
}

/// A program of the server, as the user that it has to run as.
fn as_postgres(program: &str) -> Command {
    let program = newest_binaries().join(program);
    if !is_root() {
        return Command::new(program);
    }
    // It becomes the program, so that its id is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

fn newest_binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(version);
    newest.expect("a version of PostgreSQL").join("bin")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

async fn shell(script: &str) {
    let mut command = Command::new("sh");
    command.args(["-ec", script]);
    run(command, "").await.unwrap_or_else(|error| panic!("{script}: {error}"));
}
