//! A deployment: one issuer, its database, its master key, and as many nodes as the story needs.

use super::{App, Database, Node, PostgresServer, Process, command::run, environment, free_port};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{create_dir_all, write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio::process::Command;

/// The resource that the apps of the stories ask for.
pub const PAYMENTS: &str = "https://payments.example";
/// A scope of that resource.
pub const READ: &str = "payments:read";
/// The password of everybody in the stories.
pub const PASSWORD: &str = "correct horse battery staple";

/// Everything on disk that a deployment consists of; removed when dropped.
#[derive(Debug)]
pub struct Deployment {
    folder: TempDir,
    /// The issuer's URL, the same on every node.
    pub issuer: String,
    /// Where the rows are.
    pub database: Database,
    tables: String,
    port: u16,
    started: AtomicU32,
    namespace: Option<String>,
}

impl Deployment {
    /// On SQLite, in one data folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::Sqlite(folder.path().join("data/countersign.db"));
        Self::new(folder, database)
    }

    /// On a fresh PostgreSQL database; every node has a data folder of its own.
    pub async fn postgres() -> Self {
        Self::new(
            tempfile::tempdir().expect("a temporary folder"),
            Database::fresh_postgres().await,
        )
    }

    /// The same on a server of the story's own, which it may kill.
    pub async fn postgres_on(server: &PostgresServer) -> Self {
        Self::new(
            tempfile::tempdir().expect("a temporary folder"),
            Database::fresh_postgres_at(&server.url()).await,
        )
    }

    /// The same database reached by another address, as through a `FaultProxy`.
    pub async fn postgres_by(relay: impl AsyncFnOnce(&str) -> SocketAddr) -> Self {
        let Database::Postgres(url) = Database::fresh_postgres().await else { unreachable!() };
        let (before, after) = url.rsplit_once('@').expect("a URL with a user");
        let (server, name) = after.split_once('/').expect("a URL with a database");
        let relayed = format!("{before}@{}/{name}", relay(server).await);
        Self::new(tempfile::tempdir().expect("a temporary folder"), Database::Postgres(relayed))
    }

    fn new(folder: TempDir, database: Database) -> Self {
        let port = free_port();
        let deployment = Self {
            folder,
            issuer: format!("http://127.0.0.1:{port}"),
            database,
            tables: String::new(),
            port,
            started: AtomicU32::new(0),
            namespace: None,
        };
        deployment.write_config();
        deployment
    }

    /// Adds TOML tables to the configuration, e.g. `[keys]\njwks_max_age_seconds = 2`.
    #[must_use]
    pub fn with(mut self, tables: &str) -> Self {
        writeln!(self.tables, "{tables}").expect("memory");
        self.write_config();
        self
    }

    /// Lifts the limits on failed authentication, for stories in which a refusal is an observation, not an attack.
    #[must_use]
    pub fn patient(self) -> Self {
        self.with(
            "[client_authentication]\nfailures_per_minute_per_address = 100000\n\
             failures_per_minute_per_client = 100000",
        )
    }

    /// Serves and names itself by HTTPS.
    #[must_use]
    pub fn with_tls(self, certificate: &Path, key: &Path) -> Self {
        self.with_tls_at("localhost", certificate, key)
    }

    /// Serves and names itself by HTTPS under this host name.
    #[must_use]
    pub fn with_tls_at(mut self, host: &str, certificate: &Path, key: &Path) -> Self {
        self.issuer = format!("https://{host}:{}", self.port);
        self.with(&format!(
            "[tls]\ncertificate_file = \"{}\"\nkey_file = \"{}\"",
            certificate.display(),
            key.display()
        ))
    }

    /// Names itself by this address, behind which the first node is.
    #[must_use]
    pub fn reached_at(mut self, address: SocketAddr) -> Self {
        self.issuer = format!("http://{address}");
        self.write_config();
        self
    }

    /// Where the first node listens.
    pub fn first_address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn write_config(&self) {
        let mut text = format!(
            "issuer = {:?}\nlisten = [\"127.0.0.1:{}\"]\ndata_dir = \"{}\"\n",
            self.issuer,
            self.port,
            self.data_dir().display()
        );
        if let Database::Postgres(url) = &self.database {
            write!(text, "[database]\nurl = {url:?}\n").expect("memory");
            // Nodes that share a database share the master key.
            write!(text, "[master_key]\nfiles = [\"{}\"]\n", self.path("master.key").display())
                .expect("memory");
            if !self.path("master.key").exists() {
                write(self.path("master.key"), master_key()).expect("a master key");
            }
        }
        write!(text, "{}", self.tables).expect("memory");
        write(self.path("countersign.toml"), text).expect("a configuration");
    }

    /// A path inside the deployment's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data folder of the first node.
    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// The binary with this deployment's configuration and nothing else from the environment.
    fn wrapped(&self, wrapper: &[&str]) -> Command {
        let binary = environment::countersign();
        let mut command = match wrapper {
            [] => Command::new(binary),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
        };
        environment::without_settings(&mut command);
        command
            .env("COUNTERSIGN_CONFIG", self.path("countersign.toml"))
            .current_dir(self.folder.path());
        command
    }

    /// Runs a command of the command line with `--json`.
    pub async fn try_cli(&self, arguments: &[&str]) -> Result<Value, String> {
        self.try_cli_with(arguments, "").await
    }

    /// The same with something on standard input.
    pub async fn try_cli_with(&self, arguments: &[&str], input: &str) -> Result<Value, String> {
        let mut command = match &self.namespace {
            Some(pid) => self.wrapped(&["nsenter", "--mount", "--target", pid]),
            None => self.wrapped(&[]),
        };
        command.args(arguments).arg("--json");
        let text = run(command, input).await?;
        serde_json::from_str(&text).map_err(|error| format!("{error} in {text:?}"))
    }

    /// `try_cli`, for a command that must succeed.
    pub async fn cli(&self, arguments: &[&str]) -> Value {
        let outcome = self.try_cli(arguments).await;
        outcome.unwrap_or_else(|error| panic!("countersign {}: {error}", arguments.join(" ")))
    }

    /// Starts one more node and waits until it is ready.
    pub async fn start(&self) -> Node {
        self.start_unready().ready().await
    }

    /// Starts one more node.
    pub fn start_unready(&self) -> Node {
        self.start_with(&[])
    }

    /// Starts one more node by way of `wrapper` (`taskset`, `unshare`, …), which must end in `exec`.
    pub fn start_with(&self, wrapper: &[&str]) -> Node {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (port, management_port) =
            if number == 0 { (self.port, free_port()) } else { (free_port(), free_port()) };
        let mut command = self.wrapped(wrapper);
        command
            .arg("serve")
            .env("COUNTERSIGN_LISTEN", format!("127.0.0.1:{port}"))
            .env("COUNTERSIGN_MANAGEMENT_LISTEN", format!("127.0.0.1:{management_port}"));
        if number > 0 && matches!(self.database, Database::Postgres(_)) {
            let data = self.path(&format!("data-{number}"));
            create_dir_all(&data).expect("a data folder");
            command.env("COUNTERSIGN_DATA_DIR", data);
        }
        let log = self.path(&format!("node-{number}.log"));
        let https = self.issuer.starts_with("https");
        Node {
            process: Process::start(command, log),
            url: if https {
                format!("https://localhost:{port}")
            } else {
                format!("http://127.0.0.1:{port}")
            },
            management_url: format!("http://127.0.0.1:{management_port}"),
            http: client(),
        }
    }

    /// The next node to start is the first one again, at the address that it had.
    pub fn begin_again(&self) {
        self.started.store(0, Ordering::Relaxed);
    }

    /// Starts the first node again.
    pub async fn restart(&self) -> Node {
        self.begin_again();
        self.start().await
    }

    /// From now on commands run where this node runs: in its mount namespace.
    pub fn enter(&mut self, node: &Node) {
        self.namespace = Some(node.process.pid().to_string());
    }

    /// Registers an app that may follow the feed of revocations, with a secret.
    pub async fn feed_reader(&self) -> App {
        let (resource, scope) = (format!("{}/feed", self.issuer), "feed:read".to_owned());
        let reader = self.app_of("reader", &["--resource", &resource, "--scope", &scope]).await;
        App { resource, scope, ..reader }
    }

    /// Registers an app that may read payments, with a secret.
    pub async fn app(&self, client_id: &str) -> App {
        self.app_of(client_id, &["--resource", PAYMENTS, "--scope", READ]).await
    }

    /// Registers an app with these further arguments.
    pub async fn app_of(&self, client_id: &str, arguments: &[&str]) -> App {
        let mut all = vec!["client", "create", client_id, "--grant", "client_credentials"];
        all.extend_from_slice(arguments);
        let created = self.cli(&all).await;
        let text =
            |name: &str| created.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        App {
            client_id: text("client_id"),
            client_secret: text("client_secret"),
            resource: PAYMENTS.to_owned(),
            scope: READ.to_owned(),
        }
    }
}

/// What a story needs of the people who sign in.
impl Deployment {
    /// Registers a person who signs in with [`PASSWORD`]; their user id.
    pub async fn person(&self, username: &str) -> String {
        let email = format!("{username}@example.com");
        let arguments = ["user", "create", username, "--email", &email, "--email-verified"];
        let arguments = [arguments.as_slice(), &["--password-stdin"]].concat();
        let created = self.try_cli_with(&arguments, PASSWORD).await;
        let created = created.unwrap_or_else(|error| panic!("{username}: {error}"));
        created.get("id").and_then(Value::as_str).expect("a user id").to_owned()
    }

    /// Registers a client through which people sign in: what the command line printed.
    pub async fn sign_in_client(&self, client_id: &str, arguments: &[&str]) -> Value {
        let grants = ["--grant", "authorization_code", "--grant", "refresh_token"];
        let all = [["client", "create", client_id].as_slice(), &grants, arguments].concat();
        self.cli(&all).await
    }
}

/// 32 bytes as hexadecimal text. Not random: what it protects lives for one story.
fn master_key() -> String {
    "5a".repeat(32)
}

/// A client for loopback: no proxy, no redirects, and test certificates are believed.
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(true)
        .timeout(std::time::Duration::from_secs(20))
        .build()
        .expect("an HTTP client")
}
