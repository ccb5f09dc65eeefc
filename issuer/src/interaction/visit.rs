//! One request of one browser at a page: its cookies, its language, and the frame of what it is shown.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, header};
use uuid::Uuid;

use super::cookies;
use super::session::CurrentSession;
use crate::app::App;
use crate::error::OAuthError;
use crate::origin::Origin;
use crate::page::{Brand, Color, ErrorKind, ErrorPage, Frame, Language, LogoUrl, View as _};
use crate::random;
use crate::registry::Client;
use crate::sealer::Purpose;

/// A request of a browser.
pub struct Visit<'a> {
    /// The issuer.
    pub app: &'a Arc<App>,
    /// Where it comes from.
    pub origin: Origin,
    headers: &'a HeaderMap,
    /// The cookie that names the browser, and whether it has it already.
    browser: (String, bool),
}

impl<'a> Visit<'a> {
    /// Of a request.
    pub fn of(app: &'a Arc<App>, parts: &'a Parts) -> Self {
        let browser = match cookies::value(&parts.headers, cookies::BROWSER) {
            Some(value) => (value.to_owned(), true),
            None => (random::jti(), false),
        };
        Self { app, origin: Origin::of(parts), headers: &parts.headers, browser }
    }

    /// The name of the browser, as it may stand in a page.
    pub fn browser_hash(&self) -> String {
        self.app.sealer.mac_text(Purpose::BrowserCookie, &[self.browser.0.as_bytes()])
    }

    /// What every form must bring back (OWASP: a token bound to a cookie).
    pub fn csrf(&self) -> String {
        self.app.sealer.mac_text(Purpose::BrowserCookie, &[b"csrf", self.browser.0.as_bytes()])
    }

    /// Whether a form was made for this browser, and sent from a page of the issuer.
    pub fn is_own_form(&self, csrf: Option<&str>) -> bool {
        self.is_form_with(csrf, &self.csrf())
    }

    /// The same for the forms of a session: what one user was shown does nothing once another is signed in.
    pub(crate) fn csrf_of(&self, session_id: Uuid) -> String {
        let parts = [b"csrf of a session", self.browser.0.as_bytes(), session_id.as_bytes()];
        self.app.sealer.mac_text(Purpose::BrowserCookie, &parts)
    }

    /// Whether a form was made for this session in this browser, and sent from a page of the issuer.
    pub(crate) fn is_form_of(&self, session_id: Uuid, csrf: Option<&str>) -> bool {
        self.is_form_with(csrf, &self.csrf_of(session_id))
    }

    fn is_form_with(&self, csrf: Option<&str>, expected: &str) -> bool {
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let origin = self.app.config.issuer.url().origin().ascii_serialization();
        let is_own_page = header(header::ORIGIN)
            .is_none_or(|sent| sent == origin || sent == "null")
            && header(header::HeaderName::from_static("sec-fetch-site"))
                .is_none_or(|site| site == "same-origin");
        let is_own_token = csrf.is_some_and(|csrf| {
            let equal = aws_lc_rs::constant_time::verify_slices_are_equal;
            equal(csrf.as_bytes(), expected.as_bytes()).is_ok()
        });
        is_own_page && is_own_token && self.browser.1
    }

    /// A cookie of the browser.
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        cookies::value(self.headers, name)
    }

    /// The browser's own word about itself, shortened.
    pub fn user_agent(&self) -> Option<String> {
        let value = self.headers.get(header::USER_AGENT)?.to_str().ok()?;
        Some(value.chars().take(256).collect())
    }

    /// The session of the browser, if it is still good.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn session(&self) -> Result<Option<CurrentSession>, OAuthError> {
        CurrentSession::of(self).await
    }

    /// The language of its pages.
    pub fn language(&self, ui_locales: Option<&str>) -> Language {
        let accepted = self.headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        Language::choose(ui_locales, accepted)
    }

    /// The frame of a page that wears a brand.
    pub fn frame<'v>(&'v self, brand: &'v Brand, language: Language) -> Frame<'v> {
        Frame {
            language,
            brand,
            issuer: self.app.config.issuer.url().host_str().unwrap_or_default(),
            base_path: self.app.config.issuer.path(),
            form_target: None,
        }
    }

    /// The frame of a page of the issuer's own.
    pub fn own_frame(&self) -> Frame<'_> {
        self.frame(&self.app.brand, self.language(None))
    }

    /// The looks of a client; without a color it wears that of the issuer.
    pub fn brand_of(&self, client: &Client) -> Brand {
        let sign_in = client.sign_in.as_ref();
        let color = sign_in.and_then(|s| Color::parse(s.brand_color.as_deref()?));
        Brand {
            name: client_name(client).to_owned(),
            logo: sign_in.and_then(|s| LogoUrl::parse(s.logo_uri.as_ref()?.as_str())),
            color: color.or(self.app.brand.color),
        }
    }

    /// An address of the issuer's own, for a form.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.app.config.issuer.path())
    }

    /// Gives the browser a name if it has none.
    pub fn finish(&self, mut response: Response) -> Response {
        if !self.browser.1 {
            cookies::set(&mut response, cookies::BROWSER, &self.browser.0, None);
        }
        response
    }

    /// A page that says what went wrong; the cause is for the log, once.
    pub fn error(&self, kind: ErrorKind, error: &OAuthError) -> Response {
        let request_id = self.origin.request_id.to_string();
        let row = error.code.row();
        let cause = error.cause.as_ref();
        tracing::info!(request_id, code = row.wire, cause, "a page was refused");
        let page = ErrorPage {
            frame: self.own_frame(),
            kind,
            request_id: &request_id,
            code: Some(row.wire),
            description: Some(error.description),
            next: None,
        };
        page.page().with_status(row.status).into_response()
    }
}

/// What a person is shown instead of what was to come: a page that ends the walk.
pub struct Ended(Box<Response>);

impl From<Response> for Ended {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl Ended {
    /// The page.
    pub fn into_response(self) -> Response {
        *self.0
    }
}

/// How a client is called.
pub fn client_name(client: &Client) -> &str {
    client.name.as_deref().unwrap_or(client.id.as_str())
}
