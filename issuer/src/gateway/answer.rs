//! What a gateway is told. Each header of an identity is always there, empty if there is nothing to say: a gateway that copies
//! them replaces whatever a client wrote into headers of these names.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::asked::{Asked, Telling};
use super::caller::Caller;
use super::rules::Allowed;
use crate::error::OAuthError;
use crate::protocol::{ErrorCode, acr};
use crate::token::subject_token::About;

/// The kind of identity: `user`, `app` or `app_asserted`.
const IDENTITY: HeaderName = HeaderName::from_static("countersign-identity");
/// The `sub`: the id of the user, or of the app.
const SUBJECT: HeaderName = HeaderName::from_static("countersign-subject");
/// The client that the token, or the session, was given to.
const CLIENT_ID: HeaderName = HeaderName::from_static("countersign-client-id");
/// Who acts for the subject, the last one first, separated by commas.
const ACTORS: HeaderName = HeaderName::from_static("countersign-actors");
/// Scopes at the resource, separated by spaces.
const SCOPE: HeaderName = HeaderName::from_static("countersign-scope");
/// Roles, separated by commas.
const ROLES: HeaderName = HeaderName::from_static("countersign-roles");
/// Groups of the user, separated by commas.
const GROUPS: HeaderName = HeaderName::from_static("countersign-groups");
/// The name of the user.
const USERNAME: HeaderName = HeaderName::from_static("countersign-username");
/// The address of the user, if it was proved.
const EMAIL: HeaderName = HeaderName::from_static("countersign-email");
/// How strongly the user signed in.
const ACR: HeaderName = HeaderName::from_static("countersign-acr");

/// 200: who it is, and, if one was made, the token for the service behind.
pub(super) fn allowed(allowed: &Allowed<'_>, token: Option<&str>) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.reserve(14);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let said = Said::of(allowed.caller);
    let one = |text: &str| encoded(&[text]);
    let list = |texts: &[String]| encoded(texts);
    let rows = [
        (IDENTITY, one(allowed.caller.identity().idtyp())),
        (SUBJECT, one(&said.subject)),
        (CLIENT_ID, one(said.client_id)),
        (ACTORS, list(said.actors)),
        // RFC 6749 §3.3: printable ASCII already.
        (SCOPE, allowed.scope.clone()),
        (ROLES, list(&allowed.roles)),
        (GROUPS, list(said.groups)),
        (USERNAME, one(said.username)),
        (EMAIL, one(said.email)),
        (ACR, one(said.acr)),
    ];
    for (name, text) in rows {
        let value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        headers.insert(name, value);
    }
    let bearer = token.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
    if let Some(Ok(bearer)) = bearer {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    response
}

/// What is known of a caller.
#[derive(Default)]
struct Said<'c> {
    subject: String,
    client_id: &'c str,
    actors: &'c [String],
    groups: &'c [String],
    username: &'c str,
    email: &'c str,
    acr: &'c str,
}

impl<'c> Said<'c> {
    fn of(caller: &'c Caller) -> Self {
        match caller {
            Caller::Token(of) => {
                let token = &of.token;
                let user = of.user.as_deref().filter(|_| matches!(token.about, About::User(_)));
                Self {
                    subject: token.about.subject(),
                    client_id: &token.client_id,
                    actors: &token.actors,
                    groups: &of.groups,
                    username: user.map_or("", |user| user.username.as_str()),
                    email: user.map_or("", proved_email),
                    acr: token.sign_in.acr.as_deref().unwrap_or_default(),
                }
            }
            Caller::Session(of) => Self {
                subject: of.user.id.to_string(),
                client_id: &of.granted.client_id,
                actors: &[],
                groups: &of.user.groups,
                username: &of.user.username,
                email: proved_email(&of.user),
                acr: acr::of(&of.session.amr),
            },
        }
    }
}

fn proved_email(user: &crate::registry::User) -> &str {
    user.email.as_deref().filter(|_| user.email_verified).unwrap_or_default()
}

/// Texts as a header may carry them: percent-encoded UTF-8 outside of printable ASCII, and the comma and the percent sign too.
fn encoded(texts: &[impl AsRef<str>]) -> String {
    let mut line = String::new();
    for (position, text) in texts.iter().enumerate() {
        if position > 0 {
            line.push(',');
        }
        for byte in text.as_ref().bytes() {
            if byte.is_ascii_graphic() && byte != b',' && byte != b'%' {
                line.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(line, "%{byte:02X}");
            }
        }
    }
    line
}

/// 401: nothing was shown (RFC 6750 §3: then the challenge says nothing more).
pub(super) fn unauthenticated(asked: &Asked<'_>) -> Response {
    let row = ErrorCode::InvalidToken.row();
    let mut response = row.status.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    challenge(&mut response, &format!("Bearer realm=\"{}\"", asked.route.host));
    response
}

/// 401, 403 or 503, with what is wrong in the challenge.
pub(super) fn refused(asked: &Asked<'_>, error: OAuthError) -> Response {
    let row = error.code.row();
    let (request_id, cause) = (asked.origin.request_id, error.cause.as_ref());
    let host = &asked.route.host;
    tracing::info!(%request_id, host, code = row.wire, cause, "a request at a gateway was refused");
    let mut told = format!(
        "Bearer realm=\"{host}\", error=\"{}\", error_description=\"{}\"",
        row.wire, error.description
    );
    if error.code == ErrorCode::InsufficientScope && !asked.route.scopes.is_empty() {
        let _ = write!(told, ", scope=\"{}\"", asked.route.scopes.join(" "));
    }
    let is_told = matches!(row.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let mut response = error.into_response();
    if is_told {
        challenge(&mut response, &told);
    }
    response
}

fn challenge(response: &mut Response, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

/// Sends the browser elsewhere, in the way in which the gateway can.
pub(super) fn redirect(asked: &Asked<'_>, location: &str) -> Result<Response, OAuthError> {
    let location = HeaderValue::try_from(location);
    let location = location.map_err(|_| OAuthError::server_error("a location is no header"))?;
    let mut response = match asked.telling {
        // 302 and not 303: it answers a GET, and some gateways know no other.
        Telling::Redirect => StatusCode::FOUND.into_response(),
        Telling::Unauthorized => unauthenticated(asked),
    };
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out_of_its_header_or_its_place_in_a_list() {
        assert_eq!(encoded(&["admin", "a,b", "100%", "Jürgen"]), "admin,a%2Cb,100%25,J%C3%BCrgen");
        assert_eq!(encoded(&["a\r\nb: c"]), "a%0D%0Ab:%20c");
        assert_eq!(encoded(&[] as &[&str]), "");
    }
}
