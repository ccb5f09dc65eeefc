//! The flood bar in real time: 100,000 random `kid`s a second for a minute against one verifier, while
//! good tokens come in and the issuer really rotates. Prints one JSON line a figure. Say how many
//! seconds with `FLOOD_SECONDS=5`; a minute by default.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, rounds figures, and stops when it fails"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_verifier::key_source::{BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse};
use countersign_verifier::testing::TestIssuer;
use countersign_verifier::{Keys, Verifier};
use serde_json::json;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";
const PER_SECOND: u64 = 100_000;

/// The issuer's key set, in memory; counts how often it is fetched.
#[derive(Clone, Default)]
struct Jwks {
    document: Arc<Mutex<String>>,
    fetches: Arc<AtomicU64>,
}

impl Fetch for Jwks {
    fn get(&self, _: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let body = Bytes::from(self.document.lock().unwrap().clone());
        let headers =
            [(http::header::CACHE_CONTROL, http::HeaderValue::from_static("max-age=300"))];
        let headers = headers.into_iter().collect();
        Box::pin(async move { Ok(FetchResponse::from_parts(http::StatusCode::OK, &headers, body)) })
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let seconds = std::env::var("FLOOD_SECONDS").map_or(60, |seconds| seconds.parse().unwrap());
    let (old, jwks) = (TestIssuer::new(ISSUER), Jwks::default());
    let new = old.rotated();
    *jwks.document.lock().unwrap() = old.jwks_json();
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .keys(Keys::JwksUrl("https://issuer.example/jwks".parse().unwrap()))
        .fetcher(jwks.clone())
        .build()
        .await
        .unwrap();
    let loaded = jwks.fetches.load(Ordering::Relaxed);
    let stop = Arc::new(AtomicBool::new(false));
    let before = resident_kib();
    let good = tokio::spawn(good_calls(verifier.clone(), old.clone(), Arc::clone(&stop)));
    let rotation = tokio::spawn(rotate(verifier.clone(), jwks.clone(), old.clone(), new));

    let begin = Instant::now();
    let sent = flood(&verifier, &old, Duration::from_secs(seconds)).await;
    let took = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (accepted, refused, slowest) = good.await.unwrap();
    let fetches = jwks.fetches.load(Ordering::Relaxed) - loaded;
    let picked_up = rotation.await.unwrap();

    print("random_kids_per_second", (sent as f64 / took.as_secs_f64()).round());
    print("seconds", took.as_secs_f64().round());
    print("fetches", fetches);
    print("fetches_per_minute", fetches as f64 * 60.0 / took.as_secs_f64());
    print("good_tokens_accepted", accepted);
    print("good_tokens_refused", refused);
    print("good_token_slowest_us", slowest.as_micros());
    print("rotation_picked_up_after_seconds", picked_up.as_secs_f64());
    print("resident_growth_kib", resident_kib() - before);
}

/// Random `kid`s, paced in hundredths of a second. The token's text is made anew for each.
async fn flood(verifier: &Verifier, issuer: &TestIssuer, length: Duration) -> u64 {
    use base64::Engine as _;
    let good = issuer.app_token("orders").audience(AUDIENCE).mint();
    let rest = good.split_once('.').unwrap().1;
    let (begin, mut sent) = (Instant::now(), 0_u64);
    while begin.elapsed() < length {
        let due = begin.elapsed().as_millis() as u64 * PER_SECOND / 1000;
        while sent < due {
            let header =
                format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{sent:x}-{:x}"}}"#, sent * 7919);
            let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
            assert!(verifier.verify(&format!("{header}.{rest}")).await.is_err());
            sent += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sent
}

/// Good tokens all the while: accepted, refused, and the slowest answer.
async fn good_calls(
    verifier: Verifier,
    issuer: TestIssuer,
    stop: Arc<AtomicBool>,
) -> (u64, u64, Duration) {
    let (mut accepted, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let token = issuer.app_token("orders").audience(AUDIENCE).mint();
        let begin = Instant::now();
        match verifier.verify(&token).await {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
        slowest = slowest.max(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (accepted, refused, slowest)
}

/// Publishes a second key shortly after the budget was spent, and waits until its tokens pass.
async fn rotate(verifier: Verifier, jwks: Jwks, old: TestIssuer, new: TestIssuer) -> Duration {
    tokio::time::sleep(Duration::from_secs(3)).await;
    let keys = [&old, &new].map(|issuer| json!(issuer.key().verifying_key()));
    *jwks.document.lock().unwrap() = json!({ "keys": keys }).to_string();
    let begin = Instant::now();
    let token = new.app_token("orders").audience(AUDIENCE).mint();
    while verifier.verify(&token).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begin.elapsed()
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn print(figure: &str, value: impl serde::Serialize) {
    println!("{}", json!({ "bench": "flood", "figure": figure, "value": value }));
}
