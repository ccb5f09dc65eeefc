//! The pages of signing out, and those of errors.

use std::sync::LazyLock;

use url::Url;

use super::{Kit, REDIRECT_URI, Sample};
use crate::page::{
    DonePage, ErrorKind, ErrorPage, LoggedOutPage, LogoutPage, LogoutTarget, Notice, View as _,
};

static FRAMES: LazyLock<Vec<Url>> = LazyLock::new(|| {
    ["https://a.example/logout?iss=x&sid=\"'><script>", "https://b.example/logout"]
        .iter()
        .map(|url| Url::parse(url).unwrap())
        .collect()
});

pub(super) fn pages(kit: Kit) -> Vec<Sample> {
    let mut pages = logout(kit);
    let error = ErrorPage {
        frame: kit.frame(),
        kind: ErrorKind::ServerError,
        request_id: kit.say("9f3c2a7100000042"),
        code: None,
        description: None,
        next: Some(kit.say("/account")),
    };
    for kind in ErrorKind::ALL {
        pages.push((name(*kind), ErrorPage { kind: *kind, ..error }.page()));
    }
    let detailed = ErrorPage {
        kind: ErrorKind::InvalidRequest,
        code: Some(kit.say("invalid_request")),
        description: Some(kit.say("code_challenge_method must be S256")),
        ..error
    };
    pages.push(("error-for-developers", detailed.page()));
    let done = |done, go_on| DonePage { frame: kit.branded(), done, go_on }.page();
    pages.push(("done", done(Notice::EmailVerified, None)));
    pages.push(("done-go-on", done(Notice::PasswordReset, Some(kit.say("/continue")))));
    pages
}

fn logout(kit: Kit) -> Vec<Sample> {
    let ask = LogoutPage {
        frame: kit.branded(),
        form: kit.form("/logout"),
        client_name: Some(kit.say("Lovelace Books")),
        user_name: kit.say("Ada Lovelace"),
    };
    let target = LogoutTarget { client_name: kit.say("Lovelace Books"), uri: &REDIRECT_URI };
    let done = LoggedOutPage {
        frame: kit.branded(),
        frontchannel_logout_uris: &FRAMES,
        continue_to: Some(target),
        sign_in: None,
    };
    let alone = LoggedOutPage {
        frame: kit.frame(),
        frontchannel_logout_uris: &[],
        continue_to: None,
        sign_in: Some(kit.say("/account")),
    };
    vec![
        ("logout", ask.page()),
        ("logged-out-everywhere", done.page()),
        ("logged-out", alone.page()),
    ]
}

fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnknownClient => "error-unknown-client",
        ErrorKind::UnregisteredRedirectUri => "error-unregistered-redirect-uri",
        ErrorKind::InvalidRequest => "error-invalid-request",
        ErrorKind::AccessDenied => "error-access-denied",
        ErrorKind::SignInExpired => "error-sign-in-expired",
        ErrorKind::FormExpired => "error-form-expired",
        ErrorKind::LinkExpired => "error-link-expired",
        ErrorKind::AccountDisabled => "error-account-disabled",
        ErrorKind::RegistrationClosed => "error-registration-closed",
        ErrorKind::UpstreamFailed => "error-upstream-failed",
        ErrorKind::NotFound => "error-not-found",
        ErrorKind::TooManyRequests => "error-too-many-requests",
        ErrorKind::Unavailable => "error-unavailable",
        ErrorKind::ServerError => "error-server-error",
    }
}
