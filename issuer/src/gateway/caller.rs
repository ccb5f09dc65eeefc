//! Who a request is from: whoever a verified token is about, or the user of a session that was begun at this host. Both are
//! asked whether they are still good; what the route demands is judged afterwards.

use countersign_verifier::claims::{Claim, StandardClaims};

use super::asked::Asked;
use super::host_session::HostSession;
use super::presented::invalid;
use super::still_good;
use crate::app::App;
use crate::error::OAuthError;
use crate::inbound;
use crate::registry::User;
use crate::store::Session;
use crate::token::subject_token::SubjectToken;

/// Somebody who is still good.
pub(super) enum Caller {
    /// By a token.
    Token(Box<TokenCaller>),
    /// By a session.
    Session(Box<SessionCaller>),
}

/// Whoever a token is about.
pub(super) struct TokenCaller {
    /// What it says.
    pub token: SubjectToken,
    /// Its roles.
    pub roles: Vec<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// The user, if it is one of this issuer.
    pub user: Option<Box<User>>,
    /// As it was shown.
    pub text: String,
}

/// The user of a session.
pub(super) struct SessionCaller {
    /// What the cookie holds.
    pub granted: HostSession,
    /// The session as it is now.
    pub session: Session,
    /// The user as it is now.
    pub user: User,
}

/// Whoever a token is about.
///
/// # Errors
///
/// `invalid_token`; `temporarily_unavailable` if nobody can say.
pub(super) async fn of_token(
    app: &App,
    asked: &Asked<'_>,
    text: String,
) -> Result<Caller, OAuthError> {
    let claims = inbound::bearer_token(app, &text, asked.route.audience()).map_err(invalid)?;
    let token = SubjectToken::read(app.config.issuer.as_str(), &claims);
    let token = token.ok_or_else(|| invalid("it does not say who it is about"))?;
    let user = still_good::token(app, &token).await?;
    let (roles, groups) = (owned(&claims, Claim::Roles), owned(&claims, Claim::Groups));
    Ok(Caller::Token(Box::new(TokenCaller { token, roles, groups, user, text })))
}

/// The user of a session; none if it has ended, and the cookie is of no more use.
///
/// # Errors
///
/// `temporarily_unavailable` if nobody can say.
pub(super) async fn of_session(
    app: &App,
    asked: &Asked<'_>,
    sealed: &str,
) -> Result<Option<Caller>, OAuthError> {
    let Some(granted) = HostSession::open(&app.sealer, sealed, asked.route) else {
        return Ok(None);
    };
    let good = still_good::session(app, &granted).await?;
    Ok(good
        .map(|(session, user)| Caller::Session(Box::new(SessionCaller { granted, session, user }))))
}

fn owned(claims: &StandardClaims, claim: Claim) -> Vec<String> {
    claims.list(claim).map(str::to_owned).collect()
}
