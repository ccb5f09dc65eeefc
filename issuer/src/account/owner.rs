//! The person whose account it is: who comes without a session signs in first, and who changes something that matters must
//! have signed in just now. Both go through the dispatcher of every sign-in and come back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use uuid::Uuid;

use super::notices;
use crate::app::App;
use crate::authorize::{AuthorizationRequest, see_other};
use crate::credentials::CredentialError;
use crate::error::OAuthError;
use crate::interaction::{
    CurrentSession, Ended, Interaction, Posted, Visit, either, proceed, resume, unavailable,
};
use crate::page::{ErrorKind, Notice};
use crate::protocol::ErrorCode;
use crate::store::{Act, StoreError};

/// Where somebody signs in once more, to come back to the account page.
pub(super) const SIGN_IN: &str = "/account/sign-in";

/// Seconds for which a sign-in counts as recent.
pub(crate) const RECENT_SECONDS: i64 = 600;

/// What somebody has to have proved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A session.
    Session,
    /// A sign-in of the last minutes: a session that was left open, or a stolen cookie, is not enough.
    Recent,
}

/// A person with a session.
pub(super) struct Owner<'v> {
    pub(super) visit: &'v Visit<'v>,
    pub(super) current: CurrentSession,
}

impl<'v> Owner<'v> {
    /// Whoever wants to see the page at `path`.
    pub(super) async fn of_page(
        visit: &'v Visit<'v>,
        path: &str,
        proof: Proof,
    ) -> Result<Self, Ended> {
        match Self::of(visit).await? {
            Some(owner) if owner.has(proof) => Ok(owner),
            _ => Err(Ended::from(either(proceed(visit, interaction(visit, path, proof)).await))),
        }
    }

    /// Whoever sent a form, and the form. Where the sign-in is too old it has to be sent again afterwards.
    pub(super) async fn of_form(
        visit: &'v Visit<'v>,
        (parts, body): (&Parts, Body),
        proof: Proof,
    ) -> Result<(Self, Posted), Ended> {
        let posted = Posted::read(visit, parts, body).await?;
        let Some(owner) = Self::of(visit).await? else {
            return Err(Ended::from(see_other(&visit.path(super::PATH))));
        };
        if !visit.is_form_of(owner.session_id(), posted.form(visit)?.value("csrf")) {
            let error = OAuthError::invalid_request("the form was not made for this session");
            return Err(Ended::from(visit.error(ErrorKind::FormExpired, &error)));
        }
        owner.require(proof)?;
        Ok((owner, posted))
    }

    async fn of(visit: &'v Visit<'v>) -> Result<Option<Self>, Ended> {
        let current = visit.session().await.map_err(|error| unavailable(visit, error))?;
        Ok(current.map(|current| Self { visit, current }))
    }

    /// Sends the browser to sign in once more if less was proved.
    pub(super) fn require(&self, proof: Proof) -> Result<(), Ended> {
        if self.has(proof) {
            return Ok(());
        }
        let mut response = resume(self.visit, &interaction(self.visit, super::PATH, proof))?;
        notices::leave(&mut response, Notice::SignedInAgain);
        Err(Ended::from(response))
    }

    /// Whether this much was proved.
    pub(super) fn has(&self, proof: Proof) -> bool {
        let age = self.app().clock.now() - self.current.session.auth_time;
        proof == Proof::Session || age <= RECENT_SECONDS
    }

    pub(super) fn app(&self) -> &'v Arc<App> {
        self.visit.app
    }

    pub(super) fn user_id(&self) -> Uuid {
        self.current.user.id
    }

    pub(super) fn session_id(&self) -> Uuid {
        self.current.session.id
    }

    /// The person as the author of a change, now.
    pub(super) fn act(&self) -> Act {
        self.app().credentials.act_of(self.user_id())
    }

    /// Back to the account page, which says what happened.
    pub(super) fn done(&self, notice: Notice) -> Response {
        let mut response = see_other(&self.visit.path(super::PATH));
        notices::leave(&mut response, notice);
        response
    }

    /// The page for what the store refused. What is not there and what is another person's look alike.
    pub(super) fn refused(&self, error: StoreError) -> Ended {
        match error {
            StoreError::NotFound { .. } => self.not_found(),
            other => unavailable(self.visit, other),
        }
    }

    /// The page for what is not there, or another person's.
    pub(super) fn not_found(&self) -> Ended {
        let error = OAuthError::new(ErrorCode::NotFound, "there is no such thing in this account");
        Ended::from(self.visit.error(ErrorKind::NotFound, &error))
    }

    /// The object that a form is about.
    pub(super) fn id_in(&self, posted: &Posted) -> Result<Uuid, Ended> {
        let form = posted.form(self.visit)?;
        let id = form.value("id").and_then(|id| Uuid::try_parse(id).ok());
        id.ok_or_else(|| self.not_found())
    }

    /// The page for a failure of the issuer's own.
    pub(super) fn failed(&self, error: CredentialError) -> Ended {
        match error {
            CredentialError::Store(error) => self.refused(error),
            // Somebody deleted or disabled the account just now.
            CredentialError::Refused(_) => self.not_found(),
            other => unavailable(self.visit, OAuthError::unavailable(other.to_string())),
        }
    }
}

fn interaction(visit: &Visit<'_>, path: &str, proof: Proof) -> Interaction {
    let max_age = (proof == Proof::Recent).then_some(RECENT_SECONDS);
    Interaction::begin(AuthorizationRequest::own_page(visit.app, path, max_age), visit)
}

/// `GET /account/sign-in`.
pub(super) async fn sign_in_again(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = Owner::of_page(&visit, super::PATH, Proof::Recent).await;
    visit.finish(either(outcome.map(|owner| see_other(&owner.visit.path(super::PATH)))))
}
