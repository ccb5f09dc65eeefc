//! `fapi2 = true` in the configuration: every client is held to the profile, whatever it is registered for.

use countersign::config::Config;
use countersign::registry::{Client, ClientAuthentication, SignIn};
use countersign::store::Actor;
use countersign_keys::Algorithm;
use countersign_verifier::testing::TestHolder;
use serde_json::json;

use super::{Way, World, refused};
use crate::dpop::proof;
use crate::harness::{Issuer, PAYMENTS, START};
use crate::log::Log;
use crate::people::{Browser, authorize_path};

fn on(config: &mut Config) {
    config.fapi2 = true;
}

fn unregistered(client: &mut Client, _: &mut SignIn) {
    client.fapi2 = false;
}

#[tokio::test]
async fn clients_that_fit_are_held_to_the_profile_without_being_registered_for_it() {
    for way in Way::ALL {
        let world = World::with(way, on, unregistered).await;

        let tokens = world.tokens("bank").await.json();
        let token = tokens["refresh_token"].as_str().unwrap();
        let again = world.refresh("bank", token).send().await.json();

        assert_eq!(again["refresh_token"], tokens["refresh_token"], "{way:?}");
        let weak = TestHolder::with_algorithm(Algorithm::Es384);
        let weak = proof(&world.issuer, &weak, ("POST", "/par")).mint();
        let pushed = world.push("bank").proofs(&[weak]).send().await;
        assert_eq!(pushed.error(), refused(400, "invalid_dpop_proof"));
    }
}

/// An issuer with clients of all kinds, which is held to the profile from its next start on.
async fn before() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    issuer.web("app", |client, _| client.auth = ClientAuthentication::None).await;
    issuer.client("batch", |_| {}).await;
    (issuer, secret)
}

#[tokio::test]
async fn clients_that_do_not_fit_get_nothing_and_the_log_says_why() {
    let (issuer, secret) = before().await;
    let tokens = issuer.redeem("web", &secret, &Browser::new(&issuer).code("web", &[]).await).await;
    let tokens = tokens.json();
    let node = issuer.node_with(on).await;
    let (log, _guard) = Log::listen();

    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let refreshed = node.refresh("web", &secret, refresh_token).await;
    let public = node.token(&[("grant_type", "refresh_token"), ("client_id", "app")]).await;
    let asked = Browser::new(&node).get(&authorize_path("web", &[])).await;

    assert_eq!(refreshed.error(), refused(401, "invalid_client"));
    assert_eq!(public.error(), refused(401, "invalid_client"));
    assert_eq!((asked.status.as_u16(), asked.header("location")), (400, ""));
    let text = log.text();
    assert!(text.contains("`web` is not a valid FAPI 2.0 client: authenticate it by"), "{text}");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let request = http::Request::get("/userinfo").header("authorization", bearer);
    let told = node.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(told.error(), refused(401, "invalid_token"), "nor does it learn of users");
    let registry = node.app.registry.load();
    let unfit: Vec<String> = registry.unfit().iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(unfit, ["app", "batch", "web"], "they are named at start");
}

#[tokio::test]
async fn no_client_that_does_not_fit_is_registered_and_one_that_is_there_can_be_put_away() {
    let (issuer, _) = before().await;
    let node = issuer.node_with(on).await;
    let (store, act) = (&node.app.store, Actor::node().at(START));
    let id = "web".parse().unwrap();
    let rename = |client: &mut Client| {
        client.name = Some("Web".to_owned());
        Ok(())
    };
    let disable = |client: &mut Client| {
        client.enabled = false;
        Ok(())
    };

    let web = store.client(&id).await.unwrap();
    let created = store.create_client(&Client { id: "new".parse().unwrap(), ..web }, &act).await;
    let renamed = store.update_client(&id, &act, rename).await;
    let disabled = store.update_client(&id, &act, disable).await;

    for refused in [created.unwrap_err(), renamed.unwrap_err()] {
        assert!(refused.to_string().contains("private_key_jwt"), "{refused}");
    }
    assert!(!disabled.unwrap().enabled);
    assert!(!store.client(&id).await.unwrap().fapi2, "the switch is not written into rows");
}

#[tokio::test]
async fn the_metadata_offer_the_methods_of_the_profile_and_no_others() {
    let strict = World::with(Way::ALL[0], on, |_, _| {}).await;
    let free = World::new().await;

    let of = async |world: &World| {
        let path = "/.well-known/openid-configuration";
        let metadata = world.issuer.get(path).await.json();
        (
            metadata["token_endpoint_auth_methods_supported"].clone(),
            metadata["require_pushed_authorization_requests"].clone(),
        )
    };

    // Whoever offers no certificates offers none of their methods: here a proxy may hand them on.
    let all = of(&free).await;
    assert!(all.0.as_array().unwrap().contains(&json!("client_secret_basic")));
    assert_eq!(all.1, false);
    let listed = of(&strict).await;
    let listed_methods = listed.0.as_array().unwrap();
    let known = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];
    assert!(listed_methods.contains(&json!("private_key_jwt")));
    assert!(
        listed_methods.iter().all(|name| known.contains(&name.as_str().unwrap())),
        "{listed:?}"
    );
    assert_eq!(listed.1, true);
}

#[tokio::test]
async fn rs256_is_offered_by_nobody_although_there_are_keys_of_it() {
    let both = |config: &mut Config| {
        on(config);
        config.keys.algorithms = vec![Algorithm::Rs256, Algorithm::Es256];
    };
    let world = World::with(Way::ALL[0], both, |client, _| {
        client.grants.push("client_credentials".to_owned());
    })
    .await;

    let metadata = world.issuer.get("/.well-known/openid-configuration").await.json();
    let tokens = world.tokens("bank").await;
    let header =
        tokens.json()["access_token"].as_str().unwrap().split('.').next().unwrap().to_owned();

    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["ES256"]));
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
    assert!(String::from_utf8(header.unwrap()).unwrap().contains("\"ES256\""));
    let ask = world.ask("bank", "/token").with("grant_type", "client_credentials");
    assert_eq!(ask.with("resource", PAYMENTS).send().await.status, 200);
}
