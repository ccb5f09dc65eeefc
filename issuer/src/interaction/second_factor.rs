//! The second factor after a password: a code of an authenticator app (RFC 6238), a recovery code, or a passkey. It is
//! asked for where the account wants it, or where the client demands a class that the password does not reach.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::form::{Posted, client_of, either, parameter, unavailable};
use super::login::{complete, expired, problem, status_of};
use super::passkey::Offer;
use super::shown::Shown;
use super::visit::{Ended, Visit};
use super::{FirstFactor, Interaction, cookies};
use crate::app::App;
use crate::credentials::{self, Account, Method};
use crate::error::OAuthError;
use crate::page::{Field, Problem, SecondFactorMethod, SecondFactorPage, View as _};
use crate::protocol::{Form, acr};

const TOTP: &str = "/login/code";
const RECOVERY_CODE: &str = "/login/recovery-code";

/// Which second factor a page asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SecondFactor {
    Totp,
    RecoveryCode,
    /// Nothing else would do.
    Passkey,
}

/// What is missing after the password of an account.
pub(super) fn missing(
    visit: &Visit<'_>,
    account: &Account,
    interaction: &Interaction,
) -> Option<SecondFactor> {
    let wanted = &interaction.request.claims.essential_acr;
    let by_password = can_reach(wanted, &[Method::Password]);
    let by_code = account.has_totp && can_reach(wanted, &[Method::Password, Method::Totp]);
    if !by_password && !by_code && account.passkeys > 0 && visit.app.credentials.has_passkeys() {
        return Some(SecondFactor::Passkey);
    }
    account.requires_second_factor().then_some(SecondFactor::Totp)
}

/// Whether these proofs reach one of the classes that are demanded.
pub(super) fn can_reach(wanted: &[String], methods: &[Method]) -> bool {
    let amr: Vec<String> = credentials::amr(methods).into_iter().map(str::to_owned).collect();
    wanted.is_empty() || wanted.iter().any(|wanted| acr::satisfies(acr::of(&amr), wanted))
}

/// Shows the page.
pub(super) async fn show(
    visit: &Visit<'_>,
    interaction: &Interaction,
    (account, factor): (&Account, SecondFactor),
    problems: &[Problem],
) -> Result<Response, Ended> {
    let client = client_of(visit.app, interaction).ok_or_else(|| expired(visit))?;
    let path = if factor == SecondFactor::RecoveryCode { RECOVERY_CODE } else { TOTP };
    let shown = Shown::of(visit, interaction, &client, path)?;
    let other = |path| visit.path(&format!("{path}?continue={}", shown.sealed));
    let use_recovery_code =
        (factor == SecondFactor::Totp && account.recovery_codes > 0).then(|| other(RECOVERY_CODE));
    let use_totp = (factor == SecondFactor::RecoveryCode).then(|| other(TOTP));
    let offer = Offer::to_user(visit, account.user.id).await?;
    let page = SecondFactorPage {
        frame: shown.frame(),
        method: match factor {
            SecondFactor::Totp => SecondFactorMethod::Totp(shown.form()),
            SecondFactor::RecoveryCode => SecondFactorMethod::RecoveryCode(shown.form()),
            SecondFactor::Passkey => SecondFactorMethod::Passkey,
        },
        problems,
        passkey: offer.as_ref().map(|offer| offer.form(&shown)),
        use_totp: use_totp.as_deref(),
        use_recovery_code: use_recovery_code.as_deref(),
        not_you: None,
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

/// Shows the page again for a passkey that was not accepted.
pub(super) async fn show_again(
    visit: &Visit<'_>,
    interaction: &Interaction,
    first: &FirstFactor,
    problem: Problem,
) -> Result<Response, Ended> {
    let account = account_of(visit, first).await?;
    let factor = missing(visit, &account, interaction).unwrap_or(SecondFactor::Totp);
    show(visit, interaction, (&account, factor), &[problem]).await
}

/// `GET /login/code`: shows the form; only the POST uses a code up.
pub(super) async fn totp_page(State(app): State<Arc<App>>, request: Request) -> Response {
    page(&app, request, SecondFactor::Totp).await
}

/// `GET /login/recovery-code`.
pub(super) async fn recovery_code_page(State(app): State<Arc<App>>, request: Request) -> Response {
    page(&app, request, SecondFactor::RecoveryCode).await
}

/// `POST /login/code`.
pub(super) async fn totp(State(app): State<Arc<App>>, request: Request) -> Response {
    endpoint(&app, request, SecondFactor::Totp).await
}

/// `POST /login/recovery-code`.
pub(super) async fn recovery_code(State(app): State<Arc<App>>, request: Request) -> Response {
    endpoint(&app, request, SecondFactor::RecoveryCode).await
}

async fn page(app: &Arc<App>, request: Request, factor: SecondFactor) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(app, &parts);
    let outcome = async {
        let opened = parameter(&parts, "continue");
        let opened = opened.and_then(|text| Interaction::open(&visit, &text));
        let interaction = opened.ok_or_else(|| expired(&visit))?;
        let first = interaction.first_factor.as_ref().ok_or_else(|| expired(&visit))?;
        let account = account_of(&visit, first).await?;
        show(&visit, &interaction, (&account, factor), &[]).await
    };
    either(outcome.await)
}

async fn endpoint(app: &Arc<App>, request: Request, factor: SecondFactor) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        check(&visit, &form, interaction, factor).await
    };
    either(outcome.await)
}

async fn check(
    visit: &Visit<'_>,
    form: &Form<'_>,
    interaction: Interaction,
    factor: SecondFactor,
) -> Result<Response, Ended> {
    let Some(first) = interaction.first_factor.clone() else { return Err(expired(visit)) };
    let (field, wrong, method) = match factor {
        SecondFactor::RecoveryCode => {
            (Field::RecoveryCode, Problem::WrongRecoveryCode, Method::RecoveryCode)
        }
        _ => (Field::Code, Problem::WrongCode, Method::Totp),
    };
    let again = async |problem| {
        let account = account_of(visit, &first).await?;
        show(visit, &interaction, (&account, factor), &[problem]).await
    };
    let Some(code) = form.value(field.name()) else { return again(Problem::Missing(field)).await };
    let (credentials, device) = (&visit.app.credentials, visit.cookie(cookies::DEVICE));
    let checked = match method {
        Method::RecoveryCode => {
            credentials.check_recovery_code(first.user_id, code, device).await.map(|_| ())
        }
        _ => credentials.check_totp(first.user_id, code, device).await,
    };
    let account = match checked {
        Ok(()) => credentials.account(first.user_id).await,
        Err(error) => Err(error),
    };
    match account {
        Ok(account) => {
            let methods = [first.methods.as_slice(), &[method]].concat();
            complete(visit, interaction, &account, &methods).await
        }
        Err(error) => match problem(visit, &error, wrong) {
            Some(problem) => again(problem).await,
            None => Err(unavailable(visit, OAuthError::unavailable(error.to_string()))),
        },
    }
}

/// Who gave the first factor; gone if the user was deleted meanwhile.
async fn account_of(visit: &Visit<'_>, first: &FirstFactor) -> Result<Account, Ended> {
    let account = visit.app.credentials.account(first.user_id).await;
    account.map_err(|error| match error {
        credentials::CredentialError::Refused(_) => expired(visit),
        other => unavailable(visit, OAuthError::unavailable(other.to_string())),
    })
}
