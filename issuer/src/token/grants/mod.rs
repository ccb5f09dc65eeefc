//! The grants of the token endpoint: one file and one line in `GRANTS` each. Discovery, metrics and
//! the registration of clients follow from the table.

mod authorization_code;
mod client_credentials;
mod device_code;
mod jwt_bearer;
mod refresh_token;
mod token_exchange;

pub use device_code::DEVICE_CODE;
pub use jwt_bearer::{Asserted, JWT_BEARER, Named};
pub use refresh_token::{RefreshToken, Succession};
pub use token_exchange::{ACCESS_TOKEN_TYPE, Exchanged, TOKEN_EXCHANGE};

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use countersign_verifier::binding::Confirmation;
use uuid::Uuid;

use crate::app::App;
use crate::binding::Binding;
use crate::error::OAuthError;
use crate::protocol::{ClaimsRequest, ErrorCode, Form};
use crate::registry::Client;
use crate::store::{CodeRedemption, DeviceRedemption, StoreError, UserStanding};
use crate::token::client_auth::assertion::AssertionUse;

/// A grant: its wire name, and what is its own.
pub struct Grant {
    /// The value of `grant_type`.
    pub name: &'static str,
    /// Reads from the request of an authenticated client for whom it asks, and by what right.
    pub authorize: fn(TokenRequest<'_>) -> Authorizing<'_>,
}

/// All grants.
pub static GRANTS: &[Grant] = &[
    Grant { name: "client_credentials", authorize: client_credentials::authorize },
    Grant { name: "authorization_code", authorize: authorization_code::authorize },
    Grant { name: "refresh_token", authorize: refresh_token::authorize },
    Grant { name: DEVICE_CODE, authorize: device_code::authorize },
    Grant { name: JWT_BEARER, authorize: jwt_bearer::authorize },
    Grant { name: TOKEN_EXCHANGE, authorize: token_exchange::authorize },
];

/// A request whose client is authenticated.
#[derive(Clone, Copy)]
pub struct TokenRequest<'r> {
    /// The issuer.
    pub app: &'r App,
    /// All parameters.
    pub form: &'r Form<'r>,
    /// Who asks.
    pub client: &'r Client,
    /// What the token will be bound to, as the request proved it.
    pub binding: Option<&'r Binding>,
}

/// For whom a client asks and by what right, as the grant proved it. What the client may have is for the policy to say,
/// and whether the user is still good for the pipeline.
pub struct Authorization<'r> {
    /// For whom.
    pub subject: Subject,
    /// The `resource` parameters of the request.
    pub resources: Vec<Cow<'r, str>>,
    /// The `scope` parameter of the request.
    pub scope: Option<&'r str>,
    /// What must be written before a token leaves.
    pub commit: Commit,
}

/// For whom a token is.
pub enum Subject {
    /// The client itself.
    Client,
    /// A user who signed in.
    User(Box<SignedIn>),
    /// A user whom the client named.
    Asserted(Asserted),
    /// Whoever a token is about that the client was given.
    Exchanged(Box<Exchanged>),
}

impl Subject {
    /// What the grant is bound to.
    pub fn bound_to(&self) -> Option<&Confirmation> {
        match self {
            Self::User(signed_in) => signed_in.bound_to.as_ref(),
            Self::Client | Self::Asserted(_) | Self::Exchanged(_) => None,
        }
    }
}

/// What a code or a refresh token says of the sign-in that it comes from.
pub struct SignedIn {
    /// The code that began it, and the family of refresh tokens that followed.
    pub grant_id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Option<Uuid>,
    /// Unix seconds at which the user signed in.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// The resources that were named.
    pub resources: Vec<String>,
    /// The `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// The claims that were asked for.
    pub claims: ClaimsRequest,
    /// What the code or the refresh token is bound to.
    pub bound_to: Option<Confirmation>,
    /// The refresh token to hand out.
    pub refresh_token: Option<RefreshToken>,
    /// How the user stands towards the client now.
    pub standing: UserStanding,
}

/// What is written once everything else is done; if it cannot be written, nothing is given.
pub enum Commit {
    /// Nothing: the grant leaves no trace in the database.
    Nothing,
    /// A code is used up.
    RedeemCode(Box<CodeRedemption>),
    /// A device code is used up.
    RedeemDevice(Box<DeviceRedemption>),
    /// A family of refresh tokens moves on, or stays where it is and was used.
    UseRefreshToken(Succession),
    /// An assertion about a user is used up.
    UseAssertion(AssertionUse),
    /// The same for one that was exchanged.
    UseSubjectToken(AssertionUse),
}

/// Why a grant gives nothing, and what follows from it.
pub struct GrantRefusal {
    /// What the caller is told.
    pub error: OAuthError,
    /// What a code gave, and must not live on: its family of refresh tokens above all.
    pub revoke: Option<Uuid>,
}

impl From<OAuthError> for GrantRefusal {
    fn from(error: OAuthError) -> Self {
        Self { error, revoke: None }
    }
}

impl From<StoreError> for GrantRefusal {
    fn from(error: StoreError) -> Self {
        OAuthError::from(error).into()
    }
}

/// The answer of a grant, which may have to wait for the store.
pub type Authorizing<'r> =
    Pin<Box<dyn Future<Output = Result<Authorization<'r>, GrantRefusal>> + Send + 'r>>;

/// The grant of a `grant_type` parameter.
///
/// # Errors
///
/// `invalid_request` if there is none, `unsupported_grant_type` if nobody knows it.
pub fn find(grant_type: Option<&str>) -> Result<&'static Grant, OAuthError> {
    let name = grant_type.ok_or_else(|| OAuthError::invalid_request("grant_type is missing"))?;
    GRANTS.iter().find(|grant| grant.name == name).ok_or_else(|| {
        OAuthError::new(ErrorCode::UnsupportedGrantType, "the issuer does not know this grant_type")
    })
}

impl<'r> TokenRequest<'r> {
    /// The `resource` parameters.
    fn resources(&self) -> Vec<Cow<'r, str>> {
        self.form.values("resource").map(Cow::Borrowed).collect()
    }

    /// A parameter that the grant cannot do without.
    fn required(&self, name: &str, description: &'static str) -> Result<&'r str, OAuthError> {
        self.form.value(name).ok_or_else(|| OAuthError::invalid_request(description))
    }
}

/// One outward wording for every code and refresh token that is not good; the cause is for the log.
fn invalid_grant(cause: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidGrant,
        "the grant is invalid, expired, revoked, or was issued to another client",
        cause,
    )
}

/// Writes what a grant asked for, in one transaction.
///
/// # Errors
///
/// `invalid_grant` if somebody else used the one-time thing meanwhile.
pub(super) async fn commit(app: &App, commit: Commit) -> Result<(), GrantRefusal> {
    match commit {
        Commit::Nothing => Ok(()),
        Commit::RedeemCode(redemption) => authorization_code::commit(app, *redemption).await,
        Commit::RedeemDevice(redemption) => device_code::commit(app, &redemption).await,
        Commit::UseRefreshToken(succession) => refresh_token::commit(app, succession).await,
        Commit::UseAssertion(used) => jwt_bearer::commit(app, &used).await,
        Commit::UseSubjectToken(used) => token_exchange::commit(app, &used).await,
    }
}
