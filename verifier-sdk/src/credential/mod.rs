//! Where a request carries its token: `Authorization: Bearer` (RFC 6750 §2.1) or `DPoP` (RFC 9449 §7.1), a `__Host-`
//! cookie, or a form field (RFC 6750 §2.2). Exactly one per request. The query string (§2.3) is never read.

mod express_session;
mod same_site;

pub(crate) use same_site::is_same_site;

use express_session::ExpressSession;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

/// Why a request has no usable credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is none.
    #[error("the request carries no credential")]
    Missing,
    /// RFC 6750 §2: not more than one method per request.
    #[error("the request carries several credentials")]
    Several,
    /// There is one, and it cannot be read.
    #[error("the request carries a malformed credential")]
    Malformed,
    /// A cookie came with an unsafe request that another site may have caused.
    #[error("the request comes from another site")]
    CrossSite,
}

impl CredentialError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "credential_missing",
            Self::Several => "credential_several",
            Self::Malformed => "credential_malformed",
            Self::CrossSite => "cross_site_request",
        }
    }

    /// RFC 6750 §3.1: 401 without a credential, 400 for a malformed request.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Missing => StatusCode::UNAUTHORIZED,
            Self::Several | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::CrossSite => StatusCode::FORBIDDEN,
        }
    }
}

/// How a token is presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// Whoever has it, may use it (RFC 6750); in a cookie or a form too.
    Bearer,
    /// With a proof that the sender holds the key to which it is bound (RFC 9449 §7.1).
    Dpop,
}

impl Scheme {
    /// The header of the proof.
    pub(crate) const DPOP_HEADER: &'static str = "dpop";

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// The one token of a request, as it was presented. Nothing of it has been checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The token.
    pub token: String,
    /// How it was presented.
    pub scheme: Scheme,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// The name of a cookie must begin with `__Host-`: then browsers take it only from this host, over
/// TLS and for all paths, and no sibling domain can toss one in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the name of the credential cookie must begin with __Host-")]
pub struct CookieNameError;

/// Which carriers a service accepts. Only the `Authorization` header by default.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    cookie: Option<String>,
    express: Option<ExpressSession>,
    form: bool,
    trusted_origins: Vec<String>,
}

impl Carriers {
    /// The `Authorization` header only.
    pub fn bearer() -> Self {
        Self::default()
    }

    /// Also a cookie, whose name must begin with `__Host-`.
    pub fn or_cookie(mut self, name: &str) -> Result<Self, CookieNameError> {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match name.strip_prefix("__Host-") {
            Some(rest) if !rest.is_empty() && rest.bytes().all(letters) => {
                self.cookie = Some(name.to_owned());
                Ok(self)
            }
            _ => Err(CookieNameError),
        }
    }

    /// Also a member of the session that an Express application keeps in a cookie with `cookie-session`, e.g. `session` and
    /// `jwt`. No secret is shared: the token in it is verified, and the signature of the cookie is not asked for. Such a
    /// cookie can be set by a sibling domain, so prefer [`or_cookie`](Self::or_cookie) once all services can read it.
    #[must_use]
    pub fn or_express_session(mut self, cookie: &str, member: &str) -> Self {
        self.express =
            Some(ExpressSession { cookie: cookie.to_owned(), member: member.to_owned() });
        self
    }

    /// Also the field `access_token` of a form, which only the tower layer can read.
    #[must_use]
    pub fn or_form(mut self) -> Self {
        self.form = true;
        self
    }

    /// Accepts cookie requests that another origin causes, e.g. `https://app.example`.
    #[must_use]
    pub fn trust_origin(mut self, origin: &str) -> Self {
        self.trusted_origins.push(origin.to_owned());
        self
    }

    /// Whether the body of this request may carry the token (RFC 6750 §2.2).
    pub fn wants_form(&self, parts: &Parts) -> bool {
        let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        self.form
            && parts.method != Method::GET
            && media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// The one token of the request; `form` is its body, if `wants_form` asked for it.
    pub fn find(&self, parts: &Parts, form: Option<&[u8]>) -> Result<Credential, CredentialError> {
        let mut found = Found::default();
        authorization(&parts.headers, &mut found)?;
        let mut from_cookie = false;
        for value in self.cookie.iter().flat_map(|name| cookies(&parts.headers, name)) {
            let value = str::from_utf8(value).map_err(|_| CredentialError::Malformed)?;
            found.add(Scheme::Bearer, value)?;
            from_cookie = true;
        }
        if let Some(session) = &self.express {
            for value in cookies(&parts.headers, &session.cookie) {
                let Some(token) = session.token(value)? else { continue };
                found.add(Scheme::Bearer, &token)?;
                from_cookie = true;
            }
        }
        for (name, value) in url::form_urlencoded::parse(form.unwrap_or_default()) {
            if name == "access_token" {
                found.add(Scheme::Bearer, &value)?;
            }
        }
        let credential = found.credential.ok_or(CredentialError::Missing)?;
        if from_cookie && !is_same_site(parts, &self.trusted_origins) {
            return Err(CredentialError::CrossSite);
        }
        Ok(credential)
    }
}

#[derive(Default)]
struct Found {
    credential: Option<Credential>,
}

impl Found {
    fn add(&mut self, scheme: Scheme, token: &str) -> Result<(), CredentialError> {
        if self.credential.is_some() {
            return Err(CredentialError::Several);
        }
        if token.is_empty() || token.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(CredentialError::Malformed);
        }
        self.credential = Some(Credential { token: token.to_owned(), scheme });
        Ok(())
    }
}

fn authorization(headers: &HeaderMap, found: &mut Found) -> Result<(), CredentialError> {
    for value in headers.get_all(AUTHORIZATION) {
        let bytes = value.as_bytes();
        let name = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        // RFC 9110 §11.1: the scheme is case-insensitive. Other schemes are not for us.
        let is_named = |scheme: &Scheme| name.eq_ignore_ascii_case(scheme.name().as_bytes());
        let Some(scheme) = [Scheme::Bearer, Scheme::Dpop].into_iter().find(is_named) else {
            continue;
        };
        let value = value.to_str().map_err(|_| CredentialError::Malformed)?;
        found.add(scheme, value.get(name.len()..).unwrap_or_default().trim_matches(' '))?;
    }
    Ok(())
}

/// The values of one of our own cookies alone: browsers send whatever other apps and sibling domains
/// have set, in any bytes (RFC 6265 §5.4). An empty value is what remains of a cookie that was cleared.
fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    let all = headers.get_all(COOKIE).into_iter();
    let pairs = all.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    let values = pairs
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    values.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
