//! Foreign libraries get tokens that are bound to a key and use them at a service with the SDK, both of which ask for nonces
//! (RFC 9449); and a proof is good once, on however many nodes it is presented.

use axum::Router;
use axum::routing::get;
use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::Verifier;
use countersign_verifier::axum::{Auth, AuthLayer};
use countersign_verifier::binding::{Dpop, RollingNonces};
use countersign_verifier::testing::TestHolder;
use end_to_end::harness::{
    Certificate, Deployment, Node, PASSWORD, PAYMENTS, READ, Reply, foreign_dpop,
};
use serde_json::{Value, json};

const CALLBACK: &str = "https://app.example/callback";

/// A service that takes nothing but bound tokens; where it is.
async fn service(deployment: &Deployment, node: &Node) -> String {
    let jwks = node.text(&format!("{}/jwks", node.url)).await;
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[Algorithm::Es256]).expect("a key set");
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    let verifier = Verifier::builder(&deployment.issuer)
        .audience(PAYMENTS)
        .dpop(Dpop::at(&url).required().require_nonces(RollingNonces::new(&[7; 32])))
        .build_with(keys)
        .expect("a verifier");
    let router = Router::new()
        .route("/pay", get(async |auth: Auth| format!("paid by {}", auth.client_id())))
        .layer(AuthLayer::new(verifier));
    tokio::spawn(async move { axum::serve(socket, router).await });
    url
}

/// A deployment that speaks TLS, as foreign libraries want it, and asks for nonces.
async fn deployment() -> (Deployment, Certificate) {
    let deployment = Deployment::sqlite().with("[dpop]\nrequire_nonce = true");
    let certificate = Certificate::for_names(&deployment.path(""), &[]).await;
    let deployment = deployment.with_tls(&certificate.certificate, &certificate.key);
    (deployment, certificate)
}

fn check(told: &Value, library: &str) {
    assert_eq!(
        told["token_type"].as_str().map(str::to_lowercase).as_deref(),
        Some("dpop"),
        "{told}"
    );
    assert_eq!(told["told"], json!(["paid by orders", "paid by orders"]), "{library}: {told}");
    assert_eq!(told["as_bearer"], 401, "{library}: {told}");
    assert_eq!(told["with_another_key"], 401, "{library}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_and_requests_oauth2client_get_and_use_bound_tokens_with_nonces() {
    let (deployment, certificate) = deployment().await;
    let user_id = deployment.person("ada").await;
    let app = deployment
        .app_of("orders", &["--resource", PAYMENTS, "--scope", READ, "--require-dpop"])
        .await;
    let public = ["--auth", "none", "--redirect-uri", CALLBACK, "--first-party"];
    let public = [&public[..], &["--scope", "openid offline_access", "--require-dpop"]].concat();
    deployment.sign_in_client("web", &public).await;
    let node = deployment.start().await;
    let wish = json!({
        "issuer": deployment.issuer,
        "service": service(&deployment, &node).await,
        "resource": PAYMENTS,
        "app": { "client_id": app.client_id, "client_secret": app.client_secret },
        "client": { "client_id": "web", "redirect_uri": CALLBACK },
        "person": { "username": "ada", "password": PASSWORD },
    });

    for library in ["openid-client", "requests_oauth2client"] {
        let told = foreign_dpop(library, &wish, &certificate).await;
        let told = told.unwrap_or_else(|error| panic!("{library}: {error}"));
        check(&told, library);
        if library == "openid-client" {
            assert_eq!(
                (&told["subject"], &told["userinfo"]["sub"]),
                (&json!(user_id), &json!(user_id))
            );
            assert_eq!(told["stolen"], "invalid_grant", "{told}");
            assert_eq!(told["refreshed"], "dpop", "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fa5_a_proof_that_is_used_in_parallel_on_two_nodes_is_accepted_once() {
    let deployment = Deployment::postgres().await.patient();
    let nodes = [deployment.start().await, deployment.start().await];
    let app = deployment.app("orders").await;
    for node in &nodes {
        node.knows(&app).await;
    }
    let holder = TestHolder::new();

    for round in 0..20 {
        let proof = holder.proof("POST", &format!("{}/token", deployment.issuer)).mint();
        let mut requests = tokio::task::JoinSet::new();
        for request in 0..16 {
            let node = &nodes[request % 2];
            let request = node.http.post(format!("{}/token", node.url)).form(&app.form());
            let request = request.header("DPoP", &proof);
            requests
                .spawn(async move { Reply::read(request.send().await.expect("an answer")).await });
        }
        let replies = requests.join_all().await;

        let accepted = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(accepted, 1, "round {round}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            assert_eq!(
                (reply.status, reply.error()),
                (400, "invalid_dpop_proof"),
                "{}",
                reply.body
            );
        }
    }
}
