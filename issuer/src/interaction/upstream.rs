//! Signing in at another provider: to it, and back (OpenID Connect Core §3.1 from the client's side, RFC 7636, RFC 9207).
//!
//! What was begun is sealed in a cookie of this browser, of which `state` is the name, so that the answer of another
//! browser, another provider or another sign-in leads nowhere. Whoever comes back is known by issuer and subject alone.
//! Somebody new is let in only where the provider is configured so; everybody else signs in here first, and links the
//! provider from the account page: an e-mail address that is the same proves nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use countersign_verifier::IdToken;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use super::form::{Posted, client_of, either, unavailable};
use super::login::{self, Proof};
use super::visit::{Ended, Visit};
use super::{CurrentSession, FirstFactor, Interaction, cookies, second_factor};
use crate::account;
use crate::app::App;
use crate::authorize::see_other;
use crate::config::UpstreamRegistration;
use crate::credentials::Method;
use crate::error::OAuthError;
use crate::page::{ErrorKind, Notice, Problem};
use crate::protocol::{Form, pkce};
use crate::random;
use crate::registry::{Profile, User, parse_email, parse_username};
use crate::sealer::Purpose;
use crate::store::{Actor, StoreError, UpstreamIdentity};
use crate::token::refuse_form;
use crate::upstream::{Answer, Metadata, Upstream};

/// Where the choice of a provider is posted to.
pub(super) const PATH: &str = "/login/upstream";

/// Seconds for which somebody may be away at a provider.
const LIFETIME_SECONDS: i64 = 600;

/// What is read of an ID token beside who it is about (OpenID Connect Core §5.5).
const CLAIMS: &str = r#"{"id_token":{"email":null,"name":null,"preferred_username":null}}"#;

/// RFC 6265bis: what every browser keeps.
const MAX_COOKIE_BYTES: usize = 4000;

/// A sign-in at a provider, sealed while the browser is there.
#[derive(Serialize, Deserialize)]
struct Flow {
    provider: String,
    state: String,
    nonce: String,
    code_verifier: String,
    began_at: i64,
    /// How old the sign-in at the provider may be, if somebody wants to know.
    max_age: Option<i64>,
    browser: String,
    intent: Intent,
}

/// What for.
#[derive(Serialize, Deserialize)]
enum Intent {
    /// An authorization request waits.
    SignIn(Box<Interaction>),
    /// The user of a session wants to sign in there from now on.
    Link { user_id: Uuid, session_id: Uuid },
}

/// `POST /login/upstream`: to the provider that was chosen.
pub(super) async fn begin(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        let upstream = chosen(&visit, form.value("provider"))?;
        let request = &interaction.request;
        // What the client demands of the sign-in is demanded of the provider.
        let max_age = if request.prompt.login { Some(0) } else { request.max_age };
        start(&visit, upstream, (Intent::SignIn(Box::new(interaction)), max_age)).await
    };
    either(outcome.await)
}

/// To a provider that the person of this session wants to link; that the session is fresh and the form its own was seen to.
pub(crate) async fn start_link(
    visit: &Visit<'_>,
    current: &CurrentSession,
    provider: Option<&str>,
) -> Result<Response, Ended> {
    let upstream = chosen(visit, provider)?;
    let intent = Intent::Link { user_id: current.user.id, session_id: current.session.id };
    start(visit, upstream, (intent, None)).await
}

fn chosen<'a>(visit: &Visit<'a>, name: Option<&str>) -> Result<&'a Upstream, Ended> {
    let known = visit.app.upstreams.iter().find(|upstream| Some(upstream.name.as_str()) == name);
    known.ok_or_else(|| failed(visit, "nobody knows this provider"))
}

/// Sends the browser to the provider.
async fn start(
    visit: &Visit<'_>,
    upstream: &Upstream,
    (intent, max_age): (Intent, Option<i64>),
) -> Result<Response, Ended> {
    let metadata = upstream.metadata().await;
    let metadata = metadata.map_err(|error| failed(visit, error.to_string()))?;
    let flow = Flow {
        provider: upstream.name.clone(),
        state: random::client_secret().to_string(),
        nonce: random::client_secret().to_string(),
        code_verifier: random::client_secret().to_string(),
        began_at: visit.app.clock.now(),
        max_age,
        browser: visit.browser_hash(),
        intent,
    };
    let sealed = visit.app.sealer.seal(Purpose::Upstream, &flow);
    let sealed = sealed.map_err(|error| failed(visit, error.to_string()))?;
    if sealed.len() > MAX_COOKIE_BYTES {
        return Err(failed(visit, "the request of the client is too long for a cookie"));
    }
    let mut response = see_other(address(visit, upstream, &metadata, &flow).as_str());
    if let Some(name) = cookie_name(&flow.state) {
        cookies::set(&mut response, &name, &sealed, Some(LIFETIME_SECONDS));
    }
    Ok(response)
}

/// OpenID Connect Core §3.1.2.1, RFC 7636 §4.3.
fn address(visit: &Visit<'_>, upstream: &Upstream, metadata: &Metadata, flow: &Flow) -> Url {
    let mut url = metadata.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &upstream.settings.client_id)
        .append_pair("redirect_uri", &redirect_uri(visit, upstream))
        .append_pair("scope", &upstream.settings.scopes.join(" "))
        .append_pair("state", &flow.state)
        .append_pair("nonce", &flow.nonce)
        .append_pair("code_challenge", &pkce::challenge_of(&flow.code_verifier))
        .append_pair("code_challenge_method", pkce::METHOD);
    // Providers that keep them for UserInfo are asked to put them into the ID token.
    if metadata.claims_parameter_supported {
        url.query_pairs_mut().append_pair("claims", CLAIMS);
    }
    if let Some(max_age) = flow.max_age {
        let max_age = max_age.to_string();
        url.query_pairs_mut().append_pair("max_age", &max_age).append_pair("prompt", "login");
    }
    url
}

/// RFC 9700 §4.4.2.2: each provider has a redirect URI of its own.
fn redirect_uri(visit: &Visit<'_>, upstream: &Upstream) -> String {
    visit.app.config.issuer.endpoint(&format!("{PATH}/{}/callback", upstream.name))
}

/// The cookie of one sign-in: named by the beginning of its `state`, so that two tabs do not disturb each other.
fn cookie_name(state: &str) -> Option<String> {
    let short = state.get(..16)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    short.bytes().all(is_plain).then(|| format!("__Host-upstream-{short}"))
}

/// `GET /login/upstream/{provider}/callback`.
pub(super) async fn callback(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let form = match Form::parse(query) {
        Ok(form) => form,
        Err(error) => return visit.error(ErrorKind::InvalidRequest, &refuse_form(error)),
    };
    let cookie = form.value("state").and_then(cookie_name);
    let mut response = either(come_back(&visit, &provider, &form, cookie.as_deref()).await);
    // Good once: what was begun is over, however it ended.
    if let Some(name) = cookie.filter(|name| visit.cookie(name).is_some()) {
        cookies::clear(&mut response, &name);
    }
    visit.finish(response)
}

async fn come_back(
    visit: &Visit<'_>,
    provider: &str,
    form: &Form<'_>,
    cookie: Option<&str>,
) -> Result<Response, Ended> {
    let now = visit.app.clock.now();
    let sealed = cookie.and_then(|name| visit.cookie(name));
    let flow: Option<Flow> =
        sealed.and_then(|sealed| visit.app.sealer.open(Purpose::Upstream, sealed));
    let flow = flow.filter(|flow| {
        Some(flow.state.as_str()) == form.value("state")
            && flow.browser == visit.browser_hash()
            && now - flow.began_at < LIFETIME_SECONDS
    });
    let Some(flow) = flow else {
        let error = OAuthError::invalid_request("this browser did not begin this sign-in");
        return Err(Ended::from(visit.error(ErrorKind::SignInExpired, &error)));
    };
    // RFC 9700 §4.4.2.2: the answer came to the redirect URI of the provider that was asked.
    let upstream =
        chosen(visit, Some(&flow.provider).filter(|asked| *asked == provider).map(|s| &**s))?;
    match identify(visit, upstream, form, &flow).await {
        Ok(token) => arrived(visit, upstream, &token, flow).await,
        Err(cause) => {
            let request_id = visit.origin.request_id;
            tracing::info!(%request_id, upstream = upstream.name, cause, "an upstream sign-in failed");
            again(visit, flow.intent, Problem::UpstreamFailed).await
        }
    }
}

/// Who it is, by an ID token that answers this very request.
async fn identify(
    visit: &Visit<'_>,
    upstream: &Upstream,
    form: &Form<'_>,
    flow: &Flow,
) -> Result<IdToken<Map<String, Value>>, String> {
    let metadata = upstream.metadata().await.map_err(|error| error.to_string())?;
    // RFC 9207 §2.4: before the code goes anywhere, it must be of the provider that was asked.
    match form.value("iss") {
        Some(iss) if iss != upstream.settings.issuer => {
            return Err("the answer is of another issuer".to_owned());
        }
        None if metadata.authorization_response_iss_parameter_supported => {
            return Err("the answer does not say whose it is".to_owned());
        }
        _ => {}
    }
    if form.value("error").is_some() {
        return Err("the provider refused".to_owned());
    }
    let code = form.value("code").ok_or("there is no code")?;
    // `max_age=0` asks for a sign-in after this one was begun.
    let since_begun = visit.app.clock.now() - flow.began_at;
    let max_age = flow.max_age.map(|age| Duration::from_secs((age + since_begun).unsigned_abs()));
    let answer = Answer {
        code,
        redirect_uri: &redirect_uri(visit, upstream),
        code_verifier: &flow.code_verifier,
        nonce: &flow.nonce,
        max_age,
    };
    upstream.redeem(&metadata, &answer).await.map_err(|error| error.to_string())
}

async fn arrived(
    visit: &Visit<'_>,
    upstream: &Upstream,
    token: &IdToken<Map<String, Value>>,
    flow: Flow,
) -> Result<Response, Ended> {
    let identity = identity_of(upstream, token);
    let store = &visit.app.store;
    let now = visit.app.clock.now();
    let interaction = match flow.intent {
        Intent::Link { user_id, session_id } => {
            return link(visit, (user_id, session_id), &identity).await;
        }
        Intent::SignIn(interaction) => interaction,
    };
    let key = (identity.issuer.as_str(), identity.subject.as_str());
    let known = store.use_upstream_identity(key, now).await;
    let user_id = match known.map_err(|error| unavailable(visit, error))? {
        Some(user_id) => Some(user_id),
        None if upstream.settings.registration == UpstreamRegistration::Open => {
            register(visit, token, &identity).await?
        }
        None => None,
    };
    let Some(user_id) = user_id else {
        return again(visit, Intent::SignIn(interaction), Problem::UpstreamNeedsProof).await;
    };
    let account = visit.app.credentials.account(user_id).await.ok();
    let Some(account) = account.filter(|account| account.user.enabled) else {
        return again(visit, Intent::SignIn(interaction), Problem::UpstreamFailed).await;
    };
    if account.requires_second_factor() {
        let first_factor = Some(FirstFactor { user_id, methods: vec![Method::Upstream] });
        let interaction = Interaction { first_factor, ..*interaction };
        let asked = (&account, second_factor::SecondFactor::Totp);
        return second_factor::show(visit, &interaction, asked, &[]).await;
    }
    // When the person proved who it is, as far as the provider says so. What was demanded just now was done since.
    let told = token.authenticated_at().filter(|_| flow.max_age != Some(0));
    let auth_time = told.map_or(now, |at| at.min(now));
    let proof = Proof { methods: &[Method::Upstream], auth_time };
    login::complete_at(visit, *interaction, &account, proof).await
}

/// Back to where the person chose the provider.
async fn again(visit: &Visit<'_>, intent: Intent, problem: Problem) -> Result<Response, Ended> {
    let Intent::SignIn(interaction) = intent else {
        return Err(failed(visit, "an identity was not linked"));
    };
    let client = client_of(visit.app, &interaction).ok_or_else(|| login::expired(visit))?;
    login::show(visit, &interaction, &client, &[problem]).await
}

/// Both are proved: the identity just now, the user by a session that is still the one that asked for it.
async fn link(
    visit: &Visit<'_>,
    (user_id, session_id): (Uuid, Uuid),
    identity: &UpstreamIdentity,
) -> Result<Response, Ended> {
    let current = visit.session().await.map_err(|error| unavailable(visit, error))?;
    let is_same =
        |current: &CurrentSession| current.session.id == session_id && current.user.id == user_id;
    if !current.as_ref().is_some_and(is_same) {
        return Err(failed(visit, "somebody else is signed in by now"));
    }
    let act = Actor::user(user_id).at(visit.app.clock.now());
    match visit.app.store.link_upstream_identity(user_id, identity, &act).await {
        Ok(()) => {
            let mut response = see_other(&visit.path(account::PATH));
            account::leave_notice(&mut response, Notice::IdentityLinked);
            Ok(response)
        }
        Err(error @ StoreError::Conflict(_)) => Err(failed(visit, error.to_string())),
        Err(error) => Err(unavailable(visit, error)),
    }
}

/// A user for somebody who is new here; none if somebody here may be the same person. What the provider says of an e-mail
/// address is kept, and is no proof of it.
async fn register(
    visit: &Visit<'_>,
    token: &IdToken<Map<String, Value>>,
    identity: &UpstreamIdentity,
) -> Result<Option<Uuid>, Ended> {
    let store = &visit.app.store;
    let claim = |name: &str| token.extra().get(name).and_then(Value::as_str);
    let email = claim("email").and_then(|email| parse_email(email).ok());
    if let Some(email) = email {
        let found = store.has_email(email).await;
        if found.map_err(|error| unavailable(visit, error))? {
            return Ok(None);
        }
    }
    let mut user = User {
        id: random::uuid(),
        username: String::new(),
        email: email.map(str::to_owned),
        email_verified: false,
        profile: Profile { name: claim("name").map(str::to_owned), ..Profile::default() },
        updated_at: 0,
        roles: Vec::new(),
        groups: Vec::new(),
        enabled: true,
    };
    let act = Actor::user(user.id).at(visit.app.clock.now());
    let wanted = claim("preferred_username").or(email);
    for username in usernames(wanted) {
        user.username = username;
        match store.register_upstream_user(&user, identity, &act).await {
            Ok(()) => return Ok(Some(user.id)),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(unavailable(visit, error)),
        }
    }
    Err(failed(visit, "no username is free"))
}

/// What somebody may be called here: what comes before the `@`, for a username that is an address could be taken for its
/// owner; then the same with something nobody has.
fn usernames(wanted: Option<&str>) -> [String; 2] {
    let local = wanted.and_then(|wanted| wanted.split('@').next());
    let base = local.filter(|local| parse_username(local).is_ok() && local.len() <= 64);
    let base = base.unwrap_or("user");
    [base.to_owned(), format!("{base}-{}", random::jti())]
}

fn identity_of(upstream: &Upstream, token: &IdToken<Map<String, Value>>) -> UpstreamIdentity {
    let claim = |name: &str| token.extra().get(name).and_then(Value::as_str);
    let label = claim("email").or_else(|| claim("preferred_username"));
    let label = label.unwrap_or_else(|| token.subject());
    UpstreamIdentity {
        issuer: upstream.settings.issuer.clone(),
        subject: token.subject().to_owned(),
        label: label.chars().take(254).collect(),
    }
}

fn failed(visit: &Visit<'_>, cause: impl Into<std::borrow::Cow<'static, str>>) -> Ended {
    let description = "the other provider did not sign anybody in";
    let error = OAuthError::because(crate::protocol::ErrorCode::InvalidRequest, description, cause);
    Ended::from(visit.error(ErrorKind::UpstreamFailed, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named_by_an_address() {
        for (wanted, base) in [
            (Some("ada@example.com"), "ada"),
            (Some("ada"), "ada"),
            (Some("@example.com"), "user"),
            (Some("a b"), "user"),
            (None, "user"),
        ] {
            let [first, second] = usernames(wanted);
            assert_eq!(first, base, "{wanted:?}");
            assert!(second.starts_with(base) && second.len() > base.len() + 20);
        }
    }

    #[test]
    fn a_cookie_is_named_by_plain_characters_only() {
        assert_eq!(cookie_name("0123456789abcdefXYZ").unwrap(), "__Host-upstream-0123456789abcdef");
        for hostile in ["", "short", "0123456789abcde;", "0123456789abcd=f", "éééééééé"] {
            assert_eq!(cookie_name(hostile), None, "{hostile}");
        }
    }
}
