//! `GET /feed`: a stream of messages (HTML standard §9.2), or one message, from which a verifier asks on until it has all.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_verifier::claims::Claim;
use countersign_verifier::credential::Carriers;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::message::{self, Message};
use super::subscription::Subscription;
use super::{PATH, SCOPE, resource};
use crate::app::App;
use crate::binding;
use crate::conditional::{accepts, tags};
use crate::error::{DPOP_NONCE, OAuthError};
use crate::inbound::SignedHere;
use crate::protected::{self, Presented, invalid, refusal, uncarried};
use crate::protocol::{ErrorCode, Identity};

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&app, &parts).await.unwrap_or_else(|error| refusal(&app, PATH, error))
}

async fn answer(app: &Arc<App>, parts: &Parts) -> Result<Response, OAuthError> {
    // Who follows a node that has lost the database is told nothing; another one knows more.
    app.freshness.require(app.clock.elapsed())?;
    let credential = Carriers::bearer().find(parts, None).map_err(uncarried)?;
    let audience = resource(&app.config.issuer);
    let Presented { token, proof } =
        protected::presented(app, parts, (PATH, &audience), &credential)?;
    require_reader(&token)?;
    let after = position(parts)?;
    let nonce = proof.as_ref().and_then(|proof| proof.next_nonce()).map(HeaderValue::try_from);
    if let Some(proof) = &proof {
        binding::use_up(app, proof, ErrorCode::ProofRefused).await?;
    }
    let mut response = if accepts(&parts.headers, "text/event-stream") {
        stream(Subscription::begin(app, token, after)?)
    } else {
        single(app, &parts.headers, after).await?
    };
    if let Some(Ok(nonce)) = nonce {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    Ok(response)
}

fn require_reader(token: &SignedHere) -> Result<(), OAuthError> {
    if token.claims.text(Claim::Idtyp) != Some(Identity::App.idtyp()) {
        return Err(invalid("it is not of an app"));
    }
    if token.claims.list(Claim::Scope).any(|scope| scope == SCOPE) {
        return Ok(());
    }
    let description = "the access token has not the scope feed:read";
    Err(OAuthError::new(ErrorCode::InsufficientScope, description))
}

/// Up to which number the verifier knows everything: by the event that it heard last, else by what it asks for.
fn position(parts: &Parts) -> Result<i64, OAuthError> {
    let last = parts.headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let query = parts.uri.query().unwrap_or_default();
    let mut asked = form_urlencoded::parse(query.as_bytes());
    let asked = asked.find(|(name, _)| name == "after").map(|(_, value)| value);
    let Some(number) = last.or(asked.as_deref()) else { return Ok(0) };
    let number = number.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| OAuthError::invalid_request("after is not a number"))
}

fn stream(subscription: Subscription) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would keep the messages back.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(subscription.frames())).into_response()
}

/// Whoever has the same part of the sequence need not get it once more, and is told so from memory; that it is still all there
/// is, only a message says.
async fn single(app: &App, headers: &HeaderMap, after: i64) -> Result<Response, OAuthError> {
    let head = app.revocations.head();
    let (begin, end) = (format!("\"{} {after} ", app.feed.id()), format!(" {head}\""));
    let is_same = |tag: &&[u8]| tag.starts_with(begin.as_bytes()) && tag.ends_with(end.as_bytes());
    if let Some(tag) = tags(headers).find(is_same).map(HeaderValue::from_bytes) {
        let tag = tag.unwrap_or(HeaderValue::from_static("\"\""));
        return Ok((StatusCode::NOT_MODIFIED, validators(tag)).into_response());
    }
    let message = message::shared(app, after).await?;
    let Message { after, seq, head, token, .. } = &*message;
    let tag = HeaderValue::try_from(format!("\"{} {after} {seq} {head}\"", app.feed.id()));
    let tag = tag.unwrap_or(HeaderValue::from_static("\"\""));
    let media_type = HeaderValue::from_static("application/secevent+jwt");
    Ok((validators(tag), [(header::CONTENT_TYPE, media_type)], token.clone()).into_response())
}

fn validators(tag: HeaderValue) -> [(header::HeaderName, HeaderValue); 2] {
    let kept = HeaderValue::from_static("private, no-cache");
    [(header::ETAG, tag), (header::CACHE_CONTROL, kept)]
}
