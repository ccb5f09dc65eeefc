//! The page that a link for an e-mail address leads to. Showing it consumes nothing, so that scanners
//! of mail may visit it; sending its form does.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;

/// Asks to confirm an address. Posts nothing more; the link's token travels as `continue`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "confirm_email.html")]
pub struct ConfirmEmailPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// The address.
    pub email: &'v str,
}

impl ConfirmEmailPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for ConfirmEmailPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().confirm_email.title.to_owned()
    }
}
