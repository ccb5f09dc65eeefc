//! How a person comes to have a session at a host: the host's client asks for a code like any other (RFC 6749 §4.1), so that
//! whoever is signed in at the issuer is known at every host without a page. What was begun is sealed into a cookie of the
//! host: the code is good once, for a minute, and in the browser that asked for it (RFC 7636, RFC 9207).

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::answer::redirect;
use super::asked::Asked;
use super::host_session::{self, HostSession};
use super::rules::{GRANT, client_of};
use crate::app::App;
use crate::error::OAuthError;
use crate::interaction::cookies;
use crate::protocol::{ErrorCode, Form, pkce};
use crate::random;
use crate::registry::{Client, Registry};
use crate::sealer::Purpose;
use crate::token;

/// Where codes come back to, on each host.
pub const CALLBACK: &str = "/.countersign/callback";

/// Ends the session at the host, and offers to end that of the issuer.
const SIGN_OUT: &str = "/.countersign/sign-out";

/// Begins the names of cookies with what was begun; the rest is that of its `state`, so that two tabs do not disturb each other.
const BEGUN: &str = "__Host-countersign-begun-";

/// Seconds for which somebody may be busy signing in.
const LIFETIME_SECONDS: i64 = 1800;

/// What was begun in a browser at a host.
#[derive(Serialize, Deserialize)]
struct Begun {
    host: String,
    client_id: String,
    state: String,
    verifier: String,
    /// The path to go back to.
    back: String,
    /// Unix seconds.
    at: i64,
}

/// Answers what is asked at the paths of this room.
///
/// # Errors
///
/// `access_denied` for a code that does not belong here.
pub(super) async fn own_path(app: &App, asked: &Asked<'_>) -> Result<Option<Response>, OAuthError> {
    match asked.path() {
        CALLBACK => come_back(app, asked).await.map(Some),
        SIGN_OUT => sign_out(app, asked).map(Some),
        _ => Ok(None),
    }
}

/// Sends a browser to the issuer.
///
/// # Errors
///
/// `insufficient_scope` if nobody can sign in through the route's client.
pub(super) fn begin(app: &App, asked: &Asked<'_>) -> Result<Response, OAuthError> {
    let registry = app.registry.load();
    let client = client_of(&registry, asked)?;
    let (state, verifier) = (random::jti(), random::client_secret());
    let begun = Begun {
        host: asked.route.host.clone(),
        client_id: asked.route.client_id.clone(),
        state: state.clone(),
        verifier: verifier.to_string(),
        back: asked.uri.clone(),
        at: app.clock.now(),
    };
    let sealed = app.sealer.seal(Purpose::GatewaySignIn, &begun);
    let sealed = sealed.map_err(|error| OAuthError::server_error(error.to_string()))?;
    let location = authorization_url(app, asked, (&registry, client), &begun);
    let mut response = redirect(asked, &location)?;
    cookies::set(&mut response, &begun_cookie(&state), &sealed, Some(LIFETIME_SECONDS));
    Ok(response)
}

/// For all that the routes of the host may need, so that one sign-in does for each.
fn authorization_url(
    app: &App,
    asked: &Asked<'_>,
    (registry, client): (&Registry, &Client),
    begun: &Begun,
) -> String {
    let (host, client_id) = (&asked.route.host, &asked.route.client_id);
    let routes = app.config.gateway.values();
    let mut resources: Vec<&str> = routes
        .filter(|route| route.host == *host && route.client_id == *client_id)
        .map(|route| route.resource.as_str())
        .filter(|resource| registry.resource(resource).is_some_and(|found| found.enabled))
        .filter(|resource| client.permission(resource).is_some())
        .collect();
    resources.sort_unstable();
    resources.dedup();
    let mut scopes = vec!["openid"];
    let permitted = resources.iter().filter_map(|resource| client.permission(resource));
    for scope in permitted.flat_map(|permission| &permission.scopes) {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    let challenge = pkce::challenge_of(&begun.verifier);
    let redirect_uri = redirect_uri(host);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &scopes.join(" ")),
            ("state", &begun.state),
            ("code_challenge", &challenge),
            ("code_challenge_method", pkce::METHOD),
        ])
        .extend_pairs(resources.iter().map(|resource| ("resource", resource)))
        .finish();
    format!("{}?{query}", app.config.issuer.endpoint("/authorize"))
}

/// The answer of the authorization endpoint, which the browser brings.
async fn come_back(app: &App, asked: &Asked<'_>) -> Result<Response, OAuthError> {
    let form = Form::parse(asked.query().as_bytes()).map_err(|_| refusal("it is malformed"))?;
    let state = form.value("state").unwrap_or_default();
    let begun = cookies::value(asked.headers, &begun_cookie(state))
        .and_then(|sealed| app.sealer.open::<Begun>(Purpose::GatewaySignIn, sealed));
    let begun = begun.ok_or_else(|| refusal("it was not begun in this browser"))?;
    let is_young = app.clock.now() - begun.at < LIFETIME_SECONDS;
    let is_of_the_route =
        begun.host == asked.route.host && begun.client_id == asked.route.client_id;
    if !is_young || !is_of_the_route || begun.state != state {
        return Err(refusal("it was begun long ago, or elsewhere"));
    }
    // RFC 9207 §2.4.
    if form.value("iss") != Some(app.config.issuer.as_str()) {
        return Err(refusal("it is not from this issuer"));
    }
    let code = form.value("code").ok_or_else(|| refusal("there is no code"))?;
    let session = redeem(app, asked, (code, &begun)).await?;
    let sealed = session.seal(&app.sealer)?;
    let mut response = redirect(asked, &format!("https://{}{}", begun.host, begun.back))?;
    // One cookie an answer: nginx hands on no more. The other one ends by itself, and its code is used up.
    cookies::set(&mut response, host_session::COOKIE, &sealed, None);
    Ok(response)
}

/// The token endpoint would do the same, and then make tokens.
async fn redeem(
    app: &App,
    asked: &Asked<'_>,
    (code, begun): (&str, &Begun),
) -> Result<HostSession, OAuthError> {
    let registry = app.registry.load_full();
    let client = client_of(&registry, asked)?;
    let redirect_uri = redirect_uri(&begun.host);
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", GRANT),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &begun.verifier),
        ])
        .finish();
    let form = Form::parse(form.as_bytes()).map_err(|_| refusal("it is malformed"))?;
    let signed_in = token::redeem(app, client, &form).await.map_err(|error| {
        if error.code.row().status.is_server_error() { error } else { refusal(error.cause) }
    })?;
    let session_id = signed_in.session_id.ok_or_else(|| refusal("it is of no session"))?;
    Ok(HostSession {
        host: begun.host.clone(),
        client_id: begun.client_id.clone(),
        session_id,
        user_id: signed_in.user_id,
        scopes: signed_in.scopes,
        resources: signed_in.resources,
    })
}

/// The issuer asks whether all is meant (OpenID Connect RP-Initiated Logout §2): who comes by a link of another site signs
/// nobody out but here.
fn sign_out(app: &App, asked: &Asked<'_>) -> Result<Response, OAuthError> {
    let mut response = redirect(asked, &app.config.issuer.endpoint("/logout"))?;
    cookies::clear(&mut response, host_session::COOKIE);
    Ok(response)
}

fn redirect_uri(host: &str) -> String {
    format!("https://{host}{CALLBACK}")
}

/// A name of letters, digits, `-` and `_`, whatever `state` was sent.
fn begun_cookie(state: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let short: String = state.chars().filter(is_plain).take(8).collect();
    format!("{BEGUN}{short}")
}

fn refusal(cause: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    let description = "the sign-in cannot be finished here; open the page once more";
    OAuthError::because(ErrorCode::GatewayRefused, description, cause)
}
