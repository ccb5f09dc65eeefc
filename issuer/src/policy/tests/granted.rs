//! What the table does not reach: grants of several resources, a resource that need not be named, and reasons.

use super::super::{Granted, decide_each};
use super::*;
use crate::registry::AssertedUser;

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const UNNAMED: Asked<'_> = Asked { resources: &[], scope: None };

fn at<'a>(resource: &'a [&'a str], scope: Option<&'a str>) -> Asked<'a> {
    Asked { resources: resource, scope }
}

/// One who may use orders and payments.
fn client_of_two() -> Client {
    let mut client = client("orders");
    client.permissions[1].resource = ORDERS.to_owned();
    client.permissions[1].scopes = texts(&["orders:read", "trace"]);
    client
}

/// What a token has of a grant of these scopes and resources.
fn of_grant(scopes: &[&str], resources: &[&str], asked: Asked<'_>) -> Result<String, &'static str> {
    let (user, scopes, resources) = (ada(), texts(scopes), texts(resources));
    let granted = Some(Granted { scopes: &scopes, resources: &resources });
    let subject = AccessSubject::User { user: &user, granted };
    let outcome = ask((&registry(), &client_of_two()), "refresh_token", subject, asked);
    let wire = code(&outcome);
    outcome
        .map(|permitted| format!("{} {}", permitted.resource.identifier, permitted.scope))
        .map_err(|_| wire)
}

#[test]
fn r26_a_token_of_a_grant_of_several_resources_is_for_one_of_them_with_its_scopes() {
    let both = ["read", "orders:read"];
    let ok = |resource: &str, scope: &str| Ok(format!("{resource} {scope}"));

    assert_eq!(of_grant(&both, &[PAYMENTS, ORDERS], UNNAMED), ok(PAYMENTS, "read"));
    assert_eq!(
        of_grant(&both, &[PAYMENTS, ORDERS], at(&[ORDERS], None)),
        ok(ORDERS, "orders:read")
    );
    assert_eq!(of_grant(&both, &[], at(&[ORDERS], Some("orders:read"))), ok(ORDERS, "orders:read"));
    // RFC 8707 §2.2: only what was named, if anything was.
    assert_eq!(of_grant(&both, &[PAYMENTS], at(&[ORDERS], None)), Err("invalid_target"));
    assert_eq!(of_grant(&["openid"], &[PAYMENTS], at(&[OWN], None)), ok(OWN, "openid"));
    // RFC 6749 §6: only what was granted.
    assert_eq!(of_grant(&["read"], &[], at(&[ORDERS], Some("trace"))), Err("invalid_scope"));
    assert_eq!(of_grant(&["read", "openid"], &[], at(&[], Some("read"))), ok(PAYMENTS, "read"));
}

#[test]
fn all_that_a_user_is_asked_for_is_decided_each_by_itself() {
    let (registry, client, user) = (registry(), client_of_two(), ada());
    let each = |scopes: &[&str], resources: &[&str], user: Option<&User>| {
        let (scopes, resources) = (texts(scopes), texts(resources));
        let granted = Granted { scopes: &scopes, resources: &resources };
        code(&decide_each(&registry, &client, "authorization_code", (user, granted)))
    };

    for user in [None, Some(&user)] {
        assert_eq!(each(&["openid"], &[], user), "");
        assert_eq!(each(&["read", "orders:read"], &[PAYMENTS, ORDERS], user), "");
        assert_eq!(each(&[], &[PAYMENTS], user), "");
        assert_eq!(each(&[], &[], user), "invalid_scope", "nothing");
        assert_eq!(each(&[], &[PAYMENTS, UNKNOWN], user), "invalid_target");
        assert_eq!(each(&["write"], &[PAYMENTS], user), "invalid_scope");
    }
    let disabled = User { enabled: false, ..user };
    assert_eq!(each(&["openid"], &[], Some(&disabled)), "invalid_grant");
}

#[test]
fn a_client_uses_the_grants_of_its_registration_and_names_no_resource_if_it_has_one() {
    let mut client = client("orders");
    client.grants = texts(&["client_credentials"]);
    client.permissions.truncate(1);
    let registry = registry();
    let ask = |client: &Client, grant: &str| {
        ask((&registry, client), grant, AccessSubject::Client, UNNAMED)
    };

    assert_eq!(ask(&client, "client_credentials").unwrap().resource.identifier, PAYMENTS);
    assert_eq!(code(&ask(&client, "authorization_code")), "unauthorized_client");
    client.permissions.clear();
    let nothing = ask(&client, "client_credentials").unwrap_err();
    assert_eq!(nothing.cause, "the client has no permission for any resource");
}

/// Names Ada by these rules.
fn name(
    rules: &[AssertionRule],
    asked: Asked<'_>,
    has_reason: bool,
) -> Result<Permitted, OAuthError> {
    let client = Client { assertion_rules: rules.to_vec(), ..client("orders") };
    let user = ada();
    let user = AssertedUser::Local(&user);
    ask((&registry(), &client), BEARER, AccessSubject::Asserted { user, has_reason }, asked)
}

#[test]
fn an_app_that_names_users_at_one_resource_need_not_name_it() {
    let user = || asserting(Whom::User(ada().id), PAYMENTS);
    let group = || asserting(Whom::Group("staff".to_owned()), PAYMENTS);
    let elsewhere = asserting(Whom::Group("staff".to_owned()), ORDERS);

    assert_eq!(name(&[user(), group()], UNNAMED, false).unwrap().resource.identifier, PAYMENTS);
    let several = name(&[user(), elsewhere], UNNAMED, false).unwrap_err();
    assert!(several.description.contains("name one"), "{}", several.description);
    let brief = AssertionRule { lifetime: 60, ..user() };
    assert_eq!(name(&[brief], UNNAMED, false).unwrap().lifetime, 60);
    let long = AssertionRule { lifetime: 4000, ..user() };
    assert_eq!(name(&[long], UNNAMED, false).unwrap().lifetime, 600);
}

#[test]
fn a_rule_may_demand_a_reason_where_no_other_serves() {
    let demanding =
        || AssertionRule { reason_required: true, ..asserting(Whom::User(ada().id), PAYMENTS) };
    let lax = asserting(Whom::Group("staff".to_owned()), PAYMENTS);

    assert_eq!(code(&name(&[demanding()], UNNAMED, false)), "invalid_grant");
    assert_eq!(code(&name(&[demanding()], UNNAMED, true)), "");
    assert_eq!(code(&name(&[demanding(), lax], UNNAMED, false)), "");
    assert_eq!(code(&name(&[demanding()], at(&[], Some("write")), true)), "invalid_scope");
}

#[test]
fn a_client_under_fapi2_gets_no_token_that_is_signed_with_rs256() {
    let registry = registry_with(|changes| changes.resources[1].algorithm = Algorithm::Rs256);
    let plain = client("orders");
    let held = || Client { fapi2: true, ..client("orders") };
    let ask = |registry: &Registry, client: &Client| {
        let asked = at(&[PAYMENTS], Some("read"));
        code(&ask((registry, client), "client_credentials", AccessSubject::Client, asked))
    };

    assert_eq!(ask(&registry, &plain), "");
    // FAPI 2.0 §5.4.1.
    assert_eq!(ask(&registry, &held()), "invalid_target");
    assert_eq!(ask(&super::registry(), &held()), "");
}
