//! HMAC-SHA256 with a key of the issuer (sealed in the store) for what is drawn at random: codes and links are kept as
//! digests, and a ticket carries the state of a ceremony through the page, so that an unfinished one leaves no row.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Refusal;

/// Makes digests and tickets. Prints nothing of its key.
pub struct KeyedHash(hmac::Key);

/// What a digest is of: one never stands for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A recovery code; the context is its user.
    RecoveryCode,
    /// A one-time link; the context is its purpose.
    Link,
    /// A ticket; the context is the ceremony.
    Ticket,
    /// The record of a finished ceremony.
    Ceremony,
}

/// A ticket that is genuine and in time.
pub(super) struct OpenTicket<T> {
    pub(super) state: T,
    pub(super) expires_at: i64,
    /// Under which the ceremony is consumed.
    pub(super) digest: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Body<T> {
    expires_at: i64,
    state: T,
}

impl KeyedHash {
    /// With the store's sealed key.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The digest of a value, bound to what it is used for and to a context.
    pub fn digest(&self, purpose: Use, context: &str, value: &[u8]) -> [u8; 32] {
        let label: &[u8] = match purpose {
            Use::RecoveryCode => b"recovery code",
            Use::Link => b"one-time link",
            Use::Ticket => b"ticket",
            Use::Ceremony => b"ceremony",
        };
        let mut hmac = hmac::Context::with_key(&self.0);
        for part in [label, &[0], context.as_bytes(), &[0], value] {
            hmac.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac.sign().as_ref());
        digest
    }

    /// A value for the page that nobody can alter. It is not encrypted: whoever holds the page may read it.
    pub(super) fn ticket<T: Serialize>(
        &self,
        ceremony: &str,
        state: T,
        expires_at: i64,
    ) -> Option<String> {
        let body = serde_json::to_vec(&Body { expires_at, state }).ok()?;
        let mac = self.digest(Use::Ticket, ceremony, &body);
        Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(&body), URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Opens a ticket of the same ceremony.
    pub(super) fn open_ticket<T: DeserializeOwned>(
        &self,
        ceremony: &str,
        ticket: &str,
        now: i64,
    ) -> Result<OpenTicket<T>, Refusal> {
        let (body, mac) = ticket.split_once('.').ok_or(Refusal::Wrong)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Refusal::Wrong)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| Refusal::Wrong)?;
        let expected = self.digest(Use::Ticket, ceremony, &body);
        constant_time::verify_slices_are_equal(&expected, &mac).map_err(|_| Refusal::Wrong)?;
        let Body { expires_at, state } =
            serde_json::from_slice(&body).map_err(|_| Refusal::Wrong)?;
        if now >= expires_at {
            return Err(Refusal::Expired);
        }
        let digest = self.digest(Use::Ceremony, ceremony, &body);
        Ok(OpenTicket { state, expires_at, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_unaltered_in_time_and_for_its_ceremony_only() {
        let keyed = KeyedHash::new(&[7; 32]);
        let ticket = keyed.ticket("registration", "state", 100).unwrap();
        let open = |ceremony: &str, ticket: &str, now| {
            keyed.open_ticket::<String>(ceremony, ticket, now).map(|open| open.state)
        };

        assert_eq!(open("registration", &ticket, 99), Ok("state".to_owned()));
        assert_eq!(open("registration", &ticket, 100), Err(Refusal::Expired));
        assert_eq!(open("sign-in", &ticket, 99), Err(Refusal::Wrong));
        for position in 0..ticket.len() {
            let mut altered = ticket.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            // The last character of base64 may carry bits that decode to nothing; strict decoding refuses them.
            assert_eq!(open("registration", &altered, 99), Err(Refusal::Wrong), "{position}");
        }
    }
}
