//! New recovery codes, shown once.

use askama::Template;

use crate::page::document::{Rendering as _, View};
use crate::page::frame::Frame;
use crate::page::messages::Messages;

/// Shows the codes.
#[derive(Template, Clone, Copy)]
#[template(path = "account/recovery_codes.html")]
pub struct RecoveryCodesPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The codes.
    pub codes: &'v [&'v str],
    /// The address of the account page.
    pub account: &'v str,
}

impl RecoveryCodesPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for RecoveryCodesPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().recovery_codes.title.to_owned()
    }
}
