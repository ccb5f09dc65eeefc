//! J27, row 23 of the attack list: every kind of token at every door. Each opens its own and no other, although all
//! are signed by the same issuer with the same key, for the same recipient.

use countersign_verifier::testing::{LOGOUT_EVENT, TestClock, TestIssuer, TestToken};
use countersign_verifier::{AuthenticationRequest, Profile, Verifier, compat};
use serde_json::json;

use crate::{CLIENT, ISSUER, NOW};

/// The doors: access token, ID token, logout token.
const DOORS: [&str; 3] = ["access token", "ID token", "logout token"];

/// Which of the doors a token opens, with the client being a resource of the same name.
async fn opened_by(token: &TestToken<'_>) -> Vec<&'static str> {
    let issuer = token.issuer();
    let (verifier, client) = (issuer.verifier(CLIENT), issuer.relying_party(CLIENT));
    let token = token.mint();
    let verdicts = [
        verifier.verify(&token).await.is_ok(),
        client.verify_id_token(&token, &AuthenticationRequest::new()).await.is_ok(),
        client.verify_logout_token(&token).await.is_ok(),
    ];
    DOORS.into_iter().zip(verdicts).filter(|(_, opened)| *opened).map(|(door, _)| door).collect()
}

#[tokio::test]
async fn j27_omegapoint_haapi_every_kind_of_token_opens_its_own_door_and_no_other() {
    let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
    let typed = |typ: &str| issuer.id_token("ada", CLIENT).header("typ", typ);
    let none: [&str; 0] = [];
    let rows: Vec<(&str, TestToken<'_>, &[&str])> = vec![
        ("app token", issuer.app_token("orders").audience(CLIENT), &["access token"]),
        ("user token", issuer.user_token("ada", "web").audience(CLIENT), &["access token"]),
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
