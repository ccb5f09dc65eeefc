//! Tokens that are bound to a key (DPoP, RFC 9449), at a service: row 30 of the attack list, and what a resource server must
//! refuse and accept by the plan of FAPI 2.0.

mod certificate;
mod routes;

use std::time::Duration;

use axum::body::Body;
use countersign_keys::Algorithm;
use countersign_verifier::binding::{Binding, Dpop};
use countersign_verifier::credential::Carriers;
use countersign_verifier::key_source::BoxFuture;
use countersign_verifier::replay::{ReplayStore, ReplayStoreError};
use countersign_verifier::testing::{TestClock, TestHolder, TestIssuer, TestProof, proof_corpus};
use countersign_verifier::{BuildError, TokenCache, Verified, Verifier, VerifyError};
use http::Request;
use http::request::Parts;

use crate::{AUDIENCE, ISSUER, NOW, code};

const URL: &str = "https://payments.example/pay";

/// An issuer, the holder of a key, a token that is bound to it, and a service.
struct World {
    clock: TestClock,
    issuer: TestIssuer,
    holder: TestHolder,
    token: String,
    verifier: Verifier,
}

impl World {
    fn new() -> Self {
        Self::with(|dpop| dpop)
    }

    fn with(choose: impl FnOnce(Dpop) -> Dpop) -> Self {
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
        let holder = TestHolder::new().clock(clock.clone());
        let token = issuer.app_token("orders").audience(AUDIENCE).bound_to(&holder).mint();
        let verifier = verifier(&issuer, &clock, choose(Dpop::at(AUDIENCE)));
        Self { clock, issuer, holder, token, verifier }
    }

    fn good(&self) -> TestProof<'_> {
        self.holder.proof("GET", URL).with_token(&self.token)
    }

    async fn present(&self, proof: &TestProof<'_>) -> Result<Verified, VerifyError> {
        self.present_text(&proof.mint()).await
    }

    async fn present_text(&self, proof: &str) -> Result<Verified, VerifyError> {
        ask(&self.verifier, &[("authorization", &dpop(&self.token)), ("dpop", proof)]).await
    }
}

fn verifier(issuer: &TestIssuer, clock: &TestClock, dpop: Dpop) -> Verifier {
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).clock(clock.clone()).dpop(dpop);
    builder.build_with(issuer.jwk_set()).unwrap()
}

fn dpop(token: &str) -> String {
    format!("DPoP {token}")
}

fn request(headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::get("/pay?amount=1");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

fn parts(headers: &[(&str, &str)]) -> Parts {
    request(headers).into_parts().0
}

async fn ask(verifier: &Verifier, headers: &[(&str, &str)]) -> Result<Verified, VerifyError> {
    verifier.verify_request(&parts(headers), &Carriers::bearer()).await
}

#[tokio::test]
async fn whoever_holds_the_key_is_let_in_and_the_handler_sees_the_key() {
    let world = World::new();

    let verified = world.present(&world.good()).await.unwrap();

    let jkt = world.holder.jkt();
    assert_eq!(verified.binding(), Some(Binding::Dpop { jkt: &jkt }));
    assert_eq!(verified.client_id(), "orders");
    assert!(verified.require_binding().is_ok());
}

#[tokio::test]
async fn row_30_every_proof_of_the_corpus_is_refused_with_its_code_and_then_a_good_one_passes() {
    let world = World::new();
    let other = TestHolder::new();
    let corpus = proof_corpus(&world.good(), &other);

    assert!(corpus.len() > 50, "{}", corpus.len());
    for hostile in corpus {
        let refused = world.present_text(&hostile.token).await.expect_err(&hostile.name);
        assert_eq!(refused.code(), hostile.code, "{}", hostile.name);
        assert_eq!(refused.status(), 401, "{}", hostile.name);
        let challenges = world.verifier.challenges(&refused);
        assert_eq!(challenges.len(), 1);
        assert!(challenges[0].starts_with("DPoP error=\""), "{challenges:?}");
        assert!(challenges[0].ends_with(r#"algs="ES256 ES384 PS256 Ed25519 EdDSA""#));
        let shown = format!("{refused} {refused:?} {challenges:?}");
        for secret in hostile.token.split('.').filter(|part| part.len() > 8) {
            assert!(!shown.contains(secret), "{}: {shown}", hostile.name);
        }
    }
    assert_eq!(code(world.present(&world.good()).await), "accepted");
}

#[tokio::test]
async fn row_30_what_means_the_same_passes() {
    let world = World::new();
    let rows = [
        (
            "the URL with its query",
            world.good().claim("htu", "https://payments.example/pay?amount=1"),
        ),
        ("the URL with a fragment", world.good().claim("htu", "https://payments.example/pay#x")),
        (
            "scheme and host in upper case",
            world.good().claim("htu", "HTTPS://PAYMENTS.example/pay"),
        ),
        ("the default port", world.good().claim("htu", "https://payments.example:443/pay")),
        ("encoded without need", world.good().claim("htu", "https://payments.example/p%61y")),
        ("ten seconds ahead", world.good().claim("iat", NOW + 10)),
        ("a minute old", world.good().claim("iat", NOW - 60)),
        ("with nbf and exp", world.good().claim("nbf", NOW + 10).claim("exp", NOW + 30)),
        ("with claims that nobody knows", world.good().claim("more", "x").claim("b", true)),
        ("the whole media type", world.good().header("typ", "application/dpop+jwt")),
        ("the type in upper case", world.good().header("typ", "DPOP+JWT")),
        ("a nonce that nobody asked for", world.good().claim("nonce", "x")),
    ];

    for (name, proof) in rows {
        assert_eq!(code(world.present(&proof).await), "accepted", "{name}");
    }
    let headers = [("Authorization", dpop(&world.token)), ("DPoP", world.good().mint())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(code(ask(&world.verifier, &headers).await), "accepted", "names in any case");
}

#[tokio::test]
async fn every_algorithm_that_is_accepted_by_default_works_and_others_can_be_chosen() {
    let world = World::new();
    let only =
        verifier(&world.issuer, &world.clock, Dpop::at(AUDIENCE).algorithms([Algorithm::Es384]));
    for algorithm in [Algorithm::Es384, Algorithm::Ed25519, Algorithm::EdDsa, Algorithm::Ps256] {
        let holder = TestHolder::with_algorithm(algorithm).clock(world.clock.clone());
        let token = world.issuer.app_token("orders").audience(AUDIENCE).bound_to(&holder).mint();
        let present = async |verifier: &Verifier| {
            let proof = holder.proof("GET", URL).with_token(&token).mint();
            ask(verifier, &[("authorization", &dpop(&token)), ("dpop", &proof)]).await
        };

        assert_eq!(code(present(&world.verifier).await), "accepted", "{algorithm}");
        assert_eq!(present(&only).await.is_ok(), algorithm == Algorithm::Es384, "{algorithm}");
    }
}

#[tokio::test]
async fn row_30_r29_a_bound_token_is_never_a_bearer_token() {
    let world = World::new();
    let (token, proof) = (&world.token, world.good().mint());
    let bearer = format!("Bearer {token}");
    let cookie = format!("__Host-token={token}");
    let carriers = Carriers::bearer().or_cookie("__Host-token").unwrap().or_form();
    let form = format!("access_token={token}");
    let by = async |headers: &[(&str, &str)]| {
        code(world.verifier.verify_request(&parts(headers), &carriers).await)
    };

    assert_eq!(by(&[("authorization", &bearer)]).await, "bound_to_key");
    assert_eq!(by(&[("authorization", &bearer), ("dpop", &proof)]).await, "bound_to_key");
    assert_eq!(by(&[("cookie", &cookie)]).await, "bound_to_key");
    assert_eq!(code(world.verifier.verify(token).await), "bound_to_key");
    assert_eq!(code(world.verifier.try_verify(token)), "bound_to_key");
    let found = carriers.find(&parts(&[]), Some(form.as_bytes())).unwrap();
    assert_eq!(found.scheme.name(), "Bearer", "what stands in a form is a bearer token");
    let refused = world.verifier.verify(token).await.unwrap_err();
    assert_eq!(
        world.verifier.challenges(&refused),
        [
            r#"Bearer error="invalid_token", error_description="The access token is invalid""#,
            r#"DPoP algs="ES256 ES384 PS256 Ed25519 EdDSA""#
        ]
    );
}

#[tokio::test]
async fn row_30_a_proof_must_be_there_once() {
    let world = World::new();
    let token = dpop(&world.token);
    let (one, two) = (world.good().mint(), world.good().mint());
    let by = async |headers: &[(&str, &str)]| code(ask(&world.verifier, headers).await);

    assert_eq!(by(&[("authorization", &token)]).await, "proof_missing");
    let twice = [("authorization", token.as_str()), ("dpop", &one), ("dpop", &two)];
    assert_eq!(by(&twice).await, "proof_several");
    let credentials =
        [("authorization", token.as_str()), ("authorization", token.as_str()), ("dpop", &one)];
    assert_eq!(by(&credentials).await, "credential_several");
    assert_eq!(by(&[("authorization", &token), ("dpop", &one)]).await, "accepted");
}

#[tokio::test]
async fn a_proof_does_not_make_a_bearer_token_better() {
    let world = World::new();
    let plain = world.issuer.app_token("orders").audience(AUDIENCE).mint();
    let proof = world.holder.proof("GET", URL).with_token(&plain).mint();
    let bearer_only = world.issuer.verifier(AUDIENCE);
    let headers = [("authorization", dpop(&plain)), ("dpop", proof)];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));

    assert_eq!(code(ask(&world.verifier, &headers).await), "token_not_bound");
    assert_eq!(code(world.verifier.verify(&plain).await), "accepted");
    let refused = ask(&bearer_only, &headers).await.unwrap_err();
    assert_eq!((refused.code(), refused.status().as_u16()), ("proof_not_accepted", 401));
    assert!(bearer_only.challenges(&refused)[0].starts_with("Bearer error=\"invalid_token\""));
}

#[tokio::test]
async fn what_else_a_token_is_bound_to_is_not_proved_by_a_key() {
    let world = World::new();
    let jkt = world.holder.jkt();
    for cnf in [
        serde_json::json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        serde_json::json!({ "jkt": jkt, "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        serde_json::json!({ "jkt": [jkt] }),
        serde_json::json!({}),
    ] {
        let token =
            world.issuer.app_token("orders").audience(AUDIENCE).claim("cnf", cnf.clone()).mint();
        let proof = world.holder.proof("GET", URL).with_token(&token).mint();
        let verdict =
            ask(&world.verifier, &[("authorization", &dpop(&token)), ("dpop", &proof)]).await;

        assert_eq!(code(verdict), "bound_to_key", "{cnf}");
    }
}

#[tokio::test]
async fn row_30_fa5_a_proof_is_good_once_also_in_parallel() {
    let world = World::new();
    let proof = world.good().mint();

    let uses = (0..64).map(|_| {
        let (verifier, token, proof) = (world.verifier.clone(), dpop(&world.token), proof.clone());
        tokio::spawn(async move {
            code(ask(&verifier, &[("authorization", &token), ("dpop", &proof)]).await)
        })
    });
    let uses: Vec<_> = uses.collect();
    let mut accepted = 0;
    for verdict in uses {
        match verdict.await.unwrap() {
            "accepted" => accepted += 1,
            other => assert_eq!(other, "proof_replayed"),
        }
    }

    assert_eq!(accepted, 1);
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(code(world.present_text(&proof).await), "proof_too_old", "it needs no memory now");
}

#[tokio::test]
async fn two_holders_may_choose_the_same_name_for_their_proofs() {
    let world = World::new();
    let other = TestHolder::new().clock(world.clock.clone());
    let token = world.issuer.app_token("batch").audience(AUDIENCE).bound_to(&other).mint();
    let theirs = other.proof("GET", URL).with_token(&token).claim("jti", "same").mint();

    assert_eq!(code(world.present(&world.good().claim("jti", "same")).await), "accepted");
    let verdict =
        ask(&world.verifier, &[("authorization", &dpop(&token)), ("dpop", &theirs)]).await;
    assert_eq!(code(verdict), "accepted");
}

/// A store that two processes share.
#[derive(Clone, Default)]
struct Shared(std::sync::Arc<countersign_verifier::replay::MemoryReplayStore>);

impl ReplayStore for Shared {
    fn first_use<'a>(
        &'a self,
        name: &'a str,
        until: i64,
        now: i64,
    ) -> BoxFuture<'a, Result<bool, ReplayStoreError>> {
        self.0.first_use(name, until, now)
    }
}

struct Broken;

impl ReplayStore for Broken {
    fn first_use<'a>(
        &'a self,
        _: &'a str,
        _: i64,
        _: i64,
    ) -> BoxFuture<'a, Result<bool, ReplayStoreError>> {
        Box::pin(async { Err(ReplayStoreError { retry_after: Duration::from_secs(9) }) })
    }
}

#[tokio::test]
async fn a_proof_that_was_used_at_one_process_is_not_used_at_another_that_shares_the_store() {
    let shared = Shared::default();
    let world = World::with(|dpop| dpop.replay_store(shared.clone()));
    let other = verifier(&world.issuer, &world.clock, Dpop::at(AUDIENCE).replay_store(shared));
    let proof = world.good().mint();
    let headers = [("authorization", dpop(&world.token)), ("dpop", proof)];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));

    assert_eq!(code(ask(&world.verifier, &headers).await), "accepted");
    assert_eq!(code(ask(&other, &headers).await), "proof_replayed");
}

#[tokio::test]
async fn a_store_that_cannot_tell_is_503_and_lets_nobody_in() {
    let world = World::with(|dpop| dpop.replay_store(Broken));

    let refused = world.present(&world.good()).await.unwrap_err();

    assert_eq!(
        (refused.status().as_u16(), refused.retry_after()),
        (503, Some(Duration::from_secs(9)))
    );
}

#[tokio::test]
async fn a_stolen_token_or_proof_is_of_no_use_elsewhere() {
    let world = World::new();
    let thief = TestHolder::new().clock(world.clock.clone());
    let mine = thief.proof("GET", URL).with_token(&world.token);
    let other_token = world.issuer.app_token("x").audience(AUDIENCE).bound_to(&world.holder).mint();
    let for_other = world.holder.proof("GET", URL).with_token(&other_token);

    assert_eq!(code(world.present(&mine).await), "proof_wrong_key");
    assert_eq!(code(world.present(&for_other).await), "proof_wrong_access_token");
    let post = Request::post("/pay").header("authorization", dpop(&world.token));
    let post = post.header("dpop", world.good().mint()).body(()).unwrap().into_parts().0;
    let verdict = world.verifier.verify_request(&post, &Carriers::bearer()).await;
    assert_eq!(code(verdict), "proof_wrong_method");
}

#[tokio::test]
async fn the_token_is_judged_first_so_that_strangers_cannot_buy_the_check_of_a_proof() {
    let world = World::new();
    let forged = world.issuer.app_token("orders").audience(AUDIENCE).bound_to(&world.holder);
    let forged = forged.forged_by(&TestIssuer::new(ISSUER));

    let headers = [("authorization", dpop(&forged)), ("dpop", "garbage".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));

    assert_eq!(code(ask(&world.verifier, &headers).await), "invalid_signature");
}

#[tokio::test]
async fn a_remembered_token_needs_a_new_proof_each_time() {
    let world = World::new();
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .clock(world.clock.clone())
        .token_cache(TokenCache::default())
        .dpop(Dpop::at(AUDIENCE))
        .build_with(world.issuer.jwk_set())
        .unwrap();
    let token = dpop(&world.token);
    let by = async |proof: &str| {
        code(ask(&verifier, &[("authorization", &token), ("dpop", proof)]).await)
    };
    let first = world.good().mint();

    assert_eq!(by(&first).await, "accepted");
    assert_eq!(by(&world.good().mint()).await, "accepted");
    assert_eq!(verifier.metrics().cache_hits, Some(1));
    assert_eq!(by(&first).await, "proof_replayed");
    assert_eq!(code(verifier.verify(&world.token).await), "bound_to_key");
    let bearer = world.issuer.app_token("orders").audience(AUDIENCE).mint();
    assert_eq!(code(verifier.verify(&bearer).await), "accepted");
    let proof = world.holder.proof("GET", URL).with_token(&bearer).mint();
    let verdict = ask(&verifier, &[("authorization", &dpop(&bearer)), ("dpop", &proof)]).await;
    assert_eq!(code(verdict), "token_not_bound");
}

#[tokio::test]
async fn a_public_url_that_is_none_is_refused_when_the_verifier_is_built() {
    let issuer = TestIssuer::new(ISSUER);
    for url in ["payments.example", "", "https://payments.example?x=1", "ftp://payments.example"] {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).dpop(Dpop::at(url));
        let refused = builder.build_with(issuer.jwk_set()).err();
        assert!(matches!(refused, Some(BuildError::PublicUrl)), "{url}");
    }
}

#[tokio::test]
async fn j27_no_other_kind_of_token_is_a_proof_and_a_proof_is_no_other_kind_of_token() {
    let world = World::new();
    let issuer = &world.issuer;
    let kinds = [
        world.token.clone(),
        issuer.user_token("ada", "web").audience(AUDIENCE).mint(),
        issuer.id_token("ada", "web").mint(),
        issuer.logout_token("ada", "web").mint(),
    ];
    for kind in kinds {
        let refused = world.present_text(&kind).await.unwrap_err();
        assert!(refused.code().starts_with("proof_"), "{}", refused.code());
    }
    let proof = world.good().mint();
    let client = issuer.relying_party("web");
    let request = countersign_verifier::AuthenticationRequest::new();
    assert_eq!(code(world.verifier.verify(&proof).await), "wrong_type");
    assert_eq!(code(client.verify_id_token(&proof, &request).await), "wrong_type");
    assert_eq!(code(client.verify_logout_token(&proof).await), "wrong_type");
    let as_both =
        world.good().claim("iss", ISSUER).claim("aud", AUDIENCE).claim("sub", "ada").mint();
    assert_eq!(code(world.verifier.verify(&as_both).await), "wrong_type");
}
