//! A message of the feed: a security event token (RFC 8417), signed by the issuer, so that whoever relays it need not be
//! trusted. Read strictly; what it means for the receiver is `follower`.

use std::borrow::Cow;

#[cfg(feature = "remote")]
use base64::Engine as _;
#[cfg(feature = "remote")]
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::UnverifiedJws;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::entry::{Entry, Written};
use crate::claims::{Claim, ClaimError, StandardClaims};
use crate::profile::HeaderType;

/// RFC 8417 §2.3: explicitly typed, so that nothing else is ever taken for one.
pub(crate) const HEADER_TYPE: HeaderType = HeaderType::Required(&["secevent+jwt"]);
/// The one event of a message (decision 0031).
#[cfg(feature = "testing")]
pub(crate) const EVENT: &str = "urn:countersign:event:revocations";
/// 2,000 entries have some 300 KiB.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Above, JSON numbers stop being exact (RFC 8259 §6).
const MAX_NUMBER: u64 = 1 << 53;

/// What a message says. Its signature holds, and it is of our issuer for this feed.
#[derive(Debug)]
pub(crate) struct Message {
    claims: StandardClaims,
    pub(crate) issued_at: i64,
}

/// Where in the sequence it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    pub(crate) feed: String,
    pub(crate) after: u64,
    pub(crate) seq: u64,
    pub(crate) head: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Events<'m> {
    #[serde(borrow, rename = "urn:countersign:event:revocations")]
    told: Told<'m>,
}

/// A member that is not known has no effect: what narrows an entry is inside of it.
#[derive(Deserialize)]
pub(crate) struct Told<'m> {
    #[serde(borrow)]
    feed: Cow<'m, str>,
    after: u64,
    seq: u64,
    head: u64,
    #[serde(borrow, default)]
    revoked: Vec<&'m RawValue>,
    #[serde(default)]
    pub(crate) jwks_changed: bool,
}

impl Message {
    /// Judges the claims of a token whose type and signature hold. `now` is Unix time in seconds.
    pub(crate) fn judge(
        claims: StandardClaims,
        (issuer, audience): (&str, &str),
        (now, skew): (i64, i64),
    ) -> Result<Self, ClaimError> {
        if claims.issuer().ok_or(ClaimError::Missing(Claim::Iss))? != issuer {
            return Err(ClaimError::WrongIssuer);
        }
        // For this feed and nothing else: a message to another receiver may say less.
        if !claims.audiences().eq([audience]) {
            return Err(ClaimError::WrongAudience);
        }
        // RFC 8417 §2.2: both are required.
        if claims.token_id().is_none_or(str::is_empty) {
            return Err(ClaimError::Missing(Claim::Jti));
        }
        let issued_at = claims.issued_at().ok_or(ClaimError::Missing(Claim::Iat))?;
        if issued_at > now.saturating_add(skew) {
            return Err(ClaimError::IssuedInFuture);
        }
        Ok(Self { claims, issued_at })
    }

    /// What it reports.
    pub(crate) fn told(&self) -> Result<Told<'_>, ClaimError> {
        let events = self.claims.object(Claim::Events).ok_or(ClaimError::Missing(Claim::Events))?;
        let told = serde_json::from_str::<Events<'_>>(events);
        let told = told.map_err(|_| ClaimError::WrongEvents)?.told;
        let is_in_order = told.after <= told.seq && told.seq <= told.head && told.head < MAX_NUMBER;
        let is_named = (1..=128).contains(&told.feed.len());
        if is_in_order && is_named { Ok(told) } else { Err(ClaimError::WrongEvents) }
    }
}

/// What a message says of itself. Nothing of it is verified: it serves to leave messages out, as any relay may.
#[cfg(feature = "remote")]
pub(crate) struct Unverified {
    pub(crate) issued_at: i64,
    pub(crate) position: Position,
    pub(crate) jwks_changed: bool,
}

#[cfg(feature = "remote")]
impl Unverified {
    pub(crate) fn read(message: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Payload<'m> {
            iat: i64,
            #[serde(borrow)]
            events: Events<'m>,
        }
        let payload = URL_SAFE_NO_PAD.decode(message.split('.').nth(1)?).ok()?;
        let Payload { iat, events } = serde_json::from_slice(&payload).ok()?;
        let (position, jwks_changed) = (events.told.position(), events.told.jwks_changed);
        Some(Self { issued_at: iat, position, jwks_changed })
    }
}

impl Told<'_> {
    pub(crate) fn position(&self) -> Position {
        let feed = self.feed.clone().into_owned();
        Position { feed, after: self.after, seq: self.seq, head: self.head }
    }

    /// The entries; none for one that is not understood.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Option<Entry<'_>>> {
        self.revoked.iter().map(|json| {
            let written = serde_json::from_str::<Written<'_>>(json.get()).ok();
            written.and_then(Written::understood)
        })
    }
}

/// The form of a message, before its signature.
pub(crate) fn parse(message: &str) -> Result<UnverifiedJws<'_>, countersign_keys::JwsError> {
    UnverifiedJws::parse_within(message, MAX_MESSAGE_BYTES)
}

#[cfg(all(test, feature = "testing", feature = "remote"))]
mod tests {
    use super::*;
    use crate::testing::TestIssuer;

    #[test]
    fn where_a_message_stands_is_read_of_ours_alone() {
        let issuer = TestIssuer::new("https://issuer.example");
        issuer.revoke_jti("t1");
        issuer.revoke_jti("t2");

        let read = Unverified::read(&issuer.feed_message(1).mint()).unwrap();

        let feed = "test".to_owned();
        assert_eq!(read.position, Position { feed, after: 1, seq: 2, head: 2 });
        let other = format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(r#"{"iat":1,"events":{}}"#));
        for message in ["", "a.b.c", "e30.e30.e30", &other] {
            assert!(Unverified::read(message).is_none(), "{message}");
        }
    }
}
