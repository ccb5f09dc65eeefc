//! From exec to the first 200 of `/readyz`.

use crate::figure::{Figure, median};
use end_to_end::harness::Deployment;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

const ROUNDS: usize = 15;

pub(crate) async fn measure() {
    let deployment = Deployment::sqlite();
    drop(deployment.start().await);
    let mut existing = Vec::new();
    for _ in 0..ROUNDS {
        existing.push(start(&deployment).await);
    }
    Figure::new("start on an existing SQLite folder", median(existing), "ms").at_most(40.0).print();

    let mut empty = Vec::new();
    for _ in 0..ROUNDS {
        empty.push(start(&Deployment::sqlite()).await);
    }
    let slowest = empty.iter().copied().fold(0.0, f64::max);
    Figure::new("start on an empty folder", median(empty), "ms").at_most(2_000.0).print();
    // It makes an RSA key, and the search for primes takes as long as it takes.
    Figure::new("start on an empty folder, slowest", slowest, "ms").print();
}

async fn start(deployment: &Deployment) -> f64 {
    deployment.begin_again();
    let began = Instant::now();
    let mut node = deployment.start_unready();
    let address = node.url.trim_start_matches("http://").to_owned();
    while !ready(&address).await {
        sleep(Duration::from_millis(1)).await;
    }
    let elapsed = began.elapsed();
    node.process.terminate().await;
    node.process.wait(Duration::from_secs(15)).await;
    elapsed.as_secs_f64() * 1000.0
}

/// Asked with nothing between: an HTTP client's own start would be measured too.
async fn ready(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}
