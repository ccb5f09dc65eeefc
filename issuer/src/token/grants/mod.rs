//! The grants of the token endpoint: one file and one line in `GRANTS` each. Discovery, metrics and
//! the registration of clients follow from the table.

mod client_credentials;

use std::future::Future;
use std::pin::Pin;

use crate::app::App;
use crate::error::OAuthError;
use crate::issue::Authorization;
use crate::policy::Permitted;
use crate::protocol::{ErrorCode, Form};
use crate::token::client_auth::AuthenticatedClient;

/// A grant: its wire name, and what is its own.
pub struct Grant {
    /// The value of `grant_type`.
    pub name: &'static str,
    /// Turns a request that passed everything common to all grants into an authorization.
    pub authorize: fn(TokenRequest<'_>) -> Authorizing<'_>,
}

/// All grants.
pub static GRANTS: &[Grant] =
    &[Grant { name: "client_credentials", authorize: client_credentials::authorize }];

/// A request whose client is authenticated and whose resource and scope the policy permits.
pub struct TokenRequest<'r> {
    /// The issuer.
    pub app: &'r App,
    /// All parameters, for those that only this grant knows.
    pub form: &'r Form<'r>,
    /// Who asks.
    pub client: AuthenticatedClient,
    /// What it may have.
    pub permitted: Permitted,
}

/// The answer of a grant, which may have to wait for the store.
pub type Authorizing<'r> =
    Pin<Box<dyn Future<Output = Result<Authorization, OAuthError>> + Send + 'r>>;

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
