//! Refresh tokens (F65, F66): not replaced, of one client, and of no use without what its tokens are bound to. They end with
//! whatever they came from.

use std::time::Duration;

use countersign::registry::{Client, User};
use countersign::store::Actor;
use countersign_verifier::testing::TestHolder;
use serde_json::{Value, json};

use super::{Constraint, World, refused};
use crate::dpop::proof;
use crate::harness::{Answer, START};

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// A refresh token that outlives the session.
async fn offline(world: &World) -> String {
    let push = world.push("bank").with("scope", "openid offline_access");
    let code = world.come_back(push).await["code"].clone();
    refresh_token(&world.redeem("bank", &code).send().await)
}

async fn lives(world: &World, token: &str) -> bool {
    let answer = world.refresh("bank", token).send().await;
    if answer.status == 200 {
        return true;
    }
    assert_eq!(answer.error(), refused(400, "invalid_grant"), "{:?}", world.way);
    false
}

#[tokio::test]
async fn f65_a_refresh_token_is_for_its_client_and_stays_as_it_is() {
    for world in World::each().await {
        let first = world.tokens("bank").await;
        let token = refresh_token(&first);

        let stolen = world.refresh("broker", &token).send().await;
        assert_eq!(stolen.error(), refused(400, "invalid_grant"), "{:?}", world.way);
        for _ in 0..5 {
            world.later(3600).await;
            let again = world.refresh("bank", &token).send().await;
            assert_eq!(again.status, 200, "{:?}: {}", world.way, again.body);
            assert_eq!(refresh_token(&again), token, "it is not replaced");
            assert_eq!(again.claims()["cnf"], first.claims()["cnf"]);
        }
    }
}

#[tokio::test]
async fn f65_many_uses_at_once_all_get_tokens() {
    let world = World::new().await;
    let token = refresh_token(&world.tokens("bank").await);

    let uses = (0..16).map(|_| world.refresh("bank", &token).send());
    let answers = futures_util::future::join_all(uses).await;

    for answer in answers {
        assert_eq!((answer.status.as_u16(), refresh_token(&answer)), (200, token.clone()));
    }
    assert!(lives(&world, &token).await);
}

#[tokio::test]
async fn f66_a_refresh_token_is_of_no_use_without_a_proof_or_a_certificate() {
    for world in World::each().await {
        let token = refresh_token(&world.tokens("bank").await);

        let bare = world.refresh("bank", &token).proofs(&[]);
        let (bare, expected) = match (world.way.constraint, world.way.auth.uses_keys()) {
            (Constraint::Dpop, _) => (bare, refused(400, "invalid_dpop_proof")),
            (Constraint::Certificate, true) => (bare.shown(None), refused(400, "invalid_request")),
            (Constraint::Certificate, false) => (bare.shown(None), refused(401, "invalid_client")),
        };

        assert_eq!(bare.send().await.error(), expected, "{:?}", world.way);
        assert!(lives(&world, &token).await);
    }
}

#[tokio::test]
async fn f66_what_comes_of_it_is_bound_to_what_was_shown_with_it() {
    // RFC 9449 §5: the refresh token of a confidential client is bound to the client, whose key for proofs may change.
    let world = World::new().await;
    let token = refresh_token(&world.tokens("bank").await);
    let next = TestHolder::new();

    let proof = proof(&world.issuer, &next, ("POST", "/token")).mint();
    let answer = world.refresh("bank", &token).proofs(&[proof]).send().await;

    assert_eq!(answer.claims()["cnf"], json!({ "jkt": next.jkt() }));
}

#[tokio::test]
async fn a_refresh_token_that_stays_ends_when_it_is_idle_and_is_kept_alive_by_its_use() {
    let world = World::new().await;
    let idle = u64::from(world.issuer.app.config.refresh_tokens.idle_seconds);
    let (used, unused) = (offline(&world).await, offline(&world).await);

    world.later(idle / 2).await;
    let is_alive = lives(&world, &used).await;
    world.later(idle / 2 + 1).await;

    assert_eq!((is_alive, lives(&world, &unused).await), (true, false));
}

#[tokio::test]
async fn a_refresh_token_that_stays_ends_for_good_in_the_end() {
    let world = World::new().await;
    let limits = world.issuer.app.config.refresh_tokens.clone();
    let token = offline(&world).await;
    let step = u64::from(limits.idle_seconds) - 1;
    let mut passed = 0;
    while passed + step < u64::from(limits.absolute_seconds) {
        world.later(step).await;
        passed += step;
        assert!(lives(&world, &token).await, "after {passed} s");
    }

    world.issuer.clock.advance(Duration::from_secs(u64::from(limits.absolute_seconds) - passed));
    world.issuer.follow().await;

    assert!(!lives(&world, &token).await);
}

#[tokio::test]
async fn a_refresh_token_that_stays_ends_with_its_session_its_consent_and_its_user() {
    let world = World::new().await;
    let token = refresh_token(&world.tokens("bank").await);
    let disable = |user: &mut User| {
        user.enabled = false;
        Ok(())
    };
    let store = &world.issuer.app.store;
    drop(store.update_user("ada", &Actor::node().at(START), disable).await.unwrap());
    assert!(!lives(&world, &token).await, "user");

    let world = World::new().await;
    let token = refresh_token(&world.tokens("bank").await);
    let store = &world.issuer.app.store;
    let ada = store.user("ada").await.unwrap().id;
    let session = store.sessions_of(ada).await.unwrap().remove(0);
    store.end_session(session.id, START).await.unwrap();
    assert!(!lives(&world, &token).await, "session");

    let world = World::new().await;
    let token = refresh_token(&world.tokens("bank").await);
    let store = &world.issuer.app.store;
    let ada = store.user("ada").await.unwrap().id;
    store.withdraw_consent(ada, "bank", &Actor::node().at(START)).await.unwrap();
    assert!(!lives(&world, &token).await, "consent");
}

#[tokio::test]
async fn a_client_that_is_held_to_the_profile_from_now_on_keeps_the_token_that_it_has() {
    let free = |client: &mut Client, _: &mut _| client.fapi2 = false;
    let world = World::with(super::Way::ALL[0], |_| {}, free).await;
    let first = refresh_token(&world.tokens("bank").await);
    let second = refresh_token(&world.refresh("bank", &first).send().await);
    assert_ne!(first, second);

    let hold = |client: &mut Client| {
        client.fapi2 = true;
        Ok(())
    };
    let id = "bank".parse().unwrap();
    let store = &world.issuer.app.store;
    drop(store.update_client(&id, &Actor::node().at(START), hold).await.unwrap());
    world.issuer.follow().await;

    // The answer to the last use may have been lost.
    assert_eq!(refresh_token(&world.refresh("bank", &first).send().await), second);
    world.later(60).await;
    assert_eq!(refresh_token(&world.refresh("bank", &second).send().await), second);
    world.later(60).await;
    // Whoever comes with one that was replaced long ago has stolen it.
    assert!(!lives(&world, &first).await);
    assert!(!lives(&world, &second).await);
}

#[tokio::test]
async fn each_use_of_a_refresh_token_that_stays_is_audited() {
    let world = World::new().await;
    let token = refresh_token(&world.tokens("bank").await);

    let answer = world.refresh("bank", &token).send().await;

    let audit = std::fs::read_to_string(world.issuer.app.config.audit_file()).unwrap();
    let jti: Value = answer.claims()["jti"].clone();
    assert!(audit.contains(jti.as_str().unwrap()) && !audit.contains(&token));
}
