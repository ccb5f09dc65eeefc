//! People sign in to a server-rendered application: routes for login, callback, logout and back-channel logout, and a
//! session that is kept in one sealed `__Host-` cookie or on the server.
//!
//! ```no_run
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use countersign_verifier::RelyingParty;
//! use countersign_verifier::session::{CookieKeys, Session, Sessions};
//!
//! # let (client_secret, cookie_key) = ("", "");
//! let client = RelyingParty::builder("https://issuer.example", "web").build().await?;
//! let sessions = Sessions::builder(client, "https://app.example", CookieKeys::parse(cookie_key, [])?)
//!     .client_secret(client_secret)
//!     .scope("openid offline_access")
//!     .build()?;
//!
//! let app: Router = Router::new()
//!     .route("/", get(async |session: Session| format!("hello, {}", session.subject())))
//!     .layer(sessions.layer())
//!     .merge(sessions.routes());
//! # Ok(()) }
//! ```
//!
//! # Routes
//!
//! | route | what it does |
//! | --- | --- |
//! | `GET /login` | begins the code flow with PKCE, `state` and `nonce`; `return_to` is a path of the application; `max_age`, `acr_values`, `prompt` and `login_hint` are handed on, the first two enforced |
//! | `GET /callback` | checks `state`, `iss` and the ID token, begins the session |
//! | `POST /logout` | ends the session, then sends the browser to the issuer to end the others |
//! | `POST /backchannel-logout` | the issuer ends sessions |
//! | `GET /currentuser` | `{"currentUser": null}`, or what the ID token says of the user |
//!
//! # What a session is
//!
//! It lasts as long as its tokens can be renewed, and at most [`SessionsBuilder::lifetime`]. Tokens are renewed a minute
//! before they expire, once, however many requests come at the same time; if the issuer is down, a session goes
//! on until its access token expires, and then requests are answered 503, not as signed out. A request that changes
//! something and comes from another site is refused.
//!
//! With sealed cookies a reply that a browser never got is remembered for ten minutes, so that the old cookie finds the
//! new tokens. An application of several processes that rotates refresh tokens is better off with a [`SessionStore`],
//! unless its issuer gives the same successor again for a while, as Countersign does.
//!
//! A sealed cookie cannot be taken back, so what has ended is remembered ([`EndedSessions`]); an application of several
//! processes gives them a common one. A session too long for one cookie is cut into up to four; one that is
//! longer still needs a [`SessionStore`].

mod back_channel;
mod builder;
mod callback;
mod cookie_keys;
mod cookies;
mod current_user;
mod error;
mod extract;
mod keeping;
mod layer;
mod login;
mod logout;
mod provider;
mod record;
mod renewal;
mod store;
mod token_endpoint;

pub use builder::SessionsBuilder;
pub use cookie_keys::{CookieKeyError, CookieKeys};
pub use error::SessionError;
pub use extract::{OptionalSession, SessionRejection};
pub use layer::{SessionLayer, SessionService};
pub use provider::Endpoints;
pub use record::Session;
pub use store::{EndedSessions, MemoryStore, SessionStore, StoreError};

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};

use self::cookies::CookieName;
use crate::RelyingParty;
use crate::clock::Clock;

/// Signs people in and keeps them signed in. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    client: RelyingParty,
    clock: Arc<dyn Clock>,
    /// Of this application, as browsers write it in `Origin`.
    origin: String,
    keys: CookieKeys,
    scope: String,
    resource: Option<String>,
    cookie: CookieName,
    plain_cookie: Option<CookieName>,
    store: Option<Arc<dyn SessionStore>>,
    ended: Arc<dyn EndedSessions>,
    lifetime: Duration,
    base_path: String,
    after_logout: String,
    provider: provider::Provider,
    token_endpoint: token_endpoint::TokenEndpoint,
    renewals: renewal::Renewals,
    user_info: UserInfo,
    render_error: fn(SessionError) -> Response,
}

/// Whether UserInfo is asked at sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum UserInfo {
    Asked,
    NotAsked,
}

impl Sessions {
    /// Begins with the client at the issuer, the origin of the application as browsers see it, e.g.
    /// `https://app.example`, and the keys under which cookies are sealed.
    pub fn builder(client: RelyingParty, app_url: &str, keys: CookieKeys) -> SessionsBuilder {
        SessionsBuilder::new(client, app_url, keys)
    }

    /// The routes. Merge them into the router outside of other authentication layers.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let at = |path: &str| format!("{}{path}", self.inner.base_path);
        Router::new()
            .route(&at("/login"), get(login::endpoint))
            .route(&at("/callback"), get(callback::endpoint))
            .route(&at("/logout"), post(logout::endpoint))
            .route(&at("/backchannel-logout"), post(back_channel::endpoint))
            .route(&at("/currentuser"), get(current_user::endpoint))
            .with_state(self.clone())
    }

    /// The layer of all routes that want a session.
    pub fn layer(&self) -> SessionLayer {
        SessionLayer { sessions: self.clone() }
    }

    /// The `redirect_uri` to register at the issuer.
    pub fn redirect_uri(&self) -> String {
        format!("{}{}/callback", self.inner.origin, self.inner.base_path)
    }

    /// A failure in the form that the application chose.
    fn refuse(&self, error: SessionError) -> Response {
        tracing::debug!(code = error.code(), "a sign-in or a session failed");
        (self.inner.render_error)(error)
    }

    fn lifetime_seconds(&self) -> i64 {
        i64::try_from(self.inner.lifetime.as_secs()).unwrap_or(i64::MAX)
    }

    /// What is sealed for one purpose, cookie, client and issuer opens for no other.
    fn context(&self, purpose: &str) -> String {
        let inner = &self.inner;
        let (issuer, client_id) = (inner.client.issuer(), inner.client.client_id());
        format!("{purpose}\n{}\n{client_id}\n{issuer}", inner.cookie.as_str())
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("client", &self.inner.client).finish_non_exhaustive()
    }
}
