//! Refresh tokens, both ways: an honest client is never put out, whatever its network and the nodes do, and a thief's
//! late replay ends the family. On SQLite, and on two nodes with one PostgreSQL database.

use end_to_end::harness::{
    Deployment, Node, Person, RACERS, Reply, WebClient, environment, race_and_give_up, race_replies,
};
use reqwest::RequestBuilder;
use std::collections::BTreeSet;

/// An issuer with a person who is signed in, and a client that redeems and refreshes.
pub(crate) struct Scene {
    pub(crate) deployment: Deployment,
    pub(crate) nodes: Vec<Node>,
    pub(crate) web: WebClient,
    pub(crate) person: Person,
    people: usize,
}

impl Scene {
    pub(crate) async fn on_sqlite() -> Self {
        Self::set(Deployment::sqlite(), 1).await
    }

    pub(crate) async fn on_two_nodes() -> Self {
        Self::set(Deployment::postgres().await, 2).await
    }

    async fn set(deployment: Deployment, count: usize) -> Self {
        // A restart of an issuer that nobody optimized, on a machine with other work, takes its time.
        let deployment = deployment.patient().with("[refresh_tokens]\ngrace_seconds = 30");
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(deployment.start().await);
        }
        let web =
            deployment.web("web", &["--id-token-alg", "ES256", "--grant", "device_code"]).await;
        deployment.person("ada").await;
        for node in &nodes {
            node.knows_web(&web).await;
        }
        let person = Person::signed_in(&nodes[0], &web, "ada").await;
        Self { deployment, nodes, web, person, people: 0 }
    }

    /// Registers one more person; their name.
    pub(crate) async fn new_person(&mut self) -> String {
        self.people += 1;
        let name = format!("person{}", self.people);
        self.deployment.person(&name).await;
        name
    }

    pub(crate) fn node(&self, number: usize) -> &Node {
        &self.nodes[number % self.nodes.len()]
    }

    /// As many uses of a refresh token, on all nodes in turn.
    fn uses(&self, token: &str, count: usize) -> Vec<RequestBuilder> {
        (0..count).map(|number| self.node(number).refresh_request(&self.web, token)).collect()
    }

    pub(crate) async fn refresh(&self, node: &Node, token: &str) -> Reply {
        node.refresh(&self.web, token).await.expect("an answer")
    }

    /// A code for the client.
    pub(crate) async fn code(&self) -> String {
        self.person.code(&self.nodes[0], &self.web).await.expect("a code")
    }

    /// The first refresh token of a new family.
    async fn family(&self) -> String {
        let redeemed = self.node(1).redeem(&self.web, &self.code().await).await;
        refresh_token(&redeemed.expect("an answer"))
    }

    /// The token after the token after this one.
    async fn two_further(&self, token: &str) -> String {
        let next = refresh_token(&self.refresh(self.node(0), token).await);
        refresh_token(&self.refresh(self.node(1), &next).await)
    }
}

/// The successor in a good answer; anything else is an honest client that was put out.
fn refresh_token(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "put out: {}", reply.body);
    reply.body["refresh_token"].as_str().expect("a refresh token").to_owned()
}

fn assert_dead(replies: &[Reply]) {
    for reply in replies {
        assert_eq!((reply.status, reply.error()), (400, "invalid_grant"), "{}", reply.body);
    }
}

/// One lineage: every honest use of a token gives the same successor, whoever asks and however often.
fn only_successor(replies: &[Reply]) -> String {
    let successors: BTreeSet<String> = replies.iter().map(refresh_token).collect();
    assert_eq!(successors.len(), 1, "two lineages live");
    successors.into_iter().next().expect("one")
}

async fn honest_clients_stay(scene: Scene) {
    let mut token = scene.family().await;
    for _ in 0..environment::race_rounds() {
        token = only_successor(&race_replies(scene.uses(&token, RACERS)).await);
    }
}

async fn lost_replies_put_nobody_out(scene: Scene) {
    let mut token = scene.family().await;
    for round in 0..environment::race_rounds() {
        race_and_give_up(scene.uses(&token, RACERS / 4)).await;
        let again = scene.refresh(scene.node(round as usize), &token).await;
        token = refresh_token(&again);
    }
}

async fn late_replays_end_the_family(scene: Scene) {
    for _ in 0..environment::race_rounds() {
        let stolen = scene.family().await;
        let current = scene.two_further(&stolen).await;

        assert_dead(&race_replies(scene.uses(&stolen, RACERS)).await);

        for number in 0..scene.nodes.len() {
            assert_dead(&[scene.refresh(scene.node(number), &current).await]);
        }
    }
}

/// The thief comes in the very moment in which the client refreshes: whoever wins, one lineage at most was continued,
/// and none lives on.
async fn a_replay_beside_an_honest_use_leaves_nothing_alive(scene: Scene) {
    for _ in 0..environment::race_rounds() {
        let stolen = scene.family().await;
        let current = scene.two_further(&stolen).await;
        let mut requests = scene.uses(&current, RACERS / 2);
        requests.extend(scene.uses(&stolen, RACERS / 2));

        let replies = race_replies(requests).await;

        let (honest, replayed) = replies.split_at(RACERS / 2);
        assert_dead(replayed);
        let continued: Vec<Reply> =
            honest.iter().filter(|reply| reply.status == 200).cloned().collect();
        if !continued.is_empty() {
            let successor = only_successor(&continued);
            assert_dead(&[scene.refresh(scene.node(0), &successor).await]);
        }
        assert_dead(&[scene.refresh(scene.node(1), &current).await]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_cve_2026_1035_64_parallel_uses_have_one_successor() {
    honest_clients_stay(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_cve_2026_1035_64_parallel_uses_on_two_nodes_have_one_successor() {
    honest_clients_stay(Scene::on_two_nodes().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_client_whose_replies_are_lost_goes_on() {
    lost_replies_put_nobody_out(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_client_whose_replies_are_lost_goes_on_at_another_node() {
    lost_replies_put_nobody_out(Scene::on_two_nodes().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_late_replay_ends_the_family() {
    late_replays_end_the_family(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_late_replay_ends_the_family_on_both_nodes() {
    late_replays_end_the_family(Scene::on_two_nodes().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_replay_beside_an_honest_use_leaves_nothing_alive() {
    a_replay_beside_an_honest_use_leaves_nothing_alive(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_replay_beside_an_honest_use_leaves_nothing_alive_on_two_nodes() {
    a_replay_beside_an_honest_use_leaves_nothing_alive(Scene::on_two_nodes().await).await;
}

/// Kills the first node when it has answered some of the requests; all answers that came whole.
pub(crate) async fn crash_after(
    answers: usize,
    scene: &mut Scene,
    requests: Vec<RequestBuilder>,
) -> Vec<Reply> {
    let mut racers = tokio::task::JoinSet::new();
    for request in requests {
        racers.spawn(async move {
            let answer = request.send().await.ok()?;
            Reply::whole(answer).await
        });
    }
    let mut replies = Vec::new();
    while replies.len() < answers {
        let reply = racers.join_next().await.expect("a request").expect("a racer");
        replies.push(reply.expect("an answer before the crash"));
    }
    scene.nodes[0].process.kill().await;
    replies.extend(racers.join_all().await.into_iter().flatten());
    replies
}

async fn a_crash_puts_nobody_out(mut scene: Scene) {
    let mut token = scene.family().await;
    for round in 0..environment::race_rounds().div_ceil(10) {
        let requests = scene.uses(&token, RACERS);
        let mut replies = crash_after(round as usize % 8, &mut scene, requests).await;
        // The second node, if there is one, goes on; then the first is back.
        if scene.nodes.len() > 1 {
            replies.push(scene.refresh(&scene.nodes[1], &token).await);
        }
        scene.deployment.begin_again();
        scene.nodes[0] = scene.deployment.start().await;
        replies.push(scene.refresh(&scene.nodes[0], &token).await);

        token = only_successor(&replies);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_9802_after_kill_9_the_same_token_gives_the_same_successor() {
    a_crash_puts_nobody_out(Scene::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_9802_after_kill_9_of_one_node_the_same_token_gives_the_same_successor() {
    a_crash_puts_nobody_out(Scene::on_two_nodes().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_9802_a_replay_is_known_after_kill_9() {
    let mut scene = Scene::on_sqlite().await;
    let stolen = scene.family().await;
    let current = scene.two_further(&stolen).await;

    scene.nodes[0].process.kill().await;
    scene.nodes[0] = scene.deployment.restart().await;

    assert_dead(&[scene.refresh(scene.node(0), &stolen).await]);
    assert_dead(&[scene.refresh(scene.node(0), &current).await]);
}
