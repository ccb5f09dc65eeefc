//! The account page: what a person may see and change of what is stored about them. Every page wants a session, every form
//! is bound to it, and whatever could lock the person out or let somebody in wants a sign-in of the last minutes. A form is
//! answered by a redirect (303) to a page; only what is shown once is an answer itself.

mod consents;
mod data;
mod delete;
mod identities;
mod notices;
mod overview;
mod owner;
mod passkeys;
mod password;
mod profile;
mod sessions;
mod totp;

pub(crate) use notices::leave as leave_notice;
pub(crate) use owner::RECENT_SECONDS;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// The page itself.
pub(crate) const PATH: &str = "/account";

/// The account page and the pages behind it.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(PATH, get(overview::endpoint))
        .route(owner::SIGN_IN, get(owner::sign_in_again))
        .route(profile::PATH, post(profile::endpoint))
        .route(password::PATH, post(password::endpoint))
        .route(passkeys::ADD, post(passkeys::add))
        .route(passkeys::RENAME, post(passkeys::rename))
        .route(passkeys::REMOVE, post(passkeys::remove))
        .route(totp::PATH, get(totp::page).post(totp::confirm))
        .route(totp::OFF, post(totp::turn_off))
        .route(totp::RECOVERY_CODES, post(totp::recovery_codes))
        .route(sessions::END, post(sessions::end))
        .route(sessions::END_ALL, post(sessions::end_all))
        .route(sessions::SIGNED_OUT, get(sessions::signed_out))
        .route(consents::WITHDRAW, post(consents::withdraw))
        .route(identities::LINK, post(identities::link))
        .route(identities::UNLINK, post(identities::unlink))
        .route(data::EXPORT, post(data::export))
        .route(delete::PATH, get(delete::page).post(delete::confirm))
        .route(delete::DONE, get(delete::done))
}
