//! The mails that follow from what people do: which link, to which address, in which words.

use crate::app::App;
use crate::credentials::{Account, CredentialError, IssuedLink, LinkPurpose};
use crate::mail::{Kind, Letter, Link, Place, Recipient};
use crate::page::Language;

/// A link to a new password.
pub(super) fn password_reset(
    app: &App,
    account: &Account,
    link: IssuedLink,
    (place, language): (Place, Language),
) {
    post(account, (Kind::PasswordReset, one_time(app, link)), (place, language));
}

/// A link to an account that is about to be.
pub(super) fn registration(
    to: Recipient,
    (link, lifetime): (IssuedLink, u32),
    (place, language): (Place, Language),
) {
    let about = to.as_str().to_owned();
    let link = Link::OneTime { url: link.url, lifetime };
    place.post(Letter { to, language, kind: Kind::Registration, about, link });
}

/// Tells whoever wanted an account that there is one.
pub(super) fn already_registered(
    app: &App,
    account: &Account,
    (place, language): (Place, Language),
) {
    let page = app.config.issuer.endpoint(super::forgot_password::PATH);
    post(account, (Kind::AlreadyRegistered, Link::Page(page)), (place, language));
}

/// Says that a password was changed, to whoever did not do it (NIST SP 800-63B-4 §4.6). Only a proved address is told.
pub fn password_changed(app: &App, account: &Account, language: Language) {
    if !app.mailer.is_possible() || !account.email_verified {
        return;
    }
    if let Ok(place) = app.mailer.place() {
        let page = app.config.issuer.endpoint(super::forgot_password::PATH);
        post(account, (Kind::PasswordChanged, Link::Page(page)), (place, language));
    }
}

/// Asks whoever reads the present address of an account to confirm it. Does nothing if it is confirmed already, if there
/// is none, or if there are no mails.
///
/// # Errors
///
/// If the link cannot be stored.
pub async fn email_verification(
    app: &App,
    account: &Account,
    language: Language,
) -> Result<(), CredentialError> {
    if !app.mailer.is_possible() || account.email_verified || account.user.email.is_none() {
        return Ok(());
    }
    let Ok(place) = app.mailer.place() else { return Ok(()) };
    app.credentials.link_wanted(account)?;
    let link = app.credentials.issue_link(account, LinkPurpose::EmailVerification).await?;
    post(account, (Kind::EmailVerification, one_time(app, link)), (place, language));
    Ok(())
}

fn one_time(app: &App, link: IssuedLink) -> Link {
    Link::OneTime { url: link.url, lifetime: app.config.credentials.link_lifetime_seconds }
}

fn post(account: &Account, (kind, link): (Kind, Link), (place, language): (Place, Language)) {
    let user = &account.user;
    let Some(to) = user.email.as_deref().and_then(Recipient::parse) else {
        tracing::warn!(user_id = %user.id, "the e-mail address of a user cannot be written to");
        return;
    };
    place.post(Letter { to, language, kind, about: user.username.clone(), link });
}
