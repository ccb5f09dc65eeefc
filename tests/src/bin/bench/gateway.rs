//! What a gateway asks, beside the bare server that checks the signature of one token and answers: by the token of an app, which
//! needs no look into the database, and by that of a user, which does; at 64 connections, in rounds; and where a million tokens are
//! revoked.

use crate::SERVER;
use crate::figure::{Figure, median};
use crate::introspection::{FLAT, a_million_revoked};
use crate::token::{bare, issuer_key, payload};
use crate::wrk::{self, Measured};
use end_to_end::harness::{Deployment, Node, Person, WebClient};

const ROUNDS: usize = 5;
const CONNECTIONS: u32 = 64;
const SHOP: &str = "https://shop.example";
const REDIRECT_URI: &str = "https://web.example/callback";
/// The ratio that is asked for.
const BAR: f64 = 0.6;

const ROUTE: &str = "[gateway.shop]\nhost = \"shop.example\"\ntrusted = [\"127.0.0.1\"]\n\
     client_id = \"shop-gateway\"\nresource = \"https://shop.example\"";

/// A node, and the tokens of both callers.
struct Subject {
    name: &'static str,
    deployment: Deployment,
    node: Node,
    tokens: [String; 2],
}

pub(crate) async fn measure() {
    let subjects = [
        Subject::start("SQLite", Deployment::sqlite()).await,
        Subject::start("PostgreSQL", Deployment::postgres().await).await,
        Subject::start("SQLite, a million revoked", a_million_revoked().await).await,
    ];
    let key = issuer_key(&subjects[0].node).await;
    let claims = payload(&subjects[0].tokens[0]);
    let (_bare, url) = bare(&subjects[0].deployment, "ES256", &claims, Some(&key)).await;
    for (caller, what) in ["app", "user"].into_iter().enumerate() {
        let mut rounds = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            let url = format!("{url}/check");
            rounds[0].push(ask(&url, &subjects[0].tokens[caller]).await);
            for (subject, rounds) in subjects.iter().zip(&mut rounds[1..]) {
                let url = format!("{}/gateway/shop", subject.node.url);
                rounds.push(ask(&url, &subject.tokens[caller]).await);
            }
        }
        let [bare, sqlite, postgres, million] = rounds;
        let of = |name: &str| format!("gateway, {what}, {CONNECTIONS} connections, {name}");
        let speed = |rounds: &[Measured]| Measured::median(rounds).per_second;
        Figure::new(&format!("{}, requests", of("bare")), speed(&bare), "1/s").print();
        let ratio = |ours: &[Measured], other: &[Measured]| {
            let pairs = ours.iter().zip(other);
            median(pairs.map(|(ours, other)| ours.per_second / other.per_second).collect())
        };
        let flat = ratio(&million, &sqlite);
        for (subject, rounds) in subjects.iter().zip([sqlite, postgres, million]) {
            let ratio = ratio(&rounds, &bare);
            let of = of(subject.name);
            Figure::new(&format!("{of}, requests"), speed(&rounds), "1/s").print();
            Figure::new(&format!("{of} / bare"), ratio, "ratio").at_least(BAR).print();
        }
        Figure::new(&of("a million revoked / nothing revoked"), flat, "ratio")
            .at_least(FLAT)
            .print();
    }
}

async fn ask(url: &str, token: &str) -> Measured {
    let bearer = format!("Authorization: Bearer {token}");
    let headers = [bearer.as_str(), "X-Forwarded-Host: shop.example", "X-Forwarded-Uri: /orders"];
    wrk::get_with(url, &headers, CONNECTIONS).await
}

impl Subject {
    async fn start(name: &'static str, deployment: Deployment) -> Self {
        let deployment = deployment.with(ROUTE);
        deployment.person("ada").await;
        deployment.cli(&["resource", "create", SHOP, "--scope", "orders:read"]).await;
        let at = ["--resource", SHOP, "--scope", "orders:read"];
        let mut app = deployment.app_of("app", &at).await;
        SHOP.clone_into(&mut app.resource);
        "orders:read".clone_into(&mut app.scope);
        let scope = "openid orders:read";
        let sign_in = ["--first-party", "--redirect-uri", REDIRECT_URI, "--resource", SHOP];
        let arguments = [sign_in.as_slice(), &["--scope", scope]].concat();
        let created = deployment.sign_in_client("web", &arguments).await;
        let web = WebClient {
            client_id: "web".to_owned(),
            client_secret: created["client_secret"].as_str().expect("a secret").to_owned(),
            redirect_uri: REDIRECT_URI.to_owned(),
            scope: scope.to_owned(),
        };
        let node = deployment.start_with(&SERVER).ready().await;
        node.knows_web(&web).await;
        let person = Person::signed_in(&node, &web, "ada").await;
        let code = person.code(&node, &web).await.expect("a code");
        let reply = node.redeem(&web, &code).await.expect("an answer");
        let tokens = [node.token(&app).await, reply.access_token().expect("a token")];
        Self { name, deployment, node, tokens }
    }
}
