//! The token for the service behind the gateway, so that it need not believe the headers: for exactly that resource, for a
//! minute or two, permitted by the policy and made by the mint of every other token. Each is audited before it leaves.

use super::asked::Asked;
use super::caller::{Caller, SessionCaller, TokenCaller};
use super::rules::{Allowed, client_of, missing, refused};
use crate::app::App;
use crate::audit::AuditEvent;
use crate::binding;
use crate::error::OAuthError;
use crate::issue::{self, Bearer, Issued};
use crate::policy::{self, AccessRequest, AccessSubject, Exchange, Permitted};
use crate::protocol::ClaimsRequest;
use crate::random;
use crate::status_list;
use crate::store::UserStanding;
use crate::token::client_auth;
use crate::token::grants::{SignedIn, TOKEN_EXCHANGE};

/// Seconds that such a token lives at most: for the request that it comes with, and what that one begins.
const LIFETIME_SECONDS: u32 = 120;

/// Makes the token, if the route wants one.
///
/// # Errors
///
/// `insufficient_scope` if the policy refuses; `temporarily_unavailable` if it cannot be audited.
pub(super) async fn make(
    app: &App,
    asked: &Asked<'_>,
    allowed: &Allowed<'_>,
) -> Result<Option<String>, OAuthError> {
    if !asked.route.hand_on_token {
        return Ok(None);
    }
    let issued = match (allowed.caller, &allowed.permitted) {
        // It is for the service already.
        (Caller::Token(of), _) if of.token.audience == asked.route.resource => {
            return Ok(Some(of.text.clone()));
        }
        (Caller::Token(of), _) => exchanged(app, asked, of).await?,
        (Caller::Session(of), Some(permitted)) => {
            of_session(app, asked, (of, permitted.clone())).await?
        }
        (Caller::Session(_), None) => return Err(missing("nothing was permitted")),
    };
    let event = AuditEvent::issued(app.clock.now(), asked.origin, Some("gateway"), &issued);
    app.audit.record(&event).await?;
    Ok(Some(issued.access_token().to_owned()))
}

/// RFC 8693: the client of the gateway acts for whoever the token is about, by its rules.
async fn exchanged(app: &App, asked: &Asked<'_>, of: &TokenCaller) -> Result<Issued, OAuthError> {
    let registry = app.registry.load_full();
    let client = client_of(&registry, asked)?;
    let exchange = Exchange {
        token: &of.token,
        user: of.user.as_deref(),
        has_actor: true,
        max_depth: app.config.token_exchange.max_depth,
        now: app.clock.now(),
    };
    let request = AccessRequest {
        grant: TOKEN_EXCHANGE,
        resources: &[asked.route.resource.as_str().into()],
        scope: None,
        subject: AccessSubject::Exchanged(exchange),
    };
    let permitted = policy::decide(&registry, client, &request).map_err(refused)?;
    mint(app, asked, Bearer::Exchanged(of.user.as_deref(), &of.token), permitted).await
}

async fn of_session(
    app: &App,
    asked: &Asked<'_>,
    (of, permitted): (&SessionCaller, Permitted),
) -> Result<Issued, OAuthError> {
    let signed_in = SignedIn {
        grant_id: random::uuid(),
        user_id: of.user.id,
        session_id: Some(of.session.id),
        auth_time: of.session.auth_time,
        amr: of.session.amr.clone(),
        // No ID token comes of it.
        scopes: Vec::new(),
        resources: Vec::new(),
        nonce: None,
        claims: ClaimsRequest::default(),
        bound_to: None,
        refresh_token: None,
        standing: UserStanding { user: None, has_session: true, consented: Vec::new() },
    };
    mint(app, asked, Bearer::User(&of.user, &signed_in), permitted).await
}

async fn mint(
    app: &App,
    asked: &Asked<'_>,
    bearer: Bearer<'_>,
    permitted: Permitted,
) -> Result<Issued, OAuthError> {
    let permitted = status_list::placed(app, permitted).await?;
    let registry = app.registry.load_full();
    let client = client_of(&registry, asked)?;
    // Nobody behind a gateway could prove possession of its key.
    binding::require(client, &permitted.resource, None).map_err(refused)?;
    let lifetime = permitted.lifetime.min(LIFETIME_SECONDS);
    let client = client_auth::of_gateway(client);
    let permitted = Permitted { lifetime, ..permitted };
    let issued = issue::mint(app, &client, bearer, permitted, None)?;
    status_list::record(app, &issued).await?;
    Ok(issued)
}
