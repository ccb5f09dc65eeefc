//! What an access token must look like: RFC 9068 with `idtyp` by default, and named presets for
//! issuers that deviate. A profile is chosen whole; there are no switches to flip one by one.

use countersign_keys::UnverifiedJws;

use crate::claims::Claim;
use crate::error::VerifyError;

/// How the kind of identity is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Identity {
    Idtyp,
    SubjectIsClient,
    Auth0,
    Entra,
    Keycloak,
}

/// Which header `typ` is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeaderType {
    /// One of these; `typ` must be there.
    Required(&'static [&'static str]),
    /// One of these, or no `typ` at all.
    Optional(&'static [&'static str]),
}

impl HeaderType {
    /// RFC 8725 §3.11: what is typed as something else is something else.
    pub(crate) fn check(self, jws: &UnverifiedJws<'_>) -> Result<(), VerifyError> {
        let (accepted, absent) = match self {
            Self::Required(accepted) => (accepted, false),
            Self::Optional(accepted) => (accepted, jws.typ().is_none()),
        };
        if absent || accepted.iter().any(|typ| jws.has_typ(typ)) {
            Ok(())
        } else {
            Err(VerifyError::WrongType)
        }
    }
}

/// The form of access tokens. [`Profile::RFC9068`] is the default; the others are in [`compat`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    pub(crate) name: &'static str,
    pub(crate) header_type: HeaderType,
    pub(crate) required: &'static [Claim],
    /// Which claim names the client; the first that is there counts.
    pub(crate) client: &'static [Claim],
    pub(crate) scope: Claim,
    pub(crate) tenant: Claim,
    pub(crate) identity: Identity,
    /// A claim of the payload that must have this value.
    pub(crate) mark: Option<(Claim, &'static str)>,
    /// The audience stands in `client_id`, not in `aud`.
    pub(crate) audience_is_client: bool,
}

const RFC9068_CLAIMS: &[Claim] = &[Claim::Sub, Claim::ClientId, Claim::Iat, Claim::Jti];

impl Profile {
    /// RFC 9068 §2.2 with `idtyp`: what Countersign issues. The default.
    pub const RFC9068: Self = Self {
        name: "rfc9068",
        header_type: HeaderType::Required(&["at+jwt"]),
        required: RFC9068_CLAIMS,
        client: &[Claim::ClientId],
        scope: Claim::Scope,
        tenant: Claim::Tid,
        identity: Identity::Idtyp,
        mark: None,
        audience_is_client: false,
    };

    /// The name, for logs and `explain`.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Presets for other issuers' access tokens. Each accepts less evidence than RFC 9068 and says which.
pub mod compat {
    use super::{Claim, HeaderType, Identity, Profile, RFC9068_CLAIMS};

    /// RFC 9068 as written, from issuers without `idtyp`: the caller is an app when `sub` is the
    /// client.
    pub const RFC9068_WITHOUT_IDTYP: Profile = Profile {
        name: "compat_rfc9068_without_idtyp",
        identity: Identity::SubjectIsClient,
        required: RFC9068_CLAIMS,
        ..Profile::RFC9068
    };

    /// Auth0, both of its token profiles: `typ` may be `JWT`, the client may be `azp`, and `jti` may
    /// be missing.
    pub const AUTH0: Profile = Profile {
        name: "compat_auth0",
        header_type: HeaderType::Required(&["at+jwt", "JWT"]),
        required: &[Claim::Sub, Claim::Iat],
        client: &[Claim::Azp, Claim::ClientId],
        tenant: Claim::OrgId,
        identity: Identity::Auth0,
        ..Profile::RFC9068
    };

    /// Microsoft Entra ID: `typ` is `JWT`, the client is `azp` or `appid`, scopes are in `scp`. ID
    /// tokens are kept out by the required client claim, which they lack.
    pub const ENTRA: Profile = Profile {
        name: "compat_entra",
        header_type: HeaderType::Required(&["JWT", "at+jwt"]),
        required: &[Claim::Sub, Claim::Iat],
        client: &[Claim::Azp, Claim::Appid],
        scope: Claim::Scp,
        identity: Identity::Entra,
        ..Profile::RFC9068
    };

    /// Amazon Cognito: no `typ`, and `client_id` stands for the audience. `token_use` must be
    /// `access`.
    pub const COGNITO: Profile = Profile {
        name: "compat_cognito",
        header_type: HeaderType::Optional(&["JWT", "at+jwt"]),
        identity: Identity::SubjectIsClient,
        mark: Some((Claim::TokenUse, "access")),
        audience_is_client: true,
        ..Profile::RFC9068
    };

    /// Keycloak: `typ` of the header is `JWT`; the payload's `typ` must be `Bearer`, which keeps its
    /// ID and refresh tokens out. Roles are in the application's own claims (`realm_access`).
    pub const KEYCLOAK: Profile = Profile {
        name: "compat_keycloak",
        header_type: HeaderType::Required(&["JWT", "at+jwt"]),
        required: &[Claim::Sub, Claim::Iat, Claim::Jti],
        client: &[Claim::Azp],
        identity: Identity::Keycloak,
        mark: Some((Claim::Typ, "Bearer")),
        ..Profile::RFC9068
    };
}
