//! SIGTERM: what is in flight is finished, what comes is refused, and the exit is clean. A second signal does not wait.

use end_to_end::harness::{App, Deployment, eventually};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A token request whose last bytes are not sent yet.
async fn half_sent(url: &str, app: &App) -> (TcpStream, Vec<u8>) {
    let address = url.strip_prefix("http://").expect("plain HTTP");
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&resource=https%3A%2F%2Fpayments.example",
        app.client_id, app.client_secret
    );
    let head = format!(
        "POST /token HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut request = format!("{head}{body}").into_bytes();
    let rest = request.split_off(request.len() - 5);
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(&request).await.expect("a half request");
    (stream, rest)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_the_request_in_flight_and_then_exits_with_0() {
    let deployment = Deployment::sqlite();
    let mut node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let (mut stream, rest) = half_sent(&node.url, &app).await;
    // The server has read the half: it answers this one after it on another connection.
    node.token(&app).await;

    node.process.terminate().await;
    eventually("new requests are refused", Duration::from_secs(5), || async {
        (node.status("/token").await.is_none() || node.status("/readyz").await == Some(503))
            .then_some(())
    })
    .await;
    stream.write_all(&rest).await.expect("the rest of the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer, then the end");
    let status = node.process.wait(Duration::from_secs(15)).await;

    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("access_token"), "{answer}");
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_with_a_request_that_never_ends_exits_when_the_drain_time_is_over() {
    let deployment = Deployment::sqlite().with("[shutdown]\ndrain_seconds = 1");
    let mut node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let (_stream, _rest) = half_sent(&node.url, &app).await;

    node.process.terminate().await;

    node.process.wait(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once_with_a_word_of_what_was_left_unfinished() {
    for settings in ["[shutdown]\ndrain_seconds = 600", "[shutdown]\ngrace_seconds = 600"] {
        for second in ["SIGINT", "SIGTERM"] {
            let deployment = Deployment::sqlite().with(settings);
            let mut node = deployment.start().await;
            let app = deployment.app("orders").await;
            node.knows(&app).await;
            let (_stream, _rest) = half_sent(&node.url, &app).await;
            // The server has read the half: it answers this one after it on another connection.
            node.token(&app).await;

            node.process.terminate().await;
            eventually("it is about to stop", Duration::from_secs(5), || async {
                node.process.output().contains("stopping").then_some(())
            })
            .await;
            match second {
                "SIGINT" => node.process.interrupt().await,
                _ => node.process.terminate().await,
            }
            let status = node.process.wait(Duration::from_secs(2)).await;

            let said = node.process.output();
            assert_eq!(status.code(), Some(1), "{settings} {second}: {said}");
            assert!(said.contains("stopped at once"), "{settings} {second}: {said}");
            assert!(said.contains("last use was not written: 1"), "{settings} {second}: {said}");
            assert!(!said.contains("cut off: 0"), "{settings} {second}: {said}");
        }
    }
}
