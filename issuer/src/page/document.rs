//! From a view to a response: the same frame, the same headers and the same policy for every page.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use url::Url;

use super::assets::{self, Asset};
use super::brand::LogoUrl;
use super::content_security_policy::ContentSecurityPolicy;
use super::frame::Frame;
use super::notice::Notice;
use super::problem::{Fields, Problem};

/// Headers of every page beside its policy and language.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// A page, ready to be sent.
#[derive(Clone, Debug)]
pub struct Page {
    status: StatusCode,
    policy: HeaderValue,
    language: &'static str,
    html: String,
}

impl Page {
    /// The page under another status than 200.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// What is in it.
    pub fn html(&self) -> &str {
        &self.html
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.html).into_response();
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy);
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.language));
        response
    }
}

/// A page as a handler fills it in.
pub trait View: Template + Sized {
    /// What it shares with all others.
    fn frame(&self) -> &Frame<'_>;

    /// What it is about, in one line: its heading and the title of the window.
    fn title(&self) -> String;

    /// What was wrong with the form that came before.
    fn problems(&self) -> &[Problem] {
        &[]
    }

    /// What just happened.
    fn notice(&self) -> Option<Notice> {
        None
    }

    /// The script that makes it more comfortable.
    fn script(&self) -> Option<&'static Asset> {
        None
    }

    /// Where its forms may finally lead, beside the issuer itself.
    fn form_targets(&self) -> Vec<&Url> {
        self.frame().form_target.into_iter().collect()
    }

    /// The addresses that it loads in frames.
    fn frames(&self) -> &[Url] {
        &[]
    }

    /// The page.
    fn page(&self) -> Page {
        let frame = self.frame();
        let policy = ContentSecurityPolicy {
            logo: frame.brand.logo.as_ref().map(LogoUrl::url),
            form_targets: &self.form_targets(),
            frames: self.frames(),
        };
        Page {
            status: StatusCode::OK,
            policy: policy.header_value(),
            language: frame.language.tag(),
            // Rendering fails only where writing to a string does, which is nowhere.
            html: self.render().unwrap_or_default(),
        }
    }
}

/// What the templates ask of every view, and nobody else.
pub(super) trait Rendering: View {
    fn window_title(&self) -> String {
        let title = format!("{} · {}", self.title(), self.frame().brand.name);
        if self.problems().is_empty() {
            return title;
        }
        self.frame().messages().common.error_title.text(&title)
    }

    fn fields(&self) -> Fields<'_> {
        Fields::new(self.problems(), self.frame().language)
    }

    fn stylesheet(&self) -> String {
        format!("{}{}", self.frame().base_path, assets::STYLESHEET.path())
    }

    fn brand_stylesheet(&self) -> Option<String> {
        let path = assets::brand_path(self.frame().brand.color?);
        Some(format!("{}{path}", self.frame().base_path))
    }

    fn icon(&self) -> String {
        format!("{}{}", self.frame().base_path, assets::ICON.path())
    }

    fn script_path(&self) -> Option<String> {
        Some(format!("{}{}", self.frame().base_path, self.script()?.path()))
    }
}

impl<V: View> Rendering for V {}
