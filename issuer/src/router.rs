//! Path to handler, one line a route. What the two listeners offer stands here and nowhere else.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::cors::preflight;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::{
    account, authorize, device, discovery, feed, gateway, health, interaction, introspect, jwks,
    logout, page, par, revoke, signals, status_list, token, userinfo,
};

/// What everybody may call. An issuer whose URL has a path answers below it, and at the root for
/// proxies that take the path away.
pub fn public(app: Arc<App>) -> Router {
    let path = app.config.issuer.path();
    let mut router = endpoints();
    if !path.is_empty() {
        // RFC 8414 §3.1: the well-known part stands between the host and the path.
        let metadata = format!("/.well-known/oauth-authorization-server{path}");
        router = router.nest(path, endpoints()).route(&metadata, get(discovery::endpoint));
        // OpenID Shared Signals Framework 1.0 §7.2: here too.
        let metadata = format!("{}{path}", signals::METADATA);
        router = router.route(&metadata, get(signals::metadata_endpoint));
    }
    router
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(app)
}

/// What is answered below the issuer's URL.
fn endpoints() -> Router<Arc<App>> {
    protocol().merge(signals::routes()).merge(pages()).merge(gateway::routes())
}

/// What a person sees; never for scripts of other origins.
fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/authorize", get(authorize::endpoint).post(authorize::endpoint))
        .merge(interaction::routes())
        .merge(account::routes())
        .merge(logout::routes())
        .route(page::assets::ROUTE, get(page::assets::endpoint))
}

/// The endpoints of the protocol.
fn protocol() -> Router<Arc<App>> {
    Router::new()
        .route("/token", post(token::endpoint).options(preflight))
        .route("/par", post(par::endpoint).options(preflight))
        .route("/device_authorization", post(device::endpoint).options(preflight))
        .route("/revoke", post(revoke::endpoint).options(preflight))
        .route("/introspect", post(introspect::endpoint))
        .route(feed::PATH, get(feed::endpoint))
        .route("/status-lists/{list}", get(status_list::endpoint).options(preflight))
        .route("/jwks", get(jwks::endpoint).options(preflight))
        .route("/userinfo", get(userinfo::endpoint).post(userinfo::endpoint).options(preflight))
        .route("/.well-known/openid-configuration", get(discovery::endpoint).options(preflight))
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery::endpoint).options(preflight),
        )
}

/// What only the operator's network may call.
pub fn management(app: Arc<App>) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(not_found)
        .with_state(app)
}

async fn method_not_allowed() -> OAuthError {
    OAuthError::new(ErrorCode::MethodNotAllowed, "the endpoint does not have this method")
}

async fn not_found() -> OAuthError {
    OAuthError::new(ErrorCode::NotFound, "there is nothing at this address")
}
