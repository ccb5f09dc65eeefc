//! The real client against a server that does everything wrong, over real sockets.

use std::time::Duration;

use countersign_verifier::key_source::{
    FetchError, HttpFetch, KeySourceError, RemoteKeys, RemoteOptions, Source,
};
use countersign_verifier::testing::{TestClock, TestIssuer};
use countersign_verifier::{Keys, Verifier};

use crate::script::{AUDIENCE, NOW, token};
use crate::server::{Reply, Server};

struct World {
    server: Server,
    issuer: TestIssuer,
    clock: TestClock,
    verifier: Verifier,
}

impl World {
    /// A verifier that has fetched good keys once, before the server turns hostile.
    async fn new() -> Self {
        let server = Server::start().await;
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(&server.url).clock(clock.clone());
        server.reply_ok("etag: \"v1\"\r\ncache-control: max-age=300\r\n", &issuer.jwks_json());
        let verifier = Verifier::builder(&server.url)
            .audience(AUDIENCE)
            .keys(Keys::JwksUrl(format!("{}/jwks", server.url).parse().unwrap()))
            .fetcher(impatient())
            .clock(clock.clone())
            .build()
            .await
            .unwrap();
        Self { server, issuer, clock, verifier }
    }

    /// Lets the set fall due and refreshes it: the error, if that failed.
    async fn refresh(&self) -> Option<FetchError> {
        self.clock.advance(Duration::from_secs(601));
        match self.verifier.remote_keys().unwrap().refresh().await {
            Ok(()) => None,
            Err(KeySourceError::Unavailable { cause, .. }) => Some(cause),
            Err(other) => panic!("{other}"),
        }
    }

    async fn serves(&self) -> bool {
        self.verifier.verify(&token(&self.issuer)).await.is_ok()
    }
}

fn impatient() -> HttpFetch {
    HttpFetch::with_timeouts(Duration::from_secs(1), Duration::from_secs(1)).unwrap()
}

#[tokio::test]
async fn j31_every_bad_answer_leaves_the_good_keys_in_place() {
    let head =
        |status: &str, rest: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n{rest}\r\n");
    let world = World::new().await;
    let rows: Vec<(&str, Reply, &str)> = vec![
        ("500", Reply::Bytes(head("500 Oops", "content-length: 0\r\n")), "status"),
        ("404", Reply::Bytes(head("404 Not Found", "content-length: 0\r\n")), "status"),
        (
            "redirect",
            Reply::Bytes(head(
                "302 Found",
                "location: http://127.0.0.1:1/\r\ncontent-length: 0\r\n",
            )),
            "redirect",
        ),
        (
            "HTML",
            Reply::Bytes(head("200 OK", "content-type: text/html\r\n") + "<html>hello</html>"),
            "jwks_malformed",
        ),
        ("an empty body", Reply::Bytes(head("200 OK", "content-length: 0\r\n")), "jwks_malformed"),
        (
            "truncated",
            Reply::Bytes(head("200 OK", "content-length: 1000\r\n") + "{\"keys\":["),
            "broken",
        ),
        ("nothing at all", Reply::Bytes(String::new()), "broken"),
        ("not HTTP", Reply::Bytes("SSH-2.0-x\r\n\r\n".into()), "broken"),
        ("silence", Reply::BytesThenSilence(String::new()), "timeout"),
        (
            "slow loris",
            Reply::BytesThenSilence(head("200 OK", "content-length: 1000\r\n") + "{"),
            "timeout",
        ),
        (
            "10 MB announced",
            Reply::Body {
                head: head("200 OK", "content-length: 10000000\r\n"),
                length: 10_000_000,
            },
            "too_large",
        ),
        (
            "10 MB unannounced",
            Reply::Body { head: head("200 OK", ""), length: 10_000_000 },
            "too_large",
        ),
        (
            "no usable key",
            Reply::Bytes(head("200 OK", "") + r#"{"keys":[{"kty":"oct","k":"AA"}]}"#),
            "jwks_no_usable_key",
        ),
    ];

    for (name, reply, code) in rows {
        world.server.reply(reply);
        let error = world.refresh().await;
        assert_eq!(error.as_ref().map(FetchError::code), Some(code), "{name}: {error:?}");
        assert!(world.serves().await, "{name}");
    }
}

#[tokio::test]
async fn a_304_renews_only_what_is_there() {
    let not_modified = "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n";
    let world = World::new().await;
    world.server.reply(Reply::Bytes(not_modified.into()));
    assert_eq!(world.refresh().await, None);
    assert!(world.server.requests()[1].contains("if-none-match: \"v1\""));

    let mut options = RemoteOptions::new(std::sync::Arc::new(impatient()));
    options.clock = std::sync::Arc::new(world.clock.clone());
    let url = format!("{}/jwks", world.server.url).parse().unwrap();
    let cold = RemoteKeys::new(Source::JwksUrl(url), options);

    let Err(KeySourceError::Unavailable { cause, .. }) = cold.refresh().await else { panic!() };
    assert_eq!(cause, FetchError::NotModifiedWithoutCache);
}

#[tokio::test]
async fn j31_extreme_lifetimes_are_clamped() {
    let world = World::new().await;
    let jwks = world.issuer.jwks_json();
    let due_after = async |header: &str| {
        world.server.reply_ok(&format!("cache-control: {header}\r\n"), &jwks);
        assert_eq!(world.refresh().await, None);
        world.verifier.remote_keys().unwrap().tick().await.as_secs()
    };

    assert!((43..=53).contains(&due_after("max-age=0").await));
    assert!((43..=53).contains(&due_after("no-store").await));
    // The refresher looks at the clock at least once an hour.
    assert_eq!(due_after("max-age=1000000000").await, 3600);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connection_error() {
    let mut options = RemoteOptions::new(std::sync::Arc::new(impatient()));
    options.clock = std::sync::Arc::new(TestClock::at(NOW));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    drop(listener);
    let keys = RemoteKeys::new(Source::JwksUrl(url.parse().unwrap()), options);

    let Err(KeySourceError::Unavailable { cause, .. }) = keys.refresh().await else { panic!() };

    assert_eq!(cause, FetchError::Connect);
}

#[tokio::test]
async fn discovery_and_keys_over_a_socket_with_an_internal_address() {
    let server = Server::start().await;
    let issuer = TestIssuer::new(&server.url);
    server.reply_ok("", &format!(r#"{{"issuer":"{0}","jwks_uri":"{0}/jwks"}}"#, server.url));
    let discovered = Verifier::builder(&server.url).audience(AUDIENCE).build().await;
    // The same document answers both requests, so the second is not a key set.
    assert!(discovered.unwrap_err().to_string().contains("key set is unusable"));
    let paths: Vec<_> =
        server.requests().iter().map(|r| r.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(paths, ["/.well-known/openid-configuration", "/jwks"]);

    server.reply_ok("", &issuer.jwks_json());
    let internal = Verifier::builder("https://public.example")
        .audience(AUDIENCE)
        .keys(Keys::JwksUrl(format!("{}/jwks", server.url).parse().unwrap()))
        .build()
        .await
        .unwrap();
    let public =
        issuer.app_token("orders").audience(AUDIENCE).claim("iss", "https://public.example");

    assert!(internal.verify(&public.mint()).await.is_ok());
}

#[tokio::test]
async fn requests_carry_no_surprises() {
    let world = World::new().await;

    world.verifier.remote_keys().unwrap().refresh().await.unwrap();

    let requests = world.server.requests();
    assert!(requests[0].starts_with("get /jwks http/1.1\r\n"));
    assert!(!requests[0].contains("cache-control"));
    assert!(requests[1].contains("cache-control: no-cache\r\n"));
    assert!(requests.iter().all(|r| !r.contains("cookie") && !r.contains("authorization")));
}
