//! Setting up an authenticator app (RFC 6238): a code to scan, the same as a key to type, and proof
//! that it works.

use askama::Template;

use crate::page::document::{Rendering as _, View};
use crate::page::frame::{Frame, PostForm};
use crate::page::messages::Messages;
use crate::page::phrase::Markup;
use crate::page::problem::{Field, Problem};
use crate::page::qr_code;

/// Shows the key and asks for a first code. Posts `code`.
#[derive(Template, Clone, Copy)]
#[template(path = "account/totp_setup.html")]
pub struct TotpSetupPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// The key as an address that apps read: `otpauth://totp/…`.
    pub provisioning_uri: &'v str,
    /// The key in Base32, in groups of four.
    pub secret: &'v str,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// The address of the account page.
    pub account: &'v str,
}

impl TotpSetupPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }

    fn qr_code(&self) -> Option<Markup> {
        qr_code::svg(self.provisioning_uri, self.m().totp_setup.qr_code)
    }
}

impl View for TotpSetupPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().totp_setup.title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}
