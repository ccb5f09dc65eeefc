//! Revoked tokens are refused: by what, from when on, and where (attack list of the feed: see `messages`).

mod messages;
mod routes;

use std::time::Duration;

use countersign_verifier::health::State;
use countersign_verifier::revocation::{FeedSource, Revocation};
use countersign_verifier::testing::{TestClock, TestIssuer, TestToken};
use countersign_verifier::{
    AuthenticationRequest, BuildError, MultiVerifier, Outcome, TokenCache, Verifier,
};
use serde_json::json;

use crate::{AUDIENCE, CLIENT, ISSUER, NOW, code};

pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) issuer: TestIssuer,
    pub(crate) verifier: Verifier,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Revocation::BestEffort)
    }

    pub(crate) fn with(policy: Revocation) -> Self {
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
        let verifier = Verifier::builder(ISSUER)
            .audience(AUDIENCE)
            .clock(clock.clone())
            .token_cache(TokenCache::default())
            .feed(FeedSource::Pushed)
            .revocation(policy)
            .build_with(issuer.jwk_set())
            .unwrap();
        issuer.tell(&verifier);
        Self { clock, issuer, verifier }
    }

    pub(crate) fn token(&self) -> TestToken<'_> {
        self.issuer
            .user_token("ada", CLIENT)
            .audience(AUDIENCE)
            .scope("read write")
            .claim("jti", "t2")
            .claim("sid", "s1")
            .claim("grant_id", "g1")
    }

    /// A heartbeat.
    pub(crate) fn beat(&self) {
        let revocations = self.verifier.revocations().unwrap();
        let message = self.issuer.feed_message(revocations.ask_from()).mint();
        revocations.try_take(&message).unwrap();
    }

    pub(crate) fn code(&self, token: &str) -> &'static str {
        code(self.verifier.try_verify(token))
    }
}

#[test]
fn in_a_unit_test_a_service_sees_a_revoked_token_refused_in_one_line() {
    let issuer = TestIssuer::new(ISSUER);
    let verifier = issuer.verifier(AUDIENCE);
    let token = issuer.app_token("orders").audience(AUDIENCE).claim("jti", "t1").mint();
    assert!(verifier.try_verify(&token).is_ok());

    issuer.revoke_jti("t1");

    let refused = verifier.try_verify(&token).unwrap_err();
    assert_eq!((refused.code(), refused.status().as_u16()), ("revoked", 401));
    let challenge =
        r#"Bearer error="invalid_token", error_description="The access token is invalid""#;
    assert_eq!(refused.challenge().as_deref(), Some(challenge));
}

#[test]
fn each_kind_of_revocation_reaches_the_verifier_and_is_counted() {
    type Row = (&'static str, fn(&TestIssuer));
    let rows: [Row; 7] = [
        ("jti", |issuer| issuer.revoke_jti("t2")),
        ("sid", |issuer| issuer.revoke_session("s1")),
        ("grant_id", |issuer| issuer.revoke_grant("g1")),
        ("sub", |issuer| issuer.revoke_user("ada")),
        ("client_id", |issuer| issuer.revoke_client(CLIENT)),
        ("sub_client_id", |issuer| issuer.revoke_user_at("ada", CLIENT)),
        ("kid", TestIssuer::withdraw_key),
    ];

    for (label, revoke) in rows {
        let world = World::new();
        let token = world.token().mint();
        assert_eq!(world.code(&token), "accepted", "{label}");

        revoke(&world.issuer);

        assert_eq!(world.code(&token), "revoked", "{label}");
        let metrics = world.verifier.metrics();
        assert_eq!(metrics.outcome("revoked"), 1, "{label}");
        assert_eq!(metrics.revocations.unwrap().revoked_by(label), 1, "{label}");
    }
}

#[test]
fn one_scope_of_a_user_at_a_client_is_revoked_and_the_others_are_not() {
    let world = World::new();
    let entry = |scope| json!({"sub": "ada", "client_id": CLIENT, "scope": scope, "iat": NOW});

    let (both, read) = (world.token().mint(), world.token().scope("read").mint());

    world.issuer.revoke(entry("delete"));
    assert_eq!(world.code(&both), "accepted");

    world.issuer.revoke(entry("write"));
    assert_eq!(world.code(&both), "revoked");
    assert_eq!(world.code(&read), "accepted");
}

#[test]
fn an_exchanged_token_falls_with_the_one_that_it_came_from_and_with_each_client_on_its_way() {
    for entry in [
        json!({"jti": "t1"}),
        json!({"client_id": "gateway", "iat": NOW}),
        json!({"client_id": CLIENT, "iat": NOW}),
        json!({"sub": "ada", "client_id": "orders", "iat": NOW}),
    ] {
        let world = World::new();
        let token = world.token().acted_by("gateway").acted_by("orders");
        let token = token.claim("jti", "t9").claim("ancestor_jti", json!(["t1", "t2"])).mint();
        assert_eq!(world.code(&token), "accepted");

        world.issuer.revoke(entry.clone());

        assert_eq!(world.code(&token), "revoked", "{entry}");
    }
}

#[test]
fn whoever_signs_in_again_is_not_refused_for_an_old_revocation() {
    let world = World::new();
    let before = world.token().mint();

    world.issuer.revoke_user("ada");

    assert_eq!(world.code(&before), "revoked");
    assert_eq!(world.code(&world.token().mint()), "accepted");
}

#[test]
fn of_several_levels_the_latest_counts() {
    let world = World::new();
    let token = world.token().mint();

    world.issuer.revoke(json!({"sub": "ada", "iat": NOW}));
    world.issuer.revoke(json!({"sub": "ada", "iat": NOW - 100}));

    assert_eq!(world.code(&token), "revoked");
}

#[test]
fn a_remembered_verdict_does_not_outlive_a_revocation() {
    let world = World::new();
    let token = world.token().mint();
    world.verifier.try_verify(&token).unwrap();
    world.verifier.try_verify(&token).unwrap();
    assert_eq!(world.verifier.metrics().cache_hits, Some(1));

    world.issuer.revoke_session("s1");

    assert_eq!(world.code(&token), "revoked");
    assert_eq!(world.verifier.metrics().cache_hits, Some(1));
}

#[test]
fn all_verifiers_of_a_policy_know_and_each_issuer_is_apart() {
    let world = World::new();
    let other = TestIssuer::new("https://other.example").clock(world.clock.clone());
    let both = MultiVerifier::new([world.verifier.clone(), other.verifier(AUDIENCE)]).unwrap();
    let asserted = world.issuer.app_asserted_token("ada", "batch").audience(AUDIENCE);
    let of_other = other.user_token("ada", CLIENT).audience(AUDIENCE).mint();

    world.issuer.revoke_user("ada");

    let before = asserted.claim("iat", NOW).mint();
    assert_eq!(code(world.verifier.accepting_app_asserted().try_verify(&before)), "revoked");
    assert_eq!(code(both.try_verify(&world.token().claim("iat", NOW).mint())), "revoked");
    assert_eq!(code(both.try_verify(&of_other)), "accepted");
}

#[test]
fn a_second_verifier_of_the_same_issuer_shares_what_the_first_one_knows() {
    let world = World::new();
    let known = world.verifier.revocations().unwrap().clone();
    let other = |issuer: &str| {
        let builder = Verifier::builder(issuer).audience(AUDIENCE).clock(world.clock.clone());
        builder.feed(known.clone()).build_with(world.issuer.jwk_set())
    };

    world.issuer.revoke_jti("t2");

    assert_eq!(code(other(ISSUER).unwrap().try_verify(&world.token().mint())), "revoked");
    assert!(matches!(other("https://other.example"), Err(BuildError::Setting(_))));
}

#[tokio::test]
async fn id_tokens_fall_with_their_session_and_logout_tokens_with_their_key_alone() {
    let world = World::new();
    let client = world.issuer.relying_party(CLIENT);
    let id_token = world.issuer.id_token("ada", CLIENT).claim("sid", "s1").mint();
    let logout = || world.issuer.logout_token("ada", CLIENT).claim("sid", "s1").mint();
    let request = AuthenticationRequest::new();
    client.verify_id_token(&id_token, &request).await.unwrap();

    world.issuer.revoke_session("s1");
    assert_eq!(code(client.verify_id_token(&id_token, &request).await), "revoked");
    assert_eq!(code(client.verify_logout_token(&logout()).await), "accepted");

    world.issuer.withdraw_key();
    assert_eq!(code(client.verify_logout_token(&logout()).await), "revoked");
}

#[test]
fn strict_answers_503_beyond_its_bound_and_best_effort_serves_and_says_so() {
    let strict = World::with(Revocation::Strict { max_lag: Duration::from_secs(10) });
    let best_effort = World::new();
    let expiring = |world: &World| world.token().expires_in(300).mint();
    let (token, served) = (expiring(&strict), expiring(&best_effort));

    for world in [&strict, &best_effort] {
        world.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(strict.code(&token), "accepted");
    assert_eq!(strict.verifier.health().state, State::Fresh);

    for world in [&strict, &best_effort] {
        world.clock.advance(Duration::from_secs(21));
    }
    let late = strict.verifier.try_verify(&token).unwrap_err();
    assert_eq!((late.code(), late.status().as_u16()), ("revocations_late", 503));
    assert!(late.is_transient() && late.retry_after().is_some() && late.challenge().is_none());
    assert_eq!(best_effort.code(&served), "accepted");
    for world in [&strict, &best_effort] {
        let health = world.verifier.health();
        assert_eq!((health.state, health.is_ready()), (State::FeedLag, true));
    }

    for world in [&strict, &best_effort] {
        world.beat();
        assert_eq!(world.verifier.health().state, State::Fresh);
    }
    assert_eq!(strict.code(&token), "accepted");
}

#[test]
fn what_is_known_to_be_revoked_is_401_also_while_the_feed_is_late() {
    let world = World::with(Revocation::Strict { max_lag: Duration::from_secs(10) });
    let token = world.token().mint();
    world.issuer.revoke_jti("t2");

    world.clock.advance(Duration::from_mins(1));

    assert_eq!(world.code(&token), "revoked");
}

#[test]
fn readiness_waits_for_the_first_catch_up_and_without_insisting_not_for_ever() {
    let clock = TestClock::at(NOW);
    let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
    let build = |policy| {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).clock(clock.clone());
        builder.feed(FeedSource::Pushed).revocation(policy).build_with(issuer.jwk_set()).unwrap()
    };
    let insisting = build(Revocation::Strict { max_lag: Duration::from_secs(10) });
    let not_insisting = build(Revocation::BestEffort);
    assert!(!insisting.health().is_ready() && !not_insisting.health().is_ready());

    clock.advance(Duration::from_secs(10));
    assert!(!insisting.health().is_ready() && not_insisting.health().is_ready());

    issuer.tell(&insisting);
    assert!(insisting.health().is_ready());
}

#[test]
fn explain_has_a_line_for_it() {
    let world = World::new();
    let line = |token: &str| world.verifier.explain(token).pop().unwrap();
    let token = world.token().mint();
    assert_eq!((line(&token).check, line(&token).outcome), ("revocation", Outcome::Passed));

    world.issuer.revoke_jti("t2");

    assert_eq!((line(&token).outcome, line(&token).code), (Outcome::Failed, Some("revoked")));
    let skipped = line("garbage");
    assert_eq!((skipped.check, skipped.outcome), ("revocation", Outcome::Skipped));
}

#[test]
fn off_asks_nothing_and_strict_needs_a_feed() {
    let issuer = TestIssuer::new(ISSUER);
    let builder = || Verifier::builder(ISSUER).audience(AUDIENCE);
    let off = builder().feed(FeedSource::Pushed).revocation(Revocation::Off);
    let strict = |seconds| Revocation::Strict { max_lag: Duration::from_secs(seconds) };

    assert!(off.build_with(issuer.jwk_set()).unwrap().revocations().is_none());
    let no_feed = builder().revocation(strict(10)).build_with(issuer.jwk_set());
    assert!(matches!(no_feed, Err(BuildError::Setting(_))));
    let too_strict = builder().feed(FeedSource::Pushed).revocation(strict(1));
    assert!(matches!(too_strict.build_with(issuer.jwk_set()), Err(BuildError::Setting(_))));
}

#[test]
fn metrics_name_no_token() {
    let world = World::new();
    world.issuer.revoke_jti("t2");
    world.verifier.try_verify(&world.token().mint()).unwrap_err();

    let text = world.verifier.metrics().to_prometheus();

    for line in [
        "countersign_verifier_revocation_lag_seconds 0",
        "countersign_verifier_revocation_entries 1",
        "countersign_verifier_revoked_total{kind=\"jti\"} 1",
        "countersign_verifier_revocation_messages_total{outcome=\"up_to_date\"} 2",
        "countersign_verifier_revocation_messages_refused_total 0",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in {text}");
    }
}
