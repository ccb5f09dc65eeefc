//! Why claims were refused. No variant carries a value from the token.

use super::Claim;

/// A refusal by the claims of a token, whose signature may be perfectly good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The payload is not one JSON object within the limits.
    #[error("the payload is not a strict JSON object")]
    Malformed,
    /// A member occurs twice (RFC 7519 §4: names must be unique).
    #[error("a member of the payload occurs twice")]
    Duplicate,
    /// A claim is there with the wrong JSON type, or null.
    #[error("the claim {} has the wrong type", .0.name())]
    WrongType(Claim),
    /// A string has control characters, or a number lies outside `[0, 2^53)`.
    #[error("the claim {} has a value that is not allowed", .0.name())]
    BadValue(Claim),
    /// A claim that the profile requires is missing or empty.
    #[error("the claim {} is missing", .0.name())]
    Missing(Claim),
    /// `iss` is not the expected issuer, byte for byte.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `sub` is not the expected subject.
    #[error("the token is about another subject")]
    WrongSubject,
    /// `aud` does not name this recipient.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` lies ahead.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is not after `iat` and `nbf`.
    #[error("the token expires before it begins")]
    EmptyLifetime,
    /// The token lives longer than this recipient allows.
    #[error("the token lives longer than allowed")]
    LifetimeTooLong,
    /// The payload's own mark says that this is not an access token.
    #[error("the claim {} marks another kind of token", .0.name())]
    WrongKind(Claim),
    /// `idtyp` is none of `app`, `user`, `app_asserted`, or contradicts the other claims.
    #[error("the token does not say consistently whom it identifies")]
    UnknownIdentity,
    /// The token names a user on the word of an app, and this verifier has not opted in.
    #[error("app-asserted identity is not accepted here")]
    AppAssertedRefused,
    /// The token is bound to a key (RFC 7800), and was presented as a bearer token.
    #[error("the token is bound to a key and was presented without proof")]
    BoundToKey,
    /// `azp` is another client, or missing although there are several audiences.
    #[error("the token was issued to another party")]
    WrongAuthorizedParty,
    /// `aud` names somebody besides this client who is not trusted.
    #[error("the token is also for an audience that is not trusted")]
    UntrustedAudience,
    /// `nonce` is not the one that was sent, or is there although none was.
    #[error("the nonce is not that of the authentication request")]
    WrongNonce,
    /// `at_hash` is not the hash of the access token that came along.
    #[error("the access token is not the one that the ID token came with")]
    WrongAccessToken,
    /// The user authenticated longer ago than was asked for, or it is not said when.
    #[error("the user's authentication is too old")]
    AuthenticationTooOld,
    /// `acr` is none of those that were asked for.
    #[error("the user authenticated in another way than was asked for")]
    WrongAcr,
    /// The token reports an event, or another one, where it must not.
    #[error("the events of the token are not those of this kind of token")]
    WrongEvents,
    /// The token has a `nonce`, which this kind of token must not have.
    #[error("a nonce is not allowed here")]
    NonceNotAllowed,
    /// Neither `sub` nor `sid` is there.
    #[error("the token names neither a subject nor a session")]
    NobodyNamed,
    /// The token was used before.
    #[error("the token was used before")]
    Replayed,
    /// The caller's own claims struct could not be read from the payload.
    #[error("the application's own claims are missing or malformed")]
    Application,
}

impl ClaimError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "claims_malformed",
            Self::Duplicate => "claims_duplicate",
            Self::WrongType(_) => "claim_wrong_type",
            Self::BadValue(_) => "claim_bad_value",
            Self::Missing(_) => "claim_missing",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongSubject => "wrong_subject",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::EmptyLifetime => "empty_lifetime",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::WrongKind(_) => "wrong_kind",
            Self::UnknownIdentity => "unknown_identity",
            Self::AppAssertedRefused => "app_asserted_refused",
            Self::BoundToKey => "bound_to_key",
            Self::WrongAuthorizedParty => "wrong_authorized_party",
            Self::UntrustedAudience => "untrusted_audience",
            Self::WrongNonce => "wrong_nonce",
            Self::WrongAccessToken => "wrong_access_token",
            Self::AuthenticationTooOld => "authentication_too_old",
            Self::WrongAcr => "wrong_acr",
            Self::WrongEvents => "wrong_events",
            Self::NonceNotAllowed => "nonce_not_allowed",
            Self::NobodyNamed => "nobody_named",
            Self::Replayed => "replayed",
            Self::Application => "application_claims",
        }
    }
}
