//! What was wrong with a form, said twice: in a summary above it, whose lines lead to the fields,
//! and at the fields themselves (WCAG 2.2 §3.3.1, §3.3.3, §4.1.3).

use super::language::Language;
use super::phrase::Markup;

/// A field of a form; its name is also its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// `username`: a username or an e-mail address.
    Username,
    /// `password`: the one that is known here.
    Password,
    /// `current_password`, beside a new one.
    CurrentPassword,
    /// `new_password`.
    NewPassword,
    /// `email`.
    Email,
    /// `name`: how a person is called.
    Name,
    /// `confirmation`: the username, before an account is deleted.
    Confirmation,
    /// `code`: of an authenticator app.
    Code,
    /// `recovery_code`.
    RecoveryCode,
    /// `user_code`: of a device (RFC 8628).
    UserCode,
}

impl Field {
    /// The name under which it is posted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Password => "password",
            Self::CurrentPassword => "current_password",
            Self::NewPassword => "new_password",
            Self::Email => "email",
            Self::Name => "name",
            Self::Confirmation => "confirmation",
            Self::Code => "code",
            Self::RecoveryCode => "recovery_code",
            Self::UserCode => "user_code",
        }
    }
}

/// Something that the person can mend. The texts reveal no more than the variant says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// One field was left empty.
    Missing(Field),
    /// Username and password do not belong together; whichever it was (design, invariant 11).
    WrongCredentials,
    /// The password of a person who is known already is wrong; on the login page of a step-up and
    /// where an account is deleted.
    WrongPassword,
    /// The current password beside a new one is wrong.
    WrongCurrentPassword,
    /// What was typed to confirm is not the username.
    WrongConfirmation,
    /// The passkey was not accepted.
    WrongPasskey,
    /// The code of the authenticator app is wrong, expired or was used.
    WrongCode,
    /// The recovery code is wrong or was used.
    WrongRecoveryCode,
    /// No device waits with this code.
    WrongUserCode,
    /// Too many attempts; wait for so many seconds.
    TooManyAttempts {
        /// Until the next attempt counts.
        seconds: u32,
    },
    /// The form was open for too long, or was sent without its token. Send it again.
    FormExpired,
    /// The upstream provider did not sign the person in.
    UpstreamFailed,
    /// An account with this address exists here; sign in to it first, then link.
    UpstreamNeedsProof,
    /// The new password has too few characters.
    PasswordTooShort {
        /// How many it must have.
        min: u32,
    },
    /// The new password has more characters than are read.
    PasswordTooLong {
        /// How many it may have.
        max: u32,
    },
    /// The new password is one that everybody guesses first.
    PasswordTooCommon,
    /// The username is taken; only where registration is open and this cannot be hidden.
    UsernameTaken,
    /// The username has characters that usernames do not have.
    UsernameInvalid,
    /// It is not an e-mail address.
    EmailInvalid,
    /// Accounts are for addresses of other domains.
    EmailNotAllowed,
    /// The name is too long or holds control characters.
    NameInvalid,
    /// It is the last way to sign in, and cannot be removed.
    LastCredential,
}

impl Problem {
    /// The fields that it is about, the first one to be mended first.
    pub fn fields(self) -> &'static [Field] {
        use Field as F;
        match self {
            Self::Missing(field) => field.alone(),
            // The username is right more often than not: the password is mended first.
            Self::WrongCredentials => &[F::Password, F::Username],
            Self::WrongPassword => &[F::Password],
            Self::WrongCurrentPassword => &[F::CurrentPassword],
            Self::WrongConfirmation => &[F::Confirmation],
            Self::WrongCode => &[F::Code],
            Self::WrongRecoveryCode => &[F::RecoveryCode],
            Self::WrongUserCode => &[F::UserCode],
            Self::PasswordTooShort { .. }
            | Self::PasswordTooLong { .. }
            | Self::PasswordTooCommon => &[F::NewPassword],
            Self::UsernameTaken | Self::UsernameInvalid => &[F::Username],
            Self::EmailInvalid | Self::EmailNotAllowed => &[F::Email],
            Self::NameInvalid => &[F::Name],
            Self::WrongPasskey
            | Self::TooManyAttempts { .. }
            | Self::FormExpired
            | Self::UpstreamFailed
            | Self::UpstreamNeedsProof
            | Self::LastCredential => &[],
        }
    }

    pub(super) fn text(self, language: Language) -> String {
        let texts = &language.messages().problems;
        let text = match self {
            Self::Missing(field) => texts.missing(field),
            Self::WrongCredentials => texts.wrong_credentials,
            Self::WrongPassword | Self::WrongCurrentPassword => texts.wrong_password,
            Self::WrongConfirmation => texts.wrong_confirmation,
            Self::WrongPasskey => texts.wrong_passkey,
            Self::WrongCode => texts.wrong_code,
            Self::WrongRecoveryCode => texts.wrong_recovery_code,
            Self::WrongUserCode => texts.wrong_user_code,
            Self::TooManyAttempts { seconds } => return (texts.too_many_attempts)(seconds),
            Self::FormExpired => texts.form_expired,
            Self::UpstreamFailed => texts.upstream_failed,
            Self::UpstreamNeedsProof => texts.upstream_needs_proof,
            Self::PasswordTooShort { min } => return (texts.password_too_short)(min),
            Self::PasswordTooLong { max } => return (texts.password_too_long)(max),
            Self::PasswordTooCommon => texts.password_too_common,
            Self::UsernameTaken => texts.username_taken,
            Self::UsernameInvalid => texts.username_invalid,
            Self::EmailInvalid => texts.email_invalid,
            Self::EmailNotAllowed => texts.email_not_allowed,
            Self::NameInvalid => texts.name_invalid,
            Self::LastCredential => texts.last_credential,
        };
        text.to_owned()
    }
}

impl Field {
    fn alone(self) -> &'static [Self] {
        match self {
            Self::Username => &[Self::Username],
            Self::Password => &[Self::Password],
            Self::CurrentPassword => &[Self::CurrentPassword],
            Self::NewPassword => &[Self::NewPassword],
            Self::Email => &[Self::Email],
            Self::Name => &[Self::Name],
            Self::Confirmation => &[Self::Confirmation],
            Self::Code => &[Self::Code],
            Self::RecoveryCode => &[Self::RecoveryCode],
            Self::UserCode => &[Self::UserCode],
        }
    }
}

/// The problems of a page, asked field by field by its template.
pub(super) struct Fields<'v> {
    problems: &'v [Problem],
    language: Language,
}

/// One line of the summary.
pub(super) struct SummaryLine {
    pub(super) text: String,
    pub(super) field: Option<&'static str>,
}

impl<'v> Fields<'v> {
    pub(super) fn new(problems: &'v [Problem], language: Language) -> Self {
        Self { problems, language }
    }

    /// The lines above the form.
    pub(super) fn summary(&self) -> Vec<SummaryLine> {
        let lines = self.problems.iter().map(|problem| SummaryLine {
            text: problem.text(self.language),
            field: first(*problem).map(Field::name),
        });
        lines.collect()
    }

    fn of(&self, field: Field) -> Option<Problem> {
        self.problems.iter().copied().find(|problem| problem.fields().contains(&field))
    }

    /// The attributes of a field: whether it has a problem, and where that is explained.
    pub(super) fn state(&self, field: Field) -> Markup {
        if self.of(field).is_none() {
            return Markup::new();
        }
        self.invalid(field, &Markup::new())
    }

    /// The same for a field with a hint, which is read out before the problem.
    pub(super) fn state_with_hint(&self, field: Field) -> Markup {
        let hint = Markup::new().text(field.name()).literal("_hint");
        if self.of(field).is_none() {
            return Markup::new().literal(" aria-describedby=\"").markup(&hint).literal("\"");
        }
        self.invalid(field, &hint.literal(" "))
    }

    /// A problem of several fields is explained at the first, which also gets the focus.
    fn invalid(&self, field: Field, hint: &Markup) -> Markup {
        let explained = self.of(field).and_then(first).unwrap_or(field);
        let attributes = Markup::new()
            .literal(" aria-invalid=\"true\" aria-describedby=\"")
            .markup(hint)
            .text(explained.name())
            .literal("_problem\"");
        let focused = self.problems.iter().copied().find_map(first);
        if focused == Some(field) { attributes.literal(" autofocus") } else { attributes }
    }

    /// The problem of a field, in words, to be put below it.
    pub(super) fn explain(&self, field: Field) -> Markup {
        let Some(problem) = self.of(field).filter(|problem| first(*problem) == Some(field)) else {
            return Markup::new();
        };
        Markup::new()
            .literal("<p class=\"problem\" id=\"")
            .text(field.name())
            .literal("_problem\">")
            .text(&problem.text(self.language))
            .literal("</p>")
    }
}

fn first(problem: Problem) -> Option<Field> {
    problem.fields().first().copied()
}
