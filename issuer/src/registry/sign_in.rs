//! How people sign in through a client: the metadata of OpenID Connect Registration §2 and RFC 7591 §2, by the
//! registered names. A client without it speaks for itself only.

use countersign_keys::Algorithm;
use countersign_keys::jwe::{ContentEncryption, KeyManagement};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::{EncryptionKeys, InvalidValue, Recipient};
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};

/// The scopes of OpenID Connect Core §5.4 and §11: what the issuer itself tells of a user.
pub const IDENTITY_SCOPES: &[&str] =
    &["openid", "profile", "email", "address", "phone", "offline_access"];

/// The part of a client's registration that people are concerned with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the members are those of the specifications")]
pub struct SignIn {
    /// Where it runs.
    pub application_type: ApplicationType,
    /// Where answers to authorization requests may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where the browser may go after a sign-out (OpenID Connect RP-Initiated Logout §3.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Those of [`IDENTITY_SCOPES`] that it may ask for.
    pub scopes: Vec<String>,
    /// Whether a request must have a code challenge.
    pub pkce: Pkce,
    /// Whether the user is asked before the client gets anything.
    pub consent: ConsentPolicy,
    /// Authorization requests must be pushed (RFC 9126 §6).
    pub require_pushed_authorization_requests: bool,
    /// Authorization requests must be signed (RFC 9101 §10.5).
    pub require_signed_request_object: bool,
    /// What request objects must be signed with; without it, with any algorithm of a registered key.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_algorithm_name",
        deserialize_with = "optional_algorithm"
    )]
    pub request_object_signing_alg: Option<Algorithm>,
    /// What ID tokens are signed with.
    #[serde(serialize_with = "algorithm_name", deserialize_with = "algorithm")]
    pub id_token_signed_response_alg: Algorithm,
    /// UserInfo answers are JWTs signed with this, instead of JSON.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_algorithm_name",
        deserialize_with = "optional_algorithm"
    )]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// The public keys to which its tokens are encrypted, as a JWK set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_keys: Option<EncryptionKeys>,
    /// ID tokens are encrypted to the key of this algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<KeyManagement>,
    /// How the content of an encrypted ID token is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<ContentEncryption>,
    /// UserInfo answers are encrypted to the key of this algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<KeyManagement>,
    /// How the content of an encrypted UserInfo answer is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<ContentEncryption>,
    /// Whether `sub` is the same for every client.
    pub subject_type: SubjectType,
    /// Clients with the same one see the same pairwise `sub` (OpenID Connect Core §8.1); without it, the host of the
    /// first redirect URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier: Option<String>,
    /// Where logout tokens are sent (OpenID Connect Back-Channel Logout §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<Url>,
    /// Whether a logout token says which session ended; if not, all sessions of the user at the client end (§2.4).
    pub backchannel_logout_session_required: bool,
    /// What the browser loads when it signs out (OpenID Connect Front-Channel Logout §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<Url>,
    /// Whether that address is given `iss` and `sid`.
    pub frontchannel_logout_session_required: bool,
    /// Shown on the pages of the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<Url>,
    /// The color of buttons on the pages of the issuer, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_color: Option<String>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            application_type: ApplicationType::Web,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            scopes: vec!["openid".to_owned()],
            pkce: Pkce::Required,
            consent: ConsentPolicy::Ask,
            require_pushed_authorization_requests: false,
            require_signed_request_object: false,
            request_object_signing_alg: None,
            id_token_signed_response_alg: Algorithm::Rs256,
            userinfo_signed_response_alg: None,
            encryption_keys: None,
            id_token_encrypted_response_alg: None,
            id_token_encrypted_response_enc: None,
            userinfo_encrypted_response_alg: None,
            userinfo_encrypted_response_enc: None,
            subject_type: SubjectType::Public,
            sector_identifier: None,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: true,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: true,
            logo_uri: None,
            brand_color: None,
        }
    }
}

impl SignIn {
    /// The registered redirect URI that a presented one is (RFC 6749 §3.1.2.3).
    pub fn redirect_uri(&self, presented: &str) -> Option<&RedirectUri> {
        self.redirect_uris.iter().find(|uri| uri.is(presented, self.application_type))
    }

    /// Whether the client may ask for this one of [`IDENTITY_SCOPES`].
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|allowed| allowed == scope)
    }

    /// Checks what a registration says.
    ///
    /// # Errors
    ///
    /// With the first rule that is broken.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if let Some(scope) = self.scopes.iter().find(|s| !IDENTITY_SCOPES.contains(&s.as_str())) {
            let rule =
                "it is neither of OpenID Connect nor of a resource that is named with --resource";
            return Err(InvalidValue::new("scope", scope, rule));
        }
        // OpenID Connect Core §8.1: the sector is the host of the redirect URIs, which a device has not.
        let has_sector = self.sector_identifier.is_some() || !self.redirect_uris.is_empty();
        if self.subject_type == SubjectType::Pairwise && !has_sector {
            let rule = "it needs a redirect URI, whose host names the sector";
            return Err(InvalidValue::new("subject type", "pairwise", rule));
        }
        self.check_encryption()?;
        self.check_logout_uris()?;
        let color = self.brand_color.as_deref();
        if let Some(color) = color.filter(|color| !is_color(color)) {
            return Err(InvalidValue::new("brand color", color, "write it as #rrggbb"));
        }
        Ok(())
    }
}

impl SignIn {
    /// To whom ID tokens are encrypted.
    pub fn id_token_recipient(&self) -> Option<Recipient<'_>> {
        self.recipient(self.id_token_encrypted_response_alg, self.id_token_encrypted_response_enc)
    }

    /// To whom UserInfo answers are encrypted.
    pub fn userinfo_recipient(&self) -> Option<Recipient<'_>> {
        self.recipient(self.userinfo_encrypted_response_alg, self.userinfo_encrypted_response_enc)
    }

    fn recipient(
        &self,
        alg: Option<KeyManagement>,
        enc: Option<ContentEncryption>,
    ) -> Option<Recipient<'_>> {
        let key = self.encryption_keys.as_ref()?.of(alg?)?;
        // OpenID Connect Registration §2: the default.
        Some((key, enc.unwrap_or(ContentEncryption::A128CbcHs256)))
    }

    /// What is to be encrypted can be: it must never go out in clear.
    fn check_encryption(&self) -> Result<(), InvalidValue> {
        let both = [
            (self.id_token_encrypted_response_alg, self.id_token_encrypted_response_enc),
            (self.userinfo_encrypted_response_alg, self.userinfo_encrypted_response_enc),
        ];
        for (alg, enc) in both {
            match (alg, enc) {
                (Some(alg), _) if self.recipient(Some(alg), enc).is_none() => {
                    let rule = "it needs an encryption key of the client with this algorithm";
                    return Err(InvalidValue::new("encryption algorithm", alg.name(), rule));
                }
                // Registration §2.
                (None, Some(enc)) => {
                    let rule = "it needs the algorithm of a key too";
                    return Err(InvalidValue::new("content encryption", enc.name(), rule));
                }
                _ => {}
            }
        }
        // RFC 8725 §2.8: what is encrypted and not signed is from anybody.
        if let (Some(alg), None) =
            (self.userinfo_encrypted_response_alg, self.userinfo_signed_response_alg)
        {
            let rule = "UserInfo answers that are encrypted must be signed";
            return Err(InvalidValue::new("encryption algorithm", alg.name(), rule));
        }
        Ok(())
    }

    fn check_logout_uris(&self) -> Result<(), InvalidValue> {
        // Back-Channel Logout §2.2, Front-Channel Logout §2.
        let is_plain = |uri: &Url| {
            matches!(uri.scheme(), "http" | "https")
                && uri.fragment().is_none()
                && uri.username().is_empty()
                && uri.password().is_none()
        };
        let both = [&self.backchannel_logout_uri, &self.frontchannel_logout_uri];
        if let Some(uri) = both.into_iter().flatten().find(|uri| !is_plain(uri)) {
            let rule = "use an https URI without a fragment, a username and a password";
            return Err(InvalidValue::new("logout URI", uri.as_str(), rule));
        }
        // Front-Channel Logout §2: it is loaded in the browser, with the cookies of the client.
        let is_theirs = |uri: &Url| {
            let redirect_uris =
                self.redirect_uris.iter().filter_map(|known| Url::parse(known.as_str()).ok());
            redirect_uris.map(|known| known.origin()).any(|origin| origin == uri.origin())
        };
        match &self.frontchannel_logout_uri {
            Some(uri) if !is_theirs(uri) => {
                let rule = "its scheme, host and port must be those of a redirect URI";
                Err(InvalidValue::new("front-channel logout URI", uri.as_str(), rule))
            }
            _ => Ok(()),
        }
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a request must carry a code challenge (RFC 9700 §2.1.1). Public clients always must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pkce {
    /// It must.
    Required,
    /// A confidential client may leave it out and rely on `nonce`.
    Optional,
}

/// Whether a user is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentPolicy {
    /// Once for each scope.
    Ask,
    /// Never: the client belongs to the operator of the issuer.
    Skip,
}

/// OpenID Connect Core §8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// The user's id.
    Public,
    /// Another value for each sector, so that clients cannot compare notes.
    Pairwise,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn algorithm_name<S: Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(algorithm.name())
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn optional_algorithm_name<S: Serializer>(
    algorithm: &Option<Algorithm>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    algorithm.map(Algorithm::name).serialize(serializer)
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
    let name = String::deserialize(deserializer)?;
    Algorithm::from_name(&name)
        .ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not an algorithm")))
}

fn optional_algorithm<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Algorithm>, D::Error> {
    algorithm(deserializer).map(Some)
}
