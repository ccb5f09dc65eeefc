//! A bus with TLS and permissions, configured as `docs/operations.md` says, word for word but for names and files: the issuer
//! makes its stream and tells, a service hears and asks, and may do nothing else.

use super::{HEALED, SECOND, World, caught_up, keys, refuses};
use countersign_verifier::Verifier;
use countersign_verifier::revocation::nats::async_nats::ConnectOptions;
use countersign_verifier::revocation::nats::{NatsFeed, NatsNames, stored};
use end_to_end::harness::{Certificate, Deployment, NatsServer, eventually};
use futures_util::StreamExt as _;

/// The block of the section in this language.
fn block(language: &str) -> String {
    let page = include_str!("../../../docs/operations.md");
    let begin = page.find("## Tell of revocations over NATS").expect("the section");
    let rest = page.get(begin..).expect("the rest");
    let (_, block) = rest.split_once(&format!("```{language}\n")).expect("a block");
    block.split_once("```").expect("its end").0.to_owned()
}

async fn server(certificate: &Certificate) -> NatsServer {
    let text = block("conf")
        .replace("jetstream { store_dir: \"/var/lib/nats\" }\n", "")
        .replace("/etc/nats/tls.crt", &certificate.certificate.display().to_string())
        .replace("/etc/nats/tls.key", &certificate.key.display().to_string())
        .replace("$COUNTERSIGN_PASSWORD", "\"tell\"")
        .replace("$PAYMENTS_PASSWORD", "\"listen\"");
    NatsServer::start_with(&text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_tells_and_a_service_listens_and_asks_and_no_more() {
    let deployment = Deployment::postgres().await;
    let certificate = Certificate::for_names(&deployment.path(""), &[]).await;
    let nats = server(&certificate).await;
    let address = format!("tls://localhost:{}", nats.port());
    let section = block("toml")
        .replace("tls://nats.example.com:4222", &address)
        .replace("{ file = \"/run/secrets/nats_password\" }", "\"tell\"")
        .replace("/etc/countersign/nats-ca.pem", &certificate.authority.display().to_string());
    let deployment = deployment.patient().with(&format!("{section}name = \"issuer_example_com\""));
    let orders = deployment.app("orders").await;
    let world = World { nats, deployment, orders };
    let mut node = world.deployment.start().await;
    let keys = keys(&node).await;
    let options = ConnectOptions::with_user_and_password("payments".into(), "listen".into());
    let options = options.require_tls(true).add_root_certificates(certificate.authority.clone());
    let client = options.connect(address).await.expect("a connection");
    let names = NatsNames::named("issuer_example_com").expect("a name");
    let service = || {
        let feed = NatsFeed::named(client.clone(), names.clone());
        let builder = Verifier::builder(&world.deployment.issuer).audience(&world.orders.resource);
        builder.feed(feed).build_with(keys.clone()).expect("a verifier")
    };
    let verifier = service();
    caught_up(&verifier).await;

    let token = node.token(&world.orders).await;
    world.revoke(&node, &token).await;
    refuses(&verifier, &token, SECOND).await;
    eventually("it is in the stream", HEALED, async || {
        stored::newest(&client, &names).await.expect("the stream")
    })
    .await;

    // What it may not do has no effect: the connection lives, and nobody hears it.
    let mut heard = client.subscribe(names.live()).await.expect("subscribed");
    client.publish(names.live(), "from a service".into()).await.expect("sent");
    let told = heard.next().await.expect("what the issuer tells");
    assert_ne!(told.payload, "from a service");

    // Nor may it have the issuer do it, by having an answer go there.
    for number in ["-1", "0"] {
        let place = names.api("DELETE");
        client.publish_with_reply(names.ask(), place, number.into()).await.expect("sent");
    }
    let answer = client.request(names.ask(), "0".into()).await.expect("an answer");
    assert!(answer.payload.len() > 100);
    assert!(stored::newest(&client, &names).await.expect("the stream").is_some());

    node.process.kill().await;
    refuses(&service(), &token, HEALED).await;
}
