//! Who calls: the three kinds of identity, told apart by `idtyp`. An app can never be mistaken for a
//! user, nor a user who only was named by an app for one who authenticated.

use crate::claims::{Claim, ClaimError, StandardClaims};
use crate::profile::Identity;

/// The identity that a verified token carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Caller<'v> {
    /// An app: it authenticated as `client_id`. Another one may act for it, see
    /// [`Verified::actors`](crate::Verified::actors).
    App {
        /// The client.
        client_id: &'v str,
    },
    /// A user who authenticated, through an app.
    User {
        /// The user's identifier (`sub`).
        subject: &'v str,
        /// The app that holds the token: the one through which the user came, or the last that acts for the user.
        client_id: &'v str,
    },
    /// A user whom an app named. **Only the app authenticated.** Refused unless opted in
    /// (`Verifier::accepting_app_asserted`).
    AppAsserted {
        /// The user who was named (`sub`).
        subject: &'v str,
        /// The app that vouches for the user: the innermost `act.sub`, since others may act on its word.
        asserted_by: &'v str,
    },
}

/// Which `Caller` a token makes; decided once, at verification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    App,
    User,
    AppAsserted,
}

/// Decides the kind of identity, by the rule of the profile.
pub(crate) fn kind(claims: &StandardClaims, identity: Identity) -> Result<Kind, ClaimError> {
    let subject = claims.subject();
    let app_if = |is_app: bool| Ok(if is_app { Kind::App } else { Kind::User });
    match identity {
        Identity::Idtyp => by_idtyp(claims),
        Identity::SubjectIsClient => app_if(subject == claims.text(Claim::ClientId)),
        Identity::Auth0 => {
            let client = claims.text(Claim::Azp).or_else(|| claims.text(Claim::ClientId));
            app_if(subject.and_then(|s| s.strip_suffix("@clients")) == client && client.is_some())
        }
        // Tokens for apps never have `scp`; `idtyp` is an optional claim there.
        Identity::Entra => app_if(!claims.has(Claim::Scp)),
        // Only the tokens of service accounts have `client_id` beside `azp`.
        Identity::Keycloak => app_if(claims.has(Claim::ClientId)),
    }
}

fn by_idtyp(claims: &StandardClaims) -> Result<Kind, ClaimError> {
    let subject = claims.subject();
    let client = claims.text(Claim::ClientId);
    let kind = match claims.text(Claim::Idtyp) {
        Some("app") => Kind::App,
        Some("user") => Kind::User,
        Some("app_asserted") => Kind::AppAsserted,
        Some(_) => return Err(ClaimError::UnknownIdentity),
        None => return Err(ClaimError::Missing(Claim::Idtyp)),
    };
    // An app is its own subject, also where others act for it: the first token was its own. A user never has the name of
    // the client.
    let consistent = match kind {
        Kind::App => match claims.actor() {
            None => subject == client,
            acting => {
                let origin = claims.text(Claim::OriginClientId);
                acting == client && subject != client && subject == origin
            }
        },
        Kind::User => subject != client,
        // Whoever was only named must not look as if they had authenticated.
        Kind::AppAsserted => {
            let authentication = [Claim::AuthTime, Claim::Acr, Claim::Amr, Claim::Sid];
            subject != client
                && claims.actor().is_some()
                && !authentication.iter().any(|claim| claims.has(*claim))
        }
    };
    if consistent { Ok(kind) } else { Err(ClaimError::UnknownIdentity) }
}
