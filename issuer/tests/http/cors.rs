//! R36: browsers may call the protocol endpoints from any origin, and nothing else.

use axum::body::Body;
use http::{Method, Request};

use crate::harness::Issuer;

#[tokio::test]
async fn r36_protocol_endpoints_answer_a_preflight_and_pages_do_not() {
    let issuer = Issuer::new().await;

    for path in ["/token", "/par", "/userinfo", "/jwks", "/.well-known/openid-configuration"] {
        let request = Request::builder().method(Method::OPTIONS).uri(path).body(Body::empty());
        let answer = issuer.send(request.unwrap()).await;

        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    assert_eq!(issuer.get("/jwks").await.header("access-control-allow-origin"), "*");
    for page in ["/readyz", "/authorize", "/continue", "/logout"] {
        assert_eq!(issuer.get(page).await.header("access-control-allow-origin"), "", "{page}");
    }
    for path in ["/authorize", "/login", "/consent", "/logout"] {
        let request = Request::builder().method(Method::OPTIONS).uri(path).body(Body::empty());
        let answer = issuer.send(request.unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}
