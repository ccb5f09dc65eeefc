//! What a person sees: from the structs of this room to pages of HTML. Pure: nothing here reads the
//! store, the clock, the network or the state of the node, and nothing decides what comes next.
//!
//! A handler fills in a view (`LoginPage { … }`) and answers with `view.page()`. Names, addresses
//! and hidden values of every form come with the view; texts come from the language of its [`Frame`].
//! There are no inline scripts and styles, so that one policy fits all pages, and each page works
//! without scripts, but for passkeys.

// What all pages share.
mod brand;
mod content_security_policy;
mod device_name;
mod document;
mod frame;
mod language;
mod messages;
mod notice;
mod passkey;
mod phrase;
mod problem;
mod qr_code;
mod scope;
mod timestamp;

/// Stylesheets and scripts.
pub mod assets;

// The pages, in the order in which a person meets them.
mod confirm_email;
mod consent;
mod device;
mod done;
mod error;
mod form_post;
mod login;
mod logout;
mod mail_sent;
mod offer_passkey;
mod password_reset;
mod register;
mod second_factor;
mod select_account;

mod account;

#[cfg(test)]
mod tests;

pub use account::{
    AccountDeletedPage, AccountForms, AccountPage, AddPasskey, DeleteAccountPage, GrantedConsent,
    LinkedIdentity, RecoveryCodesPage, RegisteredPasskey, SignedInSession, TotpSetupPage,
    TotpState,
};
pub use brand::{Brand, Color, LogoUrl};
pub use confirm_email::ConfirmEmailPage;
pub use consent::ConsentPage;
pub use content_security_policy::ContentSecurityPolicy;
pub use device::{DeviceCodePage, DeviceConfirmationPage, DeviceDonePage, DeviceOutcome};
pub use device_name::device_name;
pub use document::{Page, View};
pub use done::DonePage;
pub use error::{ErrorKind, ErrorPage};
pub use form_post::FormPostPage;
pub use frame::{Frame, PostForm};
pub use language::Language;
pub use login::{LoginPage, LoginUser, Upstream, UpstreamProvider};
pub use logout::{LoggedOutPage, LogoutPage, LogoutTarget};
pub use mail_sent::{MailKind, MailSentPage};
pub use notice::Notice;
pub use offer_passkey::OfferPasskeyPage;
pub use passkey::PasskeyForm;
pub use password_reset::{ForgotPasswordPage, ResetPasswordPage};
pub(crate) use phrase::Phrase;
pub use problem::{Field, Problem};
pub use register::{CreateAccountPage, RegisterKind, RegisterPage};
pub use scope::RequestedScope;
pub use second_factor::{SecondFactorMethod, SecondFactorPage};
pub use select_account::{SelectAccountPage, SelectableAccount};
