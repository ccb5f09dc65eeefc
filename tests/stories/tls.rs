//! TLS by file: modern versions only, and a renewed certificate is served without a restart.

use end_to_end::harness::{App, Deployment, Node, eventually, run};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// A self-signed certificate for localhost with this common name; replaces the files at once.
async fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let mut command = Command::new("openssl");
    let (crt, key) = (folder.join("new.crt"), folder.join("new.key"));
    command
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost", "-subj", &format!("/CN={name}")])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&crt);
    run(command, "").await.expect("a certificate");
    let target = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::rename(key, &target.1).expect("the key in place");
    std::fs::rename(crt, &target.0).expect("the certificate in place");
    target
}

/// What `openssl s_client` says about a handshake with this version, or why there is none.
async fn handshake(node: &Node, version: &str) -> Result<String, String> {
    let mut command = Command::new("openssl");
    let address = node.url.strip_prefix("https://").expect("TLS");
    command.args(["s_client", "-connect", address, "-servername", "localhost", version]);
    // Else the client itself refuses the old versions, and nothing is learned about the server.
    command.args(["-cipher", "ALL:@SECLEVEL=0"]);
    run(command, "").await
}

async fn with_tls() -> (Deployment, Node, App) {
    let deployment = Deployment::sqlite();
    let folder = deployment.path("");
    let (crt, key) = certificate(&folder, "first").await;
    let deployment = deployment.with_tls(&crt, &key);
    let node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    (deployment, node, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2024_23656_tls_1_0_and_1_1_are_refused_by_the_running_server() {
    let (_deployment, node, app) = with_tls().await;

    for old in ["-tls1", "-tls1_1"] {
        assert!(handshake(&node, old).await.is_err(), "{old} is accepted");
    }

    for modern in ["-tls1_2", "-tls1_3"] {
        handshake(&node, modern).await.unwrap_or_else(|error| panic!("{modern}: {error}"));
    }
    assert!(node.ask(&app).await.access_token().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_without_a_restart_and_a_broken_one_is_not() {
    let (deployment, node, app) = with_tls().await;
    let load = node.load(&app, 2);

    certificate(&deployment.path(""), "second").await;
    eventually("the new certificate", Duration::from_secs(30), || async {
        handshake(&node, "-tls1_3")
            .await
            .ok()
            .filter(|text| text.contains("CN = second"))
            .map(|_| ())
    })
    .await;
    std::fs::write(deployment.path("tls.crt"), "half a certificate").expect("a broken file");
    eventually("the log says so", Duration::from_secs(30), || async {
        node.process.output().contains("certificate").then_some(())
    })
    .await;

    let served = handshake(&node, "-tls1_3").await.expect("a handshake");
    assert!(served.contains("CN = second"), "{served}");
    assert_eq!(load.stop().await.failures, Vec::<String>::new());
}
