//! The first minute: what a newcomer starts, and what they are told to paste, works as it is.

use crate::assertion::AssertionKey;
use end_to_end::harness::{environment, run};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::process::Command;

/// Runs a script in `folder`, in a network of its own: the ports of a start without configuration are free there.
async fn alone(folder: &Path, script: &str) -> Result<String, String> {
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        "bash",
        "-euo",
        "pipefail",
        "-c",
        &format!("ip link set lo up\n{script}"),
    ]);
    command.current_dir(folder).env("BIN", environment::countersign());
    environment::without_settings(&mut command);
    run(command, "").await
}

/// Starts the server with no arguments and pastes what it says.
const PASTE: &str = r#"
"$BIN" >said 2>&1 & server=$!
trap 'kill $server; wait $server || true; cat said >&2' EXIT
for _ in $(seq 200); do grep -q '^Paste next:' said && break; sleep 0.05; done
sed -n '/^Paste next:/,$s/^  //p' said >paste
[ -s paste ]
bash -eu paste
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_any_configuration_prints_commands_that_work_when_pasted() {
    let folder = tempfile::tempdir().expect("a folder");

    let answer = alone(folder.path(), PASTE).await.expect("commands that work");

    assert!(answer.contains("demo"), "the protected route does not know the caller: {answer}");
    let data = folder.path().join("countersign-data");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("master.key")), 0o600);
    let unauthenticated = PASTE
        .replace("bash -eu paste", "curl -s -o /dev/null -w '%{http_code}' localhost:8081/hello");
    // The second start finds the folder; the secret is not shown again, so there is nothing to paste but the rest.
    let refused = alone(folder.path(), &unauthenticated).await.expect("a second start");
    assert_eq!(refused, "401");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");

    let told = alone(folder.path(), r#""$BIN" demo"#).await.expect("a tour");

    println!("{told}");
    assert!(!folder.path().join("countersign-data").exists(), "a tour leaves nothing behind");
}

/// Runs the lines of a document in order, as a reader would: keeps the secret and the token that are printed.
const READ_ALONG: &str = r#"
mkdir bin && ln -s "$BIN" bin/countersign && export PATH="$PWD/bin:$PATH"
countersign serve >said 2>&1 & server=$!
trap 'kill $server; wait $server || true' EXIT
for _ in $(seq 200); do curl -fs localhost:8080/readyz && break; sleep 0.05; done
token=
while read -r line; do
    echo "\$ $line"
    eval "${line/TOKEN/$token}" </dev/null | tee printed
    grep -q '^client_secret' printed && sed -n 's/^client_secret *//p' printed >secret.txt
    # A reader is slower than the second within which a running server follows.
    sleep 1
    case $line in 'countersign token request'*) token=$(cat printed) ;; esac
done <commands
"#;

/// The commands of a document, less those that build or test: `tests/run` itself does these.
fn commands(document: &str) -> String {
    let text = std::fs::read_to_string(environment::workspace().join(document)).expect(document);
    let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
    let elsewhere = ["cargo ", "CLIENT_SECRET", "export PATH", "countersign serve", "tests/run"];
    let lines = lines.filter(|line| !elsewhere.iter().any(|prefix| line.starts_with(prefix)));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readme_and_the_quickstart_works() {
    for document in ["README.md", "docs/quickstart.md"] {
        let folder = tempfile::tempdir().expect("a folder");
        let commands = commands(document);
        assert!(commands.contains("countersign client create"), "{document}: {commands}");
        std::fs::write(folder.path().join("commands"), commands).expect("a file");
        // The reader of the quickstart has a key pair of their own.
        std::fs::write(folder.path().join("public.json"), AssertionKey::es256().jwks())
            .expect("a file");

        let told = alone(folder.path(), READ_ALONG).await;

        let told = told.unwrap_or_else(|error| panic!("{document}: {error}"));
        assert!(!told.contains("failed"), "{document}: {told}");
    }
}
