//! All that is stored about the person, as one file of JSON (GDPR Articles 15 and 20). No secret is in it, and no hash of
//! one. Times are Unix seconds.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header;
use serde_json::{Value, json};

use super::owner::{Owner, Proof};
use crate::app::App;
use crate::credentials::CredentialList;
use crate::interaction::{Ended, Visit, either};
use crate::registry::User;
use crate::store::{Consent, LinkedUpstreamIdentity, PersonalData, Session};

pub(super) const EXPORT: &str = "/account/export";

/// `POST /account/export`.
pub(super) async fn export(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, _) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        let text = serde_json::to_string_pretty(&document(&owner).await?).unwrap_or_default();
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"account.json\""),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Ok((headers, text).into_response())
    };
    either(outcome.await)
}

async fn document(owner: &Owner<'_>) -> Result<Value, Ended> {
    let (store, user_id) = (&owner.app().store, owner.user_id());
    let refused = |error| owner.refused(error);
    let credentials = store.credentials(user_id).await.map_err(refused)?;
    let sessions = store.sessions_of(user_id).await.map_err(refused)?;
    let consents = store.consents_of(user_id).await.map_err(refused)?;
    let identities = store.upstream_identities_of(user_id).await.map_err(refused)?;
    let rest = store.personal_data(user_id).await.map_err(refused)?;
    Ok(json!({
        "account": account(&owner.current.user, &rest),
        "credentials": credentials_of(&credentials, &rest),
        "sessions": sessions.iter().map(|found| session(found, &rest)).collect::<Vec<_>>(),
        "consents": consents.iter().map(consent).collect::<Vec<_>>(),
        "identities": identities.iter().map(identity).collect::<Vec<_>>(),
        "refresh_tokens": refresh_tokens(&rest),
        "links": rest.links.iter().map(|(purpose, email, expires_at)| {
            json!({ "purpose": purpose, "email": email, "expires_at": expires_at })
        }).collect::<Vec<_>>(),
        "changes": changes(&rest),
    }))
}

fn account(user: &User, rest: &PersonalData) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.username,
        "email": user.email,
        "email_verified_at": rest.email_verified_at,
        "profile": user.profile,
        "roles": user.roles,
        "groups": user.groups,
        "created_at": rest.created_at,
        "updated_at": user.updated_at,
    })
}

fn credentials_of(list: &CredentialList, rest: &PersonalData) -> Value {
    json!({
        "password": list.password.as_ref().map(|password| json!({ "changed_at": password.changed_at })),
        "totp": list.totp.as_ref().map(|totp| {
            json!({ "created_at": totp.created_at, "last_used_at": totp.last_used_at })
        }),
        "recovery_codes_left": list.recovery_codes,
        "passkeys": list.passkeys.iter().map(|passkey| json!({
            "id": passkey.id.to_string(),
            "name": passkey.name,
            "created_at": passkey.created_at,
            "last_used_at": passkey.last_used_at,
        })).collect::<Vec<_>>(),
        "wrong_codes": rest.wrong_codes.iter().map(|(count, last_at)| {
            json!({ "count": count, "last_at": last_at })
        }).collect::<Vec<_>>(),
    })
}

fn session(session: &Session, rest: &PersonalData) -> Value {
    let participants = rest.participants.iter().filter(|(id, ..)| *id == session.id);
    json!({
        "id": session.id.to_string(),
        "signed_in_at": session.auth_time,
        "methods": session.amr,
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
        "user_agent": session.user_agent,
        "address": session.address,
        "applications": participants.map(|(_, client_id, since)| {
            json!({ "client_id": client_id, "since": since })
        }).collect::<Vec<_>>(),
    })
}

fn consent(consent: &Consent) -> Value {
    json!({
        "client_id": consent.client_id,
        "scopes": consent.scopes,
        "granted_at": consent.granted_at,
    })
}

fn identity(linked: &LinkedUpstreamIdentity) -> Value {
    json!({
        "issuer": linked.identity.issuer,
        "subject": linked.identity.subject,
        "label": linked.identity.label,
        "linked_at": linked.linked_at,
        "last_used_at": linked.last_used_at,
    })
}

fn refresh_tokens(rest: &PersonalData) -> Vec<Value> {
    let families = rest.families.iter();
    families
        .map(|family| {
            json!({
                "client_id": family.client_id,
                "session_id": family.session_id.map(|id| id.to_string()),
                "scopes": family.scopes,
                "resources": family.resources,
                "claims": family.claims,
                "signed_in_at": family.auth_time,
                "methods": family.amr,
                "created_at": family.created_at,
                "last_used_at": family.rotated_at,
                "expires_at": family.expires_at,
                "revoked_at": family.revoked_at,
            })
        })
        .collect()
}

fn changes(rest: &PersonalData) -> Vec<Value> {
    let changes = rest.changes.iter();
    changes
        .map(|change| {
            json!({
                "at": change.at,
                "actor": change.actor,
                "action": change.action,
                "object": change.object,
                "detail": change.detail,
            })
        })
        .collect()
}
