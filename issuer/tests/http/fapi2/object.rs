//! Request objects of clients that are held to the profile: signed with its algorithms alone, also where the keys are
//! published elsewhere and where nobody is told of the profile but the issuer.

use countersign::registry::{Client, ClientKeys};
use countersign_keys::jws::sign_compact;
use countersign_keys::{Algorithm, SigningKey};
use serde_json::json;

use super::assertion::generated;
use super::world::{loopback, published};
use super::{ISSUER, Way, World, refused};
use crate::harness::START;
use crate::people::{CALLBACK, challenge};

fn object(key: &SigningKey) -> String {
    let claims = json!({
        "iss": "bank", "aud": ISSUER, "client_id": "bank", "nbf": START, "exp": START + 60,
        "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid",
        "code_challenge": challenge(), "code_challenge_method": "S256",
    });
    sign_compact(key, "oauth-authz-req+jwt", claims.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_request_object_is_signed_with_the_algorithms_of_the_profile_alone() {
    let world = World::with(Way::ALL[0], |config| config.fapi2 = true, |_, _| {}).await;

    let good = world.ask("bank", "/par").with("request", &object(&world.key)).send().await;
    let weak = world.ask("bank", "/par").with("request", &object(&world.weak)).send().await;

    assert_eq!(good.status, 201, "{}", good.body);
    assert_eq!(weak.error(), refused(400, "invalid_request_object"));
}

#[tokio::test]
async fn an_object_by_a_weak_key_that_is_published_elsewhere_is_refused() {
    let keys = [Algorithm::Es256, Algorithm::Rs256].map(generated);
    let uri = published(&[&keys[0], &keys[1]]).await;
    let keyed = |client: &mut Client, _: &mut _| client.keys = ClientKeys::Uri(uri.clone());
    let mut world = World::with(Way::ALL[0], loopback, keyed).await;
    let [good, weak] = keys;
    let (good_object, weak_object) = (object(&good), object(&weak));
    world.key = good;

    let good = world.ask("bank", "/par").with("request", &good_object).send().await;
    let weak = world.ask("bank", "/par").with("request", &weak_object).send().await;

    assert_eq!(good.status, 201, "{}", good.body);
    assert_eq!(weak.error(), refused(400, "invalid_request_object"));
}
