//! What a client must be registered for, whoever writes it; and what it may not have although it is registered.

use countersign::registry::{Client, ClientAuthentication, ClientKeys, Pkce, SignIn, fapi2};
use countersign::store::Actor;
use countersign_keys::Algorithm;

use super::{Way, World, refused};
use crate::harness::{PAYMENTS, START};

/// What the rules of the profile look at, apart from signing in.
fn bare(client: &Client) -> Client {
    Client {
        id: client.id.clone(),
        name: None,
        grants: client.grants.clone(),
        auth: client.auth,
        secrets: Vec::new(),
        keys: ClientKeys::None,
        token_endpoint_audience: client.token_endpoint_audience,
        dpop_bound_access_tokens: client.dpop_bound_access_tokens,
        fapi2: client.fapi2,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: client
            .tls_client_certificate_bound_access_tokens,
        permissions: Vec::new(),
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: None,
        enabled: true,
    }
}

#[tokio::test]
async fn a_resource_whose_tokens_are_rs256_is_out_of_reach() {
    const LEDGER: &str = "https://ledger.example";
    let rings = |config: &mut countersign::config::Config| {
        config.keys.algorithms = vec![Algorithm::Es256, Algorithm::Rs256];
    };
    let world = World::with(Way::ALL[0], rings, |client, _| {
        client.grants.push("client_credentials".to_owned());
    })
    .await;
    world.issuer.resource(LEDGER, |resource| resource.algorithm = Algorithm::Rs256).await;
    let (id, act) = ("bank".parse().unwrap(), Actor::node().at(START));
    let permit = |client: &mut Client| {
        let more = countersign::registry::Permission {
            resource: LEDGER.to_owned(),
            ..client.permissions[0].clone()
        };
        client.permissions.push(more);
        Ok(())
    };
    drop(world.issuer.app.store.update_client(&id, &act, permit).await.unwrap());
    world.issuer.follow().await;

    let ask = |resource| {
        let ask = world.ask("bank", "/token").with("grant_type", "client_credentials");
        ask.with("resource", resource).send()
    };

    assert_eq!(ask(PAYMENTS).await.status, 200);
    assert_eq!(ask(LEDGER).await.error(), refused(400, "invalid_target"));
}

#[tokio::test]
async fn a_client_that_cannot_meet_the_profile_is_not_registered_for_it() {
    type Fault = (&'static str, fn(&mut Client, &mut SignIn));
    let world = World::new().await;
    let store = &world.issuer.app.store;
    let bank = store.client(&"bank".parse().unwrap()).await.unwrap();
    let faults: [Fault; 10] = [
        ("private_key_jwt", |client, _| client.auth = ClientAuthentication::ClientSecretBasic),
        ("private_key_jwt", |client, _| client.auth = ClientAuthentication::None),
        ("private_key_jwt", |client, _| client.auth = ClientAuthentication::WorkloadIdentity),
        ("--require-dpop", |client, _| client.dpop_bound_access_tokens = false),
        ("audience", |client, _| client.token_endpoint_audience = true),
        ("push", |_, sign_in| sign_in.require_pushed_authorization_requests = false),
        ("code challenge", |_, sign_in| sign_in.pkce = Pkce::Optional),
        ("ES256", |_, sign_in| sign_in.id_token_signed_response_alg = Algorithm::Rs256),
        ("ES256", |_, sign_in| sign_in.userinfo_signed_response_alg = Some(Algorithm::Es384)),
        ("ES256", |_, sign_in| sign_in.request_object_signing_alg = Some(Algorithm::Rs256)),
    ];
    for (rule, break_it) in faults {
        let (mut client, mut sign_in) = (bare(&bank), bank.sign_in.clone().unwrap());
        assert_eq!(fapi2::check(&Client { sign_in: Some(sign_in.clone()), ..bare(&bank) }), Ok(()));
        break_it(&mut client, &mut sign_in);
        client.sign_in = Some(sign_in);
        client.id = "new".parse().unwrap();
        let written = store.create_client(&client, &Actor::node().at(START)).await;
        assert!(written.unwrap_err().to_string().contains(rule), "the store refuses it too");
        let refused = fapi2::check(&client).unwrap_err().to_string();
        assert!(refused.contains(rule), "{rule}: {refused}");
        client.fapi2 = false;
        assert_eq!(fapi2::check(&client), Ok(()));
    }
}
