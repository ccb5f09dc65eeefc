//! Consent (OpenID Connect Core 1.0 §3.1.2.4): who asks, for what, in plain words. Refusing is as easy as
//! accepting: two buttons of the same form, size and color.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::scope::RequestedScope;

/// Asks whether a client may have what it asks for. Posts `answer`: `accept` or `refuse`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "consent.html")]
pub struct ConsentPage<'v> {
    /// What all pages share; its brand is that of the client.
    pub frame: Frame<'v>,
    /// The form of both buttons.
    pub form: PostForm<'v>,
    /// The name of the client.
    pub client_name: &'v str,
    /// Where the answer will be sent: the host of the redirect URI, or its scheme for a native
    /// client.
    pub redirect_host: &'v str,
    /// What is asked for.
    pub scopes: &'v [RequestedScope<'v>],
    /// Who is asked.
    pub user_name: &'v str,
    /// The address that begins again with another account.
    pub not_you: Option<&'v str>,
    /// The client's `policy_uri`; `https` only.
    pub policy_uri: Option<&'v str>,
    /// The client's `tos_uri`; `https` only.
    pub tos_uri: Option<&'v str>,
}

impl ConsentPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for ConsentPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().consent.title.text(self.client_name)
    }
}
