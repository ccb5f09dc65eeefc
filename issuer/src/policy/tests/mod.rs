//! A small world for the policy: what each test changes, it changes here and nowhere else.

mod exchanged;
mod granted;
mod table;

use std::borrow::Cow;

use countersign_keys::Algorithm;
use uuid::Uuid;

use super::{AccessRequest, AccessSubject, Exchange, Permitted, decide};
use crate::error::OAuthError;
use crate::protocol::Identity;
use crate::registry::{
    ActingRule, AssertionRule, Changes, Client, ClientAuthentication, ClientId, ClientKeys,
    ExternalSubject, Permission, Profile, Registry, Resource, Semantics, SignIn, User, Whom,
};
use crate::token::grants::GRANTS;
use crate::token::subject_token::{About, MayAct, SubjectToken, TokenSignIn};

const OWN: &str = "https://issuer.example";
const ORDERS: &str = "https://orders.example";
const PAYMENTS: &str = "https://payments.example";
/// A resource that is disabled.
const OFF: &str = "https://off.example";
const UNKNOWN: &str = "https://unknown.example";
const NOW: i64 = 1_800_000_000;
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn resource(identifier: &str, scopes: &[&str]) -> Resource {
    Resource {
        identifier: identifier.to_owned(),
        name: None,
        scopes: texts(scopes),
        algorithm: Algorithm::Es256,
        token_lifetime: 900,
        max_token_bytes: 2048,
        required_binding: None,
        encryption: None,
        status_list: false,
        enabled: identifier != OFF,
    }
}

fn ada() -> User {
    User {
        id: Uuid::from_u128(0x0190_a6e2_7c1b_7c3a_9b1e_2f6f_3c1d_5a77),
        username: "ada".to_owned(),
        email: None,
        email_verified: false,
        profile: Profile::default(),
        updated_at: 0,
        roles: texts(&["auditor"]),
        groups: texts(&["staff"]),
        enabled: true,
    }
}

fn asserting(whom: Whom, resource: &str) -> AssertionRule {
    AssertionRule {
        whom,
        resource: resource.to_owned(),
        scopes: texts(&["read"]),
        lifetime: 300,
        reason_required: false,
    }
}

fn acting(resource: &str) -> ActingRule {
    ActingRule {
        audience: ORDERS.to_owned(),
        resource: resource.to_owned(),
        needs: None,
        scopes: texts(&["read"]),
        identities: Identity::ALL.to_vec(),
        semantics: Semantics::Delegation,
    }
}

/// A client that may do everything that this world allows, at payments; the disabled resource would be another.
fn client(id: &str) -> Client {
    let permission = |resource: &str| Permission {
        resource: resource.to_owned(),
        scopes: texts(&["read"]),
        roles: texts(&["machine"]),
    };
    let whom = [Whom::Group("staff".to_owned()), Whom::Namespace("crm".to_owned())];
    let rules = |resource| whom.clone().map(|whom| asserting(whom, resource));
    Client {
        id: ClientId::parse(id).unwrap(),
        name: None,
        grants: GRANTS.iter().map(|grant| grant.name.to_owned()).collect(),
        auth: ClientAuthentication::ClientSecretBasic,
        secrets: Vec::new(),
        keys: ClientKeys::None,
        token_endpoint_audience: false,
        dpop_bound_access_tokens: false,
        fapi2: false,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: false,
        permissions: vec![permission(PAYMENTS), permission(OFF)],
        assertion_rules: [rules(PAYMENTS), rules(OFF)].concat(),
        acting_rules: vec![acting(PAYMENTS), acting(OFF)],
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: Some(SignIn { scopes: texts(&["openid"]), ..SignIn::default() }),
        enabled: true,
    }
}

/// All resources, and the clients whose tokens are about.
fn registry() -> Registry {
    registry_with(|_| {})
}

fn registry_with(edit: impl FnOnce(&mut Changes)) -> Registry {
    let mut changes = Changes {
        clients: ["web", "batch", "middle"].map(client).into(),
        resources: vec![
            resource(ORDERS, &["orders:read", "orders:write", "trace"]),
            resource(PAYMENTS, &["read", "write", "trace"]),
            resource(OFF, &["read"]),
        ],
        ..Changes::default()
    };
    edit(&mut changes);
    Registry::new(resource(OWN, &["openid"])).apply(changes)
}

/// A token of Ada for orders, through the web client.
fn token(identity: Identity) -> SubjectToken {
    let asserted = identity == Identity::AppAsserted;
    SubjectToken {
        identity,
        about: match identity {
            Identity::App => About::App("web".to_owned()),
            Identity::User | Identity::AppAsserted => About::User(ada().id),
        },
        client_id: if asserted { "batch" } else { "web" }.to_owned(),
        audience: ORDERS.to_owned(),
        scopes: texts(&["orders:read", "trace"]),
        expires_at: NOW + 300,
        jti: "j1".to_owned(),
        actors: texts(if asserted { &["batch"] } else { &[] }),
        origin_client_id: if asserted { "batch" } else { "web" }.to_owned(),
        ancestors: Vec::new(),
        may_act: MayAct::Anybody,
        sign_in: TokenSignIn::default(),
    }
}

fn external() -> ExternalSubject {
    ExternalSubject::parse("crm:4711").unwrap()
}

/// What is asked for, in one place.
#[derive(Clone, Copy)]
struct Asked<'a> {
    resources: &'a [&'a str],
    scope: Option<&'a str>,
}

fn ask(
    (registry, client): (&Registry, &Client),
    grant: &str,
    subject: AccessSubject<'_>,
    asked: Asked<'_>,
) -> Result<Permitted, OAuthError> {
    let resources: Vec<Cow<'_, str>> =
        asked.resources.iter().map(|one| Cow::Borrowed(*one)).collect();
    let request = AccessRequest { grant, resources: &resources, scope: asked.scope, subject };
    decide(registry, client, &request)
}

fn exchange<'r>(token: &'r SubjectToken, user: Option<&'r User>) -> Exchange<'r> {
    Exchange { token, user, has_actor: false, max_depth: 3, now: NOW }
}

fn code<T>(outcome: &Result<T, OAuthError>) -> &'static str {
    outcome.as_ref().err().map_or("", |error| error.code.row().wire)
}
