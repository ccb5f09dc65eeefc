//! A full disk: refusals, not lies; and all is well again when there is room.

use crate::assertion::AssertionKey;
use end_to_end::harness::{Deployment, Node, eventually, run};
use std::path::PathBuf;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_loses_nothing_and_heals() {
    if shell("unshare --mount mount -t tmpfs tmpfs /mnt").await.is_err() {
        println!("SKIPPED: a full disk needs the right to mount");
        return;
    }
    let mut deployment = Deployment::sqlite().patient();
    let data = deployment.data_dir();
    std::fs::create_dir_all(&data).expect("a mount point");
    let script =
        format!("mount -t tmpfs -o size=4m,mode=0700 tmpfs {} && exec \"$@\"", data.display());
    let node =
        deployment.start_with(&["unshare", "--mount", "sh", "-ec", &script, "sh"]).ready().await;
    deployment.enter(&node);
    let key = AssertionKey::es256();
    let app = key.register(&deployment, "orders").await;
    node.knows(&app).await;
    let assertion =
        |jti: &str| app.form_with_assertion(&key.sign("orders", &deployment.issuer, jti));
    assert_eq!(node.post(&assertion("before")).await.expect("an answer").status, 200);

    let filler = inside(&node, &deployment).join("filler");
    let _full = shell(&format!("cat /dev/zero > {}", filler.display())).await;
    let mut refused = Vec::new();
    for attempt in 0..50 {
        refused.push(
            node.post(&assertion(&format!("full-{attempt}"))).await.expect("an answer").status,
        );
    }
    let alive = node.status("/livez").await;
    let unready = node.text(&format!("{}/readyz", node.url)).await;

    std::fs::remove_file(&filler).expect("room again");
    // A load balancer sends nothing to a node that is not ready: it must find out by itself.
    eventually("ready again", Duration::from_secs(5), || async {
        (node.status("/readyz").await == Some(200)).then_some(())
    })
    .await;
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
