//! A status list: the rows of its tokens against what is revoked, as bits (draft-ietf-oauth-status-list §4.1), compressed and
//! signed (§5.1).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::json;

use super::{PLACES, uri};
use crate::app::App;
use crate::error::OAuthError;
use crate::random;
use crate::revocation::KeptMarks;
use crate::signing::TokenType;
use crate::store::StatusToken;

/// Seconds for which a verifier may keep a list. With those for which it is kept here and on the way it is less than a minute.
pub(super) const TTL_SECONDS: i64 = 45;

/// Seconds for which it may be kept on the way. A cache that lost the issuer must say so, and not repeat what it knows.
pub(super) const KEPT_ON_THE_WAY: &str = "public, max-age=5, must-revalidate";

/// Seconds after which it is good for nothing.
const LIFETIME_SECONDS: i64 = 3_600;

/// For so long a list is kept here.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// It is not made anew for so long, whatever was revoked: anybody may ask.
const LEAST_AGE: Duration = Duration::from_secs(5);

/// §4.1: as small as it gets.
const COMPRESSION: u8 = 9;

/// A list as it is sent.
pub(super) struct Made {
    pub(super) token: Bytes,
    pub(super) etag: HeaderValue,
    /// Monotonic: wall time may be turned back.
    at: Duration,
    /// The newest revocation then.
    head: i64,
}

impl Made {
    fn is_good(&self, app: &App) -> bool {
        let is_news = self.head != app.revocations.head();
        self.is_younger(if is_news { LEAST_AGE } else { KEPT_FOR }, app.clock.elapsed())
    }

    /// Whether it may serve at `now` (monotonic), if nothing new was revoked.
    pub(super) fn may_serve(&self, now: Duration) -> bool {
        self.is_younger(KEPT_FOR, now)
    }

    fn is_younger(&self, than: Duration, now: Duration) -> bool {
        now.saturating_sub(self.at) < than
    }
}

/// The list with this number; `None` if no token is in it that lives.
///
/// # Errors
///
/// `temporarily_unavailable` if the store does not answer; `server_error` without a key.
pub(super) async fn made(app: &App, list: i64) -> Result<Option<Arc<Made>>, OAuthError> {
    let lists = &app.status_lists;
    let kept = match lists.kept(list) {
        Some(kept) => kept,
        // Anybody may ask for any number: who asks for none that is a list delays nobody who asks for one.
        None if !app.store.has_status_tokens(list, app.clock.now()).await? => return Ok(None),
        None => lists.keep(list),
    };
    let mut kept = kept.lock().await;
    if let Some(made) = kept.as_ref().filter(|made| made.is_good(app)) {
        return Ok(Some(Arc::clone(made)));
    }
    // It is never closed.
    let _turn = lists.turns.acquire().await;
    // Read first: what is revoked meanwhile makes the list old.
    let (head, at) = (app.revocations.head(), app.clock.elapsed());
    let Some(bits) = bits(app, list).await? else {
        lists.end(list);
        return Ok(None);
    };
    let (token, etag) = sign(app, list, &bits)?;
    Ok(Some(Arc::clone(kept.insert(Arc::new(Made { token, etag, at, head })))))
}

/// §4.1: one bit a token, the first in the lowest bit of the first byte; set if it was revoked.
async fn bits(app: &App, list: i64) -> Result<Option<Vec<u8>>, OAuthError> {
    let mut bits = vec![0_u8; PLACES / 8];
    let (mut after, mut is_empty) = (-1, true);
    loop {
        let page = app.store.status_tokens(list, (after, app.clock.now())).await?;
        let Some(furthest) = page.last() else { break };
        (after, is_empty) = (furthest.idx, false);
        for token in page.iter().filter(|token| is_revoked(app, token)) {
            let idx = usize::try_from(token.idx).unwrap_or(usize::MAX);
            if let Some(byte) = bits.get_mut(idx / 8) {
                *byte |= 1 << (idx % 8);
            }
        }
    }
    Ok((!is_empty).then_some(bits))
}

/// As every door asks of a token that comes.
fn is_revoked(app: &App, token: &StatusToken) -> bool {
    let kept = serde_json::from_str::<KeptMarks>(&token.marks);
    // Of a row that cannot be read nobody knows that its token is good.
    kept.map_or(true, |kept| kept.judged(|marks| app.revocations.match_any(marks)))
}

/// The list as it is sent, and its tag.
fn sign(app: &App, list: i64, bits: &[u8]) -> Result<(Bytes, HeaderValue), OAuthError> {
    let now = app.clock.now();
    let compressed = URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(bits, COMPRESSION));
    let claims = json!({
        "iss": app.config.issuer.as_str(),
        "sub": uri(&app.config.issuer, list),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "ttl": TTL_SECONDS,
        "status_list": { "bits": 1, "lst": compressed },
    });
    let algorithm = app.registry.load().own_resource().algorithm;
    let payload = claims.to_string();
    let token = app.keychain.live().sign(TokenType::StatusList, algorithm, payload.as_bytes())?;
    let etag = HeaderValue::try_from(format!("\"{}\"", random::jti()));
    let etag = etag.unwrap_or(HeaderValue::from_static("\"\""));
    Ok((token.into(), etag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_list::StatusLists;

    #[tokio::test]
    async fn a_list_that_serves_nobody_is_let_go() {
        let lists = StatusLists::default();
        let tag = HeaderValue::from_static("\"\"");
        for (list, seconds) in [(1, 0), (2, 30)] {
            let at = Duration::from_secs(seconds);
            let made = Made { token: Bytes::new(), etag: tag.clone(), at, head: 0 };
            *lists.keep(list).lock().await = Some(Arc::new(made));
        }

        lists.forget(KEPT_FOR);

        assert!(lists.kept(1).is_none() && lists.kept(2).is_some());
    }
}
