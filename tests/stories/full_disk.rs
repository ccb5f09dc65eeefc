//! A full disk: refusals, not lies; and all is well again when there is room.

use crate::assertion::AssertionKey;
use countersign_verifier::client::{ClientAuthentication, TokenSource};
use countersign_verifier::{Verifier, VerifyError};
use end_to_end::harness::{Deployment, Node, PAYMENTS, eventually, run};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// The data folder as the node sees it: it lives in a mount namespace of its own.
fn inside(node: &Node, deployment: &Deployment) -> PathBuf {
    let data = deployment.data_dir();
    PathBuf::from(format!("/proc/{}/root", node.process.pid()))
        .join(data.strip_prefix("/").expect("absolute"))
}

async fn shell(script: &str) -> Result<String, String> {
    let mut command = Command::new("sh");
    command.args(["-ec", script]);
    run(command, "").await
}

/// A deployment on a disk of four mebibytes, and its node; none without the right to mount.
async fn on_a_small_disk() -> Option<(Deployment, Node)> {
    if shell("unshare --mount mount -t tmpfs tmpfs /mnt").await.is_err() {
        println!("SKIPPED: a full disk needs the right to mount");
        return None;
    }
    let mut deployment = Deployment::sqlite().patient();
    let data = deployment.data_dir();
    std::fs::create_dir_all(&data).expect("a mount point");
    let script =
        format!("mount -t tmpfs -o size=4m,mode=0700 tmpfs {} && exec \"$@\"", data.display());
    let node =
        deployment.start_with(&["unshare", "--mount", "sh", "-ec", &script, "sh"]).ready().await;
    deployment.enter(&node);
    Some((deployment, node))
}

/// Fills the disk; the file by which it can be made room again.
async fn fill(node: &Node, deployment: &Deployment) -> PathBuf {
    let filler = inside(node, deployment).join("filler");
    let _full = shell(&format!("cat /dev/zero > {}", filler.display())).await;
    filler
}

/// Makes room. A load balancer sends nothing to a node that is not ready: it must find out by itself.
async fn heal(node: &Node, filler: &Path) {
    std::fs::remove_file(filler).expect("room again");
    eventually("ready again", Duration::from_secs(5), || async {
        (node.status("/readyz").await == Some(200)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_loses_nothing_and_heals() {
    let Some((deployment, node)) = on_a_small_disk().await else { return };
    let key = AssertionKey::es256();
    let app = key.register(&deployment, "orders").await;
    node.knows(&app).await;
    let assertion =
        |jti: &str| app.form_with_assertion(&key.sign("orders", &deployment.issuer, jti));
    assert_eq!(node.post(&assertion("before")).await.expect("an answer").status, 200);

    let filler = fill(&node, &deployment).await;
    let mut refused = Vec::new();
    for attempt in 0..50 {
        refused.push(
            node.post(&assertion(&format!("full-{attempt}"))).await.expect("an answer").status,
        );
    }
    let alive = node.status("/livez").await;
    let unready = node.text(&format!("{}/readyz", node.url)).await;

    heal(&node, &filler).await;
    eventually("tokens again", Duration::from_secs(15), || async {
        let jti = format!("after-{:?}", tokio::time::Instant::now());
        node.post(&assertion(&jti)).await.ok()?.access_token().ok().map(|_| ())
    })
    .await;

    assert!(refused.iter().all(|status| [200, 503].contains(status)), "{refused:?}");
    assert_eq!(refused.last(), Some(&503), "a full disk must show: {refused:?}");
    assert_eq!(alive, Some(200));
    assert!(unready.starts_with("audit log: "), "{unready}");
    // What was accepted before is still remembered.
    assert_eq!(node.post(&assertion("before")).await.expect("an answer").status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_on_a_full_disk_is_revoked_or_503() {
    let Some((deployment, node)) = on_a_small_disk().await else { return };
    let orders = deployment.app("orders").await;
    let reader = deployment.feed_reader().await;
    node.knows(&orders).await;
    let authentication = ClientAuthentication::secret(&reader.client_secret);
    let source = TokenSource::builder(&deployment.issuer, "reader", authentication);
    let builder = Verifier::builder(&deployment.issuer).audience(PAYMENTS);
    let verifier = builder.feed(source.build().expect("a source")).build().await;
    let verifier = verifier.expect("a verifier");
    let mut tokens = Vec::new();
    for _ in 0..50 {
        tokens.push(node.token(&orders).await);
    }

    let filler = fill(&node, &deployment).await;
    let mut statuses = Vec::new();
    for token in &tokens {
        statuses.push(node.revoke(&orders, token).await.expect("an answer"));
    }
    heal(&node, &filler).await;

    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&503), "a full disk must show: {statuses:?}");
    let is_revoked = |token: &str| matches!(verifier.try_verify(token), Err(VerifyError::Revoked));
    let answered = tokens.iter().zip(&statuses).filter(|(_, status)| **status == 200);
    let answered: Vec<&String> = answered.map(|(token, _)| token).collect();
    eventually("what was answered is in force", Duration::from_secs(10), || async {
        answered.iter().all(|token| is_revoked(token)).then_some(())
    })
    .await;
    // Whoever was told 503 asks again.
    for token in &tokens {
        assert_eq!(node.revoke(&orders, token).await, Some(200));
    }
    eventually("all is in force", Duration::from_secs(10), || async {
        tokens.iter().all(|token| is_revoked(token)).then_some(())
    })
    .await;
}
