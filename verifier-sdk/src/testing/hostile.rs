//! Attacks on the form and the signature of a token (RFC 8725 §2), each in one line. Attacks by claims
//! need no such help: set the claim.

use aws_lc_rs::hmac;
use serde_json::json;

use super::TestIssuer;
use super::token::{TestToken, encode, signing_input};

macro_rules! attacks {
    ($($(#[doc = $doc:literal])+ $name:ident => $code:literal,)+) => {
        /// What an attacker does to a token.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Attack { $($(#[doc = $doc])+ $name,)+ }

        impl Attack {
            /// Every attack.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code with which a verifier with an ES256 key refuses it.
            pub const fn expected_code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

attacks! {
    /// `alg: none` and no signature (CVE-2015-9235).
    AlgNone => "token_not_compact",
    /// `alg: none` with a signature.
    AlgNoneSigned => "unsupported_algorithm",
    /// `alg: nOnE`.
    AlgNoneMixedCase => "unsupported_algorithm",
    /// No `alg` at all.
    AlgMissing => "unsupported_algorithm",
    /// `alg` in lower case.
    AlgLowerCase => "unsupported_algorithm",
    /// HS256 with the public key's JWK text as the secret (CVE-2022-29217).
    HmacWithJwk => "unsupported_algorithm",
    /// HS256 with the public key's JWKS text as the secret.
    HmacWithJwks => "unsupported_algorithm",
    /// An algorithm that exists and is not accepted.
    AlgNotAllowed => "algorithm_not_allowed",
    /// The header names the other accepted algorithm than the key's.
    AlgOfAnotherKey => "algorithm_mismatch",
    /// Signed by the attacker, whose public key is in the header (CVE-2018-0114).
    EmbeddedJwk => "unknown_key",
    /// The same under the issuer's `kid`.
    EmbeddedJwkUnderOurKid => "invalid_signature",
    /// Signed by the attacker, with URLs of the attacker's keys in the header.
    KeyUrls => "invalid_signature",
    /// A `kid` that is a path.
    KidIsAPath => "unknown_key",
    /// A `kid` with a NUL.
    KidWithNul => "invalid_kid",
    /// A `kid` of a kilobyte.
    KidTooLong => "header_too_large",
    /// A `kid` that is a number.
    KidIsANumber => "malformed_header",
    /// `crit` with an unknown name (RFC 7515 §4.1.11).
    CritUnknown => "unsupported_header_member",
    /// `crit` with an empty list.
    CritEmpty => "unsupported_header_member",
    /// `b64: false` (RFC 7797).
    UnencodedPayload => "unsupported_header_member",
    /// `zip: DEF`.
    Compressed => "unsupported_header_member",
    /// `alg` twice.
    DuplicateAlg => "duplicate_header_member",
    /// A payload changed after signing.
    TamperedPayload => "invalid_signature",
    /// Signed by another key.
    ForeignKey => "invalid_signature",
    /// r = s = 0 (CVE-2022-21449).
    PsychicSignature => "invalid_signature",
    /// A signature with a byte too many.
    LongSignature => "signature_size",
    /// No signature.
    NoSignature => "token_not_compact",
    /// `=` at the end.
    Padded => "invalid_base64url",
    /// A line break at the end.
    LineBreak => "invalid_base64url",
    /// Bits in the last character that mean nothing.
    TrailingBits => "invalid_base64url",
    /// Five parts, as a JWE has.
    FiveParts => "token_encrypted",
    /// The JSON serialization (RFC 7515 §7.2).
    JsonSerialization => "token_not_compact",
    /// 20 KB of good token.
    TooLong => "token_too_large",
    /// A header that is not JSON.
    HeaderNotJson => "malformed_header",
    /// An ID token, a logout token, an assertion: another `typ`.
    OtherType => "wrong_type",
    /// No `typ`.
    NoType => "wrong_type",
    /// A proof of possession as an access token.
    DpopProof => "wrong_type",
}

impl Attack {
    pub(super) fn perform(self, token: &TestToken<'_>) -> String {
        let token = token.clone();
        match self {
            Self::AlgNone => format!("{}.", unsigned(&token.header("alg", "none"))),
            Self::AlgNoneSigned => token.header("alg", "none").mint(),
            Self::AlgNoneMixedCase => token.header("alg", "nOnE").mint(),
            Self::AlgMissing => token.without_header("alg").mint(),
            Self::AlgLowerCase => token.header("alg", "es256").mint(),
            Self::HmacWithJwk => {
                let jwk = serde_json::to_string(&token.issuer.key().verifying_key());
                hmac_signed(token, &jwk.unwrap_or_default())
            }
            Self::HmacWithJwks => {
                let jwks = token.issuer.jwks_json();
                hmac_signed(token, &jwks)
            }
            Self::AlgNotAllowed => token.header("alg", "PS256").mint(),
            Self::AlgOfAnotherKey => token.header("alg", "RS256").mint(),
            Self::CritUnknown => token.header("crit", json!(["exp"])).header("exp", 1).mint(),
            Self::CritEmpty => token.header("crit", json!([])).mint(),
            Self::UnencodedPayload => token.header("b64", false).mint(),
            Self::Compressed => token.header("zip", "DEF").mint(),
            Self::KidIsAPath => token.header("kid", "../../dev/null").mint(),
            Self::KidWithNul => token.header("kid", "a\0b").mint(),
            Self::KidTooLong => token.header("kid", "k".repeat(1024)).mint(),
            Self::KidIsANumber => token.header("kid", 1).mint(),
            Self::OtherType => token.header("typ", "JWT").mint(),
            Self::NoType => token.without_header("typ").mint(),
            Self::DpopProof => token.header("typ", "dpop+jwt").mint(),
            Self::TooLong => token.claim("padding", "p".repeat(15_000)).mint(),
            Self::EmbeddedJwk | Self::EmbeddedJwkUnderOurKid | Self::KeyUrls | Self::ForeignKey => {
                self.forge(token)
            }
            _ => self.damage(&token),
        }
    }

    /// Signed by a key of the attacker.
    fn forge(self, token: TestToken<'_>) -> String {
        let attacker = TestIssuer::new(token.issuer.issuer());
        let jwk = json!(attacker.key().verifying_key());
        let url = "https://attacker.example/keys";
        match self {
            Self::EmbeddedJwk => {
                token.header("kid", attacker.key().kid().as_str()).header("jwk", jwk)
            }
            Self::EmbeddedJwkUnderOurKid => token.header("jwk", jwk),
            Self::KeyUrls => token.header("jku", url).header("x5u", url),
            _ => token,
        }
        .forged_by(&attacker)
    }

    /// The good token with a part of its text changed.
    fn damage(self, token: &TestToken<'_>) -> String {
        let good = token.mint();
        let (input, signature) = good.rsplit_once('.').unwrap_or_default();
        let (header, payload) = input.split_once('.').unwrap_or_default();
        match self {
            Self::DuplicateAlg => {
                let twice = token.header_json().replacen('{', r#"{"alg":"ES256","#, 1);
                token.with_header(&twice)
            }
            Self::HeaderNotJson => token.with_header("alg=ES256"),
            Self::TamperedPayload => {
                let other = encode(token.clone().claim("sub", "admin").payload_json().as_bytes());
                format!("{header}.{other}.{signature}")
            }
            Self::PsychicSignature => format!("{input}.{}", encode(&[0; 64])),
            Self::LongSignature => format!("{input}.{}", encode(&[1; 65])),
            Self::NoSignature => format!("{input}."),
            Self::Padded => format!("{good}=="),
            Self::LineBreak => format!("{good}\n"),
            // 64 bytes leave four bits of the last character unused: any letter but A, Q, g, w.
            Self::TrailingBits => {
                let all_but_last = good.get(..good.len().saturating_sub(1)).unwrap_or_default();
                format!("{all_but_last}B")
            }
            Self::FiveParts => format!("{good}.a.b"),
            _ => json!({ "protected": header, "payload": payload, "signature": signature })
                .to_string(),
        }
    }
}

fn unsigned(token: &TestToken<'_>) -> String {
    signing_input(&token.header_json(), &token.payload_json())
}

fn hmac_signed(token: TestToken<'_>, secret: &str) -> String {
    let input = unsigned(&token.header("alg", "HS256"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{input}.{}", encode(hmac::sign(&key, input.as_bytes()).as_ref()))
}
