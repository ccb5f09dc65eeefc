//! Tokens are kept, asked for once, renewed ahead of time, and outlive an outage.

use std::time::Duration;

use countersign_verifier::client::{ClientAuthentication, TokenRequest};
use countersign_verifier::testing::TestClock;
use futures_util::future::join_all;
use serde_json::json;

use crate::endpoint::{PAYMENTS, Said, Server};

fn payments() -> TokenRequest {
    TokenRequest::for_resource(PAYMENTS)
}

#[tokio::test]
async fn of_many_who_want_the_same_token_one_asks() {
    let (server, clock) =
        (Server::saying([Said::token("one")]).await, TestClock::at(1_700_000_000));
    let (source, gate) = (server.source(&clock), server.hold());
    let request = payments().scope("payments:read");

    let all = join_all((0..64).map(|_| source.token(&request)));
    let let_go = async {
        server.is_asked(1).await;
        gate.add_permits(64);
    };
    let (tokens, ()) = tokio::join!(all, let_go);

    assert!(tokens.iter().all(|token| token.as_ref().unwrap().expose() == "one"));
    assert_eq!(server.asked().len(), 1);
    let form = server.asked()[0].form();
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!((form["resource"].as_str(), form["scope"].as_str()), (PAYMENTS, "payments:read"));
}

#[tokio::test]
async fn different_wishes_are_different_tokens() {
    let (server, clock) =
        (Server::saying([Said::token("one")]).await, TestClock::at(1_700_000_000));
    let source = server.source(&clock);
    server.say(["a", "b"].map(Said::token));

    for (request, token) in [
        (payments(), "a"),
        (payments().scope("payments:read"), "b"),
        (payments(), "a"),
        (payments().scope("payments:read"), "b"),
    ] {
        assert_eq!(source.token(&request).await.unwrap().expose(), token);
    }
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_behind_the_answer_at_four_fifths_of_its_life() {
    let clock = TestClock::at(1_700_000_000);
    let server = Server::saying(["old", "new"].map(Said::token)).await;
    let source = server.source(&clock);
    assert_eq!(source.token(&payments()).await.unwrap().expose(), "old");

    // A fifth of 300 s, and up to a tenth of the four others: never before 216.
    clock.advance(Duration::from_secs(215));
    assert_eq!(source.token(&payments()).await.unwrap().expose(), "old");
    assert_eq!(server.asked().len(), 1);
    clock.advance(Duration::from_secs(26));
    assert_eq!(source.token(&payments()).await.unwrap().expose(), "old");

    server.is_asked(2).await;
    let mut token = source.token(&payments()).await.unwrap();
    while token.expose() == "old" {
        tokio::task::yield_now().await;
        token = source.token(&payments()).await.unwrap();
    }
    assert_eq!(token.expose(), "new");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_token_serves_until_it_ends_while_the_issuer_is_away_and_then_it_says_so_at_once() {
    let clock = TestClock::at(1_700_000_000);
    let server = Server::saying([Said::token("old"), Said::json(503, &json!({}))]).await;
    let source = server.source(&clock);
    source.token(&payments()).await.unwrap();

    clock.advance(Duration::from_secs(289));
    for _ in 0..5 {
        assert_eq!(source.token(&payments()).await.unwrap().expose(), "old");
    }
    server.is_asked(2).await;
    // Too close to its end to arrive in time.
    clock.advance(Duration::from_secs(2));
    let refused = source.token(&payments()).await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    let asked = server.asked().len();
    for _ in 0..100 {
        source.token(&payments()).await.unwrap_err();
    }
    assert_eq!(server.asked().len(), asked, "within a second nobody asks again");

    server.say([Said::token("new")]);
    clock.advance(Duration::from_secs(8));
    assert_eq!(source.token(&payments()).await.unwrap().expose(), "new");
}

#[tokio::test]
async fn whoever_stops_waiting_takes_nobody_along() {
    let clock = TestClock::at(1_700_000_000);
    let server = Server::saying([Said::token("one")]).await;
    let (source, gate) = (server.source(&clock), server.hold());

    let request = payments();
    let impatient = tokio::time::timeout(Duration::from_millis(50), source.token(&request));
    let (given_up, ()) = tokio::join!(impatient, server.is_asked(1));
    assert!(given_up.is_err());
    gate.add_permits(8);

    assert_eq!(source.token(&request).await.unwrap().expose(), "one");
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_what_is_not_kept_is_answered_all_the_same() {
    let clock = TestClock::at(1_700_000_000);
    let server = Server::saying([Said::token("one")]).await;
    let source = server
        .builder(ClientAuthentication::secret("s3cret"))
        .clock(clock.clone())
        .capacity(2)
        .build()
        .unwrap();
    let of = |number: usize| TokenRequest::for_resource(&format!("https://{number}.example"));

    for number in [0, 1, 2, 2, 0, 1] {
        source.token(&of(number)).await.unwrap();
    }
    assert_eq!(server.asked().len(), 4, "the third is never kept, the first two are");
    clock.advance(Duration::from_mins(5));
    for number in [2, 2] {
        source.token(&of(number)).await.unwrap();
    }
    assert_eq!(server.asked().len(), 5, "what is over makes room");
}
