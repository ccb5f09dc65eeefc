//! Receivers of other vendors hear of what happens to users (OpenID Shared Signals Framework 1.0): one polls, with the library
//! `saml2-sp`, and one is called, at an endpoint that judges with `jwcrypto`. Nothing is lost by `kill -9`, nor while one is away.

use end_to_end::harness::{
    Deployment, Node, PASSWORD, Person, Process, WebClient, environment, eventually, free_port,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Command;

const LIMIT: Duration = Duration::from_secs(30);
/// Until another node delivers in place of one that died in the middle of it, after waits that grew.
const TAKEN_OVER: Duration = Duration::from_secs(90);
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CHANGED: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const OF_THE_RECEIVER: &str = "Bearer of-the-receiver";

/// An issuer that may call this machine, whose signals are signed as the interoperability profile wants it.
async fn issuer() -> (Deployment, String) {
    let deployment = Deployment::sqlite().patient().with("[outbound]\nallow = [\"127.0.0.0/8\"]");
    let resource = format!("{}/ssf", deployment.issuer);
    let scopes = "ssf.read ssf.manage ssf.everyone";
    let create = ["resource", "create", &resource, "--scope", scopes, "--algorithm", "RS256"];
    deployment.cli(&create).await;
    let ada = deployment.person("ada").await;
    (deployment, ada)
}

/// A client through which people sign in, and which hears of them.
async fn web(deployment: &Deployment) -> WebClient {
    let resource = format!("{}/ssf", deployment.issuer);
    let redirect_uri = "https://web.example/callback";
    let create = ["--first-party", "--redirect-uri", redirect_uri, "--scope", "openid"];
    let create = [create.as_slice(), &["--resource", &resource]].concat();
    let created = deployment.sign_in_client("web", &create).await;
    let update = ["client", "update", "web", "--client-credentials", "--resource", &resource];
    deployment.cli(&[update.as_slice(), &["--scope", "ssf.manage"]].concat()).await;
    WebClient {
        client_id: "web".to_owned(),
        client_secret: created["client_secret"].as_str().expect("a secret").to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        scope: "openid".to_owned(),
    }
}

/// A token for streams.
async fn token(node: &Node, client_id: &str, secret: &str) -> String {
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", client_id.to_owned()),
        ("client_secret", secret.to_owned()),
    ];
    let reply = eventually("the node knows the client", LIMIT, || async {
        node.post(&form).await.ok().and_then(|reply| reply.access_token().ok())
    });
    reply.await
}

/// What a receiver printed.
fn lines(receiver: &Process) -> Vec<Value> {
    let output = receiver.output();
    output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits until a receiver has printed something of which this is true.
async fn hears(receiver: &Process, what: &str, is_it: impl Fn(&Value) -> bool) {
    eventually(what, LIMIT, || async { lines(receiver).iter().any(&is_it).then_some(()) }).await;
}

/// The library polls.
async fn polling(deployment: &Deployment, token: &str, sub: &str) -> (Process, String) {
    let program = environment::workspace().join("target/interop-receiver/debug/receiver");
    assert!(
        program.is_file(),
        "{} is missing: start the stories with tests/run",
        program.display()
    );
    let mut command = Command::new(program);
    command.args([&deployment.issuer, token, "my own state", sub]);
    let receiver = Process::start(command, deployment.path("polling.txt"));
    hears(&receiver, "it has a stream", |line| line["stream"]["stream_id"].is_string()).await;
    let stream = lines(&receiver)
        .into_iter()
        .find_map(|line| line["stream"]["stream_id"].as_str().map(str::to_owned));
    (receiver, stream.expect("a stream"))
}

/// The endpoint listens.
async fn listening(deployment: &Deployment, port: u16) -> Process {
    let mut command = Command::new(environment::python_program("python"));
    command.arg(environment::interop().join("push_receiver.py"));
    command.args([&port.to_string(), &deployment.issuer, "siem", OF_THE_RECEIVER]);
    let receiver = Process::start(command, deployment.path("listening.txt"));
    eventually("the endpoint listens", LIMIT, || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop)
    })
    .await;
    receiver
}

async fn manage(node: &Node, token: &str, path: &str, wish: &Value) -> Value {
    let request = node.http.post(format!("{}/ssf/{path}", node.url)).bearer_auth(token);
    let answer = request.json(wish).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap_or_default()
}

#[tokio::test]
async fn a_library_of_others_polls_and_hears_of_its_users() {
    let (deployment, ada) = issuer().await;
    let client = web(&deployment).await;
    let mut node = deployment.start().await;
    node.knows_web(&client).await;
    let token = token(&node, "web", &client.client_secret).await;
    let (receiver, stream) = polling(&deployment, &token, &ada).await;
    let is = |event_type: &'static str| move |line: &Value| line["type"] == event_type;

    // It verifies its stream.
    let verified =
        |line: &Value| line["type"] == VERIFICATION && line["event"]["state"] == "my own state";
    hears(&receiver, "the verification", verified).await;

    // A user of its own is signed out everywhere: it ends the session that it has.
    sign_in(&node, &client).await;
    deployment.cli(&["user", "sign-out", "ada"]).await;
    let revoked =
        |line: &Value| line["type"] == REVOKED && line["subject"]["person"] == ada.as_str();
    hears(&receiver, "the sign-out", revoked).await;
    hears(&receiver, "its own session ends", |line| line["ended"].is_array()).await;

    // While it wants nothing, what happens is held.
    manage(&node, &token, "status", &json!({ "stream_id": stream, "status": "paused" })).await;
    sign_in(&node, &client).await;
    let set =
        deployment.try_cli_with(&["user", "set-password", "ada", "--password-stdin"], PASSWORD);
    set.await.expect("a password");
    let poll = json!({ "returnImmediately": true });
    let paused = manage(&node, &token, &format!("poll/{stream}"), &poll).await;
    assert_eq!(paused, json!({ "sets": {} }));
    manage(&node, &token, "status", &json!({ "stream_id": stream, "status": "enabled" })).await;
    let changed = |line: &Value| {
        let event = &line["event"];
        line["type"] == CHANGED
            && event["credential_type"] == "password"
            && event["change_type"] == "update"
            && event["initiating_entity"] == "admin"
    };
    hears(&receiver, "the change of the password", changed).await;

    // The issuer dies right after the cause.
    sign_in(&node, &client).await;
    node.process.kill().await;
    deployment.cli(&["user", "update", "ada", "--disable"]).await;
    let _node = deployment.restart().await;
    hears(&receiver, "that the account is disabled", is(DISABLED)).await;
    assert!(
        !lines(&receiver).iter().any(|line| line["error"].is_string()),
        "{}",
        receiver.output()
    );
}

async fn sign_in(node: &Node, client: &WebClient) {
    let person = Person::signed_in(node, client, "ada").await;
    let code = person.code(node, client).await.expect("a code");
    node.redeem(client, &code).await.expect("an answer").access_token().expect("tokens");
}

#[tokio::test]
async fn a_receiver_that_is_called_misses_nothing_while_it_or_the_issuer_is_away() {
    let (deployment, ada) = issuer().await;
    let resource = format!("{}/ssf", deployment.issuer);
    let scopes = ["--resource", &resource, "--scope", "ssf.manage ssf.everyone"];
    let siem = deployment.app_of("siem", &scopes).await;
    let mut node = deployment.start().await;
    let token = token(&node, "siem", &siem.client_secret).await;
    let port = free_port();
    let mut receiver = listening(&deployment, port).await;
    let delivery = json!({
        "method": "urn:ietf:rfc:8935",
        "endpoint_url": format!("http://127.0.0.1:{port}/events"),
        "authorization_header": OF_THE_RECEIVER,
    });
    let wish = json!({ "delivery": delivery, "events_requested": [REVOKED, CHANGED, DISABLED] });
    let stream = manage(&node, &token, "streams", &wish).await["stream_id"].clone();
    let of = |event_type: &'static str| move |line: &Value| line["events"][event_type].is_object();

    let wish = json!({ "stream_id": stream, "state": "my own state" });
    manage(&node, &token, "verification", &wish).await;
    let verified =
        |line: &Value| line["events"][VERIFICATION] == json!({ "state": "my own state" });
    hears(&receiver, "the verification", verified).await;

    // The operator halts it for a moment, and says so.
    let listed = deployment.cli(&["stream", "list"]).await;
    assert_eq!(
        (&listed["streams"][0]["stream_id"], &listed["streams"][0]["client_id"]),
        (&stream, &json!("siem"))
    );
    let id = stream.as_str().expect("a stream");
    deployment.cli(&["stream", "pause", id, "--reason", "maintenance"]).await;
    let paused = json!({ "status": "paused", "reason": "maintenance" });
    hears(&receiver, "that it is paused", |line| line["events"][UPDATED] == paused).await;
    deployment.cli(&["stream", "enable", id]).await;

    deployment.cli(&["user", "sign-out", "ada"]).await;
    let user = json!({ "format": "iss_sub", "iss": deployment.issuer, "sub": ada });
    let revoked = |line: &Value| of(REVOKED)(line) && line["sub_id"] == user;
    hears(&receiver, "the sign-out", revoked).await;

    // It goes away; the issuer tries, and dies before it comes back.
    receiver.kill().await;
    let set =
        deployment.try_cli_with(&["user", "set-password", "ada", "--password-stdin"], PASSWORD);
    set.await.expect("a password");
    let metric = "countersign_signal_deliveries_total{method=\"push\",outcome=\"failed\"} ";
    eventually("an attempt fails", LIMIT, || async {
        let metrics = node.text(&format!("{}/metrics", node.management_url)).await;
        let failed = metrics.lines().find_map(|line| line.strip_prefix(metric)?.parse().ok());
        failed.filter(|failed: &u64| *failed > 0)
    })
    .await;
    node.process.kill().await;
    let before = lines(&receiver).len();
    deployment.cli(&["user", "update", "ada", "--disable"]).await;
    let _node = deployment.restart().await;
    let receiver = listening(&deployment, port).await;

    // In the order in which it happened, and each once.
    let told = eventually("all of it", TAKEN_OVER, || async {
        let told: Vec<Value> = lines(&receiver).split_off(before);
        let types = told.iter().filter_map(|line| line["events"].as_object()?.keys().next());
        let types: Vec<String> = types.cloned().collect();
        (types.len() >= 4).then_some(types)
    })
    .await;
    let expected = [CHANGED, REVOKED, DISABLED, REVOKED];
    assert_eq!(told, expected, "{}", receiver.output());
    assert!(!receiver.output().contains("refused"), "{}", receiver.output());
}
