//! The cache of verified tokens (attack list, rows 26 to 28): what a remembered verdict may not outlive.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_keys::JwkSet;
use countersign_verifier::key_source::{KeySource, NoKeys};
use countersign_verifier::testing::{Attack, TestClock, TestIssuer, corpus};
use countersign_verifier::{BuildError, TokenCache, Verifier};

use crate::{AUDIENCE, ISSUER, NOW, code};

/// Keys that a test can change.
#[derive(Clone)]
struct Published(Arc<Mutex<Result<Arc<JwkSet>, NoKeys>>>);

impl Published {
    fn by(issuers: &[&TestIssuer]) -> Self {
        let published = Self(Arc::new(Mutex::new(Ok(Arc::default()))));
        published.publish(issuers);
        published
    }

    fn publish(&self, issuers: &[&TestIssuer]) {
        let keys = issuers.iter().map(|issuer| issuer.key().verifying_key().clone());
        *self.0.lock().unwrap() = Ok(Arc::new(JwkSet::from_keys(keys)));
    }

    fn lose(&self) {
        *self.0.lock().unwrap() = Err(NoKeys { retry_after: Duration::from_secs(5) });
    }
}

impl KeySource for Published {
    fn keys(&self) -> Result<Arc<JwkSet>, NoKeys> {
        self.0.lock().unwrap().clone()
    }
}

struct World {
    clock: TestClock,
    issuer: TestIssuer,
    keys: Published,
    verifier: Verifier,
}

impl World {
    fn new() -> Self {
        Self::with(TokenCache::default())
    }

    fn with(cache: TokenCache) -> Self {
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
        let keys = Published::by(&[&issuer]);
        let verifier = Verifier::builder(ISSUER)
            .audience(AUDIENCE)
            .clock(clock.clone())
            .token_cache(cache)
            .build_with_source(keys.clone())
            .unwrap();
        Self { clock, issuer, keys, verifier }
    }

    fn token(&self) -> String {
        self.issuer.app_token("orders").audience(AUDIENCE).mint()
    }

    fn hits(&self) -> u64 {
        self.verifier.metrics().cache_hits.unwrap()
    }
}

#[test]
fn the_second_time_a_token_is_remembered_and_says_the_same() {
    let world = World::new();
    let token = world.issuer.user_token("ada", "web").audience(AUDIENCE).scope("a b").mint();

    let first = world.verifier.try_verify(&token).unwrap();
    let second = world.verifier.try_verify(&token).unwrap();

    assert_eq!(world.hits(), 1);
    assert_eq!(world.verifier.metrics().outcome("accepted"), 2);
    assert_eq!(first.caller(), second.caller());
    assert_eq!(first.claims().payload(), second.claims().payload());
}

#[test]
fn without_asking_for_it_nothing_is_remembered() {
    let issuer = TestIssuer::new(ISSUER);

    assert_eq!(issuer.verifier(AUDIENCE).metrics().cache_hits, None);
}

#[test]
fn a_rotation_keeps_verdicts_and_a_withdrawal_ends_them_at_once() {
    let world = World::new();
    let token = world.token();
    world.verifier.try_verify(&token).unwrap();
    let next = world.issuer.rotated();

    world.keys.publish(&[&world.issuer, &next]);
    assert_eq!(code(world.verifier.try_verify(&token)), "accepted");
    assert_eq!(world.hits(), 1);

    world.keys.publish(&[&next]);
    assert_eq!(code(world.verifier.try_verify(&token)), "unknown_key");
    assert_eq!(world.hits(), 1);
}

#[test]
fn another_key_under_the_same_name_ends_the_verdicts_of_the_old_one() {
    let world = World::new();
    let token = world.token();
    world.verifier.try_verify(&token).unwrap();
    let mut jwk = serde_json::json!(world.issuer.rotated().key().verifying_key());
    jwk["kid"] = world.issuer.key().kid().as_str().into();
    let jwks = serde_json::json!({ "keys": [jwk] }).to_string();
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[countersign_keys::Algorithm::Es256]).unwrap();

    *world.keys.0.lock().unwrap() = Ok(Arc::new(keys));

    assert_eq!(code(world.verifier.try_verify(&token)), "invalid_signature");
}

#[test]
fn a_token_without_kid_is_no_longer_accepted_when_there_is_a_choice() {
    let world = World::new();
    let token = world.issuer.app_token("orders").audience(AUDIENCE).without_header("kid").mint();
    world.verifier.try_verify(&token).unwrap();

    world.keys.publish(&[&world.issuer, &world.issuer.rotated()]);

    assert_eq!(code(world.verifier.try_verify(&token)), "no_kid");
}

#[test]
fn without_keys_that_may_be_used_a_remembered_token_is_503_too() {
    let world = World::new();
    let token = world.token();
    world.verifier.try_verify(&token).unwrap();

    world.keys.lose();

    assert_eq!(world.verifier.try_verify(&token).unwrap_err().status(), 503);
}

#[test]
fn expiry_is_judged_at_every_hit() {
    let world = World::new();
    let token = world.issuer.app_token("orders").audience(AUDIENCE).expires_in(5).mint();
    world.verifier.try_verify(&token).unwrap();

    // The default skew is 30 s.
    world.clock.step_wall(34);
    assert_eq!(code(world.verifier.try_verify(&token)), "accepted");
    world.clock.step_wall(1);

    assert_eq!(code(world.verifier.try_verify(&token)), "expired");
    assert_eq!(world.hits(), 1);
}

#[test]
fn a_clock_that_was_set_back_makes_a_remembered_token_too_young_again() {
    let world = World::new();
    let future = world.issuer.app_token("orders").audience(AUDIENCE).claim("nbf", NOW).mint();
    world.verifier.try_verify(&future).unwrap();

    world.clock.step_wall(-31);

    assert_eq!(code(world.verifier.try_verify(&future)), "not_yet_valid");
}

#[test]
fn a_verdict_lives_for_a_minute_whatever_the_wall_clock_does() {
    let world = World::new();
    let token = world.token();
    world.verifier.try_verify(&token).unwrap();

    world.clock.advance(Duration::from_secs(59));
    world.clock.step_wall(-59);
    world.verifier.try_verify(&token).unwrap();
    assert_eq!(world.hits(), 1);

    world.clock.advance(Duration::from_secs(1));
    world.verifier.try_verify(&token).unwrap();
    assert_eq!(world.hits(), 1);
}

#[test]
fn cve_2026_33496_two_verifiers_share_no_verdict() {
    let world = World::new();
    let token = world.token();
    let asserted = world.issuer.app_asserted_token("ada", "batch").audience(AUDIENCE).mint();
    let opted_in = world.verifier.accepting_app_asserted();
    let elsewhere = Verifier::builder(ISSUER)
        .audience("https://other.example")
        .clock(world.clock.clone())
        .token_cache(TokenCache::default())
        .build_with_source(world.keys.clone())
        .unwrap();

    assert_eq!(code(world.verifier.try_verify(&token)), "accepted");
    assert_eq!(code(elsewhere.try_verify(&token)), "wrong_audience");
    assert_eq!(code(opted_in.try_verify(&asserted)), "accepted");
    assert_eq!(code(opted_in.try_verify(&asserted)), "accepted");
    assert_eq!(code(world.verifier.try_verify(&asserted)), "app_asserted_refused");
}

#[test]
fn cve_2026_35030_only_the_whole_token_is_the_key() {
    let world = World::new();
    let good = world.issuer.app_token("orders").audience(AUDIENCE);
    let token = good.mint();
    world.verifier.try_verify(&token).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();

    let other_payload = good.hostile(Attack::TamperedPayload);
    let other_signature = format!("{input}.{}", "A".repeat(signature.len()));

    assert_eq!(code(world.verifier.try_verify(&other_payload)), "invalid_signature");
    assert_eq!(code(world.verifier.try_verify(&other_signature)), "invalid_signature");
    for end in 0..token.len() {
        assert!(world.verifier.try_verify(&token[..end]).is_err());
    }
    assert_eq!(world.hits(), 0);
}

#[test]
fn refusals_are_never_remembered() {
    let world = World::new();

    for _ in 0..2 {
        for hostile in corpus(&world.issuer, AUDIENCE) {
            assert_eq!(code(world.verifier.try_verify(&hostile.token)), hostile.code);
        }
    }

    assert_eq!(world.hits(), 0);
}

#[test]
fn row_38_memory_is_bounded_and_new_tokens_push_old_ones_out() {
    let world = World::with(TokenCache::default().capacity(64));
    let tokens: Vec<_> = (0..256).map(|_| world.token()).collect();

    let verify_all =
        || assert!(tokens.iter().all(|token| world.verifier.try_verify(token).is_ok()));
    verify_all();
    let before = world.hits();
    verify_all();

    // What was pushed out is verified again, and pushes others out: never more hits than places.
    assert!(world.hits() - before <= 64, "{}", world.hits());
    let last = tokens.last().unwrap();
    world.verifier.try_verify(last).unwrap();
    assert!(world.hits() > before);
}

#[test]
fn long_tokens_are_verified_and_not_remembered() {
    let world = World::new();
    let good = world.issuer.app_token("orders").audience(AUDIENCE);
    let long = good.claim("padding", "p".repeat(4096)).mint();

    world.verifier.try_verify(&long).unwrap();
    world.verifier.try_verify(&long).unwrap();

    assert_eq!(world.hits(), 0);
}

#[test]
fn settings_beyond_the_bounds_are_refused_at_build() {
    let issuer = TestIssuer::new(ISSUER);
    let bad = [
        TokenCache::default().ttl(Duration::from_secs(61)),
        TokenCache::default().ttl(Duration::ZERO),
        TokenCache::default().capacity(0),
        TokenCache::default().capacity(usize::MAX),
        TokenCache::default().max_token_bytes(4097),
    ];

    for cache in bad {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).token_cache(cache);
        let refused = builder.build_with(issuer.jwk_set());
        assert!(matches!(refused, Err(BuildError::Setting(_))), "{cache:?}");
    }
}
