//! J27, row 23 of the attack list: every kind of token at every door. Each opens its own and no other, although all
//! are signed by the same issuer with the same key, for the same recipient.

use countersign_keys::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use countersign_verifier::binding::{ClientCertificate, Dpop};
use countersign_verifier::credential::Carriers;
use countersign_verifier::jwe::DecryptionKeys;
use countersign_verifier::testing::{LOGOUT_EVENT, TestClock, TestHolder, TestIssuer, TestToken};
use countersign_verifier::{AuthenticationRequest, Profile, RelyingParty, Verifier, compat};
use http::Request;
use serde_json::json;

use crate::{CLIENT, ISSUER, NOW};

const CLIENT_URL: &str = "https://web.example";

/// The doors: access token, ID token, logout token.
const DOORS: [&str; 3] = ["access token", "ID token", "logout token"];

/// Which of the doors a token opens, with the client being a resource of the same name.
async fn opened_by(token: &TestToken<'_>) -> Vec<&'static str> {
    let issuer = token.issuer();
    let at = (&issuer.verifier(CLIENT), &issuer.relying_party(CLIENT));
    opened_at(at, &token.mint()).await
}

async fn opened_at(
    (verifier, client): (&Verifier, &RelyingParty),
    token: &str,
) -> Vec<&'static str> {
    let verdicts = [
        verifier.verify(token).await.is_ok(),
        client.verify_id_token(token, &AuthenticationRequest::new()).await.is_ok(),
        client.verify_logout_token(token).await.is_ok(),
    ];
    DOORS.into_iter().zip(verdicts).filter(|(_, opened)| *opened).map(|(door, _)| door).collect()
}

#[tokio::test]
async fn j27_omegapoint_haapi_every_kind_of_token_opens_its_own_door_and_no_other() {
    let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
    let typed = |typ: &str| issuer.id_token("ada", CLIENT).header("typ", typ);
    let app = || issuer.app_token("orders").audience(CLIENT);
    let exchanged = issuer.user_token("ada", "web").audience(CLIENT).acted_by("orders");
    let (holder, certificate) = (TestHolder::new(), ClientCertificate::from_der(vec![48, 0]));
    let workload = typed("JWT").claim("kubernetes.io", json!({ "namespace": "shop" }));
    let none: [&str; 0] = [];
    let rows: Vec<(&str, TestToken<'_>, &[&str])> = vec![
        ("app token", app(), &["access token"]),
        ("user token", issuer.user_token("ada", "web").audience(CLIENT), &["access token"]),
        ("exchanged token", exchanged, &["access token"]),
        // A route says whether it takes them.
        ("asserted token", issuer.app_asserted_token("ada", "batch").audience(CLIENT), &none),
        ("token of a key, as a bearer", app().bound_to(&holder), &none),
        ("token of a certificate, as a bearer", app().bound_to_certificate(&certificate), &none),
        ("ID token", issuer.id_token("ada", CLIENT), &["ID token"]),
        ("untyped ID token", issuer.id_token("ada", CLIENT).without_header("typ"), &["ID token"]),
        ("logout token", issuer.logout_token("ada", CLIENT), &["logout token"]),
        // What a lax issuer would call a JWT.
        ("logout token as JWT", issuer.logout_token("ada", CLIENT).header("typ", "JWT"), &none),
        ("untyped logout token", issuer.logout_token("ada", CLIENT).without_header("typ"), &none),
        ("revocation event", typed("secevent+jwt").claim("events", json!({ "x": {} })), &none),
        ("untyped event", typed("JWT").claim("events", json!({ "x": {} })), &none),
        (
            "logout event in an ID token",
            typed("JWT").claim("events", json!({ LOGOUT_EVENT: {} })),
            &none,
        ),
        ("client assertion", issuer.id_token(CLIENT, ISSUER).claim("iss", CLIENT), &none),
        ("user assertion", issuer.id_token("ada", ISSUER).claim("iss", CLIENT), &none),
        ("token of a workload", workload.claim("iss", "https://cluster.example"), &none),
        ("proof of possession", typed("dpop+jwt"), &none),
        ("request object", typed("oauth-authz-req+jwt"), &none),
        ("introspection answer", typed("token-introspection+jwt"), &none),
        ("UserInfo answer", typed("JWT").without("exp").without("iat"), &none),
        ("authorization response", typed("JWT").without("sub").claim("code", "c"), &none),
    ];

    for (name, token, doors) in rows {
        assert_eq!(opened_by(&token).await, doors, "{name}");
    }
}

#[tokio::test]
async fn j27_what_is_encrypted_opens_the_door_of_what_is_inside_and_no_other() {
    let clock = TestClock::at(NOW);
    let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
    let key = || DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let (service, client) = (key(), key());
    let to_service = |token: &TestToken<'_>| token.encrypted_to(service.encryption_key());
    let to_client = |token: &TestToken<'_>| token.encrypted_to(client.encryption_key());
    let access = issuer.app_token("orders").audience(CLIENT);
    let (id, logout) = (issuer.id_token("ada", CLIENT), issuer.logout_token("ada", CLIENT));
    let twice = |token: &TestToken<'_>| {
        let key = service.encryption_key();
        key.encrypt(&token.encrypted_to(key), ContentEncryption::A256Gcm).unwrap()
    };
    let none: [&str; 0] = [];
    let rows: Vec<(&str, String, &[&str])> = vec![
        ("access token", to_service(&access), &["access token"]),
        ("ID token", to_client(&id), &["ID token"]),
        ("logout token", to_client(&logout), &["logout token"]),
        ("access token to the client", to_client(&access), &none),
        ("ID token to the service", to_service(&id), &none),
        ("logout token to the service", to_service(&logout), &none),
        ("proof of possession", to_service(&access.clone().header("typ", "dpop+jwt")), &none),
        ("access token in a token in a token", twice(&access), &none),
    ];

    let verifier = Verifier::builder(ISSUER)
        .audience(CLIENT)
        .clock(clock.clone())
        .decryption_keys(DecryptionKeys::new([service]))
        .build_with(issuer.jwk_set())
        .unwrap();
    let party = RelyingParty::builder(ISSUER, CLIENT)
        .clock(clock)
        .decryption_keys(DecryptionKeys::new([client]))
        .build_with(issuer.jwk_set())
        .unwrap();

    for (name, token, doors) in rows {
        assert_eq!(opened_at((&verifier, &party), &token).await, doors, "{name}");
    }
}

#[tokio::test]
async fn j27_a_proof_is_no_token_and_a_token_is_no_proof() {
    let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
    let holder = TestHolder::new().clock(TestClock::at(NOW));
    let at = (&issuer.verifier(CLIENT), &issuer.relying_party(CLIENT));
    let bound = issuer.app_token("orders").audience(CLIENT).bound_to(&holder).mint();
    let dpop = Dpop::at(CLIENT_URL);
    let verifier = Verifier::builder(ISSUER)
        .audience(CLIENT)
        .clock(TestClock::at(NOW))
        .dpop(dpop)
        .build_with(issuer.jwk_set())
        .unwrap();
    let ask = async |proof: &str| {
        let request = Request::get("/cb")
            .header("authorization", format!("DPoP {bound}"))
            .header("dpop", proof);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        verifier.verify_request(&parts, &Carriers::bearer()).await.is_ok()
    };
    let proof = holder.proof("GET", &format!("{CLIENT_URL}/cb")).with_token(&bound).mint();

    for token in [
        issuer.app_token("orders").audience(CLIENT).mint(),
        bound.clone(),
        issuer.id_token("ada", CLIENT).mint(),
        issuer.logout_token("ada", CLIENT).mint(),
    ] {
        assert!(!ask(&token).await);
    }
    assert_eq!(opened_at(at, &proof).await, [""; 0]);
    assert!(ask(&proof).await);
}

#[tokio::test]
async fn j27_no_preset_for_other_issuers_lets_an_id_or_logout_token_in() {
    let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
    let presets = [
        Profile::RFC9068,
        compat::RFC9068_WITHOUT_IDTYP,
        compat::AUTH0,
        compat::ENTRA,
        compat::COGNITO,
        compat::KEYCLOAK,
    ];
    let tokens = [issuer.id_token("ada", CLIENT), issuer.logout_token("ada", CLIENT)];

    for preset in presets {
        let builder = Verifier::builder(ISSUER).audience(CLIENT).profile(preset);
        let verifier = builder.clock(TestClock::at(NOW)).build_with(issuer.jwk_set()).unwrap();
        for token in &tokens {
            for typ in ["JWT", "logout+jwt"] {
                let token = token.clone().header("typ", typ).mint();
                assert!(verifier.try_verify(&token).is_err(), "{} {typ}", preset.name());
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_shares_the_verifiers_keys_has_its_own_audience() {
    let issuer = TestIssuer::new(ISSUER);
    let verifier = issuer.verifier("https://payments.example");
    let client = verifier.relying_party(CLIENT);
    let token = issuer.id_token("ada", CLIENT).mint();
    let other = issuer.id_token("ada", "https://payments.example").mint();

    assert!(client.verify_id_token(&token, &AuthenticationRequest::new()).await.is_ok());
    assert!(client.verify_id_token(&other, &AuthenticationRequest::new()).await.is_err());
}
