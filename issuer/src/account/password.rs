//! Changing the password. The current one is asked for; who has none proves it by a recent sign-in. Every other session
//! ends, every refresh token is revoked, and the cookie of this session is another one: whoever knew the old password, or
//! had a session by it, is out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::overview;
use super::owner::{Owner, Proof};
use crate::app::App;
use crate::credentials::{Account, CredentialError, Password, Who};
use crate::error::OAuthError;
use crate::interaction::{
    Ended, Visit, either, from, give, mails, problem, renew_cookie, told, unavailable,
};
use crate::logout::tell_clients;
use crate::page::{Field, Notice, Problem};
use crate::protocol::Form;

pub(super) const PATH: &str = "/account/password";

/// `POST /account/password`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Session).await?;
        let form = posted.form(&visit)?;
        let account = owner.account().await?;
        let known = match account.password {
            Some(_) => check_current(&owner, &form).await?,
            None => owner.require(Proof::Recent).map(|()| None)?,
        };
        let wrong = match known {
            Some(problem) => Some(problem),
            None => change(&owner, &account, &form).await?,
        };
        match wrong {
            Some(problem) => overview::show(&owner, &[problem]).await,
            None => finish(&owner, &account).await,
        }
    };
    either(outcome.await)
}

async fn check_current(owner: &Owner<'_>, form: &Form<'_>) -> Result<Option<Problem>, Ended> {
    let field = Field::CurrentPassword;
    let Some(typed) = form.value(field.name()) else { return Ok(Some(Problem::Missing(field))) };
    owner.check_password(typed, Problem::WrongCurrentPassword).await
}

async fn change(
    owner: &Owner<'_>,
    account: &Account,
    form: &Form<'_>,
) -> Result<Option<Problem>, Ended> {
    let field = Field::NewPassword;
    let Some(typed) = form.value(field.name()) else { return Ok(Some(Problem::Missing(field))) };
    let password = match Password::typed(typed) {
        Ok(password) => password,
        Err(problem) => return Ok(Some(told(owner.visit, problem))),
    };
    let credentials = &owner.app().credentials;
    match credentials.change_password(account, owner.session_id(), password).await {
        Ok(ended) => {
            tell_clients(owner.app(), ended).await;
            Ok(None)
        }
        Err(CredentialError::Password(problem)) => Ok(Some(told(owner.visit, problem))),
        Err(error) => Err(owner.failed(error)),
    }
}

async fn finish(owner: &Owner<'_>, account: &Account) -> Result<Response, Ended> {
    let visit = owner.visit;
    mails::password_changed(visit.app, account, visit.language(None));
    let cookie = renew_cookie(visit, &owner.current).await;
    let cookie = cookie.map_err(|error| unavailable(visit, error))?;
    let mut response = owner.done(Notice::PasswordChanged);
    give(&mut response, &cookie);
    Ok(response)
}

impl Owner<'_> {
    /// The account as it is now.
    pub(super) async fn account(&self) -> Result<Account, Ended> {
        let account = self.app().credentials.account(self.user_id()).await;
        account.map_err(|error| self.failed(error))
    }

    /// Checks the password of the person; says what to tell if it is wrong.
    pub(super) async fn check_password(
        &self,
        typed: &str,
        wrong: Problem,
    ) -> Result<Option<Problem>, Ended> {
        let Ok(password) = Password::typed(typed) else { return Ok(Some(wrong)) };
        let (who, from) = (Who::Known(self.user_id()), from(self.visit));
        match self.app().credentials.check_password(who, password, from).await {
            Ok(_) => Ok(None),
            Err(error) => match problem(self.visit, &error, wrong) {
                Some(problem) => Ok(Some(problem)),
                None => Err(unavailable(self.visit, OAuthError::unavailable(error.to_string()))),
            },
        }
    }
}
