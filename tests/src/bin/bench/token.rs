//! `/token` beside the bare server: rounds of bare, SQLite and PostgreSQL in turn, and the medians of each.

use crate::figure::{Figure, median};
use crate::wrk::{self, Measured};
use crate::{SERVER, Subject};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end_to_end::harness::{App, Deployment, Node, Process, eventually, free_port};
use serde_json::Value;
use std::time::Duration;
use tokio::process::Command;

const ROUNDS: usize = 5;

/// Measures one algorithm at 1, 16 and 64 connections.
pub(crate) async fn measure(subjects: &[Subject; 2], algorithm: &str) {
    let claims = claims_of(&subjects[0], algorithm).await;
    let (_bare, bare_url) = bare(&subjects[0].deployment, algorithm, &claims, None).await;
    for connections in [1, 16, 64] {
        let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            let url = format!("{bare_url}/token");
            rounds[0].push(wrk::post(&url, &form(app(&subjects[0], algorithm)), connections).await);
            for (subject, rounds) in subjects.iter().zip(&mut rounds[1..]) {
                let url = format!("{}/token", subject.node.url);
                rounds.push(wrk::post(&url, &form(app(subject, algorithm)), connections).await);
            }
        }
        let of = |name: &str| format!("token {algorithm}, {connections} connections, {name}");
        let [bare, sqlite, postgres] = rounds;
        report(&of("bare"), &bare);
        for (subject, rounds) in subjects.iter().zip([sqlite, postgres]) {
            report(&of(subject.name), &rounds);
            compare(&of(subject.name), &rounds, &bare);
        }
    }
}

/// Ratios are taken round by round, so that what else the machine does meanwhile falls on both sides.
fn compare(of: &str, rounds: &[Measured], bare: &[Measured]) {
    let ratio = |field: fn(&Measured) -> f64| {
        median(rounds.iter().zip(bare).map(|(ours, bare)| field(ours) / field(bare)).collect())
    };
    let requests = Figure::new(&format!("{of} / bare"), ratio(|round| round.per_second), "ratio");
    let tail = Figure::new(&format!("{of} p99 / bare p99"), ratio(|round| round.p99_ms), "ratio");
    // The bars are set for 64 connections.
    if of.contains(" 64 connections") {
        requests.at_least(if of.contains("ES256") { 0.80 } else { 0.92 }).print();
        tail.at_most(1.5).print();
    } else {
        requests.print();
        tail.print();
    }
}

fn report(of: &str, rounds: &[Measured]) {
    let measured = Measured::median(rounds);
    Figure::new(&format!("{of}, requests"), measured.per_second, "1/s").print();
    Figure::new(&format!("{of}, p50"), measured.p50_ms, "ms").print();
    Figure::new(&format!("{of}, p99"), measured.p99_ms, "ms").print();
}

fn app<'s>(subject: &'s Subject, algorithm: &str) -> &'s App {
    if algorithm == "ES256" { &subject.es256 } else { &subject.rs256 }
}

fn form(app: &App) -> String {
    encoded(&app.form())
}

/// A form, as it is sent.
pub(crate) fn encoded(form: &[(&str, String)]) -> String {
    let encoded = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    let pairs = form.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The claims of a real token: what the bare server signs.
async fn claims_of(subject: &Subject, algorithm: &str) -> Vec<u8> {
    payload(&subject.node.token(app(subject, algorithm)).await)
}

pub(crate) fn payload(token: &str) -> Vec<u8> {
    let claims = token.split('.').nth(1).expect("a compact JWS");
    URL_SAFE_NO_PAD.decode(claims).expect("base64url")
}

/// The point of the key with which a node signs.
pub(crate) async fn issuer_key(node: &Node) -> Vec<u8> {
    let keys = node.text(&format!("{}/jwks", node.url)).await;
    let keys: Value = serde_json::from_str(&keys).expect("a key set");
    let keys = keys["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["alg"] == "ES256").expect("an ES256 key");
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().expect("a member"));
    [vec![4], part("x").expect("x"), part("y").expect("y")].concat()
}

/// The bare server on the core of the servers; with a key, it checks what is brought before it signs.
pub(crate) async fn bare(
    deployment: &Deployment,
    algorithm: &str,
    claims: &[u8],
    key: Option<&[u8]>,
) -> (Process, String) {
    let file = deployment.path("claims.json");
    std::fs::write(&file, claims).expect("a file");
    let program = std::env::current_exe().expect("this program").with_file_name("bare");
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(SERVER[0]);
    command.args(&SERVER[1..]).arg(program).args([&address, algorithm]).arg(file);
    if let Some(key) = key {
        let file = deployment.path("bare.key");
        std::fs::write(&file, key).expect("a file");
        command.arg(file);
    }
    let process = Process::start(command, deployment.path("bare.log"));
    let url = format!("http://{address}");
    eventually("the bare server is ready", Duration::from_secs(10), || async {
        tokio::net::TcpStream::connect(&address).await.ok().map(|_| ())
    })
    .await;
    (process, url)
}
