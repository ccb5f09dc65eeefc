//! The Basic plan: the whole code flow, what is signed and how, and the ways of a client to say who it is.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::{AuthenticationRequest, Keys, RelyingParty};
use serde_json::Value;

use super::{CALLBACK, ISSUER, Mode, Plan, code_parameters, posted, register};
use crate::people::{callback, payload};

/// A client that believes nothing.
async fn client(plan: &Plan, id: &str) -> RelyingParty {
    let keys = plan.issuer.get("/jwks").await.body;
    let known = [Algorithm::Es256, Algorithm::Rs256];
    let (keys, _) = JwkSet::parse(keys.as_bytes(), &known).unwrap();
    let builder = RelyingParty::builder(ISSUER, id).keys(Keys::Fixed(keys));
    builder.clock(plan.issuer.clock.clone()).build().await.unwrap()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    assert!(value[member].is_string(), "{member} is missing in {value}");
    value[member].as_str().unwrap()
}

#[tokio::test]
async fn b01_server() {
    for mode in [Mode::Default, Mode::FormPost] {
        let plan = Plan::of_a_default_configuration(mode).await;
        let second = register(&plan.issuer, "second").await;
        let browser = plan.browser();

        let tokens = plan.tokens(&browser, &[]).await;
        let answer = browser.authorize("second", &plan.with(&[])).await;
        let code = plan.received(&answer)["code"].clone();
        let others = plan.token_by(("second", &second), &code_parameters(&code)).await.json();

        for (id, tokens) in [("first", &tokens), ("second", &others)] {
            assert_eq!(text(tokens, "token_type"), "Bearer");
            assert!(tokens["expires_in"].is_u64());
            let (id_token, access_token) = (text(tokens, "id_token"), text(tokens, "access_token"));
            let request = AuthenticationRequest::new().nonce("n1").access_token(access_token);
            let verified = client(&plan, id).await.verify_id_token(id_token, &request).await;
            let claims = payload(&tokens["id_token"]);
            assert_eq!(verified.unwrap().subject(), text(&claims, "sub"));
            assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
            // Nobody asked for it.
            assert!(claims.get("name").is_none());
            assert_eq!(plan.userinfo(tokens).await.json()["sub"], claims["sub"]);
        }
        assert_eq!(payload(&tokens["id_token"])["sub"], payload(&others["id_token"])["sub"]);
    }
}

#[tokio::test]
async fn b01_server_codes_cannot_be_guessed() {
    for plan in Plan::in_each_mode().await {
        let (browser, _) = plan.signed_in().await;
        let mut codes = BTreeSet::new();
        for _ in 0..50 {
            codes.insert(plan.response(&browser, &[]).await["code"].clone());
        }

        assert_eq!(codes.len(), 50);
        for code in &codes {
            let bytes = URL_SAFE_NO_PAD.decode(code).expect("the alphabet of RFC 4648 §5");
            // What is the same in all of them is no secret: at least 96 bits of each must differ from each other.
            for other in codes.iter().filter(|other| *other != code) {
                let other = URL_SAFE_NO_PAD.decode(other).unwrap();
                let differing: u32 =
                    bytes.iter().zip(&other).map(|(one, two)| (one ^ two).count_ones()).sum();
                assert!(differing > 96, "two codes differ in {differing} bits");
            }
        }
    }
}

#[tokio::test]
async fn b03_idtoken_signature() {
    for mode in [Mode::Default, Mode::FormPost] {
        let plan = Plan::of_a_default_configuration(mode).await;

        let (_, tokens) = plan.signed_in().await;

        let header: Value = serde_json::from_slice(
            &URL_SAFE_NO_PAD.decode(text(&tokens, "id_token").split('.').next().unwrap()).unwrap(),
        )
        .unwrap();
        assert_eq!(text(&header, "alg"), "RS256");
        let set = plan.issuer.get("/jwks").await.json();
        let named = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]);
        assert_eq!(text(named.unwrap(), "kty"), "RSA");
    }
}

#[tokio::test]
async fn b14_alternate_happy_flow() {
    for plan in Plan::in_each_mode().await {
        let (browser, _) = plan.signed_in().await;
        let challenge = crate::people::challenge();
        let mut parameters = vec![
            ("code_challenge_method", "S256"),
            ("code_challenge", challenge.as_str()),
            ("nonce", "n1"),
            ("state", "s1"),
            ("scope", "email profile openid"),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("client_id", "first"),
        ];
        if plan.mode == Mode::FormPost {
            parameters.insert(0, ("response_mode", "form_post"));
        }

        let answer =
            browser.get(&format!("/authorize?{}", crate::harness::form(&parameters))).await;
        let tokens = plan.exchange(&plan.received(&answer)["code"]).await.json();

        assert_eq!(plan.userinfo(&tokens).await.json()["email"], "ada@example.com");
    }
}

#[tokio::test]
async fn b32_server_client_secret_post() {
    for plan in Plan::in_each_mode().await {
        let browser = plan.browser();
        let code = plan.response(&browser, &[]).await["code"].clone();

        let tokens = plan.issuer.redeem("first", &plan.secret, &code).await;

        assert_eq!(tokens.status, 200, "{}", tokens.body);
    }
}

#[tokio::test]
async fn b38_ensure_request_with_valid_pkce_succeeds() {
    for plan in Plan::in_each_mode().await {
        let code = plan.response(&plan.browser(), &[]).await["code"].clone();

        // With the verifier, whose challenge was sent.
        assert_eq!(plan.exchange(&code).await.status, 200);
    }
}

#[tokio::test]
async fn formpost_every_parameter_is_in_the_body_and_none_in_the_address() {
    let plan = Plan::new(Mode::FormPost).await;
    let (browser, _) = plan.signed_in().await;

    let answer = plan.authorize(&browser, &[]).await;
    let refused = browser.authorize("first", &plan.with(&[("scope", "a\"b")])).await;

    let names: Vec<String> = posted(&answer).into_keys().collect();
    assert_eq!(names, ["code", "iss", "state"]);
    let names: Vec<String> = posted(&refused).into_keys().collect();
    assert_eq!(names, ["error", "error_description", "iss", "state"]);
    for answer in [&answer, &refused] {
        assert_eq!(answer.header("location"), "");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("form-action 'self' https://web.example"), "{policy}");
    }
    // And without the parameter it is a redirect.
    assert!(callback(&browser.authorize("first", &[]).await).contains_key("code"));
}
