//! What an authorization request asks for (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1). First come client and redirect
//! URI: before they are known, nothing may be redirected; from then on a refusal travels to the client.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::carried::{Carried, Parameters, PushedUse};
use super::request_object::{self, ObjectUse};
use super::response::{DeviceTarget, Failure, RedirectTarget, ResponseMode, Target};
use crate::app::App;
use crate::error::OAuthError;
use crate::page::ErrorKind;
use crate::protocol::form::Repeats;
use crate::protocol::pkce::{self, CodeChallenge};
use crate::protocol::prompt::Prompt;
use crate::protocol::{ClaimsRequest, ErrorCode, Form, scope};
use crate::registry::{Client, IDENTITY_SCOPES, Pkce, Registry, SignIn};

/// The longest `state` and `nonce` that are carried, in bytes; longer ones are refused, never cut.
const MAX_OPAQUE_BYTES: usize = 1024;

/// A request that may be answered; what the user must do first is not decided yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: String,
    /// Where answers go.
    pub target: Target,
    /// The scopes, less those that nobody knows (OpenID Connect Core §3.1.2.1).
    pub scopes: Vec<String>,
    /// The resources (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// For the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// PKCE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// What the user must be asked.
    #[serde(default)]
    pub prompt: Prompt,
    /// Seconds since the user signed in, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
    /// Wanted classes, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// Whom the client expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The `sub` that must be signed in, from `id_token_hint` or the `claims` parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Wanted languages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    /// Single claims.
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
    /// The request object that it came in: it is good for one code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectUse>,
    /// The push that it came by: it is good for one code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<PushedUse>,
    /// Unix seconds.
    pub received_at: i64,
}

impl AuthorizationRequest {
    /// Reads the parameters of a client; those of a pushed request too, before they are kept.
    pub fn read_parameters(
        app: &App,
        parameters: Parameters<'_>,
        (client, sign_in): (&Arc<Client>, &SignIn),
    ) -> Result<Self, Failure> {
        let target = redirect_target(parameters.form, client.id.as_str(), sign_in)?;
        let outcome = Self::read_for(app, parameters, (client, sign_in), &target);
        outcome.map_err(|error| target.refuse(error))
    }

    /// The request of a device (RFC 8628 §3.3): the user is asked in any case.
    pub fn of_device(client_id: &str, target: DeviceTarget, now: i64) -> Self {
        Self {
            client_id: client_id.to_owned(),
            target: Target::Device(target),
            scopes: Vec::new(),
            resources: Vec::new(),
            nonce: None,
            code_challenge: None,
            dpop_jkt: None,
            prompt: Prompt { consent: true, ..Prompt::default() },
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
            subject: None,
            ui_locales: None,
            claims: ClaimsRequest::default(),
            object: None,
            pushed: None,
            received_at: now,
        }
    }

    fn read_for(
        app: &App,
        Parameters { form, repeats, carried }: Parameters<'_>,
        (client, sign_in): (&Arc<Client>, &SignIn),
        target: &RedirectTarget,
    ) -> Result<Self, OAuthError> {
        // RFC 6749 §3.1: request parameters must not be included more than once.
        if repeats == Repeats::Some {
            return Err(OAuthError::invalid_request("a parameter is repeated"));
        }
        // RFC 9126 §6.
        if sign_in.require_pushed_authorization_requests && carried != Carried::Pushed {
            return Err(OAuthError::invalid_request("the client must push its requests"));
        }
        if carried == Carried::Browser {
            request_object::require_unsigned_allowed(sign_in)?;
        }
        if form.value("registration").is_some() {
            let code = ErrorCode::RegistrationNotSupported;
            return Err(OAuthError::new(code, "clients cannot register themselves"));
        }
        // OAuth 2.0 Multiple Response Types §2.1.
        if form.value("response_mode").is_some_and(|mode| ResponseMode::parse(mode).is_none()) {
            return Err(OAuthError::invalid_request("response_mode must be query or form_post"));
        }
        match form.value("response_type") {
            Some("code") => {}
            Some(_) => {
                let code = ErrorCode::UnsupportedResponseType;
                return Err(OAuthError::new(code, "the only response_type is code"));
            }
            None => return Err(OAuthError::invalid_request("response_type is missing")),
        }
        let registry = app.registry.load();
        let hint = form.value("id_token_hint").map(|hint| {
            let subject = crate::inbound::id_token_subject(app, hint, client.id.as_str());
            subject.ok_or_else(|| OAuthError::invalid_request("id_token_hint was not issued here"))
        });
        let claims = match form.value("claims") {
            Some(text) => ClaimsRequest::parse(text)
                .ok_or_else(|| OAuthError::invalid_request("claims is malformed"))?,
            None => ClaimsRequest::default(),
        };
        Ok(Self {
            client_id: client.id.to_string(),
            target: Target::Redirect(target.clone()),
            scopes: known_scopes(&registry, client, form)?,
            resources: form.values("resource").map(str::to_owned).collect(),
            nonce: opaque(form, "nonce", "nonce is longer than 1024 bytes")?,
            code_challenge: code_challenge(form, client, sign_in)?,
            dpop_jkt: dpop_jkt(form)?,
            prompt: prompt(form)?,
            max_age: max_age(form)?,
            acr_values: words(form, "acr_values"),
            login_hint: form.value("login_hint").map(str::to_owned),
            subject: hint.transpose()?.or_else(|| claims.sub.clone()),
            ui_locales: form.value("ui_locales").map(str::to_owned),
            claims,
            object: None,
            pushed: None,
            received_at: app.clock.now(),
        })
    }
}

/// The client and what is registered of its users (RFC 6749 §2.2). Unknown and disabled ones look alike.
pub(super) fn client<'g>(
    registry: &'g Registry,
    form: &Form<'_>,
) -> Result<(&'g Arc<Client>, &'g SignIn), Failure> {
    let unknown = |cause: Cow<'static, str>| {
        let description = "the client is unknown, or no users may sign in through it";
        let error = OAuthError::because(ErrorCode::InvalidRequest, description, cause);
        Failure::page(ErrorKind::UnknownClient, error)
    };
    if form.is_repeated("client_id") {
        return Err(unknown("client_id is repeated".into()));
    }
    let id = form.value("client_id").ok_or_else(|| unknown("client_id is missing".into()))?;
    let client = registry.client(id).ok_or_else(|| unknown("the client is unknown".into()))?;
    if let Some(cause) = client.refused() {
        return Err(unknown(cause));
    }
    if !client.grants.iter().any(|grant| grant == "authorization_code") {
        return Err(unknown("the client has not the grant authorization_code".into()));
    }
    let sign_in = client.sign_in.as_ref();
    Ok((client, sign_in.ok_or_else(|| unknown("the client has no redirect URIs".into()))?))
}

/// RFC 6749 §3.1.2.4: an answer goes to a registered URI or nowhere.
pub(super) fn redirect_target(
    form: &Form<'_>,
    client_id: &str,
    sign_in: &SignIn,
) -> Result<RedirectTarget, Failure> {
    let unregistered = |cause: &'static str| {
        let description = "the redirect_uri is not one that the client has registered";
        let error = OAuthError::because(ErrorCode::InvalidRequest, description, cause);
        Failure::page(ErrorKind::UnregisteredRedirectUri, error)
    };
    if form.is_repeated("redirect_uri") {
        return Err(unregistered("redirect_uri is repeated"));
    }
    let uri = match (form.value("redirect_uri"), sign_in.redirect_uris.as_slice()) {
        (Some(presented), _) => sign_in
            .redirect_uri(presented)
            .map(|_| presented.to_owned())
            .ok_or_else(|| unregistered("it differs from each of them"))?,
        // OpenID Connect Core §3.1.2.1 requires it; RFC 6749 §3.1.2.3 does not where there is but one.
        (None, [only]) if !words(form, "scope").contains(&"openid".to_owned()) => only.to_string(),
        (None, _) => return Err(unregistered("it is missing")),
    };
    let state = opaque(form, "state", "state is longer than 1024 bytes");
    let state = state.map_err(|error| Failure::page(ErrorKind::InvalidRequest, error))?;
    let mode = form.value("response_mode").and_then(ResponseMode::parse).unwrap_or_default();
    Ok(RedirectTarget::new(client_id, uri, mode, state))
}

fn opaque(
    form: &Form<'_>,
    name: &str,
    too_long: &'static str,
) -> Result<Option<String>, OAuthError> {
    match form.value(name) {
        Some(value) if value.len() > MAX_OPAQUE_BYTES => Err(OAuthError::invalid_request(too_long)),
        value => Ok(value.map(str::to_owned)),
    }
}

fn words(form: &Form<'_>, name: &str) -> Vec<String> {
    let value = form.value(name).unwrap_or_default();
    value.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What the client asks for, less what nobody knows (OpenID Connect Core §3.1.2.1).
///
/// # Errors
///
/// `invalid_scope` if the parameter is malformed.
pub fn known_scopes(
    registry: &Registry,
    client: &Client,
    form: &Form<'_>,
) -> Result<Vec<String>, OAuthError> {
    let Some(text) = form.value("scope") else { return Ok(Vec::new()) };
    let tokens = scope::parse(text).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidScope, "the scope parameter is malformed")
    })?;
    let is_known = |token: &&str| {
        IDENTITY_SCOPES.contains(token)
            || client.permissions.iter().any(|permission| {
                let resource = registry.resource(&permission.resource);
                resource.is_some_and(|resource| resource.scopes.iter().any(|s| s == token))
            })
    };
    Ok(tokens.into_iter().filter(is_known).map(str::to_owned).collect())
}

/// RFC 7636 §4.3. RFC 9700 §2.1.1: required of public clients, and of all others unless they are registered without.
fn code_challenge(
    form: &Form<'_>,
    client: &Client,
    sign_in: &SignIn,
) -> Result<Option<CodeChallenge>, OAuthError> {
    let is_required = client.is_public() || sign_in.pkce == Pkce::Required;
    match (form.value("code_challenge"), form.value("code_challenge_method")) {
        (None, None) if !is_required => Ok(None),
        (None, _) => Err(OAuthError::invalid_request("code_challenge is missing")),
        // RFC 7636 §4.3: without a method it would be `plain`, which is not supported.
        (Some(challenge), Some(pkce::METHOD)) => CodeChallenge::parse(challenge)
            .map(Some)
            .ok_or_else(|| OAuthError::invalid_request("code_challenge is malformed")),
        (Some(_), _) => Err(OAuthError::invalid_request("code_challenge_method must be S256")),
    }
}

/// RFC 9449 §10: the thumbprint of a key, base64url of a SHA-256.
fn dpop_jkt(form: &Form<'_>) -> Result<Option<String>, OAuthError> {
    let is_thumbprint = |jkt: &&str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        jkt.len() == 43 && jkt.bytes().all(is_legal)
    };
    match form.value("dpop_jkt") {
        None => Ok(None),
        Some(jkt) if is_thumbprint(&jkt) => Ok(Some(jkt.to_owned())),
        Some(_) => Err(OAuthError::invalid_request("dpop_jkt is not a thumbprint of a key")),
    }
}

fn prompt(form: &Form<'_>) -> Result<Prompt, OAuthError> {
    match form.value("prompt") {
        None => Ok(Prompt::default()),
        Some(text) => Prompt::parse(text).ok_or_else(|| {
            OAuthError::invalid_request("prompt has an unknown value, or none with others")
        }),
    }
}

fn max_age(form: &Form<'_>) -> Result<Option<i64>, OAuthError> {
    match form.value("max_age") {
        None => Ok(None),
        Some(text) => text
            .parse::<u32>()
            .map(|seconds| Some(i64::from(seconds)))
            .map_err(|_| OAuthError::invalid_request("max_age must be a number of seconds")),
    }
}
