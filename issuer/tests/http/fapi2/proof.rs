//! Proofs of possession at PAR and at the token endpoint (F39 to F43).

use countersign_keys::Algorithm;
use countersign_verifier::testing::TestHolder;

use super::{World, refused};
use crate::dpop::proof;
use crate::harness::START;

fn of(world: &World, holder: &TestHolder, path: &str) -> String {
    proof(&world.issuer, holder, ("POST", path)).mint()
}

#[tokio::test]
async fn f39_dpop_jkt_that_is_the_key_of_the_proof_is_good() {
    let world = World::new().await;

    let push = world.push("bank").with("dpop_jkt", &world.holder.jkt());
    let code = world.come_back(push.proofs(&[world.proof("/par")])).await["code"].clone();

    assert_eq!(world.redeem("bank", &code).send().await.status, 200);
}

#[tokio::test]
async fn f40_dpop_jkt_of_another_key_is_refused_at_par_and_at_the_token_endpoint() {
    let (world, other) = (World::new().await, TestHolder::new());

    let push = world.push("bank").with("dpop_jkt", &other.jkt());
    let pushed = push.proofs(&[world.proof("/par")]).send().await;
    let code = world.come_back(world.push("bank").with("dpop_jkt", &other.jkt())).await;
    let redeemed = world.redeem("bank", &code["code"]).send().await;

    assert_eq!(pushed.error(), refused(400, "invalid_dpop_proof"));
    assert_eq!(redeemed.error(), refused(400, "invalid_grant"));
}

#[tokio::test]
async fn f41_the_key_of_the_proof_at_par_binds_the_code() {
    let (world, other) = (World::new().await, TestHolder::new());
    let push = world.push("bank").proofs(&[world.proof("/par")]);
    let code = world.come_back(push).await["code"].clone();

    let theirs = world.redeem("bank", &code).proofs(&[of(&world, &other, "/token")]).send().await;

    assert_eq!(theirs.error(), refused(400, "invalid_grant"));
    assert_eq!(world.redeem("bank", &code).send().await.status, 200);
}

#[tokio::test]
async fn f42_a_clock_may_be_off_by_ten_seconds() {
    let world = World::new().await;
    for (seconds, is_good) in [(-10, true), (10, true), (3600, false), (-3600, false)] {
        let proof = proof(&world.issuer, &world.holder, ("POST", "/par"));
        let proof = proof.claim("iat", START + seconds).mint();
        let answer = world.push("bank").proofs(&[proof]).send().await;
        if is_good {
            assert_eq!(answer.status, 201, "{seconds}: {}", answer.body);
        } else {
            assert_eq!(answer.error(), refused(400, "invalid_dpop_proof"), "{seconds}");
        }
    }
}

#[tokio::test]
async fn f43_nbf_and_exp_of_a_proof_count() {
    let world = World::new().await;
    let rows = [("nbf", -60, true), ("nbf", 61, false), ("exp", 60, true), ("exp", -61, false)];
    for (name, seconds, is_good) in rows {
        let proof = proof(&world.issuer, &world.holder, ("POST", "/par"));
        let proof = proof.claim(name, START + seconds).mint();
        let answer = world.push("bank").proofs(&[proof]).send().await;
        if is_good {
            assert_eq!(answer.status, 201, "{name} {seconds}: {}", answer.body);
        } else {
            assert_eq!(answer.error(), refused(400, "invalid_dpop_proof"), "{name} {seconds}");
        }
    }
}

#[tokio::test]
async fn f49_proofs_are_signed_with_the_algorithms_of_the_profile_alone() {
    let world = World::new().await;
    let good = [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa];
    for algorithm in good.into_iter().chain([Algorithm::Es384, Algorithm::Rs256]) {
        let holder = TestHolder::with_algorithm(algorithm);
        let pushed = world.push("bank").proofs(&[of(&world, &holder, "/par")]).send().await;
        let code = world.code("bank").await;
        let redeemed =
            world.redeem("bank", &code).proofs(&[of(&world, &holder, "/token")]).send().await;
        if good.contains(&algorithm) {
            assert_eq!((pushed.status.as_u16(), redeemed.status.as_u16()), (201, 200));
        } else {
            for answer in [pushed, redeemed] {
                assert_eq!(answer.error(), refused(400, "invalid_dpop_proof"), "{algorithm}");
            }
        }
    }
}
