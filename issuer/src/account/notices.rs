//! What the account page says once after a change: one word in a cookie, which is taken back when it is read.

use axum::response::Response;

use crate::interaction::{Visit, cookies};
use crate::page::Notice;

/// Seconds in which the next page is surely loaded, also after one more sign-in.
const SECONDS: i64 = 600;

const WORDS: [(&str, Notice); 12] = [
    ("profile", Notice::ProfileSaved),
    ("password", Notice::PasswordChanged),
    ("passkey-added", Notice::PasskeyAdded),
    ("passkey-renamed", Notice::PasskeyRenamed),
    ("passkey-removed", Notice::PasskeyRemoved),
    ("totp-on", Notice::TotpEnabled),
    ("totp-off", Notice::TotpDisabled),
    ("session", Notice::SessionEnded),
    ("signed-in", Notice::SignedInAgain),
    ("consent", Notice::ConsentWithdrawn),
    ("identity-linked", Notice::IdentityLinked),
    ("identity-unlinked", Notice::IdentityUnlinked),
];

/// Leaves a notice for the next page.
pub(crate) fn leave(response: &mut Response, notice: Notice) {
    if let Some((word, _)) = WORDS.iter().find(|(_, known)| *known == notice) {
        cookies::set(response, cookies::NOTICE, word, Some(SECONDS));
    }
}

/// The notice that was left.
pub(super) fn left(visit: &Visit<'_>) -> Option<Notice> {
    let word = visit.cookie(cookies::NOTICE)?;
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, notice)| *notice)
}

/// Takes it back.
pub(super) fn take(visit: &Visit<'_>, response: &mut Response) {
    if visit.cookie(cookies::NOTICE).is_some() {
        cookies::clear(response, cookies::NOTICE);
    }
}
