//! The account page: all that a person may see and change, one section each. Every section is a
//! form of its own, and every form says by its address what it does.

mod delete;
mod recovery_codes;
mod totp_setup;

use askama::Template;
use url::Url;

use super::assets::{self, Asset};
use super::document::{Rendering as _, View};
use super::frame::{Frame, PostForm};
use super::login::Upstream;
use super::messages::Messages;
use super::notice::Notice;
use super::passkey::PasskeyForm;
use super::problem::{Field, Problem};
use super::scope::RequestedScope;
use super::timestamp;

pub use delete::{AccountDeletedPage, DeleteAccountPage};
pub use recovery_codes::RecoveryCodesPage;
pub use totp_setup::TotpSetupPage;

/// Shows an account and lets the person change it.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "account/account.html")]
pub struct AccountPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// Where the sections are posted to.
    pub forms: AccountForms<'v>,
    /// What was wrong last time.
    pub problems: &'v [Problem],
    /// What just happened.
    pub notice: Option<Notice>,
    /// The username.
    pub username: &'v str,
    /// How the person is called.
    pub name: &'v str,
    /// The verified e-mail address.
    pub email: Option<&'v str>,
    /// The fewest characters that a password may have.
    pub min_password_length: u32,
    /// Whether the person has a password; others set a first one without the current one.
    pub has_password: bool,
    /// The passkeys.
    pub passkeys: &'v [RegisteredPasskey<'v>],
    /// Adding a passkey, where that is possible.
    pub add_passkey: Option<AddPasskey<'v>>,
    /// Whether an authenticator app is set up.
    pub totp: TotpState<'v>,
    /// How many recovery codes were not used yet.
    pub recovery_codes_left: u32,
    /// The sessions, the current one first.
    pub sessions: &'v [SignedInSession<'v>],
    /// The clients that were accepted.
    pub consents: &'v [GrantedConsent<'v>],
    /// The upstream sign-ins that are linked.
    pub identities: &'v [LinkedIdentity<'v>],
    /// Upstream providers that can be linked.
    pub link_identity: Option<Upstream<'v>>,
    /// The address of the page that asks before the account is deleted, where persons may do so.
    pub delete: Option<&'v str>,
}

/// Where the sections of the account page are posted to.
#[derive(Clone, Copy, Debug)]
pub struct AccountForms<'v> {
    /// `name`.
    pub profile: PostForm<'v>,
    /// `current_password` (unless there is none) and `new_password`.
    pub password: PostForm<'v>,
    /// `id` of a passkey, and its new `name`.
    pub rename_passkey: PostForm<'v>,
    /// `id` of a passkey.
    pub remove_passkey: PostForm<'v>,
    /// Nothing more: makes new recovery codes and shows them.
    pub recovery_codes: PostForm<'v>,
    /// `id` of a session.
    pub end_session: PostForm<'v>,
    /// Nothing more: ends all sessions, this one too, and their tokens.
    pub end_all_sessions: PostForm<'v>,
    /// `id` of a consent.
    pub withdraw_consent: PostForm<'v>,
    /// `id` of a linked identity.
    pub unlink_identity: PostForm<'v>,
    /// Nothing more: answers with a file.
    pub export: PostForm<'v>,
    /// `answer`, which is `sign_out`: ends this session.
    pub sign_out: PostForm<'v>,
}

/// How a passkey is added.
#[derive(Clone, Copy, Debug)]
pub enum AddPasskey<'v> {
    /// The person signed in just now, and may.
    Form(PasskeyForm<'v>),
    /// The address at which the person signs in once more before.
    SignIn(&'v str),
}

/// Whether an authenticator app is set up.
#[derive(Clone, Copy, Debug)]
pub enum TotpState<'v> {
    /// It is; the form turns it off.
    On(PostForm<'v>),
    /// It is not; the address of the page that sets it up.
    Off(&'v str),
}

/// A passkey of the person.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredPasskey<'v> {
    /// The value that is posted.
    pub id: &'v str,
    /// What it is called.
    pub name: &'v str,
    /// When it was added, in seconds since the Unix epoch.
    pub created_at: i64,
    /// When it was used last, in seconds since the Unix epoch.
    pub last_used_at: Option<i64>,
}

/// A session of the person.
#[derive(Clone, Copy, Debug)]
pub struct SignedInSession<'v> {
    /// The value that is posted.
    pub id: &'v str,
    /// Browser and system; [`crate::page::device_name`] knows them from the `User-Agent`.
    pub device: &'v str,
    /// The address it was last seen at.
    pub address: Option<&'v str>,
    /// Whether it is the one of this request.
    pub is_current: bool,
    /// When the person signed in, in seconds since the Unix epoch.
    pub signed_in_at: i64,
    /// When it was used last, in seconds since the Unix epoch.
    pub last_used_at: i64,
}

/// A client that the person accepted.
#[derive(Clone, Copy, Debug)]
pub struct GrantedConsent<'v> {
    /// The value that is posted.
    pub id: &'v str,
    /// The name of the client.
    pub client_name: &'v str,
    /// What it may have.
    pub scopes: &'v [RequestedScope<'v>],
    /// Since when, in seconds since the Unix epoch.
    pub granted_at: i64,
}

/// An upstream sign-in that leads to this account.
#[derive(Clone, Copy, Debug)]
pub struct LinkedIdentity<'v> {
    /// The value that is posted.
    pub id: &'v str,
    /// The name of the provider.
    pub provider: &'v str,
    /// What the provider calls the person.
    pub subject: &'v str,
}

impl AccountPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }

    fn day(&self, unix_seconds: i64) -> String {
        timestamp::day(unix_seconds, self.frame.language)
    }

    fn minute(&self, unix_seconds: i64) -> String {
        timestamp::minute(unix_seconds, self.frame.language)
    }
}

impl View for AccountPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.m().account.title.to_owned()
    }

    fn problems(&self) -> &[Problem] {
        self.problems
    }

    fn notice(&self) -> Option<Notice> {
        self.notice
    }

    fn script(&self) -> Option<&'static Asset> {
        matches!(self.add_passkey, Some(AddPasskey::Form(_))).then_some(assets::PASSKEY)
    }

    fn form_targets(&self) -> Vec<&Url> {
        let providers = self.link_identity.iter().flat_map(Upstream::form_targets);
        self.frame.form_target.into_iter().chain(providers).collect()
    }
}
