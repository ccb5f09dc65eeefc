//! Foreign libraries authenticate with certificates, get tokens that are bound to them and use them at a service with the SDK
//! (RFC 8705).

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use axum::routing::get;
use countersign_keys::{Algorithm, JwkSet, VerifyingKey};
use countersign_verifier::Verifier;
use countersign_verifier::axum::{Auth, AuthLayer};
use countersign_verifier::binding::{ClientCertificate, Mtls};
use end_to_end::harness::{
    Certificate, Deployment, HttpsServer, Node, PASSWORD, PAYMENTS, READ, Shown, foreign_mtls,
    free_port, run,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const CALLBACK: &str = "https://app.example/callback";

/// A deployment with addresses of its own for clients with certificates, and the authority of these.
async fn deployment() -> (Deployment, Certificate) {
    let deployment = Deployment::sqlite();
    let certificate = Certificate::for_names(&deployment.path(""), &[]).await;
    let deployment = deployment.with_tls(&certificate.certificate, &certificate.key);
    let port = free_port();
    let tables = format!(
        "[mtls]\nlisten = [\"127.0.0.1:{port}\"]\nurl = \"https://localhost:{port}\"\n\
         certificate_authority_file = \"{}\"",
        certificate.authority.display()
    );
    (deployment.with(&tables), certificate)
}

/// Puts the certificate of the connection where the SDK looks for it.
async fn hand_on(mut request: Request) -> Request {
    let shown = request.extensions().get::<ConnectInfo<Shown>>().cloned();
    if let Some(ConnectInfo(Shown(Some(der)))) = shown {
        request.extensions_mut().insert(ClientCertificate::from_der(der));
    }
    request
}

/// A service that takes nothing but bound tokens, and asks for certificates.
async fn service(
    deployment: &Deployment,
    node: &Node,
    certificate: &Certificate,
) -> (String, HttpsServer) {
    let jwks = node.text(&format!("{}/jwks", node.url)).await;
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[Algorithm::Es256]).expect("a key set");
    let verifier = Verifier::builder(&deployment.issuer)
        .audience(PAYMENTS)
        .mtls(Mtls::of_connection().required())
        .build_with(keys)
        .expect("a verifier");
    let router = Router::new()
        .route("/pay", get(async |auth: Auth| format!("paid by {}", auth.client_id())))
        .layer(AuthLayer::new(verifier))
        .layer(map_request(hand_on));
    let port = free_port();
    let server = HttpsServer::start_asking(port, certificate, router).await;
    (format!("https://localhost:{port}"), server)
}

/// A file with the key of a certificate as a JWK set.
async fn jwks_file(certificate: &Path) -> PathBuf {
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate);
    let pem = run(command, "").await.expect("a public key");
    let key = VerifyingKey::from_pem(&pem, Algorithm::Es256).expect("a P-256 key");
    let jwks = serde_json::to_string(&JwkSet::from_keys([key])).expect("JSON");
    let file = certificate.with_extension("jwks");
    std::fs::write(&file, jwks).expect("a file");
    file
}

fn party(client_id: &str, (cert, key): &(PathBuf, PathBuf)) -> Value {
    json!({ "client_id": client_id, "cert": cert, "key": key, "redirect_uri": CALLBACK })
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_and_requests_oauth2client_get_and_use_tokens_that_are_bound_to_their_certificates()
 {
    let (deployment, certificate) = deployment().await;
    let user_id = deployment.person("ada").await;
    let orders = certificate.of_client("/O=Example/CN=orders").await;
    let web = certificate.of_client("/CN=web").await;
    let thief = certificate.of_client("/O=Example/CN=batch").await;
    let by_subject = ["--auth", "tls_client_auth", "--tls-subject-dn", "CN=orders,O=Example"];
    let more = ["--resource", PAYMENTS, "--scope", READ, "--certificate-bound"];
    deployment.app_of("orders", &[&by_subject[..], &more].concat()).await;
    let keys = jwks_file(&web.0).await;
    let keys =
        ["--auth", "self_signed_tls_client_auth", "--jwks-file", keys.to_str().expect("text")];
    let people = ["--redirect-uri", CALLBACK, "--first-party", "--scope", "openid offline_access"];
    deployment
        .sign_in_client("web", &[&keys[..], &people, &["--certificate-bound"]].concat())
        .await;
    let node = deployment.start().await;
    let (service, _server) = service(&deployment, &node, &certificate).await;
    let wish = json!({
        "issuer": deployment.issuer,
        "service": service,
        "resource": PAYMENTS,
        "app": party("orders", &orders),
        "client": party("web", &web),
        "thief": party("batch", &thief),
        "person": { "username": "ada", "password": PASSWORD },
    });

    for library in ["openid-client", "requests_oauth2client"] {
        let told = foreign_mtls(library, &wish, &certificate).await;
        let told = told.unwrap_or_else(|error| panic!("{library}: {error}"));
        let kind = told["token_type"].as_str().map(str::to_lowercase);
        assert_eq!(kind.as_deref(), Some("bearer"), "{library}: {told}");
        assert_eq!(told["told"], "paid by orders", "{library}: {told}");
        assert_eq!((&told["without"], &told["with_another"]), (&json!(401), &json!(401)), "{told}");
        // The one library tells the error, the other the status of a refusal with a challenge.
        let refused = [json!("invalid_client"), json!(401)];
        assert!(refused.contains(&told["impersonated"]), "{library}: {told}");
        if library == "openid-client" {
            let user_id = json!(user_id);
            assert_eq!((&told["subject"], &told["userinfo"]["sub"]), (&user_id, &user_id));
            assert_eq!(told["userinfo_with_another"], "invalid_token", "{told}");
            assert_eq!(told["refreshed"], "bearer", "{told}");
        }
    }
}
