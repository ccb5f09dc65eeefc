//! Making an account: first an address, to which a link is sent; then, by that link or by one of an invitation, all the
//! rest. The page of a link consumes nothing; sending its form does.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::problem::{Field, Problem};

/// Asks for an address. Posts `email`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "register.html")]
pub struct RegisterPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// What stands in the field.
    pub email: &'v str,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// The address of the login page.
    pub sign_in: Option<&'v str>,
}

impl RegisterPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for RegisterPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().register.title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}

/// Asks for what an account needs. Posts `username`, `name` and `new_password`; the link's token travels as `continue`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "create_account.html")]
pub struct CreateAccountPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// How the person came here.
    pub kind: RegisterKind,
    /// The address to which the link was sent, and which is thereby proved.
    pub email: &'v str,
    /// What stands in the field of the username.
    pub username: &'v str,
    /// What stands in the field of the name.
    pub name: &'v str,
    /// The fewest characters that a password may have.
    pub min_password_length: u32,
    /// What was wrong last time.
    pub problems: &'v [Problem],
}

/// How a person came to register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegisterKind {
    /// By themselves.
    Own,
    /// By an invitation.
    Invitation,
}

impl CreateAccountPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }
}

impl View for CreateAccountPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        match self.kind {
            RegisterKind::Own => self.m().register.title,
            RegisterKind::Invitation => self.m().register.invitation_title,
        }
        .to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}
