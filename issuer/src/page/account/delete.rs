//! The last question before an account is deleted, and what is said afterwards.

use askama::Template;

use crate::page::document::{Rendering as _, View};
use crate::page::frame::{Frame, PostForm};
use crate::page::messages::Messages;
use crate::page::problem::{Field, Problem};

/// Asks whether the account shall be deleted. Posts the username as `confirmation`, and `password`,
/// if the person has one.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "account/delete.html")]
pub struct DeleteAccountPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// The username, for password managers and to say which account it is.
    pub username: &'v str,
    /// Whether the person has a password to be asked for; others were asked for a passkey before.
    pub has_password: bool,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// The address of the account page.
    pub account: &'v str,
}

impl DeleteAccountPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for DeleteAccountPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().delete_account.title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}

/// Says that the account is deleted.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "account/deleted.html")]
pub struct AccountDeletedPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
}

impl View for AccountDeletedPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.frame.messages().delete_account.deleted_title.to_owned()
    }
}
