//! What the store keeps of the credentials of people: pure values. Passwords and TOTP secrets are sealed, codes and
//! tokens are keyed hashes; nothing here is in clear but the public keys of passkeys.

use uuid::Uuid;

use crate::registry::User;

/// A user with what signing in needs to know.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user; may be disabled.
    pub user: User,
    /// Whether the e-mail address of the user was proved.
    pub email_verified: bool,
    /// The password.
    pub password: Option<StoredPassword>,
    /// Whether codes of an authenticator app are asked for.
    pub has_totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
    /// How many passkeys there are.
    pub passkeys: i64,
}

impl Account {
    /// Whether a password alone does not let this user in. A passkey answers then as well as a code does.
    pub fn requires_second_factor(&self) -> bool {
        self.has_totp
    }
}

/// A password hash, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPassword {
    /// The function that made it.
    pub scheme: String,
    /// The hash string, sealed for its user.
    pub sealed: Vec<u8>,
    /// Unix seconds.
    pub changed_at: i64,
}

/// A TOTP secret, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTotp {
    /// The secret, sealed for its user.
    pub sealed: Vec<u8>,
    /// The newest step that was accepted.
    pub last_step: i64,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub last_used_at: Option<i64>,
}

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// Ours.
    pub id: Uuid,
    /// The authenticator's.
    pub credential_id: Vec<u8>,
    /// Whose it is.
    pub user_id: Uuid,
    /// What the user calls it.
    pub name: String,
    /// The public key and its flags, as `webauthn-rs` writes them.
    pub credential: String,
    /// The newest signature counter.
    pub sign_count: u32,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub last_used_at: Option<i64>,
}

/// A link that was redeemed or looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLink {
    /// Whom it is for.
    pub user_id: Uuid,
    /// The address that it was made for.
    pub email: Option<String>,
    /// Unix seconds.
    pub expires_at: i64,
}

/// All credentials of a user, for lists.
#[derive(Clone, Debug)]
pub struct CredentialList {
    /// The password.
    pub password: Option<StoredPassword>,
    /// The authenticator app.
    pub totp: Option<StoredTotp>,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
    /// The passkeys, oldest first.
    pub passkeys: Vec<StoredPasskey>,
}

/// Whether an address is known to be the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailProof {
    /// A link that is sent there has to show it.
    Unproved,
    /// An administrator or another issuer vouches for it.
    Proved,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// To choose a new password.
    PasswordReset,
    /// To prove an e-mail address.
    EmailVerification,
    /// To choose a first credential.
    Invite,
}

impl LinkPurpose {
    /// The name in rows and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::Invite => "invite",
        }
    }

    /// The path of its page, below the issuer's URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::PasswordReset => "/reset-password",
            Self::EmailVerification => "/verify-email",
            Self::Invite => "/invite",
        }
    }
}
