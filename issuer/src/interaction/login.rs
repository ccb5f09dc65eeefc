//! Signing in with a password, and how every sign-in ends. Wrong, unknown and disabled look the same; guessing is slowed
//! by `credentials`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join_all;
use http::StatusCode;

use super::dispatcher::resume;
use super::form::{Posted, client_of, either, unavailable};
use super::passkey::Offer;
use super::session::{self, CurrentSession};
use super::shown::Shown;
use super::visit::{Ended, Visit, client_name};
use super::{
    FirstFactor, Interaction, cookies, forgot_password, offer_passkey, register, second_factor,
    step_up, upstream,
};
use crate::app::App;
use crate::authorize::NextStep;
use crate::credentials::{
    self, Account, CredentialError, KNOWN_DEVICE_SECONDS, Method, Password, Who,
};
use crate::error::OAuthError;
use crate::page::{
    ErrorKind, Field, LoginPage, LoginUser, PostForm, Problem, Upstream, UpstreamProvider,
    View as _,
};
use crate::protocol::{Form, acr};
use crate::registry::Client;

/// For so long a page waits for a provider that was not asked before.
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(2);

/// Shows the page for whoever it is.
pub(super) async fn show(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    problems: &[Problem],
) -> Result<Response, Ended> {
    let hint = interaction.request.login_hint.as_deref().unwrap_or_default();
    show_anyone(visit, interaction, client, (hint, problems)).await
}

async fn show_anyone(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    (username, problems): (&str, &[Problem]),
) -> Result<Response, Ended> {
    let asked = Asked {
        user: LoginUser::Anyone { username },
        passkey: Offer::to_anyone(visit)?,
        by_password: true,
        may_decline: false,
    };
    render(visit, interaction, client, (&asked, problems)).await
}

/// Shows the page for the user of the session, who must prove it once more, or prove more.
pub(super) async fn show_known(
    visit: &Visit<'_>,
    interaction: &Interaction,
    (client, current): (&Client, &CurrentSession),
    (step, problems): (&NextStep, &[Problem]),
) -> Result<Response, Ended> {
    let user = &current.user;
    let account = visit.app.credentials.account(user.id).await;
    let account =
        account.map_err(|error| unavailable(visit, OAuthError::unavailable(error.to_string())))?;
    let passkey = Offer::to_user(visit, user.id).await?;
    // Where the password does not reach what is demanded, it is not asked for.
    let methods = [Method::Password, Method::Totp];
    let methods = methods.get(..1 + usize::from(account.has_totp)).unwrap_or_default();
    let request = &interaction.request;
    let is_preferred = *step == NextStep::PreferStepUp;
    let preferred = acr::preferred(&request.acr_values, step_up::best(visit, &account));
    let wanted = match preferred.filter(|_| is_preferred) {
        Some(preferred) => std::slice::from_ref(preferred),
        None => &request.claims.essential_acr,
    };
    let suffices = account.password.is_some() && second_factor::can_reach(wanted, methods);
    let name = user.profile.name.as_deref().unwrap_or(&user.username);
    let asked = Asked {
        user: LoginUser::Known { name, username: &user.username, not_you: None },
        by_password: suffices || passkey.is_none(),
        passkey,
        may_decline: is_preferred,
    };
    render(visit, interaction, client, (&asked, problems)).await
}

/// Who is asked, and for what.
struct Asked<'a> {
    user: LoginUser<'a>,
    passkey: Option<Offer>,
    by_password: bool,
    may_decline: bool,
}

async fn render(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    (asked, problems): (&Asked<'_>, &[Problem]),
) -> Result<Response, Ended> {
    let shown = Shown::of(visit, interaction, client, "/login")?;
    let forgot_password =
        visit.path(&format!("{}?continue={}", forgot_password::PATH, shown.sealed));
    let providers = offered(visit).await;
    let choice = visit.path(upstream::PATH);
    let providers: Vec<_> = providers.iter().map(Offered::provider).collect();
    let upstream = (!providers.is_empty()).then(|| Upstream {
        form: PostForm { action: &choice, ..shown.form() },
        providers: &providers,
    });
    let register = visit.path(&format!("{}?continue={}", register::PATH, shown.sealed));
    let not_now = visit.path(step_up::NOT_NOW);
    let is_new = matches!(asked.user, LoginUser::Anyone { .. });
    let may_register = is_new && register::is_open(visit.app);
    let page = LoginPage {
        frame: shown.frame(),
        form: asked.by_password.then(|| shown.form()),
        user: asked.user,
        client_name: Some(client_name(client)),
        problems,
        notice: None,
        passkey: asked.passkey.as_ref().map(|offer| offer.form(&shown)),
        upstream,
        forgot_password: visit.app.mailer.is_possible().then_some(forgot_password.as_str()),
        register: may_register.then_some(register.as_str()),
        not_now: asked.may_decline.then(|| PostForm { action: &not_now, ..shown.form() }),
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

/// A provider that can be reached: the page must know where it leads (`form-action`).
pub(crate) struct Offered<'a> {
    upstream: &'a crate::upstream::Upstream,
    metadata: Arc<crate::upstream::Metadata>,
}

impl Offered<'_> {
    /// Its button.
    pub(crate) fn provider(&self) -> UpstreamProvider<'_> {
        UpstreamProvider {
            id: &self.upstream.name,
            name: self.upstream.label(),
            authorization_endpoint: &self.metadata.authorization_endpoint,
        }
    }
}

/// The providers that answer. One that is away has no button, and holds the page for a moment only.
pub(crate) async fn offered<'a>(visit: &Visit<'a>) -> Vec<Offered<'a>> {
    let asked = visit.app.upstreams.iter().map(|upstream| async move {
        let metadata = tokio::time::timeout(UPSTREAM_PATIENCE, upstream.metadata()).await;
        Some(Offered { upstream, metadata: metadata.ok()?.ok()? })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// A form that was wrong is not a success, for whoever counts answers.
pub(super) fn status_of(problems: &[Problem]) -> StatusCode {
    match problems {
        [] => StatusCode::OK,
        [Problem::TooManyAttempts { .. }, ..] => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// `POST /login`.
pub(super) async fn password(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        check_password(&visit, &form, interaction).await
    };
    either(outcome.await)
}

async fn check_password(
    visit: &Visit<'_>,
    form: &Form<'_>,
    interaction: Interaction,
) -> Result<Response, Ended> {
    let username = form.value("username").unwrap_or_default();
    let again = async |problem: Problem| {
        let client = client_of(visit.app, &interaction).ok_or_else(|| expired(visit))?;
        show_anyone(visit, &interaction, &client, (username, &[problem])).await
    };
    if username.is_empty() {
        return again(Problem::Missing(Field::Username)).await;
    }
    let Some(typed) = form.value("password") else {
        return again(Problem::Missing(Field::Password)).await;
    };
    let Ok(password) = Password::typed(typed) else {
        return again(Problem::WrongCredentials).await;
    };
    let from = from(visit);
    match visit.app.credentials.check_password(Who::Named(username), password, from).await {
        Ok(account) => {
            let offer_passkey = offer_passkey::is_welcome(visit, form, &account);
            let offer_passkey = offer_passkey.then_some(account.user.id);
            let interaction = Interaction { offer_passkey, ..interaction };
            after_password(visit, interaction, &account).await
        }
        Err(error) => match problem(visit, &error, Problem::WrongCredentials) {
            Some(problem) => again(problem).await,
            None => Err(unavailable(visit, OAuthError::unavailable(error.to_string()))),
        },
    }
}

async fn after_password(
    visit: &Visit<'_>,
    interaction: Interaction,
    account: &Account,
) -> Result<Response, Ended> {
    let Some(factor) = second_factor::missing(visit, account, &interaction) else {
        return complete(visit, interaction, account, &[Method::Password]).await;
    };
    let (user_id, methods) = (account.user.id, vec![Method::Password]);
    let first_factor = Some(FirstFactor { user_id, methods });
    let interaction = Interaction { first_factor, ..interaction };
    second_factor::show(visit, &interaction, (account, factor), &[]).await
}

/// How the user proved who it is, and when.
#[derive(Clone, Copy)]
pub(super) struct Proof<'a> {
    /// How.
    pub(super) methods: &'a [Method],
    /// Unix seconds.
    pub(super) auth_time: i64,
}

/// The user proved it just now.
pub(super) async fn complete(
    visit: &Visit<'_>,
    interaction: Interaction,
    account: &Account,
    methods: &[Method],
) -> Result<Response, Ended> {
    let proof = Proof { methods, auth_time: visit.app.clock.now() };
    complete_at(visit, interaction, account, proof).await
}

/// The user is known and proved enough: a session, a device that is known from now on, and on.
pub(super) async fn complete_at(
    visit: &Visit<'_>,
    interaction: Interaction,
    account: &Account,
    proof: Proof<'_>,
) -> Result<Response, Ended> {
    let amr = credentials::amr(proof.methods).into_iter().map(str::to_owned).collect();
    let cookie = session::sign_in(visit, account.user.id, (amr, proof.auth_time)).await;
    let cookie = cookie.map_err(|error| unavailable(visit, error))?;
    let interaction = Interaction {
        first_factor: None,
        signed_in: true,
        account_chosen: true,
        consented: None,
        ..interaction
    };
    let mut response = resume(visit, &interaction)?;
    session::give(&mut response, &cookie);
    let device = visit.cookie(cookies::DEVICE);
    if let Ok(device) = visit.app.credentials.remember_device(device, account.user.id) {
        cookies::set(&mut response, cookies::DEVICE, &device, Some(KNOWN_DEVICE_SECONDS));
    }
    Ok(response)
}

pub(crate) fn from<'v>(visit: &Visit<'v>) -> credentials::From<'v> {
    credentials::From { address: visit.origin.address, device: visit.cookie(cookies::DEVICE) }
}

/// What the person is told; none if it is the issuer's fault. The cause is for the log.
pub(crate) fn problem(
    visit: &Visit<'_>,
    error: &CredentialError,
    wrong: Problem,
) -> Option<Problem> {
    let request_id = visit.origin.request_id;
    tracing::info!(%request_id, code = error.code(), cause = %error, "a credential was refused");
    match error {
        CredentialError::Refused(_) | CredentialError::Password(_) => Some(wrong),
        CredentialError::TooMany { retry_after } => {
            Some(Problem::TooManyAttempts { seconds: *retry_after })
        }
        _ => None,
    }
}

pub(super) fn expired(visit: &Visit<'_>) -> Ended {
    let error = OAuthError::invalid_request("the sign-in was open for too long");
    Ended::from(visit.error(ErrorKind::SignInExpired, &error))
}
