//! A client: an app that asks for tokens, how it proves who it is, and what it may ask for.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use countersign_keys::JwkSet;
use url::Url;
use uuid::Uuid;

use super::fapi2;
use super::{ActingRule, AssertionRule, CertificateSubject, InvalidValue, SignIn, WorkloadRule};

/// How many secrets of one client may be in force at a time: the old and the new one of a change.
pub const MAX_LIVE_SECRETS: usize = 2;

/// The name of a client, as in `client_id`; never reused, never shaped like a user id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Checks the rules of a client id.
    pub fn parse(id: &str) -> Result<Self, InvalidValue> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        if id.is_empty() || id.len() > 64 || !id.bytes().all(legal) {
            let rule = "use 1 to 64 characters of A-Z a-z 0-9 . _ ~ -";
            return Err(InvalidValue::new("client id", id, rule));
        }
        // RFC 9068 §5: an app must never be mistaken for a user, and user ids are UUIDs.
        if Uuid::try_parse(id).is_ok() {
            let rule = "it looks like a UUID, which is the shape of user ids";
            return Err(InvalidValue::new("client id", id, rule));
        }
        Ok(Self(id.into()))
    }

    /// The issuer itself, as what people come from when they open one of its own pages. It breaks the rules above, so that
    /// no registered client can have it.
    pub fn of_the_issuer() -> Self {
        Self("/account".into())
    }

    /// The id as written on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ClientId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for ClientId {
    type Err = InvalidValue;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::parse(id)
    }
}

/// An app.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the members are those of the specifications")]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// For people.
    pub name: Option<String>,
    /// The grants it may use, by their wire names.
    pub grants: Vec<String>,
    /// How it proves who it is.
    pub auth: ClientAuthentication,
    /// Its secrets; at most [`MAX_LIVE_SECRETS`] of them are in force.
    pub secrets: Vec<StoredSecret>,
    /// Its public keys, for `private_key_jwt`, `self_signed_tls_client_auth` and request objects.
    pub keys: ClientKeys,
    /// Compatibility: a client assertion may name the token endpoint as its audience.
    pub token_endpoint_audience: bool,
    /// It gets no tokens but those that are bound to a key (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// It is held to the FAPI 2.0 security profile ([`fapi2`](super::fapi2)).
    pub fapi2: bool,
    /// What its certificates say, for `tls_client_auth`.
    pub certificate_subject: Option<CertificateSubject>,
    /// It gets no tokens but those that are bound to its certificate (RFC 8705 §3.4).
    pub tls_client_certificate_bound_access_tokens: bool,
    /// What it may ask for; anything else is refused.
    pub permissions: Vec<Permission>,
    /// Whom it may assert, and where; anybody else is refused.
    pub assertion_rules: Vec<AssertionRule>,
    /// For whom it may act, and where; for anybody else it may not.
    pub acting_rules: Vec<ActingRule>,
    /// Which workloads are this client, if that is how it authenticates; no other is.
    pub workload_rules: Vec<WorkloadRule>,
    /// The resources that it is: it may ask about tokens for them (RFC 7662 §2.1).
    pub introspects: Vec<String>,
    /// How people sign in through it; `None` for a client that speaks for itself only.
    pub sign_in: Option<SignIn>,
    /// A disabled client gets nothing from any grant.
    pub enabled: bool,
}

impl Client {
    /// Whether it cannot keep a secret (RFC 6749 §2.1), and so authenticates by nothing.
    pub fn is_public(&self) -> bool {
        self.auth == ClientAuthentication::None
    }

    /// Why it gets nothing from any grant, if so: it is disabled, or does not keep to the profile that it is held to. For the
    /// log; the caller learns nothing of it.
    pub fn refused(&self) -> Option<Cow<'static, str>> {
        if !self.enabled {
            return Some("the client is disabled".into());
        }
        fapi2::check(self).err().map(|broken| broken.to_string().into())
    }

    /// What the client may do at this resource.
    pub fn permission(&self, resource: &str) -> Option<&Permission> {
        self.permissions.iter().find(|permission| permission.resource == resource)
    }

    /// The secrets in force at `now` (Unix seconds).
    pub fn live_secrets(&self, now: i64) -> impl Iterator<Item = &StoredSecret> {
        self.secrets.iter().filter(move |secret| secret.is_live(now))
    }
}

/// The registered client authentication method (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// The secret in the `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// The secret in the form (RFC 6749 §2.3.1).
    ClientSecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// An assertion that an issuer outside signed for a workload (RFC 7523 §2.2), by its rules: no secret of its own.
    WorkloadIdentity,
    /// A certificate from an authority (RFC 8705 §2.1).
    TlsClientAuth,
    /// A certificate of a registered key (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
    /// Nothing: a public client, in a browser or on a device.
    None,
}

impl ClientAuthentication {
    /// Every method, in the order of preference in messages.
    pub const ALL: [Self; 7] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::WorkloadIdentity,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::None,
    ];

    /// The wire name. `workload_identity` is a name of ours: on the wire it looks like `private_key_jwt`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::WorkloadIdentity => "workload_identity",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::None => "none",
        }
    }

    /// The method with this wire name, exact case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether a client with this method has secrets.
    pub fn uses_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// Whether a client with this method must have keys.
    pub fn uses_keys(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::SelfSignedTlsClientAuth)
    }
}

/// One secret of a client, as a keyed hash; the secret itself is shown once and kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Names the secret for removal; not secret.
    pub id: String,
    /// HMAC-SHA256 of the secret under the issuer's sealed pepper.
    pub digest: [u8; 32],
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds from which it is refused; `None` = never.
    pub expires_at: Option<i64>,
    /// Unix seconds of the last success, written in batches.
    pub last_used_at: Option<i64>,
}

impl StoredSecret {
    /// Whether the secret is in force at `now` (Unix seconds).
    pub fn is_live(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The public keys of a client.
#[derive(Debug)]
pub enum ClientKeys {
    /// It has none.
    None,
    /// Registered with the client (RFC 7591 `jwks`).
    Inline(JwkSet),
    /// Fetched from the client's URL (RFC 7591 `jwks_uri`).
    Uri(Url),
}

/// What one client may do at one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The identifier of the resource.
    pub resource: String,
    /// Scopes the client may ask for.
    pub scopes: Vec<String>,
    /// Roles that the token states, whatever was asked.
    pub roles: Vec<String>,
}
