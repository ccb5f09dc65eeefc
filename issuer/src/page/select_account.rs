//! The choice between accounts (OpenID Connect Core 1.0 §3.1.2.1, `prompt=select_account`).

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;

/// Asks which account to go on with. Posts `account`: the value of one, or nothing for another one.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "select_account.html")]
pub struct SelectAccountPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form of all buttons.
    pub form: PostForm<'v>,
    /// The application that the person comes from.
    pub client_name: Option<&'v str>,
    /// The accounts that are signed in.
    pub accounts: &'v [SelectableAccount<'v>],
}

/// An account that is signed in.
#[derive(Clone, Copy, Debug)]
pub struct SelectableAccount<'v> {
    /// The value that is posted.
    pub id: &'v str,
    /// How the person is called.
    pub name: &'v str,
    /// The username or e-mail address, to tell accounts apart.
    pub username: &'v str,
}

impl SelectAccountPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for SelectAccountPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().select_account.title.to_owned()
    }
}
