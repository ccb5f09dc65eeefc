//! Row 35 of the attack list: nothing of a token is ever logged or traced, at any level.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use countersign_verifier::axum::{Auth, AuthLayer, require_scopes};
use countersign_verifier::testing::{TestIssuer, corpus};
use http::Request;
use tower::ServiceExt as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::{AUDIENCE, ISSUER};

/// Writes down every field of every span and event.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

impl Visit for Everything {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn row_35_nothing_of_a_token_is_logged() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/", get(async |auth: Auth| auth.subject().to_owned()))
        .route_layer(require_scopes(["pay"]))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)));
    let good = issuer.user_token("ada", "web").audience(AUDIENCE).scope("pay").mint();
    let hostile = corpus(&issuer, AUDIENCE).into_iter().map(|hostile| hostile.token);
    let tokens: Vec<_> = hostile.chain([good]).collect();
    let seen = Everything::default();
    let _guard = tracing::subscriber::set_default(seen.clone());

    for token in &tokens {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        // What cannot be a header never gets here.
        let Ok(request) = request.body(Body::empty()) else { continue };
        app.clone().oneshot(request).await.unwrap();
    }

    let seen = seen.0.lock().unwrap();
    assert!(
        seen.contains(r#"code="invalid_signature""#) && seen.contains("outcome=\"passed\""),
        "{seen}"
    );
    let parts = tokens.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 8);
    for secret in parts.chain(["ada", "orders", "other.example"]) {
        assert!(!seen.contains(secret), "{secret}");
    }
}
