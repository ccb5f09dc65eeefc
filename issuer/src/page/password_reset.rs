//! A forgotten password: asking for a link, and the page that the link leads to. Showing that page
//! consumes nothing, so that scanners of mail may visit it; sending its form does.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::problem::{Field, Problem};

/// Asks to whom a link shall be sent. Posts `username`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "forgot_password.html")]
pub struct ForgotPasswordPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// What stands in the field.
    pub username: &'v str,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// The address of the login page.
    pub sign_in: Option<&'v str>,
}

impl ForgotPasswordPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for ForgotPasswordPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().password_reset.forgot_title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}

/// Asks for the new password. Posts `new_password`; the link's token travels as `continue`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "reset_password.html")]
pub struct ResetPasswordPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// For password managers, which keep the new password under it.
    pub username: &'v str,
    /// The fewest characters that a password may have.
    pub min_password_length: u32,
    /// What was wrong last time.
    pub problems: &'v [Problem],
}

impl ResetPasswordPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for ResetPasswordPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().password_reset.title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}
