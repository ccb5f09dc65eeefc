//! Making an account: by oneself where registration is open, or by accepting an invitation. The page
//! of an invitation consumes nothing; sending its form does.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::messages::Messages;
use super::problem::{Field, Problem};

/// Asks for what an account needs. Posts `username`, `name`, `new_password` and, but for an
/// invitation, `email`.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "register.html")]
pub struct RegisterPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// The form.
    pub form: PostForm<'v>,
    /// How the person came here.
    pub kind: RegisterKind<'v>,
    /// What stands in the field of the username.
    pub username: &'v str,
    /// What stands in the field of the name.
    pub name: &'v str,
    /// The fewest characters that a password may have.
    pub min_password_length: u32,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// The address of the login page.
    pub sign_in: Option<&'v str>,
}

/// How a person came to register.
#[derive(Clone, Copy, Debug)]
pub enum RegisterKind<'v> {
    /// By themselves.
    Open {
        /// What stands in the field of the e-mail address.
        email: &'v str,
    },
    /// By an invitation to this address, which is thereby proved.
    Invitation {
        /// The address that was invited.
        email: &'v str,
    },
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
        match self.kind {
            RegisterKind::Open { .. } => self.m().register.title,
            RegisterKind::Invitation { .. } => self.m().register.invitation_title,
        }
        .to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }
}
