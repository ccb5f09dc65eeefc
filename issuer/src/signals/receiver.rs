//! Who calls the management API: an app with a good token for `{issuer}/ssf` and a scope of it (OpenID Shared Signals Framework
//! 1.0 §8, CAEP Interoperability Profile §2.7). It sees its own streams, and nobody else's.

use axum::response::Response;
use http::request::Parts;
use uuid::Uuid;

use super::{MANAGE, READ, resource};
use crate::app::App;
use crate::app_caller::{AppCaller, Door};
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::store::{Act, Actor, SignalStream};

/// What a token must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// To look, and to poll.
    Read,
    /// To change.
    Manage,
}

/// A receiver whose token holds.
pub(super) struct Receiver {
    /// Its client.
    pub(super) client_id: String,
    caller: AppCaller,
}

impl Receiver {
    /// Looks at the token of a request for this path.
    ///
    /// # Errors
    ///
    /// As a protected resource answers them (RFC 6750 §3.1).
    pub(super) async fn of(
        app: &App,
        parts: &Parts,
        (path, right): (&str, Right),
    ) -> Result<Self, OAuthError> {
        let (scopes, otherwise) = right.needs();
        let door = Door { path, audience: resource(&app.config.issuer), scopes, otherwise };
        let caller = AppCaller::of(app, parts, door).await?;
        Ok(Self { client_id: caller.client.id.to_string(), caller })
    }

    /// Whether it still may what it might when it called.
    pub(super) fn is_good(&self, app: &App) -> bool {
        self.caller.is_good(app)
    }

    /// One of its streams.
    ///
    /// # Errors
    ///
    /// `not_found`, also for a stream of somebody else: nobody learns which there are.
    pub(super) async fn stream(&self, app: &App, id: &str) -> Result<SignalStream, OAuthError> {
        let unknown = || OAuthError::new(ErrorCode::NotFound, "there is no such stream");
        let id = Uuid::parse_str(id).map_err(|_| unknown())?;
        let stream = app.store.stream(id).await?;
        stream.filter(|stream| stream.client_id == self.client_id).ok_or_else(unknown)
    }

    /// This receiver as the author of a change.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` if it makes too many.
    pub(super) fn act(&self, app: &App) -> Result<Act, OAuthError> {
        let now = app.clock.elapsed().as_secs().cast_signed();
        app.signal_limits.change(&self.client_id, now).map_err(|slowed| OAuthError {
            retry_after: Some(slowed.retry_after),
            ..OAuthError::new(ErrorCode::TooManyRequests, "the receiver makes too many changes")
        })?;
        Ok(Actor::client(&self.client_id).at(app.clock.now()))
    }

    /// An answer to it.
    pub(super) fn told(&self, response: Response) -> Response {
        self.caller.told(response)
    }
}

impl Right {
    /// Scopes of which one is enough, and what is said to whoever has none of them.
    const fn needs(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Read => {
                (&[READ, MANAGE], "the access token has neither the scope ssf.read nor ssf.manage")
            }
            Self::Manage => (&[MANAGE], "the access token has not the scope ssf.manage"),
        }
    }
}
