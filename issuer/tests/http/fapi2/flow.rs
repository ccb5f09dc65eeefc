//! The whole flow as it should be, and what may differ in it (F01 to F10).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::registry::ConsentPolicy;
use serde_json::{Value, json};

use super::{BOTH, Constraint, ISSUER, Way, World};
use crate::people::{Browser, PASSWORD, callback, hidden, payload};

#[tokio::test]
async fn f01_discovery_offers_what_the_profile_asks_for() {
    let world = World::with(Way::ALL[0], |config| config.fapi2 = true, |_, _| {}).await;

    let metadata = world.issuer.get("/.well-known/openid-configuration").await.json();

    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["pushed_authorization_request_endpoint"], format!("{ISSUER}/par"));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    let lists = metadata.as_object().unwrap().iter();
    let lists = lists.filter(|(name, _)| name.ends_with("signing_alg_values_supported"));
    let allowed = ["PS256", "ES256", "EdDSA", "Ed25519"];
    let mut count = 0;
    for (name, list) in lists {
        let names: Vec<&str> = list.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(!names.is_empty() && names.iter().all(|alg| allowed.contains(alg)), "{name}");
        count += 1;
    }
    assert_eq!(count, 6, "for ID tokens, UserInfo, assertions, objects, proofs and introspection");
}

#[tokio::test]
async fn f02_two_clients_get_bound_tokens_in_each_way() {
    for world in World::each().await {
        for (client, _) in BOTH {
            let back = world.come_back(world.push(client)).await;
            let tokens = world.redeem(client, &back["code"]).send().await;

            assert_eq!((back["iss"].as_str(), back["state"].as_str()), (ISSUER, "s1"));
            assert_eq!(tokens.status, 200, "{:?}: {}", world.way, tokens.body);
            let (kind, cnf) = match world.way.constraint {
                Constraint::Dpop => ("DPoP", json!({ "jkt": world.holder.jkt() })),
                Constraint::Certificate => {
                    ("Bearer", json!({ "x5t#S256": world.certificate(client).shown.x5t_s256() }))
                }
            };
            let body = tokens.json();
            assert_eq!((&body["token_type"], &tokens.claims()["cnf"]), (&json!(kind), &cnf));
            let header = body["id_token"].as_str().unwrap().split('.').next().unwrap();
            let header: Value =
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
            assert_eq!(header["alg"], "ES256");
            assert_eq!(payload(&body["id_token"])["nonce"], "n1");
        }
    }
}

#[tokio::test]
async fn f02_a_client_speaks_for_itself_in_each_way() {
    for way in Way::ALL {
        let grant = || "client_credentials".to_owned();
        let world = World::with(way, |_| {}, |client, _| client.grants.push(grant())).await;

        let answer = world.ask("bank", "/token").with("grant_type", &grant()).send().await;

        assert_eq!(answer.status, 200, "{way:?}: {}", answer.body);
        assert_eq!(
            (&answer.claims()["idtyp"], &answer.claims()["sub"]),
            (&json!("app"), &json!("bank"))
        );
        assert!(answer.claims()["cnf"].is_object());
    }
}

#[tokio::test]
async fn f03_a_user_who_refuses_is_access_denied_by_redirect() {
    let ask = |_: &mut _, sign_in: &mut countersign::registry::SignIn| {
        sign_in.consent = ConsentPolicy::Ask;
    };
    let world = World::with(Way::ALL[0], |_| {}, ask).await;
    let pushed = world.push("bank").request_uri().await;
    let browser = Browser::new(&world.issuer);
    let login = browser.get(&World::path("bank", &pushed)).await;
    let consent = browser.log_in(&login, "ada", PASSWORD).await;
    let (csrf, rest) = (hidden(&consent, "csrf"), hidden(&consent, "continue"));

    let fields = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", "refuse")];
    let told = callback(&browser.post("/consent", &fields).await);

    assert_eq!((told["error"].as_str(), told["state"].as_str()), ("access_denied", "s1"));
    assert_eq!(told["iss"], ISSUER);
}

#[tokio::test]
async fn f04_the_order_of_scopes_does_not_matter() {
    let world = World::new().await;

    let code = world.come_back(world.push("bank").with("scope", "profile openid")).await;
    let tokens = world.redeem("bank", &code["code"]).send().await.json();

    assert!(tokens["id_token"].is_string());
}

#[tokio::test]
async fn f05_without_state_none_comes_back_and_no_hash_of_one() {
    let world = World::new().await;

    let back = world.come_back(world.push("bank").with("state", "")).await;
    let tokens = world.redeem("bank", &back["code"]).send().await.json();

    assert!(!back.contains_key("state"));
    assert!(payload(&tokens["id_token"]).get("s_hash").is_none());
}

#[tokio::test]
async fn f06_without_nonce_the_id_token_has_none() {
    let world = World::new().await;

    let back = world.come_back(world.push("bank").with("nonce", "")).await;
    let tokens = world.redeem("bank", &back["code"]).send().await.json();

    assert!(payload(&tokens["id_token"]).get("nonce").is_none());
}

#[tokio::test]
async fn f07_a_nonce_of_64_or_384_characters_comes_back_whole() {
    let world = World::new().await;
    for length in [64, 384] {
        let nonce = "n".repeat(length);

        let back = world.come_back(world.push("bank").with("nonce", &nonce)).await;
        let tokens = world.redeem("bank", &back["code"]).send().await.json();

        assert_eq!(payload(&tokens["id_token"])["nonce"], nonce);
    }
}

#[tokio::test]
async fn f08_a_long_state_comes_back_whole() {
    let world = World::new().await;
    for length in [64, 384] {
        let state = "s".repeat(length);

        let back = world.come_back(world.push("bank").with("state", &state)).await;

        assert_eq!(back["state"], state);
    }
}

#[tokio::test]
async fn f09_claims_about_the_user_are_asked_for_by_name() {
    let world = World::new().await;
    let claims = json!({ "id_token": { "name": { "essential": true } } }).to_string();

    let push = world.push("bank").with("scope", "openid").with("claims", &claims);
    let back = world.come_back(push).await;
    let tokens = world.redeem("bank", &back["code"]).send().await.json();

    assert_eq!(payload(&tokens["id_token"])["name"], "Ada Lovelace");
}

#[tokio::test]
async fn f10_the_type_of_a_token_is_the_same_in_each_case() {
    for world in [World::of(Way::ALL[0]).await, World::of(Way::ALL[1]).await] {
        let tokens = world.tokens("bank").await.json();
        let token = tokens["access_token"].as_str().unwrap();
        let is_dpop = world.way.constraint == Constraint::Dpop;
        let spellings =
            if is_dpop { ["DPoP", "dpop", "DPOP"] } else { ["Bearer", "bearer", "BEARER"] };

        for spelling in spellings {
            let proof = crate::dpop::proof(&world.issuer, &world.holder, ("GET", "/userinfo"));
            let proof = proof.with_token(token).mint();
            let proofs = if is_dpop { vec![("dpop", proof.as_str())] } else { Vec::new() };
            let told = world.userinfo(&format!("{spelling} {token}"), &proofs).await;
            assert_eq!(told.status, 200, "{spelling}: {}", told.body);
        }
    }
}
