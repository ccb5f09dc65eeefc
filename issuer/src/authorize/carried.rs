//! How the parameters of an authorization request came: in the open by the browser, there in a signed object (RFC 9101
//! §5), or pushed before and now named by a reference (RFC 9126 §4). Nothing that a reference names is ever fetched.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::request::{client, redirect_target};
use super::{AuthorizationRequest, Failure, RequestObject};
use crate::app::App;
use crate::error::OAuthError;
use crate::interaction;
use crate::page::ErrorKind;
use crate::protocol::form::{FormError, Repeats};
use crate::protocol::{ErrorCode, Form};
use crate::registry::{Client, SignIn};
use crate::sealer::Purpose;

/// The prefix of the `request_uri` of a pushed request (RFC 9126 §2.2).
pub const PUSHED_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// By the browser, where others may read along and write.
    Browser,
    /// By the browser, in an object that the client signed (RFC 9101).
    Object,
    /// Straight from the client (RFC 9126).
    Pushed,
}

/// The use of a pushed request: it is good for one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedUse {
    hash: String,
}

impl PushedUse {
    /// Uses the request up.
    ///
    /// # Errors
    ///
    /// `invalid_request_uri` for all callers but one.
    pub async fn redeem(&self, app: &App) -> Result<(), OAuthError> {
        // Who loaded it before this comes within the life of an interaction, or not at all.
        let expires_at = app.clock.now() + interaction::LIFETIME_SECONDS;
        if app.store.use_pushed_request(&self.hash, expires_at).await? {
            return Ok(());
        }
        let description = "the request_uri was used before";
        Err(OAuthError::new(ErrorCode::InvalidRequestUri, description))
    }
}

/// The parameters of a request, before anything of them is believed.
#[derive(Clone, Copy)]
pub struct Parameters<'r> {
    /// What was sent.
    pub form: &'r Form<'r>,
    /// Whether something was sent twice.
    pub repeats: Repeats,
    /// By which way.
    pub carried: Carried,
}

/// The client that a request names, and what is registered of its users.
type Named<'g> = (&'g Arc<Client>, &'g SignIn);

impl AuthorizationRequest {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// A page before the redirect URI is known to be the client's, a redirect after.
    pub async fn read(app: &App, form: &Form<'_>, repeats: Repeats) -> Result<Self, Failure> {
        let registry = app.registry.load_full();
        let named = client(&registry, form)?;
        let outside = |error| refuse_outside(form, named, error);
        match (form.value("request"), form.value("request_uri")) {
            (None, None) => {
                let parameters = Parameters { form, repeats, carried: Carried::Browser };
                Self::read_parameters(app, parameters, named)
            }
            // RFC 9101 §5: one or the other.
            (Some(_), Some(_)) => {
                let description = "request and request_uri exclude each other";
                Err(outside(OAuthError::invalid_request(description)))
            }
            _ if repeats == Repeats::Some => {
                Err(outside(OAuthError::invalid_request("a parameter is repeated")))
            }
            (Some(object), None) => {
                // Boxed: with a fetch of keys in it, it is far larger than all else that a request holds.
                let verified = RequestObject::verify(app, named, object, Carried::Object);
                let object = Box::pin(verified).await.map_err(outside)?;
                let used = object.used.clone();
                let mut request = Self::read_kept(app, &object.parameters, Carried::Object, named)?;
                request.object = Some(used);
                Ok(request)
            }
            (None, Some(request_uri)) => Self::read_pushed(app, request_uri, named, outside).await,
        }
    }

    async fn read_pushed(
        app: &App,
        request_uri: &str,
        named: Named<'_>,
        outside: impl Fn(OAuthError) -> Failure,
    ) -> Result<Self, Failure> {
        let Some(hash) = pushed_hash(app, request_uri) else {
            // RFC 9101 §5.2: nothing is fetched that a stranger names.
            let code = ErrorCode::RequestUriNotSupported;
            return Err(outside(OAuthError::new(code, "request objects are never fetched")));
        };
        // RFC 9126 §4: bound to the client that pushed it. FAPI 2.0 §5.3.2.2: who loads the page once more meanwhile does not
        // use it up; that is for the code to do.
        let kept = app.store.pushed_request(&hash, named.0.id.as_str(), app.clock.now()).await;
        let pushed = kept.map_err(|error| Failure::page(ErrorKind::Unavailable, error.into()))?;
        let pushed = pushed.ok_or_else(|| {
            let description = "the request_uri is unknown, used, expired, or of another client";
            let error = OAuthError::new(ErrorCode::InvalidRequestUri, description);
            Failure::page(ErrorKind::SignInExpired, error)
        })?;
        let mut request = Self::read_kept(app, &pushed, Carried::Pushed, named)?;
        request.pushed = Some(PushedUse { hash });
        Ok(request)
    }

    /// Reads parameters that were made into a form here: of an object, or of what was pushed.
    fn read_kept(
        app: &App,
        parameters: &str,
        carried: Carried,
        named: Named<'_>,
    ) -> Result<Self, Failure> {
        let (form, repeats) = Form::read(parameters.as_bytes()).map_err(malformed)?;
        Self::read_parameters(app, Parameters { form: &form, repeats, carried }, named)
    }
}

/// Refuses a request whose own parameters cannot be read. What stands beside them is believed in one thing only: a
/// `redirect_uri` that is registered is the client's, whoever wrote it there.
fn refuse_outside(form: &Form<'_>, (client, sign_in): Named<'_>, error: OAuthError) -> Failure {
    let target = redirect_target(form, client.id.as_str(), sign_in).ok();
    match target.filter(|_| form.value("redirect_uri").is_some()) {
        Some(target) => target.refuse(error),
        None => Failure::page(ErrorKind::InvalidRequest, error),
    }
}

/// The hash of a pushed request's URI; none for any other URI.
fn pushed_hash(app: &App, request_uri: &str) -> Option<String> {
    let id = request_uri.strip_prefix(PUSHED_PREFIX)?;
    Some(app.sealer.mac_text(Purpose::PushedRequest, &[id.as_bytes()]))
}

fn malformed(_: FormError) -> Failure {
    let error = OAuthError::server_error("a kept request is not a form");
    Failure::page(ErrorKind::ServerError, error)
}
