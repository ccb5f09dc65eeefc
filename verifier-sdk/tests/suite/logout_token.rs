//! Logout tokens (OpenID Connect Back-Channel Logout §2.6): each claim wrong, missing or of the wrong type, and used
//! once.

use std::time::Duration;

use countersign_verifier::RelyingParty;
use countersign_verifier::key_source::BoxFuture;
use countersign_verifier::replay::{ReplayStore, ReplayStoreError};
use countersign_verifier::testing::{TestClock, TestIssuer, logout_token_corpus};

use crate::{CLIENT, ISSUER, NOW, code};

/// With the algorithms that are accepted by default.
fn client(issuer: &TestIssuer) -> RelyingParty {
    let builder = RelyingParty::builder(ISSUER, CLIENT).clock(TestClock::at(NOW));
    builder.build_with(issuer.jwk_set()).unwrap()
}

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER).clock(TestClock::at(NOW))
}

#[tokio::test]
async fn a_good_logout_token_names_a_user_a_session_or_both() {
    let issuer = issuer();
    let client = issuer.relying_party(CLIENT);
    let user = issuer.logout_token("ada", CLIENT);

    let all = client.verify_logout_token(&user.mint()).await.unwrap();
    assert_eq!((all.subject(), all.session_id(), all.issued_at()), (Some("ada"), None, NOW));

    let session = issuer.logout_token("ada", CLIENT).claim("sid", "s1");
    let both = client.verify_logout_token(&session.mint()).await.unwrap();
    assert_eq!((both.subject(), both.session_id()), (Some("ada"), Some("s1")));

    let only = issuer.logout_token("ada", CLIENT).without("sub").claim("sid", "s2");
    let only = client.verify_logout_token(&only.mint()).await.unwrap();
    assert_eq!((only.subject(), only.session_id()), (None, Some("s2")));
    assert!(!format!("{both:?}").contains("ada"));
}

#[tokio::test]
async fn every_logout_token_of_the_corpus_is_refused_with_its_code() {
    let issuer = issuer();
    let client = client(&issuer);
    let corpus = logout_token_corpus(&issuer, CLIENT);

    assert!(corpus.len() > 90, "{}", corpus.len());
    for hostile in corpus {
        let verdict = client.verify_logout_token(&hostile.token).await;
        assert_eq!(code(verdict), hostile.code, "{}", hostile.name);
    }
}

#[tokio::test]
async fn a_logout_token_is_used_once_also_in_parallel() {
    let issuer = issuer();
    let client = issuer.relying_party(CLIENT);
    let token = issuer.logout_token("ada", CLIENT).mint();

    let uses = (0..64).map(|_| {
        let (client, token) = (client.clone(), token.clone());
        tokio::spawn(async move { code(client.verify_logout_token(&token).await) })
    });
    let uses: Vec<_> = uses.collect();
    let mut accepted = 0;
    for verdict in uses {
        match verdict.await.unwrap() {
            "accepted" => accepted += 1,
            other => assert_eq!(other, "replayed"),
        }
    }

    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn a_refused_token_uses_nothing_up() {
    let issuer = issuer();
    let client = issuer.relying_party(CLIENT);
    let token = issuer.logout_token("ada", CLIENT);

    let forged = token.forged_by(&TestIssuer::new(ISSUER));
    assert_eq!(code(client.verify_logout_token(&forged).await), "invalid_signature");
    let early = token.clone().claim("nonce", "x").mint();
    assert_eq!(code(client.verify_logout_token(&early).await), "nonce_not_allowed");

    assert_eq!(code(client.verify_logout_token(&token.mint()).await), "accepted");
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
async fn a_store_that_cannot_tell_is_503_and_not_a_logout() {
    let issuer = issuer();
    let client = RelyingParty::builder(ISSUER, CLIENT)
        .replay_store(Broken)
        .clock(TestClock::at(NOW))
        .build_with(issuer.jwk_set())
        .unwrap();

    let token = issuer.logout_token("ada", CLIENT).mint();
    let refused = client.verify_logout_token(&token).await.unwrap_err();

    assert_eq!(
        (refused.status().as_u16(), refused.retry_after()),
        (503, Some(Duration::from_secs(9)))
    );
}
