//! `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1). A client with a secret may use
//! either; a client registered for `private_key_jwt` has no secret that could be accepted here.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use zeroize::Zeroizing;

use super::{PresentedCredential, refusal};
use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::Form;
use crate::registry::Client;

/// The credential of an `Authorization: Basic` header.
pub(super) fn from_header<'r>(
    headers: &HeaderMap,
    form: &Form<'_>,
) -> Result<Option<PresentedCredential<'r>>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(OAuthError::invalid_request("the Authorization header is repeated"));
    }
    let (client_id, secret) = value
        .to_str()
        .ok()
        .and_then(decode_basic)
        .ok_or_else(|| refusal("the Authorization header is not well-formed Basic"))?;
    if form.value("client_id").is_some_and(|named| named != client_id) {
        return Err(OAuthError::invalid_request(
            "client_id differs from the one in the Authorization header",
        ));
    }
    Ok(Some(PresentedCredential::Secret { client_id: Cow::Owned(client_id), secret }))
}

/// The credential of the parameters `client_id` and `client_secret`.
pub(super) fn from_form<'r>(form: &'r Form<'r>) -> Option<PresentedCredential<'r>> {
    let secret = Zeroizing::new(form.value("client_secret")?.to_owned());
    let client_id = Cow::Borrowed(form.value("client_id").unwrap_or_default());
    Some(PresentedCredential::Secret { client_id, secret })
}

/// RFC 7617 §2, with each part form-urlencoded first (RFC 6749 §2.3.1).
fn decode_basic(value: &str) -> Option<(String, Zeroizing<String>)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim_start()).ok()?);
    let (client_id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((unescape(client_id)?, Zeroizing::new(unescape(secret)?)))
}

/// Undoes the form encoding of one value.
fn unescape(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    if text.contains(['&', '=']) {
        return None;
    }
    let (value, _) = form_urlencoded::parse(text.as_bytes()).next()?;
    Some(value.into_owned())
}

/// Checks a secret against the live secrets of the client. An unknown client costs the same work as
/// a wrong secret, and gets the same answer.
pub(super) fn authenticate(
    app: &App,
    client_id: &str,
    secret: &str,
) -> Result<Arc<Client>, OAuthError> {
    let registry = app.registry.load();
    let client = registry.client(client_id);
    let digest = app.secret_hasher.digest(client_id, secret);
    let now = app.clock.now();
    let secrets = client.map(|client| client.secrets.as_slice()).unwrap_or_default();
    let live = secrets.iter().filter(|stored| stored.expires_at.is_none_or(|end| now < end));
    let found = digest.find(live);
    match (client, found) {
        (Some(client), Some(stored)) => {
            if let Some(cause) = client.refused() {
                return Err(refusal(cause));
            }
            app.secret_uses.note(&client.id, &stored.id, now);
            Ok(Arc::clone(client))
        }
        (Some(_), None) => Err(refusal("the secret is wrong or has expired")),
        (None, _) => Err(refusal("the client is unknown")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> Option<(String, String)> {
        decode_basic(&format!("basic {}", STANDARD.encode(text)))
            .map(|(client_id, secret)| (client_id, secret.to_string()))
    }

    #[test]
    fn both_parts_of_basic_are_form_decoded() {
        assert_eq!(basic("a%3Ab:c+d%25"), Some(("a:b".into(), "c d%".into())));
        assert_eq!(basic("orders:a-b_c"), Some(("orders".into(), "a-b_c".into())));
    }

    #[test]
    fn what_is_not_basic_is_refused() {
        assert_eq!(basic("no colon"), None);
        assert!(decode_basic("Bearer abc").is_none());
        assert!(decode_basic("Basic !!!!").is_none());
        assert!(decode_basic("Basic").is_none());
    }
}
