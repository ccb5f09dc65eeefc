//! The feed over HTTP: what a good issuer sends arrives, and whatever else comes is noticed by its name and harmless.

use bytes::Bytes;
use countersign_verifier::Verifier;
use http::StatusCode;

use crate::AUDIENCE;
use crate::server::{Said, Server, until};

fn last_error(verifier: &Verifier) -> Option<&'static str> {
    verifier.health().feed.unwrap().last_error
}

#[tokio::test]
async fn the_announced_feed_is_followed_with_a_token_for_it_alone() {
    let server = Server::saying(Said::Truth).await;
    server.issuer.revoke_jti("t1");
    let verifier = server.verifier();

    verifier.ready().await;
    until("it listens", || server.asked.lock().unwrap().len() >= 2).await;

    let token = server.issuer.app_token("orders").audience(AUDIENCE).claim("jti", "t1").mint();
    assert_eq!(verifier.verify(&token).await.unwrap_err().code(), "revoked");
    let asked = server.asked.lock().unwrap().clone();
    let expected = [("Bearer token-1", "after=0"), ("Bearer token-1", "after=1")];
    assert_eq!(asked, expected.map(|(token, query)| (token.to_owned(), query.to_owned())));
}

#[tokio::test]
async fn events_of_the_stream_arrive_however_they_are_cut() {
    let server = Server::saying(Said::Truth).await;
    let before = server.event(0);
    server.issuer.revoke_jti("t1");
    let whole = [before, server.event(0)].concat();
    let parts = whole.chunks(7).map(Bytes::copy_from_slice).collect();
    *server.said.lock().unwrap() = Said::Stream(parts);

    let verifier = server.verifier();
    verifier.ready().await;

    until("it is told", || verifier.revocations().unwrap().ask_from() == 1).await;
}

#[tokio::test]
async fn whatever_else_comes_has_its_name_and_changes_nothing() {
    let message = "application/secevent+jwt";
    let rows = [
        (Said::Answer(200, "content-type", "text/html", "<html></html>".into()), "feed_wrong_type"),
        (Said::Answer(200, "content-type", message, "<html></html>".into()), "feed_refused"),
        (Said::Answer(302, "location", "http://127.0.0.1:1/", Bytes::new()), "feed_redirect"),
        (Said::Answer(503, "retry-after", "1", Bytes::new()), "feed_status"),
        (Said::Answer(404, "x", "y", Bytes::new()), "feed_status"),
        (Said::Answer(401, "x", "y", Bytes::new()), "feed_unauthorized"),
        (Said::Answer(200, "content-type", message, vec![b'a'; 10 << 20].into()), "feed_too_large"),
        (Said::Truncated, "feed_broken"),
    ];

    for (said, expected) in rows {
        let server = Server::saying(said).await;
        let verifier = server.verifier();
        until(expected, || last_error(&verifier) == Some(expected)).await;
        let revocations = verifier.revocations().unwrap();
        assert_eq!((revocations.entries(), revocations.lag()), (0, None), "{expected}");
    }
}

#[tokio::test]
async fn a_stream_that_is_hostile_is_given_up_while_questions_go_on() {
    let forged = Server::saying(Said::Truth).await;
    let foreign = forged.issuer.rotated();
    let forgery = forged.issuer.feed_message(0).forged_by(&foreign);
    let forgery: Bytes = format!("event: set\ndata: {forgery}\n\n").into();
    let rows = [
        (vec![Bytes::from(vec![b'a'; 64 * 1024]); 32], "feed_too_large"),
        (vec!["event: set\ndata: a\ndata: b\n\n".into()], "feed_wrong_type"),
        (vec![forgery; 20], "feed_refused"),
    ];

    for (parts, expected) in rows {
        *forged.said.lock().unwrap() = Said::Stream(parts);
        let verifier = forged.verifier();
        until(expected, || last_error(&verifier) == Some(expected)).await;
        assert!(verifier.revocations().unwrap().lag().is_some());
    }
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_replaced() {
    let server =
        Server::saying(Said::Answer(StatusCode::UNAUTHORIZED.as_u16(), "x", "y", Bytes::new()))
            .await;
    let verifier = server.verifier();
    until("it is refused", || last_error(&verifier) == Some("feed_unauthorized")).await;

    *server.said.lock().unwrap() = Said::Truth;
    verifier.ready().await;

    assert!(*server.tokens.lock().unwrap() >= 2);
}

#[tokio::test]
async fn an_issuer_without_a_feed_is_said_to_have_none() {
    let server = Server::saying(Said::Truth).await;
    *server.announced.lock().unwrap() = false;
    let verifier = server.verifier();

    until("it is known", || last_error(&verifier) == Some("feed_not_announced")).await;

    let token = server.issuer.app_token("orders").audience(AUDIENCE).mint();
    assert!(verifier.verify(&token).await.is_ok());
}
