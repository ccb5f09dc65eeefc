//! An issuer in memory: answers as the test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign_verifier::key_source::{
    BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse, RemoteKeys,
};
use countersign_verifier::testing::{TestClock, TestIssuer};
use countersign_verifier::{
    HasAudience, Keys, Start, Verified, Verifier, VerifierBuilder, VerifyError,
};
use tokio::sync::Semaphore;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "https://payments.example";
pub(crate) const NOW: i64 = 1_700_000_000;

/// How the issuer answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Keys(String),
    NotModified,
    Fails(FetchError),
    Status(u16, &'static [(&'static str, &'static str)]),
}

/// A cache between the verifier and the issuer: what it has, and for how long it has had it.
#[derive(Clone)]
pub(crate) struct CacheOnTheWay {
    pub(crate) jwks: String,
    pub(crate) age: &'static str,
    pub(crate) obeys_no_cache: bool,
}

#[derive(Clone)]
pub(crate) struct Script {
    inner: Arc<Inner>,
}

struct Inner {
    answer: Mutex<Answer>,
    cache_control: Mutex<&'static str>,
    cache: Mutex<Option<CacheOnTheWay>>,
    requests: Mutex<Vec<FetchRequest>>,
    /// One permit for each answer that may go out.
    gate: Semaphore,
}

impl Script {
    pub(crate) fn publishing(issuer: &TestIssuer) -> Self {
        let inner = Inner {
            answer: Mutex::new(Answer::Keys(issuer.jwks_json())),
            cache_control: Mutex::new("max-age=300, stale-if-error=86400"),
            cache: Mutex::default(),
            requests: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.inner.answer.lock().unwrap() = answer;
    }

    pub(crate) fn publish(&self, issuer: &TestIssuer) {
        self.answer(Answer::Keys(issuer.jwks_json()));
    }

    pub(crate) fn go_down(&self) {
        self.answer(Answer::Fails(FetchError::Connect));
    }

    pub(crate) fn cache_control(&self, value: &'static str) {
        *self.inner.cache_control.lock().unwrap() = value;
    }

    /// Answers come through this cache from now on.
    pub(crate) fn through(&self, cache: CacheOnTheWay) {
        *self.inner.cache.lock().unwrap() = Some(cache);
    }

    /// Holds answers back until `release`.
    pub(crate) fn hold(&self) {
        self.inner.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.inner.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn requests(&self) -> Vec<FetchRequest> {
        self.inner.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.inner.requests.lock().unwrap().len()
    }

    /// How many hold on to this script: to see that tasks have let go.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.inner)
    }

    fn respond(&self, no_cache: bool) -> Result<FetchResponse, FetchError> {
        let cache_control = *self.inner.cache_control.lock().unwrap();
        let cache = self.inner.cache.lock().unwrap().clone();
        let cache = cache.filter(|cache| !(no_cache && cache.obeys_no_cache));
        let age = cache.as_ref().map_or("0", |cache| cache.age);
        let plain = [("cache-control", cache_control), ("etag", "\"v\""), ("age", age)];
        let answer = self.inner.answer.lock().unwrap().clone();
        let (status, headers, body) = match cache.map_or(answer, |c| Answer::Keys(c.jwks)) {
            Answer::Keys(jwks) => (200, plain.as_slice(), jwks),
            Answer::NotModified => (304, plain.as_slice(), String::new()),
            Answer::Fails(error) => return Err(error),
            Answer::Status(status, headers) => (status, headers, String::new()),
        };
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        let status = http::StatusCode::from_u16(status).unwrap();
        Ok(FetchResponse::from_parts(status, &headers.collect(), Bytes::from(body)))
    }
}

impl Fetch for Script {
    fn get(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        let no_cache = request.no_cache;
        self.inner.requests.lock().unwrap().push(request);
        Box::pin(async move {
            let permit = self.inner.gate.acquire().await.unwrap();
            drop(permit);
            self.respond(no_cache)
        })
    }
}

/// An issuer, what it publishes, a clock, and a verifier that fetches from it.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) issuer: TestIssuer,
    pub(crate) script: Script,
    pub(crate) verifier: Verifier,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::starting(Start::FailFast).await
    }

    pub(crate) async fn starting(start: Start) -> Self {
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
        let script = Script::publishing(&issuer);
        let verifier = verifier(&script, &clock, start).await.unwrap();
        Self { clock, issuer, script, verifier }
    }

    pub(crate) fn keys(&self) -> &RemoteKeys {
        self.verifier.remote_keys().unwrap()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass, with the refresher at work every so many seconds.
    pub(crate) async fn live(&self, seconds: u64, step: u64) {
        for _ in 0..seconds / step {
            self.advance(step);
            self.keys().tick().await;
        }
    }

    pub(crate) async fn verify_by(&self, issuer: &TestIssuer) -> Result<Verified, VerifyError> {
        self.verifier.verify(&token(issuer)).await
    }

    pub(crate) async fn verify(&self) -> Result<Verified, VerifyError> {
        self.verify_by(&self.issuer).await
    }
}

pub(crate) async fn verifier(
    script: &Script,
    clock: &TestClock,
    start: Start,
) -> Result<Verifier, countersign_verifier::BuildError> {
    builder(script, clock).start(start).build().await
}

pub(crate) fn builder(script: &Script, clock: &TestClock) -> VerifierBuilder<(), HasAudience> {
    Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .keys(Keys::JwksUrl(format!("{ISSUER}/jwks").parse().unwrap()))
        .fetcher(script.clone())
        .clock(clock.clone())
}

pub(crate) fn token(issuer: &TestIssuer) -> String {
    issuer.app_token("orders").audience(AUDIENCE).mint()
}

pub(crate) fn two_keys(one: &TestIssuer, other: &TestIssuer) -> Answer {
    let keys = [one, other].map(|issuer| serde_json::json!(issuer.key().verifying_key()));
    Answer::Keys(serde_json::json!({ "keys": keys }).to_string())
}
