//! Answers to authorization requests (RFC 6749 §4.1.2, RFC 9207): to a validated redirect URI, in the query or as a form;
//! or, before there is one, a page. Redirects are 303, so that no form is sent on (RFC 9700 §4.12).

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::config::IssuerUrl;
use crate::error::OAuthError;
use crate::page::{ErrorKind, FormPostPage, Frame, View as _};
use crate::registry::ClientId;

/// How parameters travel to the client (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// As a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// Every mode, for discovery (`response_modes_supported`).
    pub const NAMES: [&str; 2] = ["query", "form_post"];

    /// The mode of the parameter.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "query" => Some(Self::Query),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }
}

/// A redirect URI that was found among those of the client: the only place to which anything is redirected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectTarget {
    uri: String,
    client_id: String,
    mode: ResponseMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

impl RedirectTarget {
    /// Only for a URI that was compared with the registered ones.
    pub(super) fn new(
        client_id: &str,
        uri: String,
        mode: ResponseMode,
        state: Option<String>,
    ) -> Self {
        Self { uri, client_id: client_id.to_owned(), mode, state }
    }

    /// A page of the issuer itself.
    pub(super) fn own_page(issuer: &IssuerUrl, path: &str) -> Self {
        let client_id = ClientId::of_the_issuer();
        Self::new(client_id.as_str(), issuer.endpoint(path), ResponseMode::Query, None)
    }

    /// Whose URI it is.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The URI, as the client sent it.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The URI in parts.
    pub fn url(&self) -> Option<Url> {
        Url::parse(&self.uri).ok()
    }

    /// A refusal that travels to the client.
    pub fn refuse(&self, error: OAuthError) -> Failure {
        Failure::Redirect(Box::new(Refused { target: self.clone(), error }))
    }

    /// The answer with these parameters, and with `state` and `iss` (RFC 9207 §2).
    pub fn respond(
        &self,
        parameters: &[(&str, &str)],
        (issuer, client_name): (&str, &str),
        frame: Frame<'_>,
    ) -> Response {
        let mut all = parameters.to_vec();
        all.extend(self.state.as_deref().map(|state| ("state", state)));
        all.push(("iss", issuer));
        let Some(redirect_uri) = self.url() else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        match self.mode {
            ResponseMode::Query => see_other(&with_query(&self.uri, &all)),
            ResponseMode::FormPost => {
                let page = FormPostPage {
                    frame,
                    redirect_uri: &redirect_uri,
                    client_name,
                    parameters: &all,
                };
                page.page().into_response()
            }
        }
    }
}

/// RFC 6749 §3.1.2: the registered query is kept and added to. The text is not parsed and written anew, so that the
/// client sees its own URI byte for byte.
fn with_query(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, _)) => "&",
    };
    format!("{uri}{separator}{}", query.finish())
}

/// A redirect after a form (RFC 9110 §15.4.4), which nobody keeps.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Where the answer to a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To the client, by the browser.
    Redirect(RedirectTarget),
    /// To the client on a device, which asks for it (RFC 8628).
    Device(DeviceTarget),
}

/// A device that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTarget {
    /// Its authorization.
    pub id: Uuid,
    /// The code that it shows.
    pub user_code: String,
}

impl Target {
    /// Where the browser will be sent; nowhere for a device.
    pub fn url(&self) -> Option<Url> {
        match self {
            Self::Redirect(target) => target.url(),
            Self::Device(_) => None,
        }
    }
}

/// Why an authorization request ends without a code.
#[derive(Debug)]
pub enum Failure {
    /// Nothing may be redirected: the person is told.
    Page(ErrorKind, Box<OAuthError>),
    /// The client is told.
    Redirect(Box<Refused>),
}

/// A refusal, and where it goes.
#[derive(Debug)]
pub struct Refused {
    /// Where.
    pub target: RedirectTarget,
    /// What.
    pub error: OAuthError,
}

impl Failure {
    /// A page.
    pub fn page(kind: ErrorKind, error: OAuthError) -> Self {
        Self::Page(kind, Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r07_a_query_is_kept_and_added_to_and_what_is_added_is_encoded() {
        let parameters = [("code", "a&code=b"), ("iss", "https://i.example")];

        for (uri, expected) in [
            (
                "https://a.example/cb",
                "https://a.example/cb?code=a%26code%3Db&iss=https%3A%2F%2Fi.example",
            ),
            (
                "https://a.example/cb?x=1",
                "https://a.example/cb?x=1&code=a%26code%3Db&iss=https%3A%2F%2Fi.example",
            ),
            (
                "https://a.example/cb?",
                "https://a.example/cb?code=a%26code%3Db&iss=https%3A%2F%2Fi.example",
            ),
        ] {
            assert_eq!(with_query(uri, &parameters), expected);
        }
    }
}
