//! The JWT bearer grant (RFC 7523 §2.1): an app names a user who did not sign in, and the token says so. Policy, rows of
//! faults, and what must never be taken for an assertion about a user.

use countersign::registry::{
    AssertionRule, Client, ClientAuthentication, ClientKeys, ExternalSubject, Whom,
};
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Issuer, PAYMENTS, START};

pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A client that may assert, and its key.
struct Batch {
    issuer: Issuer,
    key: SigningKey,
    secret: String,
    ada: Uuid,
}

fn rule(whom: Whom) -> AssertionRule {
    AssertionRule {
        whom,
        resource: PAYMENTS.to_owned(),
        scopes: vec!["payments:read".to_owned()],
        lifetime: 300,
        reason_required: false,
    }
}

impl Batch {
    async fn new(rules: impl FnOnce(Uuid) -> Vec<AssertionRule>) -> Self {
        let issuer = Issuer::new().await;
        let key = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
        let ada = issuer.user("ada").await;
        let rules = rules(ada);
        let keys = JwkSet::from_keys([key.verifying_key().clone()]);
        let secret = issuer
            .client("batch", |client: &mut Client| {
                client.grants = vec![GRANT.to_owned()];
                client.keys = ClientKeys::Inline(keys);
                client.permissions.clear();
                client.assertion_rules = rules;
            })
            .await;
        Self { issuer, key, secret, ada }
    }

    fn sign(&self, claims: &Value) -> String {
        sign_compact(&self.key, "JWT", claims.to_string().as_bytes()).unwrap()
    }

    async fn present(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let mut parameters = vec![("grant_type", GRANT), ("assertion", assertion)];
        parameters.extend_from_slice(more);
        self.issuer.token_by("batch", &self.secret, &parameters).await
    }

    async fn assert(&self, sub: &str, more: &[(&str, &str)]) -> Answer {
        self.present(&self.sign(&about(sub)), more).await
    }
}

/// Each with a `jti` of its own.
fn about(sub: &str) -> Value {
    json!({
        "iss": "batch", "sub": sub, "aud": "https://issuer.example",
        "jti": countersign::random::jti(), "iat": START, "exp": START + 60,
    })
}

#[tokio::test]
async fn the_token_says_that_only_the_app_has_authenticated() {
    let batch = Batch::new(|ada| vec![rule(Whom::User(ada))]).await;

    let answer = batch.assert(&batch.ada.to_string(), &[]).await;
    let by_name = batch.assert("Ada", &[("resource", PAYMENTS), ("scope", "payments:read")]).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let claims = answer.claims();
    assert_eq!(claims["idtyp"], "app_asserted");
    assert_eq!(claims["sub"], batch.ada.to_string());
    assert_eq!(
        (&claims["act"], &claims["client_id"]),
        (&json!({ "sub": "batch" }), &json!("batch"))
    );
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(PAYMENTS), &json!("payments:read")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    for absent in ["auth_time", "acr", "amr", "sid", "roles", "groups"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    let tokens = answer.json();
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none());
    assert_eq!(by_name.claims()["sub"], claims["sub"], "a name is only another way to say it");
}

#[tokio::test]
async fn whom_an_app_may_assert_is_for_its_rules_to_say() {
    let batch = Batch::new(|_| vec![rule(Whom::Group("staff".to_owned()))]).await;
    batch.issuer.user_with("eve", |eve| eve.groups = vec!["guests".to_owned()]).await;
    let disabled = |user: &mut countersign::registry::User| user.enabled = false;
    batch.issuer.user_with("dan", disabled).await;

    assert_eq!(batch.assert("ada", &[]).await.status, 200);
    for other in ["eve", "dan", "nobody", "crm:4711", "0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77"] {
        let answer = batch.assert(other, &[]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".to_owned()), "{other}");
    }
    let elsewhere = batch.assert("ada", &[("resource", "https://ledger.example")]).await;
    assert_eq!(elsewhere.error().1, "invalid_target");
    let more = batch.assert("ada", &[("scope", "payments:read payments:write")]).await;
    assert_eq!(more.error().1, "invalid_scope");
    let nobody = Batch::new(|_| Vec::new()).await;
    assert_eq!(nobody.assert("ada", &[]).await.error().1, "invalid_grant", "default deny");
}

#[tokio::test]
async fn a_subject_of_a_namespace_is_never_a_user_of_this_issuer() {
    let batch = Batch::new(|_| vec![rule(Whom::Namespace("crm".to_owned()))]).await;
    let namesake = batch.issuer.user("crm:4711").await;

    let answer = batch.assert("crm:4711", &[]).await;
    let other = batch.assert("erp:4711", &[]).await;
    let local = batch.assert(&namesake.to_string(), &[]).await;

    assert_eq!(answer.claims()["sub"], "crm:4711");
    assert_eq!(answer.claims()["idtyp"], "app_asserted");
    assert_eq!(other.error().1, "invalid_grant");
    assert_eq!(local.error().1, "invalid_grant");
    assert!(ExternalSubject::parse(&namesake.to_string()).is_none());
}

#[tokio::test]
async fn a_reason_that_a_rule_demands_is_given_and_stands_in_the_audit_log() {
    let demanding = |ada| vec![AssertionRule { reason_required: true, ..rule(Whom::User(ada)) }];
    let batch = Batch::new(demanding).await;
    let with = |reason: Value| {
        let mut claims = about("ada");
        claims["reason"] = reason;
        batch.sign(&claims)
    };

    let without = batch.assert("ada", &[]).await;
    let empty = batch.present(&with(json!(" ")), &[]).await;
    let number = batch.present(&with(json!(7)), &[]).await;
    let long = batch.present(&with(json!("x".repeat(257))), &[]).await;
    let given = batch.present(&with(json!("month-end reconciliation")), &[]).await;

    for refused in [without, empty, number, long] {
        assert_eq!(refused.error(), (400, "invalid_grant".to_owned()));
    }
    assert_eq!(given.status, 200, "{}", given.body);
    let audited = std::fs::read_to_string(batch.issuer.app.config.audit_file()).unwrap();
    let line: Value = serde_json::from_str(audited.lines().last().unwrap()).unwrap();
    assert_eq!(line["reason"], "month-end reconciliation");
    assert_eq!((&line["client_id"], &line["idtyp"]), (&json!("batch"), &json!("app_asserted")));
    assert_eq!(line["user"], batch.ada.to_string());
    assert!(line["request_id"].is_string());
}

#[tokio::test]
async fn an_assertion_is_good_once_even_in_parallel() {
    let batch = Batch::new(|ada| vec![rule(Whom::User(ada))]).await;
    let assertion = batch.sign(&about("ada"));

    let answers =
        futures_util::future::join_all((0..16).map(|_| batch.present(&assertion, &[]))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|a| a.status == 200 || a.error().1 == "invalid_grant"));
}

#[tokio::test]
async fn an_assertion_may_come_through_token_exchange_by_the_same_rules() {
    let batch = Batch::new(|ada| vec![rule(Whom::User(ada))]).await;
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let with = async |assertion: &str, more: &[(&str, &str)]| {
        let mut parameters = vec![
            ("grant_type", exchange),
            ("subject_token", assertion),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ];
        parameters.extend_from_slice(more);
        batch.issuer.token_by("batch", &batch.secret, &parameters).await
    };
    let without_grant = with(&batch.sign(&about("ada")), &[]).await;
    let id = "batch".parse().unwrap();
    let add = |client: &mut Client| {
        client.grants.push(exchange.to_owned());
        Ok(())
    };
    let act = countersign::store::Actor::node().at(START);
    batch.issuer.app.store.update_client(&id, &act, add).await.unwrap();
    batch.issuer.follow().await;
    batch.issuer.user("eve").await;
    let assertion = batch.sign(&about("ada"));

    let answer = with(&assertion, &[("audience", PAYMENTS)]).await;
    let again = with(&assertion, &[]).await;
    let mut late = about("ada");
    late["exp"] = (START - 31).into();
    let late = with(&batch.sign(&late), &[]).await;
    let other = with(&batch.sign(&about("eve")), &[]).await;
    let elsewhere = with(&batch.sign(&about("ada")), &[("audience", "https://x.example")]).await;
    let more = with(&batch.sign(&about("ada")), &[("scope", "payments:write")]).await;
    let access_token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
    let another_kind = with(&access_token, &[]).await;

    assert_eq!(without_grant.error().1, "unauthorized_client");
    let claims = answer.claims();
    assert_eq!(
        (&claims["idtyp"], &claims["act"]),
        (&json!("app_asserted"), &json!({ "sub": "batch" }))
    );
    assert_eq!(answer.json()["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    for refused in [again, late, another_kind] {
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "RFC 8693 §2.2.2");
    }
    assert_eq!(other.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(elsewhere.error(), (400, "invalid_target".to_owned()));
    assert_eq!(more.error(), (400, "invalid_scope".to_owned()));
}

/// What is wrong, and how it becomes so.
type Fault = (&'static str, fn(&mut Value));

#[tokio::test]
async fn each_single_fault_of_an_assertion_is_refused() {
    let batch = Batch::new(|ada| vec![rule(Whom::User(ada))]).await;
    let faults: [Fault; 14] = [
        ("no iss", |claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
        ("no sub", |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("no aud", |claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        ("no exp", |claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        ("no jti", |claims| drop(claims.as_object_mut().unwrap().remove("jti"))),
        ("other iss", |claims| claims["iss"] = "web".into()),
        ("own iss", |claims| claims["iss"] = "https://issuer.example".into()),
        ("aud of the token endpoint", |claims| {
            claims["aud"] = "https://issuer.example/token".into();
        }),
        ("aud as a list", |claims| claims["aud"] = json!(["https://issuer.example"])),
        ("expired", |claims| claims["exp"] = (START - 31).into()),
        ("good for an hour", |claims| claims["exp"] = (START + 3600).into()),
        ("not yet good", |claims| claims["nbf"] = (START + 60).into()),
        ("a client assertion", |claims| claims["sub"] = "batch".into()),
        ("a request object", |claims| claims["client_id"] = "batch".into()),
    ];

    for (fault, spoil) in faults {
        let mut claims = about("ada");
        spoil(&mut claims);
        let answer = batch.present(&batch.sign(&claims), &[]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".to_owned()), "{fault}");
    }
    let foreign = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
    let signed = sign_compact(&foreign, "JWT", about("ada").to_string().as_bytes()).unwrap();
    assert_eq!(batch.present(&signed, &[]).await.error().1, "invalid_grant");
    assert_eq!(batch.present("not.a.jwt", &[]).await.error().1, "invalid_grant");
    let none = batch.issuer.token_by("batch", &batch.secret, &[("grant_type", GRANT)]).await;
    assert_eq!(none.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn j27_what_is_typed_as_another_kind_of_token_names_no_user() {
    let batch = Batch::new(|ada| vec![rule(Whom::User(ada))]).await;
    let types = [
        "at+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
    ];

    for typ in types {
        let claims = about("ada").to_string();
        let assertion = sign_compact(&batch.key, typ, claims.as_bytes()).unwrap();
        let answer = batch.present(&assertion, &[]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".to_owned()), "{typ}");
    }
    // And the reverse: an assertion about a user authenticates no client.
    let assertion = batch.sign(&about("ada"));
    let answer = batch
        .issuer
        .token(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ])
        .await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a_client_that_cannot_prove_itself_or_has_not_the_grant_asserts_nobody() {
    let batch = Batch::new(|ada| vec![rule(Whom::User(ada))]).await;
    let rules = vec![rule(Whom::User(batch.ada))];
    let keys = || ClientKeys::Inline(JwkSet::from_keys([batch.key.verifying_key().clone()]));
    let secret = batch
        .issuer
        .client("orders", |client| {
            client.keys = keys();
            client.assertion_rules.clone_from(&rules);
        })
        .await;
    batch
        .issuer
        .client("spa", |client| {
            client.auth = ClientAuthentication::None;
            client.grants = vec![GRANT.to_owned()];
            client.keys = keys();
            client.assertion_rules.clone_from(&rules);
        })
        .await;
    let by = |client: &str| {
        let mut claims = about("ada");
        claims["iss"] = client.into();
        batch.sign(&claims)
    };

    let (mine, theirs) = (by("orders"), by("spa"));
    let grant = [("grant_type", GRANT), ("assertion", mine.as_str())];
    let not_granted = batch.issuer.token_by("orders", &secret, &grant).await;
    let public = batch
        .issuer
        .token(&[("client_id", "spa"), ("grant_type", GRANT), ("assertion", &theirs)])
        .await;

    assert_eq!(not_granted.error().1, "unauthorized_client");
    assert_eq!(public.error().1, "unauthorized_client");
}
