//! Introspection beside the bare server that checks one signature and answers: rounds of bare, an issuer where nothing is
//! revoked and one where a million tokens are, in turn, at 64 connections.

use crate::SERVER;
use crate::figure::{Figure, median};
use crate::token::{bare, encoded, issuer_key, payload};
use crate::wrk::{self, Measured};
use end_to_end::harness::{Deployment, Node, PAYMENTS, READ};

const ROUNDS: usize = 5;
const CONNECTIONS: u32 = 64;
const REVOKED: u32 = 1_000_000;
/// The ratio that is asked for.
const BAR: f64 = 0.6;
/// What a million revocations may cost.
pub(crate) const FLAT: f64 = 0.95;

/// A node, and a service that asks it about its token.
struct Subject {
    name: &'static str,
    deployment: Deployment,
    node: Node,
    token: String,
    form: String,
}

pub(crate) async fn measure() {
    let none = Deployment::sqlite();
    let subjects = [
        Subject::start("nothing revoked", none).await,
        Subject::start("a million revoked", a_million_revoked().await).await,
    ];
    let key = issuer_key(&subjects[0].node).await;
    let claims = payload(&subjects[0].token);
    let (_bare, url) = bare(&subjects[0].deployment, "ES256", &claims, Some(&key)).await;
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let form = &subjects[0].form;
        rounds[0].push(wrk::post(&format!("{url}/introspect"), form, CONNECTIONS).await);
        for (subject, rounds) in subjects.iter().zip(&mut rounds[1..]) {
            let url = format!("{}/introspect", subject.node.url);
            rounds.push(wrk::post(&url, &subject.form, CONNECTIONS).await);
        }
    }
    let [bare, none, million] = rounds;
    let of = |name: &str| format!("introspection, {CONNECTIONS} connections, {name}");
    let speed = |rounds: &[Measured]| Measured::median(rounds).per_second;
    let ratio = |ours: &[Measured], other: &[Measured]| {
        let pairs = ours.iter().zip(other);
        median(pairs.map(|(ours, other)| ours.per_second / other.per_second).collect())
    };
    Figure::new(&format!("{}, requests", of("bare")), speed(&bare), "1/s").print();
    for (subject, rounds) in subjects.iter().zip([&none, &million]) {
        let of = of(subject.name);
        Figure::new(&format!("{of}, requests"), speed(rounds), "1/s").print();
        Figure::new(&format!("{of} / bare"), ratio(rounds, &bare), "ratio").at_least(BAR).print();
    }
    let flat = ratio(&million, &none);
    Figure::new(&of("a million revoked / nothing revoked"), flat, "ratio").at_least(FLAT).print();
}

/// The database of an issuer that was started once.
pub(crate) async fn a_million_revoked() -> Deployment {
    let deployment = Deployment::sqlite();
    deployment.cli(&["keys", "list"]).await;
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {REVOKED}) \
         INSERT INTO revocation (seq, entry, expires_at) \
         SELECT i, '{{\"jti\":\"revoked-token-' || i || '\",\"exp\":4102444800}}', 4102444800 FROM n; \
         UPDATE revocation_feed SET seq = {REVOKED}"
    );
    deployment.database.query(&rows).await;
    deployment
}

impl Subject {
    async fn start(name: &'static str, deployment: Deployment) -> Self {
        let more = ["--resource", PAYMENTS, "--scope", READ];
        let app = deployment.app_of("orders", &more).await;
        let arguments = [
            "client",
            "create",
            "asker",
            "--introspects",
            PAYMENTS,
            "--auth",
            "client_secret_post",
        ];
        let asker = deployment.cli(&arguments).await;
        let node = deployment.start_with(&SERVER).ready().await;
        let token = node.token(&app).await;
        let form = encoded(&[
            ("client_id", "asker".to_owned()),
            ("client_secret", asker["client_secret"].as_str().expect("a secret").to_owned()),
            ("token", token.clone()),
        ]);
        Self { name, deployment, node, token, form }
    }
}
