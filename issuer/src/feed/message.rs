//! One message: a security event token (RFC 8417) about a part of the sequence, signed by an ordinary signing key.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use countersign_keys::Algorithm;
use serde::Serialize;
use serde_json::value::RawValue;

use super::pages::Asked;
use super::resource;
use crate::app::App;
use crate::error::OAuthError;
use crate::random;
use crate::revocation::Numbered;
use crate::signing::{LiveKeys, TokenType};
use crate::store::RevocationPage;

/// The payload, in the order in which it is written.
#[derive(Serialize)]
struct Claims<'m> {
    iss: &'m str,
    aud: &'m str,
    iat: i64,
    jti: &'m str,
    events: Events<'m>,
}

/// RFC 8417 §2.2: one event.
#[derive(Serialize)]
struct Events<'m> {
    #[serde(rename = "urn:countersign:event:revocations")]
    revocations: Told<'m>,
}

#[derive(Serialize)]
struct Told<'m> {
    feed: &'m str,
    after: i64,
    seq: i64,
    head: i64,
    revoked: Vec<&'m RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    jwks_changed: bool,
}

/// A signed message.
#[derive(Debug)]
pub(super) struct Message {
    /// The entries that live above this number,
    pub(super) after: i64,
    /// and up to this one are in it.
    pub(super) seq: i64,
    /// The newest number.
    pub(super) head: i64,
    /// Whether it says that the keys changed.
    pub(super) jwks_changed: bool,
    /// The token.
    pub(super) token: Bytes,
    /// Made once for all who listen.
    frame: OnceLock<Bytes>,
}

impl Message {
    pub(super) fn new(
        (after, seq, head): (i64, i64, i64),
        jwks_changed: bool,
        token: Bytes,
    ) -> Self {
        Self { after, seq, head, jwks_changed, token, frame: OnceLock::new() }
    }

    /// Whether it says more than that nothing is new.
    pub(super) fn is_news(&self) -> bool {
        self.seq > self.after || self.jwks_changed
    }

    /// As it stands in a stream (HTML standard §9.2.6).
    pub(super) fn frame(&self) -> Bytes {
        let made = || {
            let begin = format!("id: {}\nevent: set\ndata: ", self.seq);
            [begin.as_bytes(), &self.token, b"\n\n"].concat().into()
        };
        self.frame.get_or_init(made).clone()
    }
}

/// The live entries after a number, as many as fit; one message for all who ask for them within a moment.
///
/// # Errors
///
/// `temporarily_unavailable` if the store does not answer; `server_error` without a key.
pub(super) async fn shared(app: &App, after: i64) -> Result<Arc<Message>, OAuthError> {
    let keys_changed_at = app.feed.keys_news(app.clock.now());
    let asked = Asked { after, keys_changed_at };
    let at = (app.revocations.head(), app.clock.elapsed());
    app.feed.pages.get(asked, at, self::after(app, after, keys_changed_at.is_some())).await
}

/// The same, made now.
///
/// # Errors
///
/// As [`shared`].
pub(super) async fn after(
    app: &App,
    after: i64,
    jwks_changed: bool,
) -> Result<Message, OAuthError> {
    sign(app, (after, &page(app, after).await?), jwks_changed)
}

/// The entries themselves.
///
/// # Errors
///
/// `temporarily_unavailable` if the store does not answer.
pub(super) async fn page(app: &App, after: i64) -> Result<RevocationPage, OAuthError> {
    Ok(match app.revocations.recent_after(after) {
        Some((head, entries)) => RevocationPage { seq: head, head, entries },
        None => app.store.revocations_after(after, app.clock.now()).await?,
    })
}

/// Signs a message about a page that begins after a number.
///
/// # Errors
///
/// `server_error` without a key.
pub(super) fn sign(
    app: &App,
    (after, page): (i64, &RevocationPage),
    jwks_changed: bool,
) -> Result<Message, OAuthError> {
    let now = app.clock.now();
    // What was the newest number when the database was last seen may have been followed by others since.
    let unseen = app.freshness.age(app.clock.elapsed()).as_secs();
    let is_live = |entry: &&Numbered| entry.expires_at >= now && entry.seq <= page.seq;
    // The page is bounded, in memory (`revocation`) as in the store.
    let live = page.entries.iter().filter(is_live);
    let revoked = live.map(|entry| serde_json::from_str(&entry.text)).collect::<Result<_, _>>();
    let revoked = revoked.map_err(|error: serde_json::Error| {
        OAuthError::server_error(format!("an entry is damaged: {error}"))
    })?;
    // A receiver that knows more than the database learns of it by a head below its own.
    let (seq, head) = (page.seq.min(page.head), page.head);
    let told =
        Told { feed: app.feed.id(), after: after.min(head), seq, head, revoked, jwks_changed };
    let claims = Claims {
        iss: app.config.issuer.as_str(),
        aud: &resource(&app.config.issuer),
        iat: now - i64::try_from(unseen).unwrap_or_default(),
        jti: &random::jti(),
        events: Events { revocations: told },
    };
    let payload = serde_json::to_vec(&claims)
        .map_err(|error| OAuthError::server_error(format!("a message failed: {error}")))?;
    let keys = app.keychain.live();
    let token = keys.sign(TokenType::SecurityEvent, algorithm(app, &keys), &payload)?;
    Ok(Message::new((after.min(head), seq, head), jwks_changed, token.into()))
}

/// RS256 where the issuer has it: a message is signed once and checked by every recipient, and RSA is checked in a third of
/// the time.
fn algorithm(app: &App, keys: &LiveKeys) -> Algorithm {
    let mut offered = app.config.offered_algorithms();
    let quick = offered.find(|algorithm| *algorithm == Algorithm::Rs256 && keys.has(*algorithm));
    quick.unwrap_or_else(|| app.registry.load().own_resource().algorithm)
}
