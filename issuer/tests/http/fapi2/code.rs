//! Code challenges and codes (F30 to F36).

use super::{World, refused};
use crate::people::{VERIFIER, challenge};

#[tokio::test]
async fn f30_a_push_without_a_code_challenge_is_refused() {
    let world = World::new().await;

    let push = world.push("bank").with("code_challenge", "").with("code_challenge_method", "");

    assert_eq!(push.send().await.error(), refused(400, "invalid_request"));
}

#[tokio::test]
async fn f31_plain_is_refused() {
    let world = World::new().await;
    for method in ["plain", ""] {
        let push = world.push("bank").with("code_challenge_method", method);
        let push = push.with("code_challenge", VERIFIER);
        assert_eq!(push.send().await.error(), refused(400, "invalid_request"), "{method}");
    }
}

#[tokio::test]
async fn f32_a_code_without_its_verifier_is_refused() {
    let world = World::new().await;
    let code = world.code("bank").await;

    let answer = world.redeem("bank", &code).with("code_verifier", "").send().await;

    assert_eq!(answer.error(), refused(400, "invalid_grant"));
}

#[tokio::test]
async fn f33_a_wrong_verifier_is_invalid_grant() {
    let world = World::new().await;
    let code = world.code("bank").await;
    for verifier in [challenge(), "x".repeat(43)] {
        let answer = world.redeem("bank", &code).with("code_verifier", &verifier).send().await;
        assert_eq!(answer.error(), refused(400, "invalid_grant"));
    }
    assert_eq!(world.redeem("bank", &code).send().await.status, 200);
}

#[tokio::test]
async fn f34_a_code_is_for_its_client() {
    for world in World::each().await {
        let code = world.code("bank").await;

        let stolen = world.redeem("broker", &code).send().await;

        assert_eq!(stolen.error(), refused(400, "invalid_grant"), "{:?}", world.way);
        assert_eq!(world.redeem("bank", &code).send().await.status, 200);
    }
}

#[tokio::test]
async fn f35_a_code_that_comes_again_after_a_second_takes_back_what_it_gave() {
    for world in World::each().await {
        let code = world.code("bank").await;
        let first = world.redeem("bank", &code).send().await.json();

        world.later(1).await;
        let again = world.redeem("bank", &code).send().await;

        assert_eq!(again.error(), refused(400, "invalid_grant"), "{:?}", world.way);
        let refresh_token = first["refresh_token"].as_str().unwrap();
        let refreshed = world.refresh("bank", refresh_token).send().await;
        assert_eq!(refreshed.error(), refused(400, "invalid_grant"));
        let token = first["access_token"].as_str().unwrap();
        let proof = crate::dpop::proof(&world.issuer, &world.holder, ("GET", "/userinfo"));
        let proof = proof.with_token(token).mint();
        let told = match first["token_type"].as_str().unwrap() {
            "DPoP" => world.userinfo(&format!("DPoP {token}"), &[("dpop", &proof)]).await,
            _ => world.userinfo(&format!("Bearer {token}"), &[]).await,
        };
        assert_eq!(told.error(), refused(401, "invalid_token"));
    }
}

#[tokio::test]
async fn f36_a_code_is_dead_after_a_minute() {
    let world = World::new().await;
    let (first, second) = (world.code("bank").await, world.code("bank").await);

    world.later(59).await;
    assert_eq!(world.redeem("bank", &first).send().await.status, 200);
    world.later(1).await;

    assert_eq!(world.redeem("bank", &second).send().await.error(), refused(400, "invalid_grant"));
}
