//! What is good once: of 64 uses at one moment exactly one succeeds, on one node, on two, and when a node is killed in
//! between.

use crate::good_once::Thing;
use crate::refresh::{Scene, crash_after};
use end_to_end::harness::{RACERS, Reply, environment, race_replies};

async fn a_code_is_good_once(scene: Scene) {
    for _ in 0..environment::race_rounds() {
        let code = scene.code().await;
        let uses = (0..RACERS).map(|number| scene.node(number).redeem_request(&scene.web, &code));

        let replies = race_replies(uses.collect()).await;

        let (good, refused): (Vec<Reply>, Vec<Reply>) =
            replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(good.len(), 1);
        assert!(refused.iter().all(|reply| reply.error() == "invalid_grant"));
        // RFC 6749 §4.1.2: what the first use gave is taken back.
        let token = good[0].body["refresh_token"].as_str().expect("a token").to_owned();
        assert_eq!(scene.refresh(scene.node(1), &token).await.error(), "invalid_grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r17_of_64_uses_of_a_code_one_succeeds() {
    a_code_is_good_once(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r17_of_64_uses_of_a_code_on_two_nodes_one_succeeds() {
    a_code_is_good_once(Scene::on_two_nodes().await).await;
}

async fn of_64_uses_one_succeeds(mut scene: Scene, thing: Thing) {
    for _ in 0..environment::race_rounds().div_ceil(thing.cost()) {
        let one = thing.make(&mut scene).await;
        let uses = (0..RACERS).map(|number| one.request(scene.node(number)));

        let replies = race_replies(uses.collect()).await;

        let (good, refused): (Vec<Reply>, Vec<Reply>) =
            replies.into_iter().partition(Reply::is_good);
        assert_eq!(good.len(), 1, "{thing:?}: {good:?}");
        let refusals = thing.refusals();
        let all = refused.iter().all(|reply| refusals.contains(&reply.status));
        assert!(all, "{thing:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r47_of_64_uses_of_a_request_uri_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_sqlite().await, Thing::RequestUri).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r47_of_64_uses_of_a_request_uri_on_two_nodes_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_two_nodes().await, Thing::RequestUri).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r50_of_64_uses_of_a_device_code_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_sqlite().await, Thing::DeviceCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r50_of_64_uses_of_a_device_code_on_two_nodes_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_two_nodes().await, Thing::DeviceCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_22751_of_64_uses_of_a_reset_link_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_sqlite().await, Thing::ResetLink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_22751_of_64_uses_of_a_reset_link_on_two_nodes_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_two_nodes().await, Thing::ResetLink).await;
}

/// RFC 6238 §5.2.
#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_of_a_totp_value_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_sqlite().await, Thing::Totp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_of_a_totp_value_on_two_nodes_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_two_nodes().await, Thing::Totp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_of_a_recovery_code_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_sqlite().await, Thing::RecoveryCode).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_of_a_recovery_code_on_two_nodes_one_succeeds() {
    of_64_uses_one_succeeds(Scene::on_two_nodes().await, Thing::RecoveryCode).await;
}

/// Uses a code while the node dies, and again when it is back: once at most, and exactly once if it was answered.
#[tokio::test(flavor = "multi_thread")]
async fn r17_a_code_is_good_once_also_when_the_node_is_killed_in_between() {
    let mut scene = Scene::on_sqlite().await;
    let mut lost = 0;
    for round in 0..environment::race_rounds().div_ceil(10) {
        let code = scene.code().await;
        let uses = (0..RACERS).map(|_| scene.nodes[0].redeem_request(&scene.web, &code)).collect();
        let before = crash_after(round as usize % 4, &mut scene, uses).await;
        scene.nodes[0] = scene.deployment.restart().await;
        let uses = (0..RACERS).map(|_| scene.nodes[0].redeem_request(&scene.web, &code)).collect();
        let after = race_replies(uses).await;

        let good = |replies: &[Reply]| replies.iter().filter(|reply| reply.status == 200).count();
        assert!(good(&before) + good(&after) <= 1, "{before:?} {after:?}");
        lost += u32::from(good(&before) + good(&after) == 0);
    }
    println!("{lost} codes were redeemed by a request whose reply was lost in the crash");
}

/// The same of the other things: one of each kind at a time.
async fn what_is_good_once_is_so_when_a_node_is_killed_in_between(mut scene: Scene) {
    let (mut heard, mut unheard) = (0, 0);
    for round in 0..environment::race_rounds().div_ceil(50) {
        for thing in Thing::ALL {
            let one = thing.make(&mut scene).await;
            let uses = (0..RACERS).map(|number| one.request(scene.node(number))).collect();
            let before = crash_after(round as usize % 4, &mut scene, uses).await;
            scene.nodes[0] = scene.deployment.restart().await;
            let uses = (0..RACERS).map(|number| one.request(scene.node(number))).collect();
            let after = race_replies(uses).await;

            let good = |replies: &[Reply]| replies.iter().filter(|reply| reply.is_good()).count();
            assert!(good(&before) + good(&after) <= 1, "{thing:?}: {before:?} {after:?}");
            heard += good(&before) + good(&after);
            unheard += 1 - good(&before) - good(&after);
        }
    }
    // Nobody hears of a use whose reply was lost, and whoever guesses codes too fast is slowed.
    assert!(heard > 0, "nothing was ever good");
    println!("{heard} uses succeeded, of {unheard} nobody heard");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_once_is_so_when_the_node_is_killed_in_between() {
    what_is_good_once_is_so_when_a_node_is_killed_in_between(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_once_is_so_when_one_of_two_nodes_is_killed_in_between() {
    what_is_good_once_is_so_when_a_node_is_killed_in_between(Scene::on_two_nodes().await).await;
}

/// Acknowledged is used for ever, and what nobody used is as good as before.
async fn kill_9_brings_nothing_back_and_takes_nothing_away(mut scene: Scene) {
    let mut things = Vec::new();
    for thing in Thing::ALL {
        let [used, unused] = [thing.make(&mut scene).await, thing.make(&mut scene).await];
        things.push((thing, used, unused));
    }
    for (thing, used, _) in &things {
        assert!(used.succeeds(&scene.nodes[0]).await, "{thing:?}");
    }

    scene.nodes[0].process.kill().await;
    scene.nodes[0] = scene.deployment.restart().await;

    for (thing, used, unused) in &things {
        for number in 0..scene.nodes.len() {
            assert!(!used.succeeds(scene.node(number)).await, "{thing:?} is good again");
        }
        assert!(unused.succeeds(&scene.nodes[0]).await, "{thing:?} is lost");
        assert!(!unused.succeeds(scene.node(1)).await, "{thing:?} is good twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_brings_nothing_back_and_takes_nothing_away_on_sqlite() {
    kill_9_brings_nothing_back_and_takes_nothing_away(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_brings_nothing_back_and_takes_nothing_away_on_two_nodes() {
    kill_9_brings_nothing_back_and_takes_nothing_away(Scene::on_two_nodes().await).await;
}
