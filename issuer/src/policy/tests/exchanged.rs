//! Acting for somebody, one condition at a time.

use super::*;

const PAY: Asked<'_> = Asked { resources: &[PAYMENTS], scope: None };

/// Lets the client that has been changed so act by a token that has been changed so.
fn act(
    identity: Identity,
    edit_client: impl FnOnce(&mut Client),
    edit_token: impl FnOnce(&mut SubjectToken),
) -> Result<Permitted, OAuthError> {
    act_in(&registry(), identity, edit_client, edit_token)
}

fn act_in(
    registry: &Registry,
    identity: Identity,
    edit_client: impl FnOnce(&mut Client),
    edit_token: impl FnOnce(&mut SubjectToken),
) -> Result<Permitted, OAuthError> {
    let (mut client, mut token, user) = (client("orders"), token(identity), ada());
    edit_client(&mut client);
    edit_token(&mut token);
    let user = matches!(token.about, About::User(_)).then_some(&user);
    let exchange = AccessSubject::Exchanged(exchange(&token, user));
    ask((registry, &client), EXCHANGE, exchange, PAY)
}

fn nothing<T>(_: &mut T) {}

#[test]
fn a_user_keeps_their_roles_and_nobody_else_has_any() {
    for identity in Identity::ALL {
        let permitted = act(identity, nothing, nothing).unwrap();

        let is_user = identity == Identity::User;
        assert_eq!(permitted.roles.is_empty(), !is_user, "{identity:?}");
        assert_eq!((permitted.scope.as_str(), permitted.impersonates), ("read", false));
        assert_eq!(permitted.resource.identifier, PAYMENTS);
    }
}

#[test]
fn it_lives_no_longer_than_the_token_the_resource_or_the_word_of_an_app() {
    for (identity, left, expected) in [
        (Identity::User, 1, 1),
        (Identity::User, 300, 300),
        (Identity::User, 899, 899),
        (Identity::User, 901, 900),
        (Identity::App, 5000, 900),
        (Identity::AppAsserted, 599, 599),
        (Identity::AppAsserted, 700, 600),
    ] {
        let permitted = act(identity, nothing, |token| token.expires_at = NOW + left).unwrap();
        assert_eq!(permitted.lifetime, expected, "{identity:?} with {left} s left");
    }
    for left in [0, -1] {
        let outcome = act(Identity::User, nothing, |token| token.expires_at = NOW + left);
        assert_eq!(code(&outcome), "invalid_request", "{left}");
    }
}

#[test]
fn nobody_is_in_a_chain_twice_and_a_chain_ends() {
    type Edit = fn(&mut SubjectToken);
    let refused: [(&str, Edit); 6] = [
        ("it acts now", |token| token.actors = texts(&["orders"])),
        ("it acted before", |token| token.actors = texts(&["middle", "orders"])),
        ("it is the subject", |token| token.about = About::App("orders".to_owned())),
        ("it acted unseen", |token| {
            token.client_id = "orders".to_owned();
            token.ancestors = texts(&["j0"]);
        }),
        ("as deep as may be", |token| token.ancestors = texts(&["a", "b", "c"])),
        ("deeper than may be", |token| token.ancestors = texts(&["a", "b", "c", "d"])),
    ];
    // The chain goes through clients that are there, itself included.
    let registry = registry_with(|changes| changes.clients.push(client("orders")));

    for (what, edit) in refused {
        let identity = if what == "it is the subject" { Identity::App } else { Identity::User };
        let outcome = act_in(&registry, identity, nothing, edit);
        assert_eq!(code(&outcome), "invalid_request", "{what}");
    }
    let room = |token: &mut SubjectToken| token.ancestors = texts(&["a", "b"]);
    assert!(act(Identity::User, nothing, room).is_ok());
    let its_own = |token: &mut SubjectToken| token.client_id = "orders".to_owned();
    assert!(act_in(&registry, Identity::User, nothing, its_own).is_ok(), "it signed the user in");
    let another = |token: &mut SubjectToken| token.about = About::App("middle".to_owned());
    assert!(act(Identity::App, nothing, another).is_ok());
}

#[test]
fn every_client_of_the_chain_is_there_and_enabled() {
    type Edit = fn(&mut SubjectToken);
    let through: [(&str, Identity, Edit); 4] = [
        ("the holder", Identity::User, |token| token.client_id = "middle".to_owned()),
        ("the origin", Identity::User, |token| token.origin_client_id = "middle".to_owned()),
        ("an actor", Identity::User, |token| token.actors = texts(&["web", "middle"])),
        ("the subject", Identity::App, |token| token.about = About::App("middle".to_owned())),
    ];
    let disabled = registry_with(|changes| {
        for client in changes.clients.iter_mut().filter(|client| client.id.as_str() == "middle") {
            client.enabled = false;
        }
    });
    let gone =
        registry_with(|changes| changes.clients.retain(|client| client.id.as_str() != "middle"));

    for (who, identity, edit) in through {
        assert!(act(identity, nothing, edit).is_ok(), "{who}");
        assert_eq!(code(&act_in(&disabled, identity, nothing, edit)), "invalid_grant", "{who}");
        assert_eq!(code(&act_in(&gone, identity, nothing, edit)), "invalid_grant", "{who}");
    }
}

#[test]
fn who_was_named_stays_named_only_as_long_as_the_client_may_name_them() {
    let named = |rules: Vec<AssertionRule>| {
        registry_with(|changes| {
            for client in changes.clients.iter_mut().filter(|one| one.id.as_str() == "batch") {
                client.assertion_rules.clone_from(&rules);
            }
        })
    };
    let group = named(vec![asserting(Whom::Group("staff".to_owned()), ORDERS)]);
    let space = named(vec![asserting(Whom::Namespace("crm".to_owned()), ORDERS)]);
    let outside = |token: &mut SubjectToken| token.about = About::External(external());
    let further = |token: &mut SubjectToken| token.actors = texts(&["middle", "batch"]);
    let asserted = Identity::AppAsserted;

    assert!(
        act_in(&group, asserted, nothing, further).is_ok(),
        "the first of the chain named them"
    );
    assert_eq!(code(&act_in(&group, asserted, nothing, outside)), "invalid_grant");
    assert!(act_in(&space, asserted, nothing, outside).is_ok());
    assert_eq!(code(&act_in(&space, asserted, nothing, nothing)), "invalid_grant");
    assert_eq!(code(&act_in(&named(Vec::new()), asserted, nothing, nothing)), "invalid_grant");
    assert!(act_in(&named(Vec::new()), Identity::User, nothing, nothing).is_ok());
}

#[test]
fn a_user_who_is_not_known_is_acted_for_by_nobody() {
    let token = token(Identity::AppAsserted);
    let subject = AccessSubject::Exchanged(exchange(&token, None));

    let outcome = ask((&registry(), &client("orders")), EXCHANGE, subject, PAY);

    assert_eq!(code(&outcome), "invalid_grant");
}

#[test]
fn the_token_may_say_who_alone_may_act() {
    for (may_act, expected) in [
        (MayAct::Anybody, ""),
        (MayAct::Only("orders".to_owned()), ""),
        (MayAct::Only("payments".to_owned()), "invalid_request"),
        (MayAct::Nobody, "invalid_request"),
    ] {
        let outcome = act(Identity::User, nothing, |token| token.may_act.clone_from(&may_act));
        assert_eq!(code(&outcome), expected, "{may_act:?}");
    }
}

#[test]
fn a_rule_is_for_one_audience_and_some_kinds_of_identity() {
    let elsewhere = |token: &mut SubjectToken| token.audience = PAYMENTS.to_owned();
    assert_eq!(code(&act(Identity::User, nothing, elsewhere)), "invalid_request");
    for allowed in Identity::ALL {
        let only = |client: &mut Client| {
            for rule in &mut client.acting_rules {
                rule.identities = vec![allowed];
            }
        };
        for identity in Identity::ALL {
            let expected = if identity == allowed { "" } else { "invalid_request" };
            assert_eq!(
                code(&act(identity, only, nothing)),
                expected,
                "{identity:?} of {allowed:?}"
            );
        }
    }
    let off = registry_with(|changes| changes.resources[0].enabled = false);
    assert_eq!(code(&act_in(&off, Identity::User, nothing, nothing)), "invalid_grant");
    let gone = registry_with(|changes| drop(changes.resources.remove(0)));
    assert_eq!(code(&act_in(&gone, Identity::User, nothing, nothing)), "invalid_grant");
}

/// What two rules give together: one for everybody, one for those who may write.
fn scopes(held: &[&str], asked: Option<&str>) -> Result<String, &'static str> {
    let mut client = client("orders");
    let writing = ActingRule {
        needs: Some("orders:write".to_owned()),
        scopes: texts(&["write", "read", "trace"]),
        ..acting(PAYMENTS)
    };
    client.acting_rules = vec![acting(PAYMENTS), writing];
    let (user, token) = (ada(), SubjectToken { scopes: texts(held), ..token(Identity::User) });
    let subject = AccessSubject::Exchanged(exchange(&token, Some(&user)));
    let outcome =
        ask((&registry(), &client), EXCHANGE, subject, Asked { resources: &[], scope: asked });
    let wire = code(&outcome);
    outcome.map(|permitted| permitted.scope).map_err(|_| wire)
}

#[test]
fn r51_scopes_are_those_of_the_rules_that_fit_and_never_more_than_the_token_has() {
    let ok = |scope: &str| Ok(scope.to_owned());

    assert_eq!(scopes(&[], None), ok("read"));
    assert_eq!(scopes(&["orders:read"], Some("write")), Err("invalid_scope"));
    assert_eq!(scopes(&["orders:write"], None), ok("read write"));
    assert_eq!(scopes(&["orders:write"], Some("write")), ok("write"));
    // Both resources know `trace`: the token must have it.
    assert_eq!(scopes(&["orders:write"], Some("trace")), Err("invalid_scope"));
    assert_eq!(scopes(&["orders:write", "trace"], None), ok("read write trace"));
    assert_eq!(scopes(&["trace"], Some("trace")), Err("invalid_scope"));
    let needing = |client: &mut Client| {
        for rule in &mut client.acting_rules {
            rule.needs = Some("orders:write".to_owned());
        }
    };
    assert_eq!(code(&act(Identity::User, needing, nothing)), "invalid_scope");
}

#[test]
fn a_client_is_unseen_only_where_every_rule_says_so_and_it_asks_for_nothing_else() {
    let unseen = ActingRule { semantics: Semantics::Impersonation, ..acting(PAYMENTS) };
    let written = ActingRule { needs: Some("orders:read".to_owned()), ..unseen.clone() };
    let rows = [
        (vec![unseen.clone()], Identity::User, false, true),
        (vec![unseen.clone(), written.clone()], Identity::User, false, true),
        (vec![unseen.clone()], Identity::AppAsserted, false, true),
        (vec![unseen.clone()], Identity::App, false, false),
        (vec![unseen.clone()], Identity::User, true, false),
        (vec![acting(PAYMENTS)], Identity::User, false, false),
        (vec![acting(PAYMENTS), written], Identity::User, false, false),
    ];

    for (rules, identity, has_actor, expected) in rows {
        let (user, token) = (ada(), token(identity));
        let client = Client { acting_rules: rules.clone(), ..client("orders") };
        let user = (identity != Identity::App).then_some(&user);
        let exchange = Exchange { has_actor, ..exchange(&token, user) };
        let subject = AccessSubject::Exchanged(exchange);
        let permitted = ask((&registry(), &client), EXCHANGE, subject, PAY).unwrap();
        assert_eq!(permitted.impersonates, expected, "{rules:?} {identity:?} {has_actor}");
    }
}

#[test]
fn one_target_needs_no_name() {
    let only = |client: &mut Client| client.acting_rules.retain(|rule| rule.resource == PAYMENTS);
    let (mut client, token, user) = (client("orders"), token(Identity::User), ada());
    let exchange = exchange(&token, Some(&user));
    let unnamed = Asked { resources: &[], scope: None };
    let ask = |client: &Client| {
        ask((&registry(), client), EXCHANGE, AccessSubject::Exchanged(exchange), unnamed)
    };

    assert_eq!(code(&ask(&client)), "invalid_target", "there are two");
    only(&mut client);
    assert_eq!(ask(&client).unwrap().resource.identifier, PAYMENTS);
}
