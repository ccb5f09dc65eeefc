//! Forward authentication (decision 0032): a gateway in front of services asks about each request that it was sent, and is
//! answered 200 with who it is from, 401, 403, or the way to sign in. The contract is that of nginx `auth_request`, Caddy
//! `forward_auth`, Traefik `ForwardAuth` and Envoy `ext_authz`; `docs/gateways.md` has what each of them is told.
//!
//! The walk: `asked` (who asks, about which host) → `presented` (one token, or one session) → `caller` (who that is, and
//! whether it is still good) → `rules` (what the route demands) → `upstream_token` → `answer`. A person without a session
//! goes by `sign_in`.

mod answer;
mod asked;
mod caller;
mod host_session;
mod presented;
mod rules;
mod sign_in;
mod still_good;
mod upstream_token;

pub use sign_in::CALLBACK;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::request::Parts;

use crate::app::App;
use crate::error::OAuthError;
use asked::Asked;
use presented::Presented;
use rules::Allowed;

/// By any method: Envoy asks with that of the request, and below with its path.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/gateway/{name}", any(endpoint))
        .route("/gateway/{name}/", any(endpoint))
        .route("/gateway/{name}/{*path}", any(endpoint))
}

/// The handler.
async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match Asked::read(&app, &parts) {
        Ok(asked) => match Box::pin(ask(&app, &parts, &asked)).await {
            Ok(response) => response,
            Err(error) => answer::refused(&asked, error),
        },
        Err(error) => {
            let request_id = crate::origin::Origin::of(&parts).request_id;
            tracing::info!(%request_id, cause = error.cause.as_ref(), "a gateway was refused");
            error.into_response()
        }
    }
}

async fn ask(app: &App, parts: &Parts, asked: &Asked<'_>) -> Result<Response, OAuthError> {
    // A node that cannot see the database knows of nobody whether they are still good.
    app.freshness.require(app.clock.elapsed())?;
    if let Some(response) = sign_in::own_path(app, asked).await? {
        return Ok(response);
    }
    let caller = match Presented::of(parts, asked)? {
        Presented::Nothing => None,
        Presented::Token(token) => Some(caller::of_token(app, asked, token).await?),
        Presented::Session(sealed) => caller::of_session(app, asked, sealed).await?,
    };
    let Some(caller) = caller else {
        return if asked.is_for_a_person() {
            sign_in::begin(app, asked)
        } else {
            Ok(answer::unauthenticated(asked))
        };
    };
    let allowed = Allowed::decide(app, asked, &caller)?;
    let token = upstream_token::make(app, asked, &allowed).await?;
    Ok(answer::allowed(&allowed, token.as_deref()))
}
