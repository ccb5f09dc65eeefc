//! How signals come to a receiver (OpenID Shared Signals Framework 1.0 §6.1): it polls at an address of the issuer, or is called at
//! one of its own, which the outbound client must be allowed to reach, with a header that it chose. The header is kept sealed.

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::POLL;
use crate::app::App;
use crate::error::OAuthError;
use crate::sealer::Purpose;
use crate::store::{Push, SignalStream};

pub(super) const PUSH_METHOD: &str = "urn:ietf:rfc:8935";
pub(super) const POLL_METHOD: &str = "urn:ietf:rfc:8936";

/// No address and no header is longer.
const MAX_ENDPOINT: usize = 2_048;
const MAX_AUTHORIZATION: usize = 4_096;

/// What a receiver wishes; polling if it says nothing (§8.1.1.1).
#[derive(Clone, Default, Deserialize)]
pub(super) struct Wished {
    method: Option<String>,
    endpoint_url: Option<String>,
    authorization_header: Option<String>,
}

/// What it is told.
#[derive(Serialize)]
pub(super) struct Delivery {
    method: &'static str,
    endpoint_url: String,
}

impl Delivery {
    pub(super) fn of(app: &App, stream: &SignalStream) -> Self {
        match &stream.push {
            Some(push) => Self { method: PUSH_METHOD, endpoint_url: push.endpoint_url.clone() },
            None => Self { method: POLL_METHOD, endpoint_url: poll_url(app, stream.id) },
        }
    }
}

/// §6.1.2: another for each stream.
fn poll_url(app: &App, stream_id: Uuid) -> String {
    app.config.issuer.endpoint(&format!("{POLL}/{stream_id}"))
}

/// Judges how a receiver wishes to hear.
///
/// # Errors
///
/// `invalid_request` if it cannot be done.
pub(super) fn judged(
    app: &App,
    stream: &SignalStream,
    wished: Wished,
) -> Result<Option<Push>, OAuthError> {
    match wished.method.as_deref() {
        Some(PUSH_METHOD) => pushed(app, stream, wished).map(Some),
        None | Some(POLL_METHOD) => {
            // §6.1.2: the transmitter says where; a receiver may repeat it.
            let is_ours = |url: String| url == poll_url(app, stream.id);
            if wished.endpoint_url.is_none_or(is_ours) {
                return Ok(None);
            }
            Err(OAuthError::invalid_request("endpoint_url of a stream that is polled is not ours"))
        }
        Some(_) => Err(OAuthError::invalid_request("the delivery method is not supported")),
    }
}

fn pushed(app: &App, stream: &SignalStream, wished: Wished) -> Result<Push, OAuthError> {
    let refuse = || OAuthError::invalid_request("endpoint_url is not an address that is called");
    let endpoint_url = wished.endpoint_url.filter(|url| url.len() <= MAX_ENDPOINT);
    let endpoint_url = endpoint_url.ok_or_else(refuse)?;
    let url = Url::parse(&endpoint_url).map_err(|_| refuse())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.fragment().is_some() || has_user || app.outbound.check(&url).is_err() {
        return Err(refuse());
    }
    let authorization = wished.authorization_header.map(|header| sealed(app, stream, &header));
    Ok(Push { endpoint_url, authorization: authorization.transpose()? })
}

fn sealed(app: &App, stream: &SignalStream, header: &str) -> Result<String, OAuthError> {
    if header.len() > MAX_AUTHORIZATION || HeaderValue::from_str(header).is_err() {
        return Err(OAuthError::invalid_request("authorization_header is not a header"));
    }
    // The one that it has stays as it is sealed: who says it again changes nothing.
    if let Some(push) = &stream.push
        && let Some(kept) = &push.authorization
        && authorization(app, stream.id, push)
            .is_ok_and(|has| has.is_some_and(|has| has == *header))
    {
        return Ok(kept.clone());
    }
    let sealed = app.sealer.seal(Purpose::ReceiverAuthorization, &(stream.id, header));
    sealed.map_err(|error| OAuthError::server_error(error.to_string()))
}

/// The header with which a receiver is called.
///
/// # Errors
///
/// The cause, if it does not open: it was sealed for another stream, or by another issuer.
pub(super) fn authorization(
    app: &App,
    stream_id: Uuid,
    push: &Push,
) -> Result<Option<HeaderValue>, String> {
    let Some(sealed) = &push.authorization else { return Ok(None) };
    let opened = app.sealer.open::<(Uuid, String)>(Purpose::ReceiverAuthorization, sealed);
    let header = opened.filter(|(of, _)| *of == stream_id).map(|(_, header)| header);
    let header = header.and_then(|header| HeaderValue::from_str(&header).ok());
    let mut header = header.ok_or_else(|| "its authorization header does not open".to_owned())?;
    header.set_sensitive(true);
    Ok(Some(header))
}
