//! Exchanges and assertions beside the bare server that checks one signature and makes one: rounds of bare, SQLite and
//! PostgreSQL in turn, at 64 connections. The token that is exchanged is that of a user who signed in, whose standing the issuer
//! looks up each time; each assertion is good once, so that each is written down.

use crate::SERVER;
use crate::figure::{Figure, median};
use crate::token::{bare, encoded, issuer_key, payload};
use crate::wrk::{self, Measured};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end_to_end::harness::{Deployment, Node, PAYMENTS, Person, READ, WebClient};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const ROUNDS: usize = 5;
const CONNECTIONS: u32 = 64;
const ORDERS: &str = "https://orders.example";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// More than a core can take in one round.
const ASSERTIONS: usize = 60_000;
/// The ratio that is asked for.
const BAR: f64 = 0.6;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Exchange,
    Assertion,
}

impl Act {
    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Assertion => "assertion",
        }
    }
}

/// A node with a service that exchanges, and an app that asserts.
struct Subject {
    name: &'static str,
    deployment: Deployment,
    node: Node,
    /// The forms of the client without what it brings.
    secret: String,
    key: EcdsaKeyPair,
    user: String,
    number: u64,
}

/// Measures one of both.
pub(crate) async fn measure(act: Act) {
    let mut subjects = [
        Subject::start("SQLite", Deployment::sqlite()).await,
        Subject::start("PostgreSQL", Deployment::postgres().await).await,
    ];
    let mut users = Vec::new();
    for subject in &subjects {
        users.push(subject.user_token().await);
    }
    let key = match act {
        Act::Exchange => issuer_key(&subjects[0].node).await,
        Act::Assertion => subjects[0].key.public_key().as_ref().to_vec(),
    };
    let claims = payload(&users[0]);
    let (_bare, url) = bare(&subjects[0].deployment, "ES256", &claims, Some(&key)).await;
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let forms = subjects[0].forms(act, &users[0]);
        rounds[0].push(wrk::post_each(&format!("{url}/token"), &forms, CONNECTIONS).await);
        for ((subject, user), rounds) in subjects.iter_mut().zip(&users).zip(&mut rounds[1..]) {
            let forms = subject.forms(act, user);
            let url = format!("{}/token", subject.node.url);
            rounds.push(wrk::post_each(&url, &forms, CONNECTIONS).await);
        }
    }
    let [bare, sqlite, postgres] = rounds;
    let of = |name: &str| format!("{}, {CONNECTIONS} connections, {name}", act.group());
    let speed = |rounds: &[Measured]| Measured::median(rounds).per_second;
    Figure::new(&format!("{}, requests", of("bare")), speed(&bare), "1/s").print();
    for (subject, rounds) in subjects.iter().zip([sqlite, postgres]) {
        let of = of(subject.name);
        let pairs = rounds.iter().zip(&bare);
        let ratio = median(pairs.map(|(ours, bare)| ours.per_second / bare.per_second).collect());
        Figure::new(&format!("{of}, requests"), speed(&rounds), "1/s").print();
        Figure::new(&format!("{of} / bare"), ratio, "ratio").at_least(BAR).print();
    }
}

impl Subject {
    async fn start(name: &'static str, deployment: Deployment) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let keys = deployment.path("batch.jwks");
        std::fs::write(&keys, json!({ "keys": [jwk(&key)] }).to_string()).expect("a file");
        let user = deployment.person("ada").await;
        let cli = async |line: &str| {
            let arguments: Vec<&str> = line.split_whitespace().collect();
            deployment.cli(&arguments).await
        };
        cli(&format!("resource create {ORDERS} --scope orders:read")).await;
        cli(&format!("resource create {PAYMENTS} --scope {READ}")).await;
        let service = cli(&format!(
            "client create service --grant token-exchange --grant jwt-bearer \
             --auth client_secret_post --jwks-file {}",
            keys.display()
        ))
        .await;
        let at = format!("--resource {PAYMENTS} --scope {READ}");
        cli(&format!("client allow-act service --for {ORDERS} {at}")).await;
        cli(&format!("client allow-assert service --user ada {at}")).await;
        let node = deployment.start_with(&SERVER).ready().await;
        let secret = service["client_secret"].as_str().expect("a secret").to_owned();
        Self { name, deployment, node, secret, key, user, number: 0 }
    }

    /// The access token of somebody who signed in, for the service.
    async fn user_token(&self) -> String {
        let redirect_uri = "https://web.example/callback";
        let scope = "openid orders:read";
        let arguments = [
            "--first-party",
            "--redirect-uri",
            redirect_uri,
            "--resource",
            ORDERS,
            "--scope",
            scope,
        ];
        let created = self.deployment.sign_in_client("web", &arguments).await;
        let web = WebClient {
            client_id: "web".to_owned(),
            client_secret: created["client_secret"].as_str().expect("a secret").to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scope: scope.to_owned(),
        };
        self.node.knows_web(&web).await;
        let person = Person::signed_in(&self.node, &web, "ada").await;
        let code = person.code(&self.node, &web).await.expect("a code");
        let reply = self.node.redeem(&web, &code).await.expect("an answer");
        reply.access_token().expect("a token")
    }

    /// A file with a form a line, each of which is good when it is sent.
    fn forms(&mut self, act: Act, user_token: &str) -> PathBuf {
        let form = |more: [(&'static str, String); 3]| {
            let mut form = vec![
                ("client_id", "service".to_owned()),
                ("client_secret", self.secret.clone()),
                ("resource", PAYMENTS.to_owned()),
                ("scope", READ.to_owned()),
            ];
            form.extend(more);
            encoded(&form)
        };
        let mut lines = String::new();
        match act {
            Act::Exchange => {
                let form = form([
                    ("grant_type", TOKEN_EXCHANGE.to_owned()),
                    ("subject_token", user_token.to_owned()),
                    ("subject_token_type", ACCESS_TOKEN.to_owned()),
                ]);
                (0..ASSERTIONS).for_each(|_| writeln!(lines, "{form}").expect("memory"));
            }
            Act::Assertion => {
                let mark = "MARK";
                let form = form([
                    ("grant_type", JWT_BEARER.to_owned()),
                    ("assertion", mark.to_owned()),
                    ("state", String::new()),
                ]);
                for number in (self.number..).take(ASSERTIONS) {
                    let assertion = self.assertion(number);
                    writeln!(lines, "{}", form.replace(mark, &assertion)).expect("memory");
                }
                self.number += u64::try_from(ASSERTIONS).expect("a number");
            }
        }
        let file = self.deployment.path("forms.txt");
        std::fs::write(&file, lines).expect("a file");
        file
    }

    fn assertion(&self, number: u64) -> String {
        let now = now();
        let claims = json!({
            "iss": "service", "sub": self.user, "aud": self.deployment.issuer,
            "jti": format!("{number:016}"), "iat": now, "exp": now + 240,
        });
        let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "batch" });
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.expect("a signature")))
    }
}

fn jwk(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    json!({
        "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "kid": "batch", "alg": "ES256", "use": "sig",
    })
}

#[expect(clippy::disallowed_methods, reason = "what is signed here is judged by a real clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
