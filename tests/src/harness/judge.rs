//! Foreign verifiers, each with its own cached keys, asked for a verdict token by token.

use super::{Process, environment, eventually, free_port};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What a judge must know of the deployment.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The only issuer that counts.
    pub issuer: String,
    /// The audience that it plays.
    pub audience: String,
    /// Where the keys are.
    pub jwks_url: String,
    /// How long keys may be kept, in seconds: what the issuer says in `Cache-Control`.
    pub max_age: u64,
}

/// A foreign verifier.
#[derive(Debug)]
pub enum Judge {
    /// A script that reads tokens and prints verdicts.
    Script(Box<Script>),
    /// Envoy with `jwt_authn`.
    Envoy(Box<Envoy>),
}

/// A running judge that speaks lines.
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    _child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    _process: Process,
    url: String,
    http: reqwest::Client,
}

impl Judge {
    /// npm `jose`, PyPI `PyJWT`, PyPI `joserfc` and Envoy.
    pub async fn all(expected: &Expected, folder: &Path) -> Vec<Self> {
        vec![
            Self::jose(expected),
            Self::python("pyjwt", expected),
            Self::python("joserfc", expected),
            Self::envoy(expected, folder).await,
        ]
    }

    /// npm `jose`.
    pub fn jose(expected: &Expected) -> Self {
        let mut command = Command::new("node");
        command.arg(environment::interop().join("judge.mjs"));
        Self::script("jose", command, expected)
    }

    /// `pyjwt` or `joserfc`.
    pub fn python(library: &'static str, expected: &Expected) -> Self {
        let mut command = Command::new(environment::python_program("python"));
        command.arg(environment::interop().join("judge.py")).arg(library);
        Self::script(library, command, expected)
    }

    fn script(name: &'static str, mut command: Command, expected: &Expected) -> Self {
        let Expected { issuer, audience, jwks_url, max_age } = expected;
        let mut child = command
            .args([issuer, audience, jwks_url, &max_age.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self::Script(Box::new(Script { name, _child: child, stdin, stdout }))
    }

    /// Envoy with one provider; ready when it refuses a request without a token.
    pub async fn envoy(expected: &Expected, folder: &Path) -> Self {
        let port = free_port();
        let issuer = expected.jwks_url.split('/').nth(2).and_then(|host| host.rsplit_once(':'));
        let (_, issuer_port) = issuer.expect("a JWKS address with a port");
        let config = std::fs::read_to_string(environment::interop().join("envoy.yaml"))
            .expect("the template")
            .replace("@LISTEN@", &port.to_string())
            .replace("@ISSUER@", &expected.issuer)
            .replace("@AUDIENCE@", &expected.audience)
            .replace("@JWKS_URL@", &expected.jwks_url)
            .replace("@MAX_AGE@", &expected.max_age.to_string())
            .replace("@ISSUER_PORT@", issuer_port);
        let file = folder.join("envoy.yaml");
        std::fs::write(&file, config).expect("a configuration");
        let mut command = Command::new(environment::python_program("envoy"));
        command.arg("--config-path").arg(file);
        command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]);
        let mut process = Process::start(command, folder.join("envoy.log"));
        let url = format!("http://127.0.0.1:{port}/");
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        eventually("Envoy listens", Duration::from_secs(30), || {
            assert!(process.ended().is_none(), "Envoy ended:\n{}", process.output());
            let request = http.get(&url).send();
            async { request.await.ok().filter(|response| response.status() == 401).map(|_| ()) }
        })
        .await;
        Self::Envoy(Box::new(Envoy { _process: process, url, http }))
    }

    /// The judge's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Script(script) => script.name,
            Self::Envoy(_) => "envoy",
        }
    }

    /// Does it accept the token?
    pub async fn judge(&mut self, token: &str) -> Result<(), String> {
        let verdict = match self {
            Self::Script(script) => script.judge(token).await,
            Self::Envoy(envoy) => envoy.judge(token).await,
        };
        verdict.map_err(|reason| format!("{}: {reason}", self.name()))
    }
}

impl Script {
    async fn judge(&mut self, token: &str) -> Result<(), String> {
        self.stdin.write_all(format!("{token}\n").as_bytes()).await.expect("a judge that reads");
        let line = self.stdout.next_line().await.expect("a judge that answers");
        match line.as_deref() {
            Some("ok") => Ok(()),
            verdict => Err(verdict.unwrap_or("the judge is gone").to_owned()),
        }
    }
}

impl Envoy {
    async fn judge(&self, token: &str) -> Result<(), String> {
        let response = self.http.get(&self.url).bearer_auth(token).send().await;
        let response = response.map_err(|error| format!("{error:?}"))?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(format!("{status} {}", response.text().await.unwrap_or_default())),
        }
    }
}
