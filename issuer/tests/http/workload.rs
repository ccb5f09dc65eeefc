//! Workload identity: apps without a secret, by tokens of a cluster, a CI, a SPIFFE trust domain and another Countersign,
//! each on a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use countersign::config::{Config, WorkloadIssuer, WorkloadTokenType};
use countersign::registry::{
    Client, ClientAuthentication, RequiredClaim, SubjectPattern, WorkloadRule,
};
use countersign::store::Actor;
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Answer, Issuer, START};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const OURS: &str = "https://issuer.example";
pub(crate) const POD: &str = "system:serviceaccount:shop:orders";

/// An issuer of tokens for workloads, as the API server of a Kubernetes cluster is one.
pub(crate) struct Cluster {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
    asked: Arc<AtomicUsize>,
}

impl Cluster {
    pub(crate) async fn start(algorithm: Algorithm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::generate(algorithm, KeySize::Default).unwrap();
        let mut keys = json!(JwkSet::from_keys([key.verifying_key().clone()]));
        // As a bundle of SPIFFE has it.
        keys["keys"][0]["use"] = json!("jwt-svid");
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/openid/v1/jwks") });
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async || Json(metadata)))
            .route(
                "/openid/v1/jwks",
                get(async move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    Json(keys)
                }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, key, asked }
    }

    /// What a pod finds in the file of its projected token.
    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.url, "sub": POD, "aud": [OURS], "iat": START - 60, "nbf": START - 60, "exp": START + 3547,
            "kubernetes.io": {
                "namespace": "shop",
                "pod": { "name": "orders-7d9f", "uid": "0190b2f4" },
                "serviceaccount": { "name": "orders", "uid": "42" },
            },
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        sign_compact(&self.key, "JWT", claims.to_string().as_bytes()).unwrap()
    }

    pub(crate) fn settings(&self) -> WorkloadIssuer {
        WorkloadIssuer { issuer: self.url.clone(), ..WorkloadIssuer::default() }
    }
}

pub(crate) fn trusting(settings: WorkloadIssuer) -> impl FnOnce(&mut Config) {
    |config: &mut Config| {
        config.outbound.allow = vec!["127.0.0.0/8".parse().unwrap()];
        config.workload.insert("cluster".to_owned(), settings);
    }
}

pub(crate) fn rule(issuer: &str, subject: &str, claims: &[&str]) -> WorkloadRule {
    WorkloadRule {
        issuer: issuer.to_owned(),
        subject: SubjectPattern::parse(subject).unwrap(),
        claims: claims.iter().map(|claim| RequiredClaim::parse(claim).unwrap()).collect(),
    }
}

pub(crate) fn workload(rules: Vec<WorkloadRule>) -> impl FnOnce(&mut Client) {
    |client: &mut Client| {
        client.auth = ClientAuthentication::WorkloadIdentity;
        client.workload_rules = rules;
    }
}

/// An issuer that trusts a cluster, at which the pods of one service account are the app `orders`.
async fn fleet() -> (Issuer, Cluster) {
    let cluster = Cluster::start(Algorithm::Rs256).await;
    let issuer = Issuer::with(trusting(cluster.settings())).await;
    issuer.client("orders", workload(vec![rule(&cluster.url, POD, &[])])).await;
    (issuer, cluster)
}

fn last_event(issuer: &Issuer) -> Value {
    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    serde_json::from_str(log.lines().last().unwrap()).unwrap()
}

async fn present(issuer: &Issuer, client_id: &str, assertion: &str) -> Answer {
    issuer
        .token(&[
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ])
        .await
}

#[tokio::test]
async fn a_pod_gets_tokens_with_the_token_of_its_cluster_as_often_as_it_asks() {
    let (issuer, cluster) = fleet().await;
    let token = cluster.sign(&cluster.claims());

    for _ in 0..3 {
        let answer = present(&issuer, "orders", &token).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let claims = answer.claims();
        assert_eq!((&claims["sub"], &claims["idtyp"]), (&json!("orders"), &json!("app")));
    }

    assert_eq!(cluster.asked.load(Ordering::Relaxed), 1);
    let event = last_event(&issuer);
    assert_eq!(event["workload"], json!({ "iss": cluster.url, "sub": POD }));
    assert_eq!(event["client_id"], "orders");
}

#[tokio::test]
async fn each_single_fault_of_a_workloads_token_is_refused_and_named_in_the_log() {
    type Fault = (&'static str, &'static str, fn(&mut Value));
    let (issuer, cluster) = fleet().await;
    let faults: Vec<Fault> = vec![
        ("no sub", "missing", |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("no exp", "missing", |claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        ("no aud", "missing", |claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        ("no iss", "not trusted", |claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
        ("another issuer", "not trusted", |claims| claims["iss"] = "https://evil.example".into()),
        ("another subject", "no rule of the client fits", |claims| {
            claims["sub"] = "system:serviceaccount:shop:payments".into();
        }),
        ("another namespace", "no rule of the client fits", |claims| {
            claims["sub"] = "system:serviceaccount:shop-evil:orders".into();
        }),
        ("the default audience of the cluster", "aud", |claims| {
            claims["aud"] = json!(["https://kubernetes.default.svc"]);
        }),
        ("cve_2025_27371 an audience beside ours", "aud", |claims| {
            claims["aud"] = json!([OURS, "https://other.example"]);
        }),
        ("the token endpoint", "aud", |claims| claims["aud"] = format!("{OURS}/token").into()),
        ("expired", "exp", |claims| claims["exp"] = (START - 30).into()),
        ("not yet", "not valid yet", |claims| claims["nbf"] = (START + 31).into()),
        ("for a year", "lives longer", |claims| claims["exp"] = (START + 31_536_000).into()),
        ("bound to a key", "bound to a key", |claims| claims["cnf"] = json!({ "jkt": "x" })),
    ];

    for (fault, cause, break_it) in faults {
        let mut claims = cluster.claims();
        break_it(&mut claims);
        let answer = present(&issuer, "orders", &cluster.sign(&claims)).await;

        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{fault}");
        let event = last_event(&issuer);
        let found = event["cause"].as_str().unwrap();
        assert!(found.contains(cause), "{fault}: {found}");
    }
    let answer = present(&issuer, "orders", &cluster.sign(&cluster.claims())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_token_of_another_key_or_another_kind_is_refused() {
    let (issuer, cluster) = fleet().await;
    let payload = cluster.claims().to_string();
    let typed = |typ| sign_compact(&cluster.key, typ, payload.as_bytes()).unwrap();
    let strange = SigningKey::generate(Algorithm::Rs256, KeySize::Default).unwrap();

    for assertion in [
        sign_compact(&strange, "JWT", payload.as_bytes()).unwrap(),
        typed("at+jwt"),
        typed("logout+jwt"),
        typed("dpop+jwt"),
        typed("secevent+jwt"),
        "not.a.jws".to_owned(),
    ] {
        assert_eq!(present(&issuer, "orders", &assertion).await.status, 401, "{assertion}");
    }
    assert_eq!(present(&issuer, "orders", &typed("JWT")).await.status, 200);
}

#[tokio::test]
async fn a_workload_is_no_other_client_than_its_own() {
    let (issuer, cluster) = fleet().await;
    let elsewhere = rule("https://elsewhere.example", POD, &[]);
    issuer.client("without", workload(Vec::new())).await;
    issuer.client("elsewhere", workload(vec![elsewhere])).await;
    issuer.client("secret", |_| {}).await;
    let token = cluster.sign(&cluster.claims());

    for client_id in ["without", "elsewhere", "secret", "nobody", "", POD] {
        let answer = present(&issuer, client_id, &token).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{client_id}");
    }
    // Nobody but who has a rule for it makes us ask it for its keys.
    assert_eq!(cluster.asked.load(Ordering::Relaxed), 0);
    // Its subject is no client id, however much it looks like one.
    let mut claims = cluster.claims();
    claims["sub"] = "orders".into();
    assert_eq!(present(&issuer, "orders", &cluster.sign(&claims)).await.status, 401);
}

#[tokio::test]
async fn a_client_that_is_a_workload_is_so_by_nothing_else() {
    let (issuer, _cluster) = fleet().await;
    let alone =
        issuer.token(&[("grant_type", "client_credentials"), ("client_id", "orders")]).await;
    let secret =
        [("grant_type", "client_credentials"), ("client_id", "orders"), ("client_secret", "x")];
    let secret = issuer.token(&secret).await;
    // Signed by itself, as for private_key_jwt.
    let key = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
    let claims = json!({
        "iss": "orders", "sub": "orders", "aud": OURS, "jti": "one", "iat": START, "exp": START + 60,
    });
    let own = sign_compact(&key, "JWT", claims.to_string().as_bytes()).unwrap();
    let own = present(&issuer, "orders", &own).await;

    for answer in [alone, secret, own] {
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_job_of_a_ci_is_told_from_another_by_its_claims() {
    let ci = Cluster::start(Algorithm::Rs256).await;
    let issuer = Issuer::with(trusting(ci.settings())).await;
    let deploy = rule(
        &ci.url,
        "repo:acme/shop:*",
        &["environment=production", "repository_owner_id=4711", "/nested/protected=true"],
    );
    issuer.client("deploy", workload(vec![deploy])).await;
    let good = json!({
        "iss": ci.url, "sub": "repo:acme/shop:environment:production", "aud": OURS, "jti": "j",
        "iat": START, "exp": START + 300, "environment": "production", "repository_owner_id": "4711",
        "nested": { "protected": true },
    });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        ci.sign(&claims)
    };

    assert_eq!(present(&issuer, "deploy", &ci.sign(&good)).await.status, 200);
    for assertion in [
        with("environment", json!("staging")),
        with("environment", json!(["production"])),
        with("environment", Value::Null),
        with("repository_owner_id", json!("4712")),
        with("nested", json!({ "protected": false })),
        with("nested", json!("protected=true")),
        with("sub", json!("repo:acme-evil/shop:environment:production")),
        with("sub", json!("repo:acme/shop-evil:environment:production")),
    ] {
        assert_eq!(present(&issuer, "deploy", &assertion).await.status, 401, "{assertion}");
    }
    // A member that stands twice could mean either.
    let twice = good.to_string().replacen('{', r#"{"environment":"staging","#, 1);
    let twice = sign_compact(&ci.key, "JWT", twice.as_bytes()).unwrap();
    assert_eq!(present(&issuer, "deploy", &twice).await.status, 401);
}

#[tokio::test]
async fn a_spiffe_id_is_believed_of_its_own_trust_domain_with_or_without_iss() {
    let server = Cluster::start(Algorithm::Es256).await;
    let settings = WorkloadIssuer {
        issuer: "spiffe://acme.example".to_owned(),
        jwks_uri: Some(format!("{}/openid/v1/jwks", server.url).parse().unwrap()),
        ..WorkloadIssuer::default()
    };
    let issuer = Issuer::with(trusting(settings)).await;
    let orders = rule("spiffe://acme.example", "spiffe://acme.example/shop/*", &[]);
    issuer.client("orders", workload(vec![orders])).await;
    let svid = |sub: &str, iss: Option<&str>| {
        let mut claims = json!({ "sub": sub, "aud": [OURS], "exp": START + 300 });
        if let Some(iss) = iss {
            claims["iss"] = iss.into();
        }
        server.sign(&claims)
    };

    for assertion in [
        svid("spiffe://acme.example/shop/orders", None),
        svid("spiffe://acme.example/shop/orders", Some("https://spire.acme.example")),
    ] {
        let answer = present(&issuer, "orders", &assertion).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for sub in [
        "spiffe://acme.example/other/orders",
        "spiffe://acme.example.evil/shop/orders",
        "spiffe://evil.example/shop/orders",
        "spiffe://acme.example",
        "https://acme.example/shop/orders",
        "orders",
    ] {
        assert_eq!(present(&issuer, "orders", &svid(sub, None)).await.status, 401, "{sub}");
    }
}

#[tokio::test]
async fn an_app_of_another_countersign_is_an_app_here() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let there = Issuer::with(|config| config.issuer = url.parse().unwrap()).await;
    there.serve(listener);
    there.resource(OURS, |resource| resource.scopes = vec!["sign-in".to_owned()]).await;
    let secret = there
        .client("billing", |client| {
            client.permissions[0].resource = OURS.to_owned();
            client.permissions[0].scopes = vec!["sign-in".to_owned()];
        })
        .await;
    let settings = WorkloadIssuer {
        issuer: url.clone(),
        token_type: WorkloadTokenType::AccessToken,
        ..WorkloadIssuer::default()
    };
    let here = Issuer::with(trusting(settings)).await;
    let billing = rule(&url, "billing", &["idtyp=app"]);
    here.client("billing-abroad", workload(vec![billing])).await;
    let token = there.token_as("billing", &secret, &[("resource", OURS)]).await;
    let token = token.json()["access_token"].as_str().unwrap().to_owned();

    let answer = present(&here, "billing-abroad", &token).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.claims()["sub"], "billing-abroad");
}

#[tokio::test]
async fn keys_out_of_reach_are_503_and_a_client_that_is_disabled_gets_nothing() {
    let (issuer, cluster) = fleet().await;
    let token = cluster.sign(&cluster.claims());
    let gone =
        WorkloadIssuer { issuer: "http://127.0.0.1:9".to_owned(), ..WorkloadIssuer::default() };
    let cut_off = Issuer::with(trusting(gone)).await;
    cut_off.client("orders", workload(vec![rule("http://127.0.0.1:9", POD, &[])])).await;
    let mut claims = cluster.claims();
    claims["iss"] = "http://127.0.0.1:9".into();

    let answer = present(&cut_off, "orders", &cluster.sign(&claims)).await;
    assert_eq!(answer.error(), (503, "temporarily_unavailable".to_owned()), "{}", answer.body);

    let disable = |client: &mut Client| {
        client.enabled = false;
        Ok(())
    };
    let id = "orders".parse().unwrap();
    issuer.app.store.update_client(&id, &Actor::node().at(START), disable).await.unwrap();
    issuer.follow().await;
    assert_eq!(present(&issuer, "orders", &token).await.status, 401);
}

#[tokio::test]
async fn a_rule_that_is_taken_back_ends_what_it_allowed() {
    let (issuer, cluster) = fleet().await;
    let token = cluster.sign(&cluster.claims());
    assert_eq!(present(&issuer, "orders", &token).await.status, 200);

    let deny = |client: &mut Client| {
        client.workload_rules.clear();
        Ok(())
    };
    let id = "orders".parse().unwrap();
    issuer.app.store.update_client(&id, &Actor::node().at(START), deny).await.unwrap();
    issuer.follow().await;

    assert_eq!(present(&issuer, "orders", &token).await.status, 401);
    assert!(issuer.app.store.client(&id).await.unwrap().workload_rules.is_empty());
}
