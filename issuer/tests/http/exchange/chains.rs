//! Random chains of exchanges through five services that may all act for everybody: whatever they do, scopes narrow, life
//! shortens, nobody acts twice, and the chain ends.

use std::time::Duration;

use countersign::protocol::Identity;
use countersign::registry::{ActingRule, AssertionRule, Semantics, Whom};
use countersign::store::Session;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fleet, GRANT};
use crate::harness::START;

const SERVICES: [&str; 5] = ["s0", "s1", "s2", "s3", "s4"];
const MAX_DEPTH: usize = 3;
/// The one session of the user.
const SESSION: Uuid = Uuid::from_u128(1);

fn resource(service: usize) -> String {
    format!("https://s{service}.example")
}

/// From each service to each: what may be written here may be written there, `trace` is known everywhere, and every
/// third way is unseen.
fn rules(from: usize) -> Vec<ActingRule> {
    let to = |to: usize| {
        let rule = |needs: Option<String>, scopes: &[String]| ActingRule {
            audience: resource(from),
            resource: resource(to),
            needs,
            scopes: scopes.to_vec(),
            identities: Identity::ALL.to_vec(),
            semantics: if (from + to).is_multiple_of(3) {
                Semantics::Impersonation
            } else {
                Semantics::Delegation
            },
        };
        [
            rule(None, &["trace".to_owned(), format!("s{to}:read")]),
            rule(Some(format!("s{from}:write")), &[format!("s{to}:write")]),
        ]
    };
    (0..SERVICES.len()).flat_map(to).collect()
}

/// The fleet of this page, on the issuer of the other one.
async fn mesh() -> Fleet {
    let mut fleet = Fleet::configured(|config| config.token_exchange.max_depth = 3).await;
    for service in 0..SERVICES.len() {
        let scopes =
            vec!["trace".to_owned(), format!("s{service}:read"), format!("s{service}:write")];
        fleet.issuer.resource(&resource(service), |it| it.scopes = scopes).await;
    }
    for (service, id) in SERVICES.iter().enumerate() {
        let secret = fleet.issuer.client(id, |client| {
            client.grants = vec![GRANT.to_owned()];
            client.acting_rules = rules(service);
        });
        let secret = secret.await;
        fleet.secrets.push((id, secret));
    }
    let named = AssertionRule {
        whom: Whom::User(fleet.ada),
        resource: resource(0),
        scopes: Vec::new(),
        lifetime: 300,
        reason_required: false,
    };
    fleet.issuer.client("batch", |client| client.assertion_rules = vec![named]).await;
    let session = Session {
        id: SESSION,
        user_id: fleet.ada,
        auth_time: START,
        amr: vec!["pwd".to_owned()],
        created_at: START,
        last_seen_at: START,
        // Longer than all walks together.
        expires_at: START + 10_000_000,
        user_agent: None,
        address: None,
    };
    fleet.issuer.app.store.create_session(&session, "cookie").await.unwrap();
    fleet
}

/// How a chain begins, and where it goes.
#[derive(Clone, Debug)]
struct Walk {
    identity: Identity,
    begins_at: usize,
    lifetime: i64,
    can_write: bool,
    can_trace: bool,
    steps: Vec<Step>,
}

/// One exchange: the target, whether writing is asked for, and how many seconds pass before.
#[derive(Clone, Debug)]
struct Step {
    target: usize,
    writes: bool,
    waits: u64,
}

fn walks() -> impl Strategy<Value = Walk> {
    let step = (0..SERVICES.len(), proptest::bool::weighted(0.2), 0_u64..90)
        .prop_map(|(target, writes, waits)| Step { target, writes, waits });
    let begin = (0..3_usize, 0..SERVICES.len(), 30_i64..600, any::<bool>(), any::<bool>());
    (begin, proptest::collection::vec(step, 1..7)).prop_map(|(begin, steps)| {
        let (identity, begins_at, lifetime, can_write, can_trace) = begin;
        Walk { identity: Identity::ALL[identity], begins_at, lifetime, can_write, can_trace, steps }
    })
}

fn first(fleet: &Fleet, walk: &Walk) -> Value {
    let (now, at) = (fleet.issuer.clock.now(), walk.begins_at);
    let mut scope = vec![format!("s{at}:read")];
    scope.extend(walk.can_write.then(|| format!("s{at}:write")));
    scope.extend(walk.can_trace.then(|| "trace".to_owned()));
    let mut claims = json!({
        "iss": "https://issuer.example", "sub": fleet.ada, "aud": resource(at), "iat": now,
        "exp": now + walk.lifetime, "jti": countersign::random::jti(), "client_id": "web",
        "idtyp": walk.identity.idtyp(), "scope": scope.join(" "),
    });
    match walk.identity {
        Identity::App => claims["sub"] = "web".into(),
        Identity::User => {
            claims["auth_time"] = START.into();
            claims["acr"] = "1".into();
            claims["amr"] = json!(["pwd"]);
            claims["sid"] = json!(SESSION);
        }
        _ => {
            claims["client_id"] = "batch".into();
            claims["act"] = json!({ "sub": "batch" });
        }
    }
    claims
}

fn has_scope(claims: &Value, scope: &str) -> bool {
    claims["scope"].as_str().is_some_and(|all| all.split(' ').any(|one| one == scope))
}

fn actors(claims: &Value) -> Vec<String> {
    let mut actors = Vec::new();
    let mut act = claims.get("act");
    while let Some(actor) = act {
        actors.push(actor["sub"].as_str().unwrap().to_owned());
        act = actor.get("act");
    }
    actors
}

fn depth(claims: &Value) -> usize {
    claims["ancestor_jti"].as_array().map_or(0, Vec::len)
}

/// Which error the exchange must end in; none if it must succeed.
fn refusal(now: i64, parent: &Value, (from, step): (usize, &Step)) -> Option<&'static str> {
    let client = SERVICES[from];
    let holds = depth(parent) > 0 && parent["client_id"] == client;
    let is_over = parent["exp"].as_i64().unwrap() <= now;
    if is_over
        || holds
        || actors(parent).iter().any(|actor| actor == client)
        || depth(parent) >= MAX_DEPTH
    {
        return Some("invalid_request");
    }
    (step.writes && !has_scope(parent, &format!("s{from}:write"))).then_some("invalid_scope")
}

/// What holds of every token and the one that it came from.
fn check(parent: &Value, child: &Value, (from, to): (usize, usize)) -> Result<(), TestCaseError> {
    let client = SERVICES[from];
    for kept in ["sub", "idtyp", "auth_time", "acr", "amr", "sid"] {
        prop_assert_eq!(parent.get(kept), child.get(kept), "{}", kept);
    }
    prop_assert!(child["exp"].as_i64() <= parent["exp"].as_i64());
    prop_assert!(child["iat"].as_i64() < child["exp"].as_i64());
    prop_assert!(has_scope(parent, "trace") || !has_scope(child, "trace"));
    let (here, there) = (format!("s{from}:write"), format!("s{to}:write"));
    prop_assert!(has_scope(parent, &here) || !has_scope(child, &there));
    prop_assert_eq!(&child["aud"], &json!(resource(to)));
    prop_assert_eq!(&child["client_id"], &json!(client));
    let origin = parent.get("origin_client_id").unwrap_or(&parent["client_id"]);
    prop_assert_eq!(&child["origin_client_id"], origin);
    let mut ancestors = parent["ancestor_jti"].as_array().cloned().unwrap_or_default();
    ancestors.push(parent["jti"].clone());
    prop_assert_eq!(&child["ancestor_jti"], &json!(ancestors));
    prop_assert!(depth(child) <= MAX_DEPTH);
    let is_unseen = (from + to).is_multiple_of(3) && child["idtyp"] != "app";
    let mut chain = actors(parent);
    if !is_unseen {
        chain.insert(0, client.to_owned());
    }
    prop_assert_eq!(&actors(child), &chain);
    chain.sort_unstable();
    chain.dedup();
    prop_assert_eq!(chain.len(), actors(child).len(), "nobody acts twice");
    Ok(())
}

async fn walk(fleet: &Fleet, walk: &Walk) -> Result<(), TestCaseError> {
    let mut parent = first(fleet, walk);
    let mut token = fleet.sign(&parent);
    let mut from = walk.begins_at;
    for step in &walk.steps {
        fleet.issuer.clock.advance(Duration::from_secs(step.waits));
        fleet.issuer.follow().await;
        let target = resource(step.target);
        let scope = if step.writes { format!("s{}:write", step.target) } else { String::new() };
        let more = [("resource", target.as_str()), ("scope", scope.as_str())];
        let expected = refusal(fleet.issuer.clock.now(), &parent, (from, step));

        let answer = fleet.exchange(SERVICES[from], &token, &more).await;

        if let Some(code) = expected {
            prop_assert_eq!(answer.error(), (400, code.to_owned()));
            return Ok(());
        }
        prop_assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        let child = answer.claims();
        check(&parent, &child, (from, step.target))?;
        answer.json()["access_token"].as_str().unwrap().clone_into(&mut token);
        parent = child;
        from = step.target;
    }
    Ok(())
}

#[test]
fn random_chains_narrow_shorten_never_turn_back_and_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fleet = runtime.block_on(mesh());
    let mut runner =
        TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });

    let outcome = runner.run(&walks(), |steps| runtime.block_on(walk(&fleet, &steps)));

    assert!(outcome.is_ok(), "{outcome:?}");
}
