//! `GET /feed`: a stream of messages (HTML standard §9.2), or one message, from which a verifier asks on until it has all.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::message::{self, Message};
use super::subscription::Subscription;
use super::{PATH, SCOPE, resource};
use crate::app::App;
use crate::app_caller::{AppCaller, Door};
use crate::conditional::{accepts, tags};
use crate::error::OAuthError;
use crate::protected::refusal;

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    answer(&app, &parts).await.unwrap_or_else(|error| refusal(&app, PATH, error))
}

async fn answer(app: &Arc<App>, parts: &Parts) -> Result<Response, OAuthError> {
    let door = Door {
        path: PATH,
        audience: resource(&app.config.issuer),
        scopes: &[SCOPE],
        otherwise: "the access token has not the scope feed:read",
    };
    let caller = Arc::new(AppCaller::of(app, parts, door).await?);
    let after = position(parts)?;
    let response = if accepts(&parts.headers, "text/event-stream") {
        stream(Subscription::begin(app, Arc::clone(&caller), after)?)
    } else {
        single(app, &parts.headers, after).await?
    };
    Ok(caller.told(response))
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
