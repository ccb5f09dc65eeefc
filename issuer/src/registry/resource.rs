//! A resource: a protected API, known by its identifier (RFC 8707), and what tokens for it look like.

use countersign_keys::Algorithm;
use url::Url;

use super::{Encryption, InvalidValue};

/// A protected API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// An absolute URI without a fragment: the `aud` of its tokens.
    pub identifier: String,
    /// For people.
    pub name: Option<String>,
    /// Every scope it knows.
    pub scopes: Vec<String>,
    /// What its tokens are signed with.
    pub algorithm: Algorithm,
    /// Seconds, 60 to 86400.
    pub token_lifetime: u32,
    /// No token for it is larger; 512 to 16384.
    pub max_token_bytes: u32,
    /// To what its tokens must be bound; to nothing, unless the client wants it.
    pub required_binding: Option<RequiredBinding>,
    /// To whom its tokens are encrypted, after they were signed; to nobody unless it is registered.
    pub encryption: Option<Encryption>,
    /// Whether its tokens have a place in a status list.
    pub status_list: bool,
    /// No token is issued for a disabled resource.
    pub enabled: bool,
}

/// How tokens are bound to a key of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredBinding {
    /// By proofs (RFC 9449).
    Dpop,
    /// By certificates (RFC 8705).
    Certificate,
    /// By one or the other.
    Any,
}

impl RequiredBinding {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Dpop, Self::Certificate, Self::Any];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpop => "dpop",
            Self::Certificate => "certificate",
            Self::Any => "any",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|binding| binding.name() == name)
    }
}

impl Resource {
    /// Seconds a token lives unless the resource says otherwise.
    pub const DEFAULT_TOKEN_LIFETIME: u32 = 3600;
    /// Seconds a token for the UserInfo endpoint lives.
    pub const OWN_TOKEN_LIFETIME: u32 = 600;
    /// Bytes a token may have unless the resource says otherwise.
    pub const DEFAULT_MAX_TOKEN_BYTES: u32 = 2048;

    /// A resource with the defaults and these scopes.
    pub fn new(identifier: &str, scopes: Vec<String>) -> Result<Self, InvalidValue> {
        Ok(Self {
            identifier: parse_resource_identifier(identifier)?.to_owned(),
            name: None,
            scopes,
            algorithm: Algorithm::Es256,
            token_lifetime: Self::DEFAULT_TOKEN_LIFETIME,
            max_token_bytes: Self::DEFAULT_MAX_TOKEN_BYTES,
            required_binding: None,
            encryption: None,
            status_list: false,
            enabled: true,
        })
    }

    /// The issuer itself: what a token without another audience is good for is the UserInfo endpoint.
    pub fn of_the_issuer(issuer: &str, algorithm: Algorithm) -> Self {
        Self {
            identifier: issuer.to_owned(),
            name: None,
            scopes: Vec::new(),
            algorithm,
            token_lifetime: Self::OWN_TOKEN_LIFETIME,
            max_token_bytes: Self::DEFAULT_MAX_TOKEN_BYTES,
            required_binding: None,
            encryption: None,
            status_list: false,
            enabled: true,
        }
    }

    /// Checks the bounds of the numbers.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if !(60..=86_400).contains(&self.token_lifetime) {
            let value = self.token_lifetime.to_string();
            return Err(InvalidValue::new("token lifetime", &value, "use 60 to 86400 seconds"));
        }
        if !(512..=16_384).contains(&self.max_token_bytes) {
            let value = self.max_token_bytes.to_string();
            return Err(InvalidValue::new("token size", &value, "use 512 to 16384 bytes"));
        }
        Ok(())
    }
}

/// Checks a resource identifier: an absolute URI without a fragment, compared byte by byte ever after.
pub fn parse_resource_identifier(identifier: &str) -> Result<&str, InvalidValue> {
    let invalid = |rule: &str| Err(InvalidValue::new("resource identifier", identifier, rule));
    if identifier.len() > 256 || !identifier.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid("use at most 256 ASCII characters without blanks");
    }
    // RFC 8707 §2: an absolute URI (RFC 3986 §4.3) that does not include a fragment component.
    if identifier.contains('#') {
        return invalid("it must not have a fragment");
    }
    match Url::parse(identifier) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            invalid("it must not contain a username or password")
        }
        Ok(_) => Ok(identifier),
        Err(_) => invalid("use an absolute URI such as https://payments.example"),
    }
}

/// A resource that nobody can ask for: what stands in a snapshot that nothing was put into yet.
impl Default for Resource {
    fn default() -> Self {
        Self { enabled: false, ..Self::of_the_issuer("", Algorithm::Es256) }
    }
}
