//! The claims that the SDK knows: one row each, with the JSON type it must have.
//! Everything else is the business of the caller's own claims struct.

use super::text::Span;

/// What JSON a claim must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string or an array of strings.
    TextOrList,
    /// A NumericDate.
    Date,
    /// An object with a string `sub`, which may nest another as `act` (RFC 8693 §4.1): a list of these.
    Actor,
    /// An object, kept as text.
    Object,
}

/// A claim as it was found.
#[derive(Clone, Copy, Default)]
pub(super) enum Value {
    #[default]
    Absent,
    Text(Span),
    /// A range of the items of all lists.
    List(Span),
    Date(i64),
    /// The JSON text.
    Object(Span),
}

macro_rules! claims {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $kind:ident,)+) => {
        /// A registered claim that the SDK reads.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Claim { $($(#[doc = $doc])+ $variant,)+ }

        impl Claim {
            /// Every claim, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            pub(super) const COUNT: usize = Self::ALL.len();

            /// The member name in the payload.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => text($name),)+ }
            }

            pub(super) const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)+ }
            }

            pub(super) fn from_name(name: &str) -> Option<Self> {
                // Bytes, not text: the compiler makes a decision tree of it.
                match name.as_bytes() { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

claims! {
    /// Issuer (RFC 7519 §4.1.1).
    Iss b"iss" Text,
    /// Subject (RFC 7519 §4.1.2).
    Sub b"sub" Text,
    /// Audience (RFC 7519 §4.1.3).
    Aud b"aud" TextOrList,
    /// Expiration time (RFC 7519 §4.1.4).
    Exp b"exp" Date,
    /// Not before (RFC 7519 §4.1.5).
    Nbf b"nbf" Date,
    /// Issued at (RFC 7519 §4.1.6).
    Iat b"iat" Date,
    /// Token identifier (RFC 7519 §4.1.7).
    Jti b"jti" Text,
    /// The client that asked for the token (RFC 8693 §4.3).
    ClientId b"client_id" Text,
    /// Authorized party: how several issuers spell `client_id`.
    Azp b"azp" Text,
    /// Microsoft's first spelling of `client_id`.
    Appid b"appid" Text,
    /// Scopes (RFC 8693 §4.2).
    Scope b"scope" TextOrList,
    /// Microsoft's spelling of `scope`.
    Scp b"scp" TextOrList,
    /// Roles (RFC 9068 §2.2.3.1).
    Roles b"roles" TextOrList,
    /// Groups (RFC 9068 §2.2.3.1).
    Groups b"groups" TextOrList,
    /// Which kind of identity the token carries: `app`, `user` or `app_asserted`.
    Idtyp b"idtyp" Text,
    /// The acting parties (RFC 8693 §4.1).
    Act b"act" Actor,
    /// Who may act for the subject (RFC 8693 §4.4).
    MayAct b"may_act" Object,
    /// The client that the first token of a chain of exchanges was issued to.
    OriginClientId b"origin_client_id" Text,
    /// The ids of the tokens that this one came from by exchange, the oldest first.
    AncestorJti b"ancestor_jti" TextOrList,
    /// The grant that the token came from: one code, or one family of refresh tokens.
    GrantId b"grant_id" Text,
    /// Confirmation: the token is bound to a key (RFC 7800 §3.1).
    Cnf b"cnf" Object,
    /// When the user authenticated (RFC 9068 §2.2.1).
    AuthTime b"auth_time" Date,
    /// How well the user authenticated (RFC 9068 §2.2.1).
    Acr b"acr" Text,
    /// With what the user authenticated (RFC 9068 §2.2.1).
    Amr b"amr" TextOrList,
    /// Session (OpenID Connect Front-Channel Logout §3).
    Sid b"sid" Text,
    /// The value that ties an ID token to its authentication request (OpenID Connect Core §2).
    Nonce b"nonce" Text,
    /// The hash of the access token that an ID token came with (OpenID Connect Core §3.1.3.6).
    AtHash b"at_hash" Text,
    /// The method that a proof of possession is for (RFC 9449 §4.2).
    Htm b"htm" Text,
    /// The URL that a proof of possession is for (RFC 9449 §4.2).
    Htu b"htu" Text,
    /// The hash of the access token that a proof of possession is for (RFC 9449 §4.2).
    Ath b"ath" Text,
    /// What a security event token reports (RFC 8417 §2.2), e.g. a logout.
    Events b"events" Object,
    /// Tenant, in Microsoft's spelling.
    Tid b"tid" Text,
    /// Tenant, in Auth0's spelling.
    OrgId b"org_id" Text,
    /// Cognito's mark of an access token.
    TokenUse b"token_use" Text,
    /// Keycloak's mark of an access token, in the payload.
    Typ b"typ" Text,
}

impl Claim {
    /// A scope written as one string is split at spaces; other lists are not.
    pub(super) const fn is_scope(self) -> bool {
        matches!(self, Self::Scope | Self::Scp)
    }
}

const fn text(name: &'static [u8]) -> &'static str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => "",
    }
}
