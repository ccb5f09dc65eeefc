//! One mail: what it is about, for whom, in which language; and its text.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use zeroize::Zeroizing;

use super::{Recipient, Sender, SmtpError};
use crate::page::Language;
use crate::random;

/// A mail that is to be sent.
pub struct Letter {
    /// To whom.
    pub to: Recipient,
    /// In which language.
    pub language: Language,
    /// What it is about.
    pub kind: Kind,
    /// The account, or the address, that it is about.
    pub about: String,
    /// The way to go on.
    pub link: Link,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A link to a new password.
    PasswordReset,
    /// A link that proves an address.
    EmailVerification,
    /// Says that a password was changed.
    PasswordChanged,
    /// A link to an account that somebody wants to make.
    Registration,
    /// A link to an account to which an operator invites.
    Invitation,
    /// Says that there is an account already.
    AlreadyRegistered,
}

/// The way to go on.
pub enum Link {
    /// Good once: whoever has it acts for the person, so that it is nowhere but in the mail.
    OneTime {
        /// The link.
        url: Zeroizing<String>,
        /// Seconds for which it can be used.
        lifetime: u32,
    },
    /// A page that is open to everybody.
    Page(String),
}

/// Who speaks in a mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice<'v> {
    /// The name of the service.
    pub(super) brand: &'v str,
    /// Where it is.
    pub(super) issuer: &'v str,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::PasswordReset,
        Self::EmailVerification,
        Self::PasswordChanged,
        Self::Registration,
        Self::Invitation,
        Self::AlreadyRegistered,
    ];

    /// A name for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::PasswordChanged => "password_changed",
            Self::Registration => "registration",
            Self::Invitation => "invitation",
            Self::AlreadyRegistered => "already_registered",
        }
    }
}

impl Link {
    /// As it stands in the text.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::OneTime { url, .. } => url,
            Self::Page(url) => url,
        }
    }
}

impl Letter {
    /// The subject line.
    pub(super) fn title(&self, voice: Voice<'_>) -> String {
        self.language.mail(self.kind).title.text(voice.brand)
    }

    /// The whole text: what is wanted, the link, for how long it is good, and what to do if nobody wanted anything.
    pub(super) fn text(&self, voice: Voice<'_>) -> Zeroizing<String> {
        let words = self.language.mail(self.kind);
        let (text, link, otherwise) =
            (words.text.text(&self.about), self.link.url(), words.otherwise);
        let once = match self.link {
            Link::OneTime { lifetime, .. } => self.language.good_once(lifetime),
            Link::Page(_) => String::new(),
        };
        let Voice { brand, issuer } = voice;
        let closing = format!("{once} {otherwise}");
        let closing = closing.trim();
        Zeroizing::new(format!("{text}\n\n{link}\n\n{closing}\n\n-- \n{brand}\n{issuer}\n"))
    }

    /// The mail as it travels.
    pub(super) fn message(
        &self,
        voice: Voice<'_>,
        (from, reply_to): (&Sender, Option<&Sender>),
        now: i64,
    ) -> Result<Message, SmtpError> {
        let seconds = u64::try_from(now).unwrap_or_default();
        let id = format!("<{}@{}>", random::uuid().simple(), from.domain());
        let mut builder = Message::builder()
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(id))
            .from(from.mailbox())
            .to(self.to.mailbox())
            .subject(self.title(voice))
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN);
        if let Some(reply_to) = reply_to {
            builder = builder.reply_to(reply_to.mailbox());
        }
        builder.body((*self.text(voice)).clone()).map_err(|_| SmtpError::Message)
    }
}

/// RFC 3834 §5.2: nobody's absence note answers it.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
