//! The refresh token grant (RFC 6749 §6, RFC 9700 §4.14): each token is good once, and then the next one is; but that of a
//! client that is held to FAPI 2.0 stays as it is.
//!
//! The tokens of a family are computed from its id and a counter, so that the database holds none, and so that a client
//! whose answer was lost gets the same successor again for a short while. Whoever comes with any other old token proves
//! that a token was stolen: the family ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::{
    Authorization, Authorizing, Commit, GrantRefusal, SignedIn, Subject, TokenRequest,
    invalid_grant,
};
use crate::app::App;
use crate::binding::Binding;
use crate::registry::Client;
use crate::sealer::{Purpose, Sealer};
use crate::store::RefreshFamily;

/// One token of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The family.
    pub family: Uuid,
    /// Which of its tokens.
    pub counter: u32,
}

impl RefreshToken {
    /// The first token of a family.
    pub fn first(family: Uuid) -> Self {
        Self { family, counter: 0 }
    }

    /// The token that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self { counter: self.counter.wrapping_add(1), ..self }
    }

    /// As it is handed out: id, counter, and 256 bits that only the issuer can compute.
    pub fn to_text(self, sealer: &Sealer) -> String {
        let counter = self.counter.to_be_bytes();
        let mac = sealer.mac(Purpose::RefreshToken, &[self.family.as_bytes(), &counter]);
        URL_SAFE_NO_PAD.encode([self.family.as_bytes().as_slice(), &counter, &mac].concat())
    }

    /// Reads what [`RefreshToken::to_text`] wrote, and nothing else.
    pub fn open(sealer: &Sealer, text: &str) -> Option<Self> {
        let bytes: [u8; 52] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (counter, mac) = rest.split_first_chunk::<4>()?;
        let token = Self { family: Uuid::from_bytes(*id), counter: u32::from_be_bytes(*counter) };
        let expected = sealer.mac(Purpose::RefreshToken, &[id, counter]);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected, mac).ok()?;
        Some(token)
    }
}

/// A token, and the one that is good after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succession {
    token: RefreshToken,
    successor: RefreshToken,
}

impl Succession {
    /// FAPI 2.0 §5.3.2.1 item 9: its clients authenticate for each use with more than a secret, so that a stolen token is
    /// of no use, while one that is replaced can be lost.
    fn of(token: RefreshToken, client: &Client) -> Self {
        Self { token, successor: if client.fapi2 { token } else { token.next() } }
    }
}

/// The family that begins with what a user granted, if the client is registered to refresh; its first token is handed out.
pub(super) fn begin(request: TokenRequest<'_>, signed_in: &mut SignedIn) -> Option<RefreshFamily> {
    if !request.client.grants.iter().any(|grant| grant == "refresh_token") {
        return None;
    }
    let now = request.app.clock.now();
    let limits = &request.app.config.refresh_tokens;
    signed_in.refresh_token = Some(RefreshToken::first(signed_in.grant_id));
    Some(RefreshFamily {
        id: signed_in.grant_id,
        client_id: request.client.id.to_string(),
        user_id: signed_in.user_id,
        session_id: signed_in.session_id,
        counter: 0,
        rotated_at: now,
        scopes: signed_in.scopes.clone(),
        resources: signed_in.resources.clone(),
        auth_time: signed_in.auth_time,
        amr: signed_in.amr.clone(),
        claims: signed_in.claims.clone(),
        // RFC 9449 §5, RFC 8705 §4: what nothing else protects is bound; a confidential client may change its key.
        bound_to: request.binding.filter(|_| request.client.is_public()).map(Binding::confirmation),
        created_at: now,
        expires_at: now + i64::from(limits.absolute_seconds),
        revoked_at: None,
    })
}

pub(super) fn authorize(request: TokenRequest<'_>) -> Authorizing<'_> {
    Box::pin(rotate(request))
}

async fn rotate(request: TokenRequest<'_>) -> Result<Authorization<'_>, GrantRefusal> {
    let app = request.app;
    let text = request.required("refresh_token", "refresh_token is missing")?;
    let token = RefreshToken::open(&app.sealer, text)
        .ok_or_else(|| invalid_grant("the refresh token was not made here"))?;
    let now = app.clock.now();
    let found = app.store.standing_of_family(token.family, now).await?;
    let (family, user) =
        found.ok_or_else(|| invalid_grant("the refresh token's family is gone"))?;
    // RFC 6749 §6: bound to the client to which it was issued. Another one proves nothing about a theft.
    if family.client_id != request.client.id.as_str() {
        return Err(invalid_grant("the refresh token was issued to another client").into());
    }
    if family.revoked_at.is_some() {
        return Err(invalid_grant("the refresh token's family was revoked").into());
    }
    let limits = &app.config.refresh_tokens;
    if now >= family.expires_at || now - family.rotated_at > i64::from(limits.idle_seconds) {
        return Err(invalid_grant("the refresh token has expired").into());
    }
    let (commit, successor) = match standing(app, token, &family) {
        Standing::Current => {
            let succession = Succession::of(token, request.client);
            (Commit::UseRefreshToken(succession), succession.successor)
        }
        Standing::JustReplaced => (Commit::Nothing, token.next()),
        Standing::Replayed => return Err(replayed(family.id)),
    };
    Ok(Authorization {
        subject: Subject::User(Box::new(SignedIn {
            grant_id: family.id,
            user_id: family.user_id,
            session_id: family.session_id,
            auth_time: family.auth_time,
            amr: family.amr,
            scopes: family.scopes,
            resources: family.resources,
            // OpenID Connect Core §12.2: none, since no authorization request was made.
            nonce: None,
            claims: family.claims,
            bound_to: family.bound_to,
            refresh_token: Some(successor),
            standing: user,
        })),
        resources: request.resources(),
        scope: request.form.value("scope"),
        commit,
    })
}

/// Where a token stands in its family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// It is the one that is good.
    Current,
    /// It was, until a moment ago: its answer may have been lost.
    JustReplaced,
    /// It was, longer ago.
    Replayed,
}

fn standing(app: &App, token: RefreshToken, family: &RefreshFamily) -> Standing {
    let grace = i64::from(app.config.refresh_tokens.grace_seconds);
    let is_recent = app.clock.now() - family.rotated_at <= grace;
    if token.counter == family.counter {
        Standing::Current
    } else if token.next().counter == family.counter && is_recent {
        Standing::JustReplaced
    } else {
        Standing::Replayed
    }
}

fn replayed(family: Uuid) -> GrantRefusal {
    let error = invalid_grant("an old refresh token was replayed: its family is revoked");
    GrantRefusal { error, revoke: Some(family) }
}

/// Moves the family on from a token, by compare-and-set. Who loses the race to itself gets the same successor; who
/// loses it to a revocation, or comes long after the race, gets nothing. It proves no theft: when the request was read
/// the token was good.
pub(super) async fn commit(app: &App, succession: Succession) -> Result<(), GrantRefusal> {
    let Succession { token, successor } = succession;
    let counters = (token.counter, successor.counter);
    if app.store.use_family(token.family, counters, app.clock.now()).await? {
        return Ok(());
    }
    let family = app.store.refresh_family(token.family).await?;
    let family = family.filter(|family| family.revoked_at.is_none());
    let family = family.ok_or_else(|| invalid_grant("the refresh token's family was revoked"))?;
    match standing(app, token, &family) {
        Standing::JustReplaced => Ok(()),
        Standing::Current | Standing::Replayed => {
            Err(invalid_grant("other uses of the refresh token went far ahead").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_whole_and_unaltered_only() {
        let sealer = Sealer::new(&[1; 32]).unwrap();
        let token = RefreshToken { family: Uuid::from_u128(7), counter: 41 };
        let text = token.next().to_text(&sealer);

        assert_eq!(RefreshToken::open(&sealer, &text).map(|token| token.counter), Some(42));
        for cut in 0..text.len() {
            assert_eq!(RefreshToken::open(&sealer, &text[..cut]), None);
        }
        assert_eq!(RefreshToken::open(&sealer, &format!("{text}A")), None);
        assert_eq!(RefreshToken::open(&Sealer::new(&[2; 32]).unwrap(), &text), None);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }
}
