//! Request objects (RFC 9101, OpenID Connect Core §6.1): the parameters of an authorization request as a JWT that the
//! client signed with a registered key. Verified by the same strict code as everything that is signed. What stands inside
//! is the request, what stands outside is ignored but for `client_id` (RFC 9101 §6.3). Never unsigned, encrypted or
//! fetched. Decision 0015 says how old an object may be, how often it is good, and where its type is taken leniently.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::{JwsError, UnverifiedJws};
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Carried;
use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::{ErrorCode, Form};
use crate::registry::{Client, SignIn};
use crate::sealer::Purpose;

/// The `typ` of a request object (RFC 9101 §10.8).
const TYPE: &str = "oauth-authz-req+jwt";

/// The longest time from `nbf` to `exp` (FAPI 2.0 Message Signing §5.3.1), in seconds.
const MAX_LIFETIME_SECONDS: i64 = 3600;

/// How far the client's clock may be off, in seconds.
const SKEW_SECONDS: i64 = 30;

/// The claims of the JWT itself, and credentials, which have no business in a request: not parameters.
const NO_PARAMETERS: [&str; 10] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// An object whose signature and claims hold.
#[derive(Debug)]
pub struct RequestObject {
    /// The parameters as a form; not judged yet.
    pub parameters: String,
    /// Its use.
    pub used: ObjectUse,
}

/// The use of an object: it is good for one code, or for one push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectUse {
    hash: String,
    /// Unix seconds.
    expires_at: i64,
}

impl RequestObject {
    /// Checks an object.
    ///
    /// # Errors
    ///
    /// `invalid_request_object`, or `request_not_supported` if it is not signed; `temporarily_unavailable` if the keys of
    /// the client are out of reach.
    pub async fn verify(
        app: &App,
        (client, sign_in): (&Arc<Client>, &SignIn),
        text: &str,
        carried: Carried,
    ) -> Result<Self, OAuthError> {
        let jws = UnverifiedJws::parse(text).map_err(|error| malformed(text, carried, error))?;
        check_header(&jws, sign_in)?;
        let key = app.client_keys.find(client, &jws).await;
        let key = key.map_err(|missing| missing.refused(unverified))?;
        let payload = jws.verify(&key).map_err(|error| unverified(error.to_string().into()))?;
        let claims = StandardClaims::parse(&payload)
            .map_err(|error| invalid("a claim of the request object is malformed", error))?;
        check_claims(app, (client, sign_in), &claims)?;
        let members: Map<String, Value> = serde_json::from_str(payload.as_str())
            .map_err(|error| invalid("the request object is malformed", error))?;
        let parameters = parameters(&members)?;
        // An object without a `jti` is known by its content.
        let name = claims.token_id().unwrap_or(payload.as_str());
        let parts = [b"request object".as_slice(), client.id.as_str().as_bytes(), name.as_bytes()];
        let hash = app.sealer.mac_text(Purpose::OneTime, &parts);
        let expires_at = claims.expires_at().unwrap_or_default() + SKEW_SECONDS;
        Ok(Self { parameters, used: ObjectUse { hash, expires_at } })
    }
}

impl ObjectUse {
    /// Uses the object up.
    ///
    /// # Errors
    ///
    /// `invalid_request_object` for all callers but one.
    pub async fn redeem(&self, app: &App, client: &Client) -> Result<(), OAuthError> {
        let hash = self.hash.as_bytes();
        if app.store.consume_assertion_jti(&client.id, hash, self.expires_at).await? {
            return Ok(());
        }
        let description = "the request object was used before";
        Err(OAuthError::new(ErrorCode::InvalidRequestObject, description))
    }
}

/// RFC 9101 §10.5: a client that signs its requests is asked for no others.
///
/// # Errors
///
/// `invalid_request` for such a client.
pub fn require_unsigned_allowed(sign_in: &SignIn) -> Result<(), OAuthError> {
    if sign_in.require_signed_request_object {
        return Err(OAuthError::invalid_request("the client must sign its requests"));
    }
    Ok(())
}

/// What cannot be read. By the browser an unsigned object is one that OpenID Connect Core §6.1 knows and that is not
/// supported here (§3.1.2.6); RFC 9101 §4, by which objects are pushed, knows no such thing.
fn malformed(text: &str, carried: Carried, error: JwsError) -> OAuthError {
    match carried {
        Carried::Browser | Carried::Object if is_unsigned(text) => {
            let description = "unsigned request objects are not supported";
            OAuthError::new(ErrorCode::RequestNotSupported, description)
        }
        _ => invalid("the request object is not a signed JWT of a supported algorithm", error),
    }
}

/// Whether the header says `none`; only to choose the words of a refusal.
fn is_unsigned(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
    }
    let header = text.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    serde_json::from_slice::<Header>(&header).is_ok_and(|header| header.alg == "none")
}

fn check_header(jws: &UnverifiedJws<'_>, sign_in: &SignIn) -> Result<(), OAuthError> {
    // OpenID Connect Registration §2: none but the registered one, if one is.
    let registered = sign_in.request_object_signing_alg;
    if registered.is_some_and(|algorithm| !algorithm.is_same_as(jws.algorithm())) {
        let description = "the request object is signed with another algorithm than the registered";
        return Err(OAuthError::new(ErrorCode::InvalidRequestObject, description));
    }
    // OpenID Connect Core §6.1 says nothing of `typ`; what is typed as something else is no request object (RFC 8725
    // §3.11). Who must sign all requests does so by RFC 9101, and with its type (§10.8).
    let is_general = jws.typ().is_none() || jws.has_typ("JWT");
    if jws.has_typ(TYPE) || (is_general && !sign_in.require_signed_request_object) {
        return Ok(());
    }
    let description = "the typ of the request object must be oauth-authz-req+jwt";
    Err(OAuthError::new(ErrorCode::InvalidRequestObject, description))
}

fn check_claims(
    app: &App,
    (client, sign_in): (&Client, &SignIn),
    claims: &StandardClaims,
) -> Result<(), OAuthError> {
    let wrong = |cause: &'static str| {
        let description = "a claim of the request object is missing or wrong";
        OAuthError::because(ErrorCode::InvalidRequestObject, description, cause)
    };
    let issuer = [app.config.issuer.to_string()];
    let required: &[Claim] =
        if sign_in.require_signed_request_object { &[Claim::Nbf] } else { &[] };
    // RFC 9101 §4: from the client, for this issuer; OpenID Connect Core §6.1: which may be one of several.
    let expected = Expectations {
        issuer: Some(client.id.as_str()),
        subject: None,
        audience: AudienceRule::Contains(&issuer),
        required,
        max_lifetime: MAX_LIFETIME_SECONDS,
        skew: SKEW_SECONDS,
    };
    validate(claims, &expected, app.clock.now())
        .map_err(|error| invalid("a claim of the request object is missing or wrong", error))?;
    let expires_at = claims.expires_at().unwrap_or_default();
    let begins = claims.not_before().unwrap_or(expires_at);
    if expires_at.saturating_sub(begins) > MAX_LIFETIME_SECONDS {
        return Err(wrong("exp is more than an hour after nbf"));
    }
    // RFC 9101 §6.3.
    if claims.text(Claim::ClientId) != Some(client.id.as_str()) {
        return Err(wrong("client_id is missing, or differs from that outside"));
    }
    // RFC 9101 §10.8: with its client as its subject it would be a client assertion too.
    if claims.subject() == Some(client.id.as_str()) {
        return Err(wrong("sub is the client, as in a client assertion"));
    }
    Ok(())
}

/// RFC 9101 §4: strings and numbers as they are, JSON where the parameter is JSON (`claims`), a list where a parameter
/// may be repeated (RFC 8707 §2).
fn parameters(members: &Map<String, Value>) -> Result<String, OAuthError> {
    // RFC 9101 §4: an object within an object.
    if members.contains_key("request") || members.contains_key("request_uri") {
        let description = "a request object must not contain request or request_uri";
        return Err(OAuthError::new(ErrorCode::InvalidRequestObject, description));
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in members.iter().filter(|(name, _)| !NO_PARAMETERS.contains(&name.as_str()))
    {
        match value {
            Value::Null => {}
            Value::String(text) => {
                form.append_pair(name, text);
            }
            Value::Array(texts) if name == "resource" && texts.iter().all(Value::is_string) => {
                form.extend_pairs(texts.iter().filter_map(Value::as_str).map(|text| (name, text)));
            }
            other => {
                form.append_pair(name, &other.to_string());
            }
        }
    }
    let form = form.finish();
    match Form::parse(form.as_bytes()) {
        Ok(_) => Ok(form),
        Err(error) => Err(invalid("a parameter of the request object is malformed", error)),
    }
}

/// RFC 9101 §6.2: no key, or another key than that of the client.
fn unverified(cause: Cow<'static, str>) -> OAuthError {
    let description = "the signature of the request object does not verify";
    OAuthError::because(ErrorCode::InvalidRequestObject, description, cause)
}

fn invalid(description: &'static str, cause: impl std::fmt::Display) -> OAuthError {
    OAuthError::because(ErrorCode::InvalidRequestObject, description, cause.to_string())
}
