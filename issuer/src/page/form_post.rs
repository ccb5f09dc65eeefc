//! The answer of an authorization request as a form (OAuth 2.0 Form Post Response Mode §2): a script
//! sends it at once, and a button does so without scripts.

use askama::Template;
use url::Url;

use super::assets::{self, Asset};
use super::document::{Rendering as _, View};
use super::frame::Frame;
use super::messages::Messages;

/// Sends the answer to the client.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The validated redirect URI.
    pub redirect_uri: &'v Url,
    /// The name of the client.
    pub client_name: &'v str,
    /// The parameters of the answer, in order.
    pub parameters: &'v [(&'v str, &'v str)],
}

impl FormPostPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for FormPostPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().form_post.title.text(self.client_name)
    }

    fn script(&self) -> Option<&'static Asset> {
        Some(assets::SUBMIT)
    }
    fn form_targets(&self) -> Vec<&Url> {
        vec![self.redirect_uri]
    }
}
