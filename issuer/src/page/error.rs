//! The error page: what happened, what to do next, and the id under which the log knows more. Never
//! a redirect (RFC 6749 §4.1.2.1, RFC 9700 §4.11).

use askama::Template;

use super::document::{Rendering as _, View};
use super::frame::Frame;
use super::messages::{ErrorText, Messages};

/// Says what went wrong.
#[derive(Template, Clone, Copy, Debug)]
#[template(path = "error.html")]
pub struct ErrorPage<'v> {
    /// What all pages share.
    pub frame: Frame<'v>,
    /// What happened.
    pub kind: ErrorKind,
    /// The id of the request.
    pub request_id: &'v str,
    /// The error code of the protocol, for the developer of the client.
    pub code: Option<&'v str>,
    /// One sentence in English for the developer; constant, and without anything from the request.
    pub description: Option<&'v str>,
    /// The address of the next step, as a path of the issuer: to begin again, or the account page.
    pub next: Option<&'v str>,
}

/// What happened, as the person may know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The client is not known or disabled.
    UnknownClient,
    /// The redirect URI is not one of the client's.
    UnregisteredRedirectUri,
    /// The application sent a request that cannot be understood.
    InvalidRequest,
    /// The person may not use this application.
    AccessDenied,
    /// The sign-in was left open for too long, or was finished in another window.
    SignInExpired,
    /// A form came without its token: it was open for too long, or the browser keeps no cookies.
    FormExpired,
    /// A link from a mail, an invitation or a code was used already or is too old.
    LinkExpired,
    /// The account cannot be used.
    AccountDisabled,
    /// Nobody can register.
    RegistrationClosed,
    /// The upstream provider did not do its part.
    UpstreamFailed,
    /// There is nothing at this address.
    NotFound,
    /// Too many requests.
    TooManyRequests,
    /// The issuer cannot answer now.
    Unavailable,
    /// The issuer failed.
    ServerError,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::UnknownClient,
        Self::UnregisteredRedirectUri,
        Self::InvalidRequest,
        Self::AccessDenied,
        Self::SignInExpired,
        Self::FormExpired,
        Self::LinkExpired,
        Self::AccountDisabled,
        Self::RegistrationClosed,
        Self::UpstreamFailed,
        Self::NotFound,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::ServerError,
    ];

    fn text(self, messages: &'static Messages) -> &'static ErrorText {
        let errors = &messages.errors;
        match self {
            Self::UnknownClient => &errors.unknown_client,
            Self::UnregisteredRedirectUri => &errors.unregistered_redirect_uri,
            Self::InvalidRequest => &errors.invalid_request,
            Self::AccessDenied => &errors.access_denied,
            Self::SignInExpired => &errors.sign_in_expired,
            Self::FormExpired => &errors.form_expired,
            Self::LinkExpired => &errors.link_expired,
            Self::AccountDisabled => &errors.account_disabled,
            Self::RegistrationClosed => &errors.registration_closed,
            Self::UpstreamFailed => &errors.upstream_failed,
            Self::NotFound => &errors.not_found,
            Self::TooManyRequests => &errors.too_many_requests,
            Self::Unavailable => &errors.unavailable,
            Self::ServerError => &errors.server_error,
        }
    }
}

impl ErrorPage<'_> {
    fn m(&self) -> &'static Messages {
        self.frame.messages()
    }

    fn text(&self) -> &'static ErrorText {
        self.kind.text(self.m())
    }
}

impl View for ErrorPage<'_> {
    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }

    fn title(&self) -> String {
        self.text().title.to_owned()
    }
}
