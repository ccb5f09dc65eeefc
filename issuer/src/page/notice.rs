//! What just happened, in one sentence above the content of a page.

use super::language::Language;
use super::phrase::Text;

/// Something that succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The profile was saved.
    ProfileSaved,
    /// The password was changed; on the account page.
    PasswordChanged,
    /// The password was changed by a link; on the login page.
    PasswordReset,
    /// The e-mail address was confirmed.
    EmailVerified,
    /// An account was made; on the login page.
    AccountCreated,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A passkey got another name.
    PasskeyRenamed,
    /// The authenticator app was set up.
    TotpEnabled,
    /// The authenticator app was turned off.
    TotpDisabled,
    /// A session was ended.
    SessionEnded,
    /// The person signed in once more for something that must be asked for again.
    SignedInAgain,
    /// A client lost its access.
    ConsentWithdrawn,
    /// An upstream sign-in was linked.
    IdentityLinked,
    /// An upstream sign-in was unlinked.
    IdentityUnlinked,
}

impl Notice {
    pub(super) fn text(self, language: Language) -> Text {
        let texts = &language.messages().notices;
        match self {
            Self::ProfileSaved => texts.profile_saved,
            Self::PasswordChanged => texts.password_changed,
            Self::PasswordReset => texts.password_reset,
            Self::EmailVerified => texts.email_verified,
            Self::AccountCreated => texts.account_created,
            Self::PasskeyAdded => texts.passkey_added,
            Self::PasskeyRemoved => texts.passkey_removed,
            Self::PasskeyRenamed => texts.passkey_renamed,
            Self::TotpEnabled => texts.totp_enabled,
            Self::TotpDisabled => texts.totp_disabled,
            Self::SessionEnded => texts.session_ended,
            Self::SignedInAgain => texts.signed_in_again,
            Self::ConsentWithdrawn => texts.consent_withdrawn,
            Self::IdentityLinked => texts.identity_linked,
            Self::IdentityUnlinked => texts.identity_unlinked,
        }
    }
}
