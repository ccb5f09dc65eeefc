//! The account page itself: everything that it shows is read here, and every form gets its address and its token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::owner::{self, Owner, Proof};
use super::{
    consents, data, delete, identities, notices, passkeys, password, profile, sessions, totp,
};
use crate::app::App;
use crate::credentials::{CredentialError, CredentialList, PasskeyCeremony};
use crate::interaction::{
    Ended, Offered, Visit, client_name, either, offered, resource_name, unavailable,
};
use crate::logout;
use crate::page::{
    AccountForms, AccountPage, AddPasskey, GrantedConsent, Language, LinkedIdentity, PasskeyForm,
    PostForm, Problem, RegisteredPasskey, RequestedScope, SignedInSession, TotpState, Upstream,
    View as _, device_name,
};
use crate::store::{Consent, LinkedUpstreamIdentity, Session};

/// `GET /account`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let owner = Owner::of_page(&visit, super::PATH, Proof::Session).await?;
        let mut response = show(&owner, &[]).await?;
        notices::take(&visit, &mut response);
        Ok(response)
    };
    visit.finish(either(outcome.await))
}

/// Shows the page; where something was wrong with a form, it is no success.
pub(super) async fn show(owner: &Owner<'_>, problems: &[Problem]) -> Result<Response, Ended> {
    let status = match problems {
        [] => StatusCode::OK,
        [Problem::TooManyAttempts { .. }, ..] => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let found = Found::of(owner).await?;
    let offered = offered(owner.visit).await;
    Ok(render(owner, (&found, &offered), problems)?.with_status(status).into_response())
}

/// What is stored of the person, in the words of the page.
struct Found {
    credentials: CredentialList,
    passkey_ids: Vec<String>,
    ceremony: Option<PasskeyCeremony>,
    sessions: Vec<(Session, String, String)>,
    consents: Vec<GrantedTo>,
    identities: Vec<Identity>,
}

/// Who the person is at another provider, and how its provider is called.
struct Identity {
    id: String,
    provider: String,
    label: String,
}

/// A consent, with the names of what it is about.
struct GrantedTo {
    consent: Consent,
    client_name: String,
    resources: Vec<Option<String>>,
}

impl Found {
    async fn of(owner: &Owner<'_>) -> Result<Self, Ended> {
        let (app, user_id) = (owner.app(), owner.user_id());
        let language = owner.visit.language(None);
        let credentials = app.store.credentials(user_id).await;
        let credentials = credentials.map_err(|error| owner.refused(error))?;
        let sessions = app.store.sessions_of(user_id).await;
        let consents = app.store.consents_of(user_id).await;
        let consents = consents.map_err(|error| owner.refused(error))?;
        let identities = app.store.upstream_identities_of(user_id).await;
        let identities = identities.map_err(|error| owner.refused(error))?;
        Ok(Self {
            passkey_ids: credentials.passkeys.iter().map(|known| known.id.to_string()).collect(),
            credentials,
            ceremony: ceremony(owner).await?,
            sessions: in_words(owner, sessions.map_err(|error| owner.refused(error))?, language),
            consents: consents.into_iter().map(|consent| granted_to(app, consent)).collect(),
            identities: identities.into_iter().map(|linked| identity(app, linked)).collect(),
        })
    }

    fn identities(&self) -> Vec<LinkedIdentity<'_>> {
        let identities = self.identities.iter();
        identities
            .map(|Identity { id, provider, label }| LinkedIdentity { id, provider, subject: label })
            .collect()
    }

    fn passkeys(&self) -> Vec<RegisteredPasskey<'_>> {
        let passkeys = self.credentials.passkeys.iter().zip(&self.passkey_ids);
        passkeys
            .map(|(known, id)| RegisteredPasskey {
                id,
                name: &known.name,
                created_at: known.created_at,
                last_used_at: known.last_used_at,
            })
            .collect()
    }

    fn sessions(&self, owner: &Owner<'_>) -> Vec<SignedInSession<'_>> {
        let sessions = self.sessions.iter();
        sessions
            .map(|(session, id, device)| SignedInSession {
                id,
                device,
                address: session.address.as_deref(),
                is_current: session.id == owner.session_id(),
                signed_in_at: session.auth_time,
                last_used_at: session.last_seen_at,
            })
            .collect()
    }
}

impl GrantedTo {
    fn scopes(&self) -> Vec<RequestedScope<'_>> {
        let scopes = self.consent.scopes.iter().zip(&self.resources);
        scopes
            .map(|(scope, resource)| RequestedScope { scope, resource: resource.as_deref() })
            .collect()
    }
}

/// A ceremony for one more passkey, for somebody who signed in just now.
async fn ceremony(owner: &Owner<'_>) -> Result<Option<PasskeyCeremony>, Ended> {
    if !owner.has(Proof::Recent) {
        return Ok(None);
    }
    let account = owner.account().await?;
    match owner.app().credentials.start_passkey_registration(&account).await {
        Ok(ceremony) => Ok(Some(ceremony)),
        Err(CredentialError::NoPasskeys) => Ok(None),
        Err(error) => Err(owner.failed(error)),
    }
}

/// The sessions that are not over, the present one first, with the names of their devices.
fn in_words(
    owner: &Owner<'_>,
    mut sessions: Vec<Session>,
    language: Language,
) -> Vec<(Session, String, String)> {
    let (now, idle) = (owner.app().clock.now(), owner.app().config.sessions.idle_seconds);
    sessions.retain(|session| {
        now < session.expires_at && now - session.last_seen_at <= i64::from(idle)
    });
    sessions.sort_by_key(|session| session.id != owner.session_id());
    let named = |session: Session| {
        let device = device_name(session.user_agent.as_deref().unwrap_or_default(), language);
        let id = session.id.to_string();
        (session, id, device)
    };
    sessions.into_iter().map(named).collect()
}

fn identity(app: &App, linked: LinkedUpstreamIdentity) -> Identity {
    let identity = linked.identity;
    let known = app.upstreams.iter().find(|one| one.settings.issuer == identity.issuer);
    Identity {
        id: identities::id_of(&identity),
        provider: known.map_or(identity.issuer.as_str(), |upstream| upstream.label()).to_owned(),
        label: identity.label,
    }
}

fn granted_to(app: &App, consent: Consent) -> GrantedTo {
    let registry = app.registry.load();
    let client = registry.client(&consent.client_id);
    let resource = |scope: &String| resource_name(&registry, client?, scope);
    GrantedTo {
        client_name: client.map_or(&*consent.client_id, |client| client_name(client)).to_owned(),
        resources: consent.scopes.iter().map(resource).collect(),
        consent,
    }
}

/// Where the forms go, in the order of [`forms`].
const ACTIONS: [&str; 10] = [
    profile::PATH,
    password::PATH,
    passkeys::RENAME,
    passkeys::REMOVE,
    totp::RECOVERY_CODES,
    sessions::END,
    sessions::END_ALL,
    consents::WITHDRAW,
    identities::UNLINK,
    data::EXPORT,
];

fn forms<'f>(actions: &'f [String; 10], csrf: &'f str, sign_out: PostForm<'f>) -> AccountForms<'f> {
    let [profile, password, rename, remove, recovery, end, end_all, withdraw, unlink, export] =
        actions.each_ref().map(|action| PostForm { action, csrf, continuation: None });
    AccountForms {
        profile,
        password,
        rename_passkey: rename,
        remove_passkey: remove,
        recovery_codes: recovery,
        end_session: end,
        end_all_sessions: end_all,
        withdraw_consent: withdraw,
        unlink_identity: unlink,
        export,
        sign_out,
    }
}

fn render(
    owner: &Owner<'_>,
    (found, offered): (&Found, &[Offered<'_>]),
    problems: &[Problem],
) -> Result<crate::page::Page, Ended> {
    let (visit, user) = (owner.visit, &owner.current.user);
    let (csrf, browser_csrf) = (visit.csrf_of(owner.session_id()), visit.csrf());
    let request = logout::own_request(visit.app).map_err(|error| unavailable(visit, error))?;
    let confirm = visit.path(logout::CONFIRM);
    let sign_out = PostForm { action: &confirm, csrf: &browser_csrf, continuation: Some(&request) };
    let actions = ACTIONS.map(|path| visit.path(path));
    let [add, sign_in, totp, totp_off, delete] =
        [passkeys::ADD, owner::SIGN_IN, totp::PATH, totp::OFF, delete::PATH]
            .map(|path| visit.path(path));
    let form = |action| PostForm { action, csrf: &csrf, continuation: None };
    let options = found.ceremony.as_ref();
    let options = options.and_then(|found| Some(found.options.get("publicKey")?.to_string()));
    let scopes: Vec<_> = found.consents.iter().map(GrantedTo::scopes).collect();
    let consents: Vec<_> = found
        .consents
        .iter()
        .zip(&scopes)
        .map(|(granted, scopes)| GrantedConsent {
            id: &granted.consent.client_id,
            client_name: &granted.client_name,
            scopes,
            granted_at: granted.consent.granted_at,
        })
        .collect();
    let add_passkey = match (&found.ceremony, &options) {
        (Some(ceremony), Some(options)) => Some(AddPasskey::Form(PasskeyForm {
            form: form(&add),
            ticket: &ceremony.ticket,
            options,
        })),
        _ if visit.app.credentials.has_passkeys() => Some(AddPasskey::SignIn(&sign_in)),
        _ => None,
    };
    let providers: Vec<_> = offered.iter().map(Offered::provider).collect();
    let link = visit.path(identities::LINK);
    let page = AccountPage {
        frame: visit.own_frame(),
        forms: forms(&actions, &csrf, sign_out),
        problems,
        notice: notices::left(visit).filter(|_| problems.is_empty()),
        username: &user.username,
        name: user.profile.name.as_deref().unwrap_or_default(),
        email: user.email.as_deref(),
        min_password_length: visit.app.credentials.password_rules().min_characters,
        has_password: found.credentials.password.is_some(),
        passkeys: &found.passkeys(),
        add_passkey,
        totp: match &found.credentials.totp {
            Some(_) => TotpState::On(form(&totp_off)),
            None => TotpState::Off(&totp),
        },
        recovery_codes_left: u32::try_from(found.credentials.recovery_codes).unwrap_or_default(),
        sessions: &found.sessions(owner),
        consents: &consents,
        identities: &found.identities(),
        link_identity: (!providers.is_empty())
            .then(|| Upstream { form: form(&link), providers: &providers }),
        delete: Some(&delete),
    };
    Ok(page.page())
}
