//! What is good once: of 64 uses at one moment exactly one succeeds, on one node, on two, and when a node is killed in
//! between.

use crate::refresh::{Scene, crash_after};
use end_to_end::harness::person::{code, hidden};
use end_to_end::harness::{RACERS, Reply, environment, race, race_replies};

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

async fn a_pushed_request_is_good_once(scene: Scene) {
    for round in 0..environment::race_rounds() {
        let node = scene.node(round as usize);
        let push = node.http.post(format!("{}/par", node.url));
        let push = push.basic_auth(&scene.web.client_id, Some(&scene.web.client_secret));
        let push = push.form(&scene.web.authorization_request());
        let pushed = push.send().await.expect("an answer");
        let pushed = Reply::read(pushed).await;
        let request_uri = pushed.body["request_uri"].as_str().expect("a request_uri").to_owned();
        let uses = (0..RACERS).map(|number| {
            let node = scene.node(number);
            let query = [("client_id", &scene.web.client_id), ("request_uri", &request_uri)];
            let url = reqwest::Url::parse_with_params(&format!("{}/authorize", node.url), query);
            scene.person.request(node.http.get(url.expect("a URL")))
        });

        let answers = race(uses.collect()).await;

        assert_eq!(answers.iter().filter_map(code).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status() == 400).count(), RACERS - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r47_of_64_uses_of_a_request_uri_one_succeeds() {
    a_pushed_request_is_good_once(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r47_of_64_uses_of_a_request_uri_on_two_nodes_one_succeeds() {
    a_pushed_request_is_good_once(Scene::on_two_nodes().await).await;
}

/// Each use hashes a password before it can know that it comes too late, so there are fewer rounds.
async fn a_reset_link_is_good_once(mut scene: Scene) {
    for _ in 0..environment::race_rounds().div_ceil(25) {
        let link = scene.deployment.cli(&["user", "reset-link", "ada"]).await;
        let link = link["link"].as_str().expect("a link");
        let path = link.strip_prefix(&scene.deployment.issuer).expect("a link of the issuer");
        let node = &scene.nodes[0];
        let page = scene.person.get(node, path).await.text().await.expect("a page");
        let uses = (0..RACERS).map(|number| {
            let fields = [
                ("csrf", hidden(&page, "csrf")),
                ("continue", hidden(&page, "continue")),
                ("new_password", format!("a password of racer {number}")),
            ];
            let node = scene.node(number);
            scene
                .person
                .request(node.http.post(format!("{}/reset-password", node.url)).form(&fields))
        });

        let answers = race(uses.collect()).await;

        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        // The link is used, or too many passwords are being hashed already.
        assert!(statuses.iter().all(|status| [200, 400, 503].contains(status)), "{statuses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_22751_of_64_uses_of_a_reset_link_one_succeeds() {
    a_reset_link_is_good_once(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_22751_of_64_uses_of_a_reset_link_on_two_nodes_one_succeeds() {
    a_reset_link_is_good_once(Scene::on_two_nodes().await).await;
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
