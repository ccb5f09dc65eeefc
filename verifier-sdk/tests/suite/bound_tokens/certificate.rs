//! Tokens that are bound to a certificate (RFC 8705 §3), at a service: from the connection, or from a proxy that is trusted.

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_verifier::axum::{Auth, AuthLayer, require_binding};
use countersign_verifier::binding::{
    Binding, CertificateHeader, ClientCertificate, Dpop, Mtls, PeerAddress,
};
use countersign_verifier::credential::Carriers;
use countersign_verifier::testing::{TestClock, TestHolder, TestIssuer};
use countersign_verifier::{TokenCache, Verified, Verifier, VerifierBuilder, VerifyError};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use tower::ServiceExt as _;

use super::{dpop, parts, request};
use crate::{AUDIENCE, ISSUER, NOW, code};

const PROXY: &str = "::ffff:10.0.0.1";
const STRANGER: &str = "198.51.100.7";

/// An issuer, somebody's certificate with a token that is bound to it, and another's.
struct World {
    issuer: TestIssuer,
    mine: ClientCertificate,
    other: ClientCertificate,
    token: String,
}

impl World {
    fn new() -> Self {
        let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
        let mine = ClientCertificate::from_der(*b"mine");
        let token =
            issuer.app_token("orders").audience(AUDIENCE).bound_to_certificate(&mine).mint();
        Self { issuer, mine, other: ClientCertificate::from_der(*b"other"), token }
    }

    fn verifier(&self, mtls: Option<Mtls>, dpop: Option<Dpop>) -> Verifier {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).clock(TestClock::at(NOW));
        let builder = builder.token_cache(TokenCache::default().capacity(8));
        let builder = mtls.into_iter().fold(builder, VerifierBuilder::mtls);
        let builder = dpop.into_iter().fold(builder, VerifierBuilder::dpop);
        builder.build_with(self.issuer.jwk_set()).unwrap()
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// A request with these headers, from this peer, over a connection with this certificate.
async fn ask(
    verifier: &Verifier,
    headers: &[(&str, &str)],
    (peer, shown): (Option<&str>, Option<&ClientCertificate>),
) -> Result<Verified, VerifyError> {
    let mut parts = parts(headers);
    if let Some(peer) = peer {
        parts.extensions.insert(PeerAddress(peer.parse().unwrap()));
    }
    if let Some(shown) = shown {
        parts.extensions.insert(shown.clone());
    }
    verifier.verify_request(&parts, &Carriers::bearer()).await
}

fn is_proxy(address: IpAddr) -> bool {
    address == IpAddr::from([10, 0, 0, 1])
}

fn header(certificate: &ClientCertificate) -> String {
    format!(":{}:", STANDARD.encode(certificate.der()))
}

#[test]
fn a_thumbprint_is_that_of_rfc_8705() {
    // What `openssl dgst -sha256` and the base64 of URLs say of the four letters.
    let certificate = ClientCertificate::from_der(*b"mine");

    assert_eq!(certificate.x5t_s256(), "P9MFQv4_YbFL1KSy3Atvsw-m9j685S3Rd4qqjE3ALP8");
}

#[tokio::test]
async fn row_30_whoever_shows_the_certificate_is_let_in_and_nobody_else() {
    let world = World::new();
    let verifier = world.verifier(Some(Mtls::of_connection()), None);
    let bearer = world.bearer();
    let by = async |shown| ask(&verifier, &[("authorization", &bearer)], (None, shown)).await;

    for _also_from_the_cache in 0..2 {
        let caller = by(Some(&world.mine)).await.unwrap();
        let x5t_s256 = world.mine.x5t_s256();
        assert_eq!(caller.binding(), Some(Binding::Certificate { x5t_s256 }));
        assert_eq!(caller.require_binding(), Ok(()));
        assert_eq!(code(by(None).await), "certificate_missing");
        assert_eq!(code(by(Some(&world.other)).await), "certificate_wrong");
        assert_eq!(code(verifier.verify(&world.token).await), "bound_to_key");
        assert_eq!(code(verifier.try_verify(&world.token)), "bound_to_key");
    }
    let without = world.verifier(None, None);
    let verdict = ask(&without, &[("authorization", &bearer)], (None, Some(&world.mine))).await;
    assert_eq!(code(verdict), "bound_to_key", "mutual TLS was not chosen");
}

#[tokio::test]
async fn a_token_is_presented_by_what_it_is_bound_to_and_by_nothing_else() {
    let world = World::new();
    let clock = TestClock::at(NOW);
    let holder = TestHolder::new().clock(clock);
    let verifier = world.verifier(Some(Mtls::of_connection()), Some(Dpop::at(AUDIENCE)));
    let by_key = world.issuer.app_token("orders").audience(AUDIENCE).bound_to(&holder).mint();
    let proof =
        |token: &str| holder.proof("GET", "https://payments.example/pay").with_token(token).mint();
    let by = async |authorization: String, proof: Option<String>| {
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(proof.as_deref().map(|proof| ("dpop", proof)));
        ask(&verifier, &headers, (None, Some(&world.mine))).await
    };

    for _also_from_the_cache in 0..2 {
        assert!(by(world.bearer(), None).await.is_ok());
        assert!(by(dpop(&by_key), Some(proof(&by_key))).await.is_ok());
        assert_eq!(code(by(format!("Bearer {by_key}"), None).await), "bound_to_key");
        let with_proof = by(dpop(&world.token), Some(proof(&world.token))).await;
        assert_eq!(code(with_proof), "bound_to_key");
    }
}

#[tokio::test]
async fn what_else_a_token_is_bound_to_is_not_shown_by_a_certificate() {
    let world = World::new();
    let verifier = world.verifier(Some(Mtls::of_connection()), None);
    let x5t = world.mine.x5t_s256();

    for cnf in [
        json!({}),
        json!({ "x5t#S256": x5t, "jkt": "x" }),
        json!({ "x5t#S256": x5t, "kid": "x" }),
        json!({ "x5t#S256": [x5t] }),
        json!({ "x5t#S256": null }),
        json!({ "x5t": x5t }),
        json!({ "X5T#S256": x5t }),
    ] {
        let token = world.issuer.app_token("orders").audience(AUDIENCE).claim("cnf", cnf.clone());
        let bearer = format!("Bearer {}", token.mint());
        let verdict =
            ask(&verifier, &[("authorization", &bearer)], (None, Some(&world.mine))).await;
        assert_eq!(code(verdict), "bound_to_key", "{cnf}");
    }
    let empty = world.issuer.app_token("orders").audience(AUDIENCE);
    let empty = empty.claim("cnf", json!({ "x5t#S256": "" })).mint();
    let bearer = format!("Bearer {empty}");
    assert_eq!(
        code(ask(&verifier, &[("authorization", &bearer)], (None, None)).await),
        "certificate_missing"
    );
}

#[tokio::test]
async fn bearer_tokens_are_accepted_unless_a_binding_is_required() {
    let world = World::new();
    let plain = format!("Bearer {}", world.issuer.app_token("orders").audience(AUDIENCE).mint());
    let by = async |verifier: &Verifier, authorization: &str| {
        ask(verifier, &[("authorization", authorization)], (None, Some(&world.mine))).await
    };

    let open = world.verifier(Some(Mtls::of_connection()), None);
    let closed = world.verifier(Some(Mtls::of_connection().required()), None);
    let by_either =
        world.verifier(Some(Mtls::of_connection()), Some(Dpop::at(AUDIENCE).required()));

    assert!(by(&open, &plain).await.is_ok());
    for verifier in [&closed, &by_either] {
        assert_eq!(code(by(verifier, &plain).await), "binding_needed");
        assert!(by(verifier, &world.bearer()).await.is_ok());
    }
}

#[tokio::test]
async fn row_31_the_header_of_a_proxy_is_believed_from_the_proxy_alone() {
    let world = World::new();
    let behind = Mtls::behind_proxy(CertificateHeader::ClientCert, is_proxy);
    let verifier = world.verifier(Some(behind), None);
    let (bearer, mine, other) = (world.bearer(), header(&world.mine), header(&world.other));
    let by = async |headers: &[&str], connection| {
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers.iter().map(|value| ("client-cert", *value)));
        code(ask(&verifier, &all, connection).await)
    };

    assert_eq!(by(&[&mine], (Some(PROXY), None)).await, "accepted");
    assert_eq!(by(&[&other], (Some(PROXY), None)).await, "certificate_wrong");
    assert_eq!(by(&[], (Some(PROXY), None)).await, "certificate_missing");
    assert_eq!(by(&[], (Some(PROXY), Some(&world.mine))).await, "certificate_missing");
    assert_eq!(by(&[&mine, &mine], (Some(PROXY), None)).await, "certificate_header_refused");
    assert_eq!(by(&["mine"], (Some(PROXY), None)).await, "certificate_header_refused");
    assert_eq!(by(&[&mine], (Some(STRANGER), None)).await, "certificate_missing");
    assert_eq!(by(&[&mine], (None, None)).await, "certificate_missing", "nobody knows from whom");
    assert_eq!(
        by(&[&other], (Some(STRANGER), Some(&world.mine))).await,
        "accepted",
        "a connection of its own"
    );
}

#[tokio::test]
async fn a_route_answers_with_the_challenge_of_a_bearer_token() {
    let world = World::new();
    let behind = Mtls::behind_proxy(CertificateHeader::ClientCert, is_proxy);
    let app = Router::new()
        .route("/pay", get(async |auth: Auth| format!("{:?}", auth.binding().is_some())))
        .route_layer(require_binding())
        .layer(AuthLayer::new(world.verifier(Some(behind), None)));
    let plain = format!("Bearer {}", world.issuer.app_token("orders").audience(AUDIENCE).mint());
    let call = async |authorization: &str, certificate: &ClientCertificate| {
        let header = header(certificate);
        let mut request = request(&[("authorization", authorization), ("client-cert", &header)]);
        let peer: SocketAddr = "10.0.0.1:443".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = app.clone().oneshot(request).await.unwrap();
        let challenge = response.headers().get("www-authenticate");
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), challenge.unwrap_or_default())
    };

    assert_eq!(call(&world.bearer(), &world.mine).await, (200, String::new()));
    let (status, challenge) = call(&world.bearer(), &world.other).await;
    assert_eq!(status, 401);
    assert_eq!(
        challenge,
        concat!(
            r#"Bearer error="invalid_token", "#,
            r#"error_description="The access token is bound to another certificate""#
        )
    );
    let (status, challenge) = call(&plain, &world.mine).await;
    assert!(
        status == 401 && challenge.starts_with("Bearer error=\"invalid_token\""),
        "{challenge}"
    );
}
