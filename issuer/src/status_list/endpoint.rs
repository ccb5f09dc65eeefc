//! `GET /status-lists/{number}` (draft-ietf-oauth-status-list §8.1): for everybody. It says of no token whose it is.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::list::{KEPT_ON_THE_WAY, made};
use crate::app::App;
use crate::conditional::is_known;
use crate::cors::AnyOrigin;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;

/// The handler.
pub async fn endpoint(
    State(app): State<Arc<App>>,
    Path(list): Path<String>,
    headers: HeaderMap,
) -> (AnyOrigin, Response) {
    let answer = answer(&app, &list, &headers).await;
    (AnyOrigin, answer.unwrap_or_else(OAuthError::into_response))
}

async fn answer(app: &App, list: &str, headers: &HeaderMap) -> Result<Response, OAuthError> {
    // What a node that lost the database does not know would be called good.
    app.freshness.require(app.clock.elapsed())?;
    let unknown = || OAuthError::new(ErrorCode::NotFound, "there is no such list");
    let list = list.parse().map_err(|_| unknown())?;
    let made = made(app, list).await?.ok_or_else(unknown)?;
    let kept = HeaderValue::from_static(KEPT_ON_THE_WAY);
    let validators = [(header::ETAG, made.etag.clone()), (header::CACHE_CONTROL, kept)];
    if is_known(headers, &made.etag) {
        return Ok((StatusCode::NOT_MODIFIED, validators).into_response());
    }
    let media_type = HeaderValue::from_static("application/statuslist+jwt");
    Ok((validators, [(header::CONTENT_TYPE, media_type)], made.token.clone()).into_response())
}
