//! `none` (RFC 6749 §3.2.1, RFC 7591 §2): a public client says who it is, and nothing proves it. What it gets is bound to
//! what it did before: to a code challenge, to a refresh token.

use std::sync::Arc;

use super::refusal;
use crate::app::App;
use crate::error::OAuthError;
use crate::registry::Client;

/// Takes the word of a client that is registered as public, and of no other.
pub(super) fn authenticate(app: &App, client_id: &str) -> Result<Arc<Client>, OAuthError> {
    let registry = app.registry.load();
    match registry.client(client_id) {
        Some(client) if !client.is_public() => Err(refusal("the request has no client credential")),
        Some(client) => match client.refused() {
            Some(cause) => Err(refusal(cause)),
            None => Ok(Arc::clone(client)),
        },
        None => Err(refusal("the client is unknown")),
    }
}
