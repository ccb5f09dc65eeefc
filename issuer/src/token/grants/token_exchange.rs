//! The token exchange grant (RFC 8693 §2): a service exchanges the token that it was given for one to the next service, or
//! an app an assertion about a user. Read here is what is brought; for whom, and where, is for the policy to say.

use std::borrow::Cow;

use countersign_verifier::binding::Confirmation;

use super::{
    Asserted, Authorization, Authorizing, Commit, GrantRefusal, Subject, TokenRequest, jwt_bearer,
};
use crate::app::App;
use crate::binding;
use crate::error::OAuthError;
use crate::inbound;
use crate::protocol::{ErrorCode, Identity};
use crate::registry::Client;
use crate::token::client_auth::assertion::AssertionUse;
use crate::token::subject_token::{About, SubjectToken};

/// Its `grant_type`.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What is brought and what is issued (RFC 8693 §3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An assertion about a user, which the client signed (RFC 7523), as in the JWT bearer grant.
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A token of which a client wants another.
pub struct Exchanged {
    /// It.
    pub token: SubjectToken,
    /// The client showed a token of its own: it wants to be named.
    pub has_actor: bool,
}

pub(super) fn authorize(request: TokenRequest<'_>) -> Authorizing<'_> {
    Box::pin(async move {
        let form = request.form;
        let subject_token = request.required("subject_token", "subject_token is missing")?;
        let kind = request.required("subject_token_type", "subject_token_type is missing")?;
        require_issued_type(form.value("requested_token_type"))?;
        let resources = targets(request);
        let has_actor = has_actor(request)?;
        let (subject, commit) = match kind {
            ACCESS_TOKEN_TYPE => {
                let token = subject(request, subject_token).map_err(bad_subject_token)?;
                (Subject::Exchanged(Box::new(Exchanged { token, has_actor })), Commit::Nothing)
            }
            JWT_TYPE => {
                let read = jwt_bearer::read(request, subject_token).await;
                let (asserted, used) = read.map_err(bad_assertion)?;
                let issued_token_type = Some(ACCESS_TOKEN_TYPE);
                let asserted = Asserted { issued_token_type, ..asserted };
                (Subject::Asserted(asserted), Commit::UseSubjectToken(used))
            }
            _ => {
                let description = "the subject_token_type must be that of an access token or a JWT";
                return Err(OAuthError::invalid_request(description).into());
            }
        };
        Ok(Authorization { subject, resources, scope: form.value("scope"), commit })
    })
}

/// RFC 8693 §2.1: only access tokens are issued, whether the client says so or not.
fn require_issued_type(requested: Option<&str>) -> Result<(), OAuthError> {
    if requested.is_none_or(|kind| kind == ACCESS_TOKEN_TYPE) {
        return Ok(());
    }
    Err(OAuthError::invalid_request("the requested_token_type must be that of an access token"))
}

/// RFC 8693 §2.1: a target has an address or a name; here both are the identifier of a resource.
fn targets(request: TokenRequest<'_>) -> Vec<Cow<'_, str>> {
    let mut targets = request.resources();
    let named = request.form.values("audience").map(Cow::Borrowed);
    for audience in named {
        if !targets.contains(&audience) {
            targets.push(audience);
        }
    }
    targets
}

/// Whether the client shows who it is by a token of its own, beside having authenticated.
fn has_actor(request: TokenRequest<'_>) -> Result<bool, OAuthError> {
    let (token, kind) = (request.form.value("actor_token"), request.form.value("actor_token_type"));
    match (token, kind) {
        (None, None) => Ok(false),
        (Some(token), Some(kind)) if kind == ACCESS_TOKEN_TYPE => {
            let (actor, bound_to) = read(request.app, token).map_err(bad_actor_token)?;
            require_own(&actor, request.client).map_err(bad_actor_token)?;
            binding::compare(bound_to.as_ref(), request.binding)
                .map_err(|error| bad_actor_token(error.cause))?;
            Ok(true)
        }
        (Some(_), Some(_)) => {
            Err(OAuthError::invalid_request("the actor_token_type must be that of an access token"))
        }
        // RFC 8693 §2.1: one is never without the other.
        _ => Err(OAuthError::invalid_request(
            "actor_token and actor_token_type come together or not at all",
        )),
    }
}

/// Nobody else can act through this client: the actor token is its own, and at first hand.
fn require_own(actor: &SubjectToken, client: &Client) -> Result<(), Cow<'static, str>> {
    let is_own = matches!(&actor.about, About::App(app) if app == client.id.as_str());
    if actor.identity == Identity::App && is_own && actor.actors.is_empty() {
        return Ok(());
    }
    Err("it is not a token of the client itself".into())
}

/// Uses up an assertion that came as a subject token.
pub(super) async fn commit(app: &App, used: &AssertionUse) -> Result<(), GrantRefusal> {
    jwt_bearer::commit(app, used).await.map_err(|refusal| bad_assertion(refusal.error).into())
}

/// The token that the client was given. If it is bound to a key, the client showed none of it and cannot: the proof was for
/// the request that brought it. What comes of it is bound too, to a key of the client's, and never a bearer token.
fn subject(request: TokenRequest<'_>, token: &str) -> Result<SubjectToken, Cow<'static, str>> {
    let (token, bound_to) = read(request.app, token)?;
    if bound_to.is_some() && request.binding.is_none() {
        return Err("it is bound to a key, and the request proves none".into());
    }
    Ok(token)
}

fn read(app: &App, token: &str) -> Result<(SubjectToken, Option<Confirmation>), Cow<'static, str>> {
    let (claims, bound_to) = inbound::exchangeable_token(app, token)?;
    let token = SubjectToken::read(app.config.issuer.as_str(), &claims);
    Ok((token.ok_or("its claims do not say whose it is")?, bound_to))
}

/// RFC 8693 §2.2.2: a token that is not good makes the request invalid; the cause is for the log.
fn bad_subject_token(cause: Cow<'static, str>) -> OAuthError {
    let description = "the subject_token is malformed, expired, bound while the request is not, or not of this issuer";
    OAuthError::because(ErrorCode::InvalidRequest, description, cause)
}

/// The same for an assertion, which another grant would answer with `invalid_grant`.
fn bad_assertion(error: OAuthError) -> OAuthError {
    match error.code {
        ErrorCode::InvalidGrant => {
            OAuthError::because(ErrorCode::InvalidRequest, error.description, error.cause)
        }
        _ => error,
    }
}

fn bad_actor_token(cause: Cow<'static, str>) -> OAuthError {
    let description = "the actor_token must be an app token of the client itself";
    OAuthError::because(ErrorCode::InvalidRequest, description, cause)
}
