//! UserInfo as a protected resource (RFC 9449 §7): a bound token comes with a proof that was made for it.

use axum::body::Body;
use countersign_verifier::testing::{TestClock, TestHolder, proof_corpus};
use http::{Request, header};

use super::{proof, token};
use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, CALLBACK, VERIFIER};

const GET: (&str, &str) = ("GET", "/userinfo");

struct World {
    issuer: Issuer,
    holder: TestHolder,
    token: String,
}

impl World {
    async fn new() -> Self {
        Self::of(Issuer::new().await).await
    }

    async fn of(issuer: Issuer) -> Self {
        issuer.user("ada").await;
        let secret = issuer.web("web", |_, _| {}).await;
        let holder = TestHolder::new().clock(TestClock::at(START));
        let code = Browser::new(&issuer).code("web", &[]).await;
        let parameters = [
            ("grant_type", "authorization_code"),
            ("client_id", "web"),
            ("client_secret", secret.as_str()),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let answer = token(&issuer, Some(&holder), &parameters).await;
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Self { issuer, holder, token }
    }

    async fn ask(&self, scheme: &str, proofs: &[&str]) -> Answer {
        let request = Request::get("/userinfo")
            .header(header::AUTHORIZATION, format!("{scheme} {}", self.token));
        let request = proofs.iter().fold(request, |request, proof| request.header("dpop", *proof));
        self.issuer.send(request.body(Body::empty()).unwrap()).await
    }
}

fn challenges(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
    all.map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_bound_token_with_its_proof_opens_and_each_proof_is_good_once() {
    let world = World::new().await;
    let good = proof(&world.issuer, &world.holder, GET).with_token(&world.token).mint();

    let told = world.ask("dpop", &[&good]).await;
    let again = world.ask("DPoP", &[&good]).await;

    assert_eq!(told.status, 200, "{}", told.body);
    assert!(told.json()["sub"].is_string());
    assert_eq!(again.error(), (401, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn every_proof_that_is_wrong_is_401_with_a_challenge_and_then_a_good_one_passes() {
    let world = World::new().await;
    let good = proof(&world.issuer, &world.holder, GET).with_token(&world.token);

    for hostile in proof_corpus(&good, &TestHolder::new()) {
        let answer = world.ask("DPoP", &[&hostile.token]).await;
        assert_eq!(answer.error(), (401, "invalid_dpop_proof".to_owned()), "{}", hostile.name);
        let challenges = challenges(&answer);
        assert_eq!(challenges.len(), 1, "{}", hostile.name);
        assert!(challenges[0].starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenges:?}");
        assert!(challenges[0].contains("algs=\"ES256 "), "{challenges:?}");
    }
    let two = [good.mint(), good.clone().claim("jti", "other").mint()];
    assert_eq!(world.ask("DPoP", &[&two[0], &two[1]]).await.status, 401);
    assert_eq!(world.ask("DPoP", &[]).await.status, 401);
    assert_eq!(world.ask("DPoP", &[&good.mint()]).await.status, 200);
}

#[tokio::test]
async fn r29_a_bound_token_is_never_a_bearer_token_and_a_bearer_token_is_not_made_better() {
    let world = World::new().await;
    let good = || proof(&world.issuer, &world.holder, GET).with_token(&world.token).mint();

    let bearer = world.ask("Bearer", &[]).await;
    let with_proof = world.ask("Bearer", &[&good()]).await;
    let form = format!("access_token={}", world.token);
    let request = Request::post("/userinfo")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form));
    let posted = world.issuer.send(request.unwrap()).await;

    for answer in [&bearer, &with_proof, &posted] {
        assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
        let challenges = challenges(answer);
        assert!(challenges[0].starts_with("Bearer realm="), "{challenges:?}");
        assert!(challenges[1].starts_with("DPoP algs="), "{challenges:?}");
    }
    let secret = world.issuer.web("other", |_, _| {}).await;
    let code = Browser::new(&world.issuer).code("other", &[]).await;
    let plain = world.issuer.redeem("other", &secret, &code).await.json();
    let plain = World { token: plain["access_token"].as_str().unwrap().to_owned(), ..world };
    let proof = proof(&plain.issuer, &plain.holder, GET).with_token(&plain.token).mint();
    assert_eq!(plain.ask("DPoP", &[&proof]).await.error().1, "invalid_token");
    assert_eq!(plain.ask("Bearer", &[]).await.status, 200);
}

#[tokio::test]
async fn a_nonce_that_is_not_ours_is_401_with_one_that_is() {
    let world = World::new().await;
    let with = |nonce: &str| {
        let proof = proof(&world.issuer, &world.holder, GET).with_token(&world.token);
        proof.claim("nonce", nonce).mint()
    };

    let asked = world.ask("DPoP", &[&with("made-up")]).await;
    let nonce = asked.header("dpop-nonce").to_owned();

    assert_eq!(asked.error(), (401, "use_dpop_nonce".to_owned()));
    assert!(challenges(&asked)[0].starts_with("DPoP error=\"use_dpop_nonce\""));
    assert_eq!(world.ask("DPoP", &[&with(&nonce)]).await.status, 200);
}
