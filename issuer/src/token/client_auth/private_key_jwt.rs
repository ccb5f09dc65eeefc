//! `private_key_jwt` (RFC 7523 §2.2, §3): the client signs an assertion with a key whose public half
//! it registered, inline or by `jwks_uri`. Each assertion is good once, for this issuer, for minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_keys::algorithm::ALGORITHMS;
use countersign_keys::{UnverifiedJws, VerifyingKey};
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::key_source::{
    Fetch, FetchError, KeySourceError, RemoteKeys, RemoteOptions, Source,
};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};
use serde::Deserialize;
use url::Url;

use super::refusal;
use crate::app::App;
use crate::clock::Clock;
use crate::error::OAuthError;
use crate::outbound::Outbound;
use crate::protocol::Form;
use crate::registry::{Client, ClientKeys};

/// The one value of `client_assertion_type` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far the client's clock may be off, in seconds.
const SKEW_SECONDS: i64 = 30;

/// For how long a client's keys are used when its `jwks_uri` cannot be reached.
const MAX_STALE: Duration = Duration::from_hours(1);

/// An assertion, and who it claims to be from; its signature has not been checked.
pub struct PresentedAssertion<'r> {
    jws: UnverifiedJws<'r>,
    client_id: Option<String>,
}

impl<'r> PresentedAssertion<'r> {
    /// The assertion of a form.
    pub(super) fn from_form(form: &'r Form<'r>) -> Result<Option<Self>, OAuthError> {
        let Some(token) = form.value("client_assertion") else {
            return match form.value("client_assertion_type") {
                None => Ok(None),
                Some(_) => Err(OAuthError::invalid_request("client_assertion is missing")),
            };
        };
        if form.value("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(OAuthError::invalid_request(
                "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let jws = UnverifiedJws::parse(token)
            .map_err(|error| refusal(format!("the assertion is malformed: {error}")))?;
        let client_id = unverified_subject(&jws);
        // RFC 7521 §4.2: client_id is optional, and must name the same client.
        if form.value("client_id").is_some_and(|named| client_id.as_deref() != Some(named)) {
            return Err(refusal("client_id differs from the assertion's sub"));
        }
        Ok(Some(Self { jws, client_id }))
    }

    /// The client that the assertion names.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }
}

/// The `sub` of an assertion, only to choose whose keys must have signed it.
fn unverified_subject(jws: &UnverifiedJws<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let payload = jws.danger_unverified_payload().ok()?;
    serde_json::from_slice::<Subject>(&payload).ok().map(|subject| subject.sub)
}

/// Checks an assertion, and uses it up.
pub(super) async fn authenticate(
    app: &App,
    assertion: &PresentedAssertion<'_>,
) -> Result<Arc<Client>, OAuthError> {
    let registry = app.registry.load_full();
    let client_id = assertion.client_id().unwrap_or_default();
    let client = registry.client(client_id).ok_or_else(|| refusal("the client is unknown"))?;
    if !client.enabled {
        return Err(refusal("the client is disabled"));
    }
    check_type(&assertion.jws)?;
    let key = app.assertion_keys.find(client, &assertion.jws).await?;
    let payload = assertion
        .jws
        .verify(&key)
        .map_err(|error| refusal(format!("the assertion does not verify: {error}")))?;
    let claims = StandardClaims::parse(&payload)
        .map_err(|error| refusal(format!("the assertion's claims are malformed: {error}")))?;
    check_claims(app, client, &claims)?;
    use_up(app, client, &claims).await?;
    Ok(Arc::clone(client))
}

/// RFC 7523 says nothing of `typ`; what is typed as something else is not an assertion
/// (RFC 8725 §3.11). `client-authentication+jwt` is the name in the revision of RFC 7523.
fn check_type(jws: &UnverifiedJws<'_>) -> Result<(), OAuthError> {
    let is_assertion = jws.has_typ("JWT") || jws.has_typ("client-authentication+jwt");
    if jws.typ().is_none() || is_assertion {
        return Ok(());
    }
    Err(refusal("the assertion's typ is that of another kind of token"))
}

fn check_claims(app: &App, client: &Client, claims: &StandardClaims) -> Result<(), OAuthError> {
    let issuer = app.config.issuer.as_str();
    let token_endpoint = format!("{issuer}/token");
    // RFC 7523 §3 as revised after CVE-2025-27371: the issuer alone, as one string; the token
    // endpoint only for clients that cannot be changed yet.
    let both = [issuer, token_endpoint.as_str()];
    let audiences = if client.token_endpoint_audience { &both[..] } else { &both[..1] };
    let expected = Expectations {
        issuer: client.id.as_str(),
        subject: Some(client.id.as_str()),
        audience: AudienceRule::SingleString(audiences),
        required: &[Claim::Jti],
        max_lifetime: i64::from(app.config.client_authentication.max_assertion_lifetime_seconds),
        skew: SKEW_SECONDS,
    };
    let now = app.clock.now();
    validate(claims, &expected, now)
        .map_err(|error| refusal(format!("the assertion is refused: {error}")))?;
    // An assertion made long ago and good for long is a password with extra steps (CVE-2025-2559).
    let latest = now + expected.max_lifetime + SKEW_SECONDS;
    if claims.expires_at().is_some_and(|expires_at| expires_at > latest) {
        return Err(refusal("the assertion expires too far in the future"));
    }
    Ok(())
}

/// RFC 7523 §3: the `jti` is consumed by one conditional statement, on whichever node.
async fn use_up(app: &App, client: &Client, claims: &StandardClaims) -> Result<(), OAuthError> {
    let jti = claims.token_id().unwrap_or_default();
    let expires_at = claims.expires_at().unwrap_or_default() + SKEW_SECONDS;
    let jti_hash = digest(&SHA256, jti.as_bytes());
    if app.store.consume_assertion_jti(&client.id, jti_hash.as_ref(), expires_at).await? {
        return Ok(());
    }
    Err(refusal("the assertion was used before"))
}

/// The keys of clients that registered a `jwks_uri`, fetched when needed and kept as they may be.
pub struct AssertionKeys {
    outbound: Arc<Outbound>,
    clock: Clock,
    by_uri: Mutex<HashMap<Url, RemoteKeys>>,
}

impl AssertionKeys {
    /// Keys fetched through the guarded client.
    pub fn new(outbound: Arc<Outbound>, clock: Clock) -> Self {
        Self { outbound, clock, by_uri: Mutex::default() }
    }

    /// The key that must have signed an assertion of this client.
    async fn find(
        &self,
        client: &Client,
        jws: &UnverifiedJws<'_>,
    ) -> Result<VerifyingKey, OAuthError> {
        let unknown = || refusal("no registered key of the client has the assertion's kid");
        match &client.keys {
            ClientKeys::None => Err(refusal("the client has no registered keys")),
            ClientKeys::Inline(keys) => {
                let found = match jws.kid() {
                    Some(kid) => keys.find(kid),
                    None => keys.only(),
                };
                found.cloned().ok_or_else(unknown)
            }
            ClientKeys::Uri(uri) => match self.remote(uri).find(jws.kid()).await {
                Ok(key) => Ok(key),
                Err(KeySourceError::UnknownKey) => Err(unknown()),
                // Trying again will not help, and a stranger need not learn that the client exists.
                Err(KeySourceError::Unavailable {
                    cause: FetchError::InsecureUrl(url), ..
                }) => {
                    Err(refusal(format!("jwks_uri at {url} is never fetched; see outbound.allow")))
                }
                // Nobody can say whether the client is who it claims to be.
                Err(error) => Err(OAuthError::unavailable(format!("jwks_uri {uri}: {error}"))),
            },
        }
    }

    fn remote(&self, uri: &Url) -> RemoteKeys {
        let mut by_uri = self.by_uri.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let fetch: Arc<dyn Fetch> = Arc::clone(&self.outbound) as _;
            let mut options = RemoteOptions::new(fetch);
            options.algorithms = ALGORITHMS.iter().map(|row| row.algorithm).collect();
            options.max_stale = MAX_STALE;
            options.clock = Arc::new(self.clock.clone());
            RemoteKeys::new(Source::JwksUrl(uri.clone()), options)
        };
        by_uri.entry(uri.clone()).or_insert_with(make).clone()
    }
}
