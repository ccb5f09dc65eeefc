//! Second opinions in process: `jsonwebtoken` and `josekit` verify from the published key set alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::JwkSet;
use josekit::jws::{ES256, JwsVerifier, RS256};
use josekit::jwt::{self, JwtPayloadValidator};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

/// (token, key set, issuer) to the claims.
pub(crate) type Verify = fn(&str, &str, &str) -> Result<Value, String>;

/// The parsed header.
pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

/// The parsed claims, unverified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("a compact JWS");
    let json = URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

/// The same token with another `sub` under the old signature.
pub(crate) fn with_other_subject(token: &str) -> String {
    let mut claims = claims(token);
    claims["sub"] = "somebody-else".into();
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

/// `jsonwebtoken`.
pub(crate) fn jsonwebtoken(token: &str, jwks: &str, issuer: &str) -> Result<Value, String> {
    let set: jsonwebtoken::jwk::JwkSet =
        serde_json::from_str(jwks).map_err(|error| error.to_string())?;
    let kid = header(token)["kid"].as_str().expect("a kid").to_owned();
    let jwk = set.find(&kid).ok_or("unknown kid")?;
    let algorithm = header(token)["alg"].as_str().and_then(|name| Algorithm::from_str(name).ok());
    let mut validation = Validation::new(algorithm.ok_or("unknown alg")?);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[end_to_end::harness::PAYMENTS]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_jwk(jwk).map_err(|error| error.to_string())?;
    let decoded = jsonwebtoken::decode::<Value>(token, &key, &validation);
    decoded.map(|token| token.claims).map_err(|error| error.to_string())
}

/// `josekit`.
pub(crate) fn josekit(token: &str, jwks: &str, issuer: &str) -> Result<Value, String> {
    let set = JwkSet::from_bytes(jwks).map_err(|error| error.to_string())?;
    let header = header(token);
    let keys = set.get(header["kid"].as_str().expect("a kid"));
    let jwk = keys.first().ok_or("unknown kid")?;
    let verifier: Box<dyn JwsVerifier> = match header["alg"].as_str() {
        Some("ES256") => Box::new(ES256.verifier_from_jwk(jwk).map_err(|error| error.to_string())?),
        _ => Box::new(RS256.verifier_from_jwk(jwk).map_err(|error| error.to_string())?),
    };
    let (payload, _) =
        jwt::decode_with_verifier(token, &*verifier).map_err(|error| error.to_string())?;
    let mut validator = JwtPayloadValidator::new();
    validator.set_issuer(issuer);
    validator.set_audience(end_to_end::harness::PAYMENTS);
    // One second on: josekit has no leeway for a token of this very second.
    validator.set_base_time(crate::assertion::now() + Duration::from_secs(1));
    validator.validate(&payload).map_err(|error| error.to_string())?;
    Ok(Value::Object(payload.into()))
}
