//! What a person does between an authorization request and its answer. Each page comes back to `dispatcher`, which asks
//! `next_step`; pages never go to each other. What must be remembered meanwhile travels sealed with the forms, so that
//! requests that go nowhere leave nothing behind.

mod aside;
mod consent;
pub(crate) mod cookies;
mod create_account;
mod device;
mod dispatcher;
mod forgot_password;
mod form;
mod login;
pub mod mails;
mod offer_passkey;
mod passkey;
mod register;
mod reset_password;
mod second_factor;
mod select_account;
mod session;
mod shown;
mod step_up;
mod upstream;
mod verify_email;
mod visit;

pub(crate) use consent::resource_name;
pub(crate) use dispatcher::resume;
pub use dispatcher::{proceed, refuse};
pub(crate) use form::{Posted, either, unavailable};
pub(crate) use login::{Offered, from, offered, problem};
pub(crate) use passkey::add_passkey;
pub(crate) use reset_password::told;
pub use session::{CurrentSession, forget};
pub(crate) use session::{give, renew_cookie};
pub(crate) use upstream::start_link;
pub use visit::{Ended, Visit, client_name};

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::authorize::{AuthorizationRequest, Progress};
use crate::credentials::{CREATE_ACCOUNT_PATH, LinkPurpose, Method};
use crate::device::VERIFICATION_PATH;
use crate::sealer::{Purpose, SealFailed, Sealer};

/// Seconds for which a page may stay open.
pub const LIFETIME_SECONDS: i64 = 3600;

/// The pages of a sign-in.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/continue", get(dispatcher::endpoint))
        .route("/login", post(login::password))
        .route("/login/passkey", post(passkey::endpoint))
        .route(offer_passkey::PATH, post(offer_passkey::endpoint))
        .route(step_up::NOT_NOW, post(step_up::not_now))
        .route(upstream::PATH, post(upstream::begin))
        .route("/login/upstream/{provider}/callback", get(upstream::callback))
        .route("/login/code", get(second_factor::totp_page).post(second_factor::totp))
        .route(
            "/login/recovery-code",
            get(second_factor::recovery_code_page).post(second_factor::recovery_code),
        )
        .route("/consent", post(consent::endpoint))
        .route(VERIFICATION_PATH, get(device::page).post(device::enter))
        .route(
            LinkPurpose::PasswordReset.path(),
            get(reset_password::reset).post(reset_password::reset),
        )
        .route(LinkPurpose::Invite.path(), get(reset_password::invite).post(reset_password::invite))
        .route(forgot_password::PATH, get(forgot_password::page).post(forgot_password::endpoint))
        .route(
            LinkPurpose::EmailVerification.path(),
            get(verify_email::page).post(verify_email::endpoint),
        )
        .route(register::PATH, get(register::page).post(register::endpoint))
        .route(CREATE_ACCOUNT_PATH, get(create_account::page).post(create_account::endpoint))
        .route("/select-account", post(select_account::endpoint))
}

/// An authorization request on its way, sealed while the person is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interaction {
    /// What the client asked for.
    pub request: AuthorizationRequest,
    /// The browser to which it was shown: it cannot be finished in another (CVE-2022-39222).
    pub browser: String,
    /// The user proved who it is, when asked for this request.
    #[serde(default)]
    pub signed_in: bool,
    /// The account was chosen.
    #[serde(default)]
    pub account_chosen: bool,
    /// The user does not want to prove more than is demanded.
    #[serde(default)]
    pub step_up_declined: bool,
    /// To whom the question was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Uuid>,
    /// Who gave consent, to this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consented: Option<Uuid>,
    /// Who signed in with a password, and is to be offered a passkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_passkey: Option<Uuid>,
    /// A factor that was proved while another is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_factor: Option<FirstFactor>,
}

/// A factor that was proved, and does not suffice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstFactor {
    /// By whom.
    pub user_id: Uuid,
    /// How.
    pub methods: Vec<Method>,
}

impl Interaction {
    /// A request that was just read.
    pub fn begin(request: AuthorizationRequest, visit: &Visit<'_>) -> Self {
        Self {
            request,
            browser: visit.browser_hash(),
            signed_in: false,
            account_chosen: false,
            step_up_declined: false,
            asked: None,
            consented: None,
            offer_passkey: None,
            first_factor: None,
        }
    }

    /// As it travels.
    fn seal(&self, sealer: &Sealer) -> Result<String, SealFailed> {
        sealer.seal(Purpose::Interaction, self)
    }

    /// Opens what this browser was given a while ago.
    fn open(visit: &Visit<'_>, text: &str) -> Option<Self> {
        let opened: Self = visit.app.sealer.open(Purpose::Interaction, text)?;
        let is_young = visit.app.clock.now() - opened.request.received_at < LIFETIME_SECONDS;
        (is_young && opened.browser == visit.browser_hash()).then_some(opened)
    }

    /// How far it has come with this user; what another consented to counts for nothing.
    fn progress(&self, user_id: Option<Uuid>) -> Progress {
        Progress {
            signed_in: self.signed_in,
            account_chosen: self.account_chosen,
            step_up_declined: self.step_up_declined,
            consented: self.consented.is_some() && self.consented == user_id,
        }
    }
}
