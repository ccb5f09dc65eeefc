//! Says that a mail is on its way, in the same words whether there is an account or not.

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::Frame;
use super::messages::Messages;
use super::phrase::Text;

/// Says to look into the mailbox.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "mail_sent.html")]
pub struct MailSentPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// What was asked for.
    pub kind: MailKind,
    /// The address of the login page.
    pub sign_in: Option<&'v str>,
}

/// What a mail is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailKind {
    /// A link to a new password.
    PasswordReset,
    /// A link that confirms an e-mail address.
    EmailVerification,
}

impl MailSentPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }

    fn text(&self) -> Text {
        match self.kind {
            MailKind::PasswordReset => self.m().mail_sent.password_reset,
            MailKind::EmailVerification => self.m().mail_sent.email_verification,
        }
    }
}

impl View for MailSentPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().mail_sent.title.to_owned()
    }
}
