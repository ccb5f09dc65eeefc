//! The yardstick of the bench: a bare axum server that parses the token request's form, signs the claims and answers.
//! No client, no policy, no log, no metrics: what is left is the floor under any issuer built on the same parts.
//!
//! Usage: `bare LISTEN ES256|RS256 CLAIMS_FILE [KEY_FILE]`. The claims are those of a real token of the issuer. With a file of
//! a P-256 key (a raw point) it also checks the signature of one token that is brought, before it signs: the floor under
//! exchanges and assertions. Without signing, `/check` checks the one of the header and answers, and `/introspect` the one of
//! a form and tells what a token says: the floors under whoever asks about a token.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::Arc;

enum Key {
    Es256(Box<EcdsaKeyPair>),
    Rs256(Box<RsaKeyPair>),
}

struct Server {
    key: Key,
    random: SystemRandom,
    header: String,
    claims: Vec<u8>,
    /// Of whoever signed what is brought.
    theirs: Option<ParsedPublicKey>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "most is parsed, as the issuer must, and not looked at")]
struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
    resource: Option<String>,
    scope: Option<String>,
    #[serde(alias = "subject_token")]
    assertion: Option<String>,
}

#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u32,
    scope: &'static str,
}

impl Server {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        match &self.key {
            Key::Es256(key) => Ok(key.sign(&self.random, message)?.as_ref().to_vec()),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }

    /// Whether the signature of a token that was brought holds.
    fn trusts(&self, token: &str) -> Option<()> {
        let (message, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.theirs.as_ref()?.verify_sig(message.as_bytes(), &signature).ok()
    }

    fn token(&self) -> Result<String, aws_lc_rs::error::Unspecified> {
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(&self.claims));
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

async fn token(
    State(server): State<Arc<Server>>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<TokenResponse>, StatusCode> {
    if let Some(brought) = &request.assertion {
        server.trusts(brought).ok_or(StatusCode::BAD_REQUEST)?;
    }
    let access_token = server.token().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in: 3600,
        scope: "payments:read",
    }))
}

/// Whether the token of the header holds.
async fn check(State(server): State<Arc<Server>>, headers: HeaderMap) -> StatusCode {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer "));
    match token.and_then(|token| server.trusts(token)) {
        Some(()) => StatusCode::OK,
        None => StatusCode::UNAUTHORIZED,
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "most is parsed, as the issuer must, and not looked at")]
struct Introspection {
    client_id: String,
    client_secret: String,
    token: String,
}

/// Checks the signature of the token, and tells what a token says.
async fn introspect(
    State(server): State<Arc<Server>>,
    Form(asked): Form<Introspection>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), StatusCode> {
    server.trusts(&asked.token).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(([(CONTENT_TYPE, "application/json")], server.claims.clone()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (listen, algorithm, claims, theirs) = match arguments.as_slice() {
        [listen, algorithm, claims] => (listen, algorithm, claims, None),
        [listen, algorithm, claims, key] => (listen, algorithm, claims, Some(std::fs::read(key)?)),
        _ => return Err("usage: bare LISTEN ES256|RS256 CLAIMS_FILE [KEY_FILE]".into()),
    };
    let theirs =
        theirs.map(|point| ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)).transpose();
    let key = match algorithm.as_str() {
        "ES256" => Key::Es256(Box::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)),
        _ => Key::Rs256(Box::new(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)?)),
    };
    let kid = match &key {
        Key::Es256(key) => URL_SAFE_NO_PAD.encode(key.public_key().as_ref()),
        Key::Rs256(key) => URL_SAFE_NO_PAD.encode(key.public_key().as_ref()),
    };
    // As long as a thumbprint.
    let kid = kid.chars().take(43).collect::<String>();
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{kid}"}}"#);
    let server = Server {
        key,
        random: SystemRandom::new(),
        header: URL_SAFE_NO_PAD.encode(header),
        claims: std::fs::read(claims)?,
        theirs: theirs.map_err(|_| "the key cannot be read")?,
    };
    let router = Router::new()
        .route("/token", post(token))
        .route("/check", get(check))
        .route("/introspect", post(introspect))
        .route("/readyz", get(|| async {}))
        .with_state(Arc::new(server));
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}
