//! The second factor: a code of an authenticator app (RFC 6238), a recovery code, or a passkey.

use askama::Template;

use super::assets::{self, Asset};
use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::passkey::PasskeyForm;
use super::problem::{Field, Problem};

/// Asks for the second factor. Posts `code` or `recovery_code`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "second_factor.html")]
pub struct SecondFactorPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// What is asked for.
    pub method: SecondFactorMethod<'v>,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// A passkey instead, or, with [`SecondFactorMethod::Passkey`], alone.
    pub passkey: Option<PasskeyForm<'v>>,
    /// The address of this page for the authenticator app, if another way is shown and there is one.
    pub use_totp: Option<&'v str>,
    /// The address of this page for recovery codes, if another way is shown and there are any.
    pub use_recovery_code: Option<&'v str>,
    /// The address that begins again with another account.
    pub not_you: Option<&'v str>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum SecondFactorMethod<'v> {
    /// The six digits of an authenticator app, as `code`.
    Totp(PostForm<'v>),
    /// One of the codes that were kept, as `recovery_code`.
    RecoveryCode(PostForm<'v>),
    /// A passkey and nothing else; its form is [`SecondFactorPage::passkey`].
    Passkey,
}

impl SecondFactorPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }

    /// How the button of the passkey looks: it is the main one where it is alone.
    fn passkey_class(&self) -> &'static str {
        if matches!(self.method, SecondFactorMethod::Passkey) { "primary" } else { "secondary" }
    }
}

impl View for SecondFactorPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        let texts = &self.m().second_factor;
        match self.method {
            SecondFactorMethod::Totp(_) => texts.totp_title,
            SecondFactorMethod::RecoveryCode(_) => texts.recovery_title,
            SecondFactorMethod::Passkey => texts.passkey_title,
        }
        .to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }

    fn script(&self) -> Option<&'static Asset> {
        self.passkey.map(|_| assets::PASSKEY)
    }
}
