//! R36: browsers may call the protocol endpoints from any origin, and nothing else.

use axum::body::Body;
use http::{Method, Request};

use crate::harness::Issuer;

#[tokio::test]
async fn r36_protocol_endpoints_answer_a_preflight() {
    let issuer = Issuer::new().await;

    for path in ["/token", "/jwks", "/.well-known/openid-configuration"] {
        let request = Request::builder().method(Method::OPTIONS).uri(path).body(Body::empty());
        let answer = issuer.send(request.unwrap()).await;

        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    assert_eq!(issuer.get("/jwks").await.header("access-control-allow-origin"), "*");
    assert_eq!(issuer.get("/readyz").await.header("access-control-allow-origin"), "");
}
