//! Client assertions (RFC 7523) as a foreign library makes them: `josekit` generates the key and signs.

use end_to_end::harness::{App, Deployment, PAYMENTS, READ};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{ES256, JwsHeader, JwsSigner, RS256};
use josekit::jwt::{self, JwtPayload};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// A client's own key pair.
pub(crate) struct AssertionKey {
    jwk: Jwk,
}

impl AssertionKey {
    pub(crate) fn es256() -> Self {
        Self::named(Jwk::generate_ec_key(EcCurve::P256).expect("an EC key"), "ES256")
    }

    pub(crate) fn rs256() -> Self {
        Self::named(Jwk::generate_rsa_key(2048).expect("an RSA key"), "RS256")
    }

    fn named(jwk: Jwk, algorithm: &str) -> Self {
        Self { jwk: marked(jwk, algorithm) }
    }

    /// The private JWK as JSON, for client libraries.
    pub(crate) fn private_jwk(&self) -> String {
        self.jwk.to_string()
    }

    /// A set with the public key only.
    pub(crate) fn jwks(&self) -> String {
        let algorithm = self.jwk.algorithm().expect("named above");
        let public = marked(self.jwk.to_public_key().expect("the public half"), algorithm);
        json!({ "keys": [serde_json::Value::Object(public.into())] }).to_string()
    }

    /// Registers an app that authenticates with this key.
    pub(crate) async fn register(&self, deployment: &Deployment, client_id: &str) -> App {
        self.register_with(deployment, client_id, &[]).await
    }

    /// The same with further arguments of `client create`.
    pub(crate) async fn register_with(
        &self,
        deployment: &Deployment,
        client_id: &str,
        more: &[&str],
    ) -> App {
        let file = deployment.path(&format!("{client_id}.jwks"));
        std::fs::write(&file, self.jwks()).expect("a file");
        let file = file.to_str().expect("a UTF-8 path");
        let mut arguments = vec!["--auth", "private_key_jwt", "--jwks-file", file];
        arguments.extend(["--resource", PAYMENTS, "--scope", READ]);
        arguments.extend(more);
        deployment.app_of(client_id, &arguments).await
    }

    /// A fresh assertion, good for a minute.
    pub(crate) fn sign(&self, client_id: &str, audience: &str, jti: &str) -> String {
        let now = now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut payload = JwtPayload::new();
        let claims = [
            ("iss", json!(client_id)),
            ("sub", json!(client_id)),
            ("aud", json!(audience)),
            ("jti", json!(jti)),
            ("iat", json!(now)),
            ("exp", json!(now + 60)),
        ];
        for (name, value) in claims {
            payload.set_claim(name, Some(value)).expect("a claim");
        }
        let mut header = JwsHeader::new();
        header.set_token_type("JWT");
        header.set_key_id(self.jwk.key_id().expect("named above"));
        jwt::encode_with_signer(&payload, &header, &*self.signer()).expect("a signature")
    }

    fn signer(&self) -> Box<dyn JwsSigner> {
        match self.jwk.algorithm() {
            Some("ES256") => Box::new(ES256.signer_from_jwk(&self.jwk).expect("an EC key")),
            _ => Box::new(RS256.signer_from_jwk(&self.jwk).expect("an RSA key")),
        }
    }
}

/// josekit leaves these members away when it takes the public half.
fn marked(mut jwk: Jwk, algorithm: &str) -> Jwk {
    jwk.set_algorithm(algorithm);
    jwk.set_key_use("sig");
    jwk.set_key_id(format!("client-key-{algorithm}"));
    jwk
}

/// The time that goes into what foreign libraries sign and judge here.
#[expect(clippy::disallowed_methods, reason = "the stories live in real time")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
