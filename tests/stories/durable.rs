//! What was acknowledged is never lost: a node is killed in the middle of code flows and refreshes, again and again.

use crate::ledger::{Ledger, Line};
use end_to_end::harness::{Deployment, Node, Person, WebClient};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

const WORKERS: usize = 16;
const KILLS: usize = 3;
/// A rotation that nobody heard of is none that was lost: the check comes within the grace.
const LONG_GRACE: &str = "[refresh_tokens]\ngrace_seconds = 60";
/// After so many acknowledged acts of each life.
const ACTS: usize = 400;
const LIMIT: Duration = Duration::from_mins(1);

/// Redeems codes and goes on with the refresh tokens until nobody answers any more; everything that is acknowledged is
/// written down.
async fn work(node: Arc<Node>, web: Arc<WebClient>, person: Arc<Person>, ledger: Arc<Ledger>) {
    loop {
        let Ok(code) = person.code(&node, &web).await else { return };
        let Ok(redeemed) = node.redeem(&web, &code).await else { return };
        assert_eq!(redeemed.status, 200, "{}", redeemed.body);
        let mut line = Line::new(&code, redeemed.refresh_token());
        ledger.acknowledged(line.clone());
        for _ in 0..3 {
            let Ok(refreshed) = node.refresh(&web, line.current()).await else { return };
            assert_eq!(refreshed.status, 200, "{}", refreshed.body);
            line.moves_on(refreshed.refresh_token());
            ledger.acknowledged(line.clone());
        }
    }
}

/// An acknowledged rotation is remembered: the newest token of each line is good, which it would not be if the family had
/// fallen back. And an acknowledged code is used for ever. A replayed code ends all that its session gave, so that the
/// codes come last.
async fn nothing_is_lost(node: &Node, web: &WebClient, lines: &[Line]) {
    for line in lines {
        let newest = node.refresh(web, line.current()).await.expect("an answer");
        assert_eq!(newest.status, 200, "{}", newest.body);
    }
    for line in lines {
        let replayed = node.redeem(web, line.code()).await.expect("an answer");
        assert_eq!((replayed.status, replayed.error()), (400, "invalid_grant"));
    }
}

async fn killed_in_the_middle(deployment: Deployment) {
    let mut node = deployment.start().await;
    let web = Arc::new(deployment.web("web", &["--id-token-alg", "ES256"]).await);
    node.knows_web(&web).await;
    deployment.person("ada").await;
    let mut checked = 0;
    for life in 0..KILLS {
        node = if life == 0 { node } else { deployment.restart().await };
        let person = Arc::new(Person::signed_in(&node, &web, "ada").await);
        let (ledger, pid) = (Arc::new(Ledger::default()), node.process.pid());
        let shared = Arc::new(node);
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let (web, person) = (Arc::clone(&web), Arc::clone(&person));
            workers.spawn(work(Arc::clone(&shared), web, person, Arc::clone(&ledger)));
        }

        ledger.reaches(ACTS, LIMIT).await;
        kill_9(pid).await;
        timeout(LIMIT, workers.join_all()).await.expect("nobody answers any more");
        drop(Arc::into_inner(shared).expect("the only one"));
        let restarted = deployment.restart().await;

        let lines = ledger.lines();
        checked += lines.len();
        let used = deployment.database.query("SELECT count(*) FROM one_time_use").await;
        let used: usize = used.first().and_then(|text| text.parse().ok()).expect("a count");
        assert!(used >= checked, "{used} codes are used of {checked} that were accepted");
        nothing_is_lost(&restarted, &web, &lines).await;
        node = restarted;
        node.process.kill().await;
    }
    println!("{KILLS} kills, {checked} lines of tokens, nothing lost");
}

async fn kill_9(pid: u32) {
    let killed = tokio::process::Command::new("kill").args(["-9", &pid.to_string()]).status().await;
    assert!(killed.expect("kill starts").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_acknowledged_code_or_rotation_on_sqlite() {
    killed_in_the_middle(Deployment::sqlite().with(LONG_GRACE)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_acknowledged_code_or_rotation_on_postgres() {
    killed_in_the_middle(Deployment::postgres().await.with(LONG_GRACE)).await;
}
