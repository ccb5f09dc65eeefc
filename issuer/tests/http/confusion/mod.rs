//! J27, row 23 of the attack list, at the issuer: every kind of token, assertion, proof and object at every door of it. Each is
//! good where it belongs and signed by the right key; one key of the client signs all that a client signs. Each opens the
//! doors that stand beside it in the table, and no other (RFC 8725 §3.11, §3.12).

mod doors;
mod makers;
mod world;

use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::jwe::DecryptionKeys;
use countersign_verifier::testing::TestClock;
use countersign_verifier::{AuthenticationRequest, RelyingParty, Verifier};
use serde_json::json;

use crate::exchange::ORDERS;
use crate::harness::START;
use doors::Door;
use makers::Kind;
use world::{LEDGER, World};

/// What each kind opens here. The last ones are for somebody else to take: a resource, a client.
const TABLE: [(Kind, &[Door]); 35] = [
    (Kind::AppToken, &[Door::SubjectToken, Door::Gateway, Door::Introspection]),
    // Nobody acts for itself; it only shows who the client is.
    (Kind::OwnAppToken, &[Door::ActorToken, Door::Gateway, Door::Introspection]),
    (Kind::UserToken, &[Door::SubjectToken, Door::Gateway, Door::Introspection]),
    (Kind::AssertedToken, &[Door::SubjectToken, Door::Gateway, Door::Introspection]),
    (Kind::ExchangedToken, &[Door::SubjectToken, Door::Gateway, Door::Introspection]),
    (Kind::FeedToken, &[Door::Feed]),
    (Kind::ReceiverToken, &[Door::Streams]),
    // A certificate that nothing is bound to is no obstacle.
    (Kind::UserInfoToken, &[Door::Bearer, Door::BearerWithCertificate]),
    (Kind::UserInfoTokenOfKey, &[Door::Dpop]),
    (Kind::UserInfoTokenOfCertificate, &[Door::BearerWithCertificate]),
    (Kind::IdToken, &[Door::HintAtAuthorize, Door::HintAtLogout]),
    (Kind::ClientAssertion, &[Door::ClientAssertion]),
    (Kind::TypedClientAssertion, &[Door::ClientAssertion]),
    (Kind::UserAssertion, &[Door::Assertion, Door::SubjectJwt]),
    (Kind::WorkloadToken, &[Door::WorkloadAssertion]),
    // No specification tells it from the token of a workload, which is an ID token at GitHub and GitLab: a rule of the client
    // for this very subject, and the audience, are what it takes.
    (Kind::WorkloadIdToken, &[Door::WorkloadAssertion]),
    (Kind::RequestObject, &[Door::RequestAtAuthorize, Door::RequestAtPar]),
    // OpenID Connect Core §6.1 has no type for it: `client_id` and the absence of `sub` tell it from assertions.
    (Kind::UntypedRequestObject, &[Door::RequestAtAuthorize, Door::RequestAtPar]),
    (Kind::ProofForToken, &[Door::ProofAtToken]),
    (Kind::ProofForUserInfo, &[Door::ProofAtUserInfo]),
    (Kind::Code, &[Door::Code]),
    (Kind::RefreshToken, &[Door::RefreshToken]),
    (Kind::DeviceCode, &[Door::DeviceCode]),
    // What it is bound to stands in the answer.
    (Kind::AppTokenOfKey, &[Door::Introspection]),
    (Kind::UserTokenOfCertificate, &[Door::Introspection]),
    (Kind::EncryptedToken, &[]),
    (Kind::LogoutToken, &[]),
    (Kind::UserInfoAnswer, &[]),
    (Kind::SecurityEvent, &[]),
    (Kind::FeedMessage, &[]),
    (Kind::IntrospectionAnswer, &[]),
    (Kind::StatusList, &[]),
    (Kind::UserAssertionOfAnother, &[]),
    (Kind::WorkloadAccessToken, &[]),
    (Kind::WorkloadSecurityEvent, &[]),
];

#[tokio::test]
async fn j27_every_kind_opens_its_own_doors_of_the_issuer_and_no_other() {
    let (issuer, cluster) = world::issuer().await;
    let world = World::furnish(&issuer, cluster).await;
    let mut wrong = Vec::new();

    for (kind, own) in TABLE {
        for door in Door::ALL {
            let answer = world.knock(door, &world.mint(kind).await).await;
            let is_expected =
                if own.contains(&door) { answer.is_open() } else { answer.is_refused_by(door) };
            if !is_expected {
                wrong.push(format!("{kind:?} at {door:?}: {answer:?}"));
            }
        }
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
    let is_opened = |door: &Door| TABLE.iter().any(|(_, own)| own.contains(door));
    let never: Vec<Door> = Door::ALL.into_iter().filter(|door| !is_opened(door)).collect();
    assert_eq!(never, [Door::SubjectIdToken, Door::ActorJwt], "what is not offered");
}

#[tokio::test]
async fn what_opens_nothing_here_is_good_where_it_belongs() {
    let (issuer, cluster) = world::issuer().await;
    let world = World::furnish(&issuer, cluster).await;
    let (keys, _) =
        JwkSet::parse(issuer.get("/jwks").await.body.as_bytes(), &[Algorithm::Es256]).unwrap();
    let service = |audience: &str| {
        Verifier::builder("https://issuer.example").audience(audience).clock(TestClock::at(START))
    };

    let encrypted = world.mint(Kind::EncryptedToken).await;
    let logout = world.mint(Kind::LogoutToken).await;
    let id_token = world.mint(Kind::IdToken).await;
    let user_token = world.mint(Kind::UserToken).await;

    let client = RelyingParty::builder("https://issuer.example", "web")
        .clock(TestClock::at(START))
        .build_with(keys.clone())
        .unwrap();
    assert!(client.verify_logout_token(&logout).await.is_ok());
    let request = AuthenticationRequest::new().nonce("n1");
    assert!(client.verify_id_token(&id_token, &request).await.is_ok());
    let orders = service(ORDERS).build_with(keys.clone()).unwrap();
    assert!(orders.try_verify(&user_token).is_ok());
    let ledger = service(LEDGER).decryption_keys(DecryptionKeys::new([world.ledger]));
    assert!(ledger.build_with(keys).unwrap().try_verify(&encrypted).is_ok());
}

#[tokio::test]
async fn a_jti_is_good_once_for_all_assertions_of_a_client_together() {
    let (issuer, cluster) = world::issuer().await;
    let world = World::furnish(&issuer, cluster).await;
    let both = |jti: &str| {
        let mut about = world.assertion_about("web");
        about["jti"] = jti.into();
        let client = world.sign("JWT", &about);
        about["sub"] = "ada".into();
        (client, world.sign("JWT", &about))
    };

    let (client, user) = both("one");
    let first = world.knock(Door::ClientAssertion, &client).await;
    let then = world.knock(Door::Assertion, &user).await;
    let (client, user) = both("two");
    let reversed = world.knock(Door::Assertion, &user).await;
    let last = world.knock(Door::ClientAssertion, &client).await;

    assert!(first.is_open() && reversed.is_open());
    assert!(then.is_refused_by(Door::Assertion) && last.is_refused_by(Door::ClientAssertion));
}

#[tokio::test]
async fn what_is_both_an_assertion_and_a_request_object_is_no_request_object() {
    let (issuer, cluster) = world::issuer().await;
    let world = World::furnish(&issuer, cluster).await;
    let both = |sub: &str| {
        let mut claims = world.request();
        claims["sub"] = sub.into();
        claims["exp"] = json!(START + 60);
        world.sign("JWT", &claims)
    };

    // RFC 9101 §10.8: the `sub` of a client assertion, or the `client_id` of a request object, decides.
    for door in [Door::RequestAtAuthorize, Door::RequestAtPar, Door::Assertion, Door::SubjectJwt] {
        assert!(world.knock(door, &both("web")).await.is_refused_by(door), "{door:?}");
    }
    for door in [Door::Assertion, Door::SubjectJwt, Door::ClientAssertion] {
        assert!(world.knock(door, &both("ada")).await.is_refused_by(door), "{door:?}");
    }
}
