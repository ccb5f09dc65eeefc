//! A way to the feed that does what a test says, under a clock that moves only when told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_verifier::Verifier;
use countersign_verifier::key_source::BoxFuture;
use countersign_verifier::revocation::{Feed, FeedError, Messages, Revocation, Revocations};
use countersign_verifier::testing::{TestClock, TestIssuer};
use tokio::sync::mpsc;

use crate::{AUDIENCE, NOW};

pub(crate) const ISSUER: &str = "https://issuer.example";

#[derive(Clone)]
pub(crate) struct Script(Arc<Inner>);

struct Inner {
    issuer: TestIssuer,
    asked: Mutex<Vec<u64>>,
    listened: Mutex<Vec<u64>>,
    trouble: Mutex<Option<FeedError>>,
    stream: Mutex<Option<mpsc::UnboundedSender<Result<String, FeedError>>>>,
}

struct Stream(mpsc::UnboundedReceiver<Result<String, FeedError>>);

impl Script {
    pub(crate) fn new(issuer: &TestIssuer) -> Self {
        Self(Arc::new(Inner {
            issuer: issuer.clone(),
            asked: Mutex::default(),
            listened: Mutex::default(),
            trouble: Mutex::default(),
            stream: Mutex::default(),
        }))
    }

    /// From which numbers on the feed was asked.
    pub(crate) fn asked(&self) -> Vec<u64> {
        self.0.asked.lock().unwrap().clone()
    }

    pub(crate) fn listened(&self) -> usize {
        self.0.listened.lock().unwrap().len()
    }

    /// Answers with this to each question from now on.
    pub(crate) fn fail(&self, error: FeedError) {
        *self.0.trouble.lock().unwrap() = Some(error);
    }

    pub(crate) fn heal(&self) {
        self.0.trouble.lock().unwrap().take();
    }

    /// Sends something to whoever listens.
    pub(crate) fn send(&self, message: Result<String, FeedError>) {
        self.0.stream.lock().unwrap().as_ref().map(|stream| stream.send(message));
    }

    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl Feed for Script {
    fn ask(&self, after: u64) -> BoxFuture<'_, Result<String, FeedError>> {
        self.0.asked.lock().unwrap().push(after);
        let trouble = self.0.trouble.lock().unwrap().clone();
        let answer = trouble.map_or_else(|| Ok(self.0.issuer.feed_message(after).mint()), Err);
        Box::pin(std::future::ready(answer))
    }

    fn listen(&self, after: u64) -> BoxFuture<'_, Result<Box<dyn Messages>, FeedError>> {
        self.0.listened.lock().unwrap().push(after);
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.0.stream.lock().unwrap() = Some(sender);
        let stream: Box<dyn Messages> = Box::new(Stream(receiver));
        Box::pin(std::future::ready(Ok(stream)))
    }
}

impl Messages for Stream {
    fn next(&mut self) -> BoxFuture<'_, Result<String, FeedError>> {
        Box::pin(async { self.0.recv().await.unwrap_or(Err(FeedError::Broken)) })
    }
}

pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) issuer: TestIssuer,
    pub(crate) script: Script,
    pub(crate) verifier: Verifier,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Revocation::BestEffort).await
    }

    pub(crate) async fn with(policy: Revocation) -> Self {
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
        let script = Script::new(&issuer);
        let verifier = Verifier::builder(ISSUER)
            .audience(AUDIENCE)
            .clock(clock.clone())
            .feed(script.clone())
            .revocation(policy)
            .build_with(issuer.jwk_set())
            .unwrap();
        let world = Self { clock, issuer, script, verifier };
        world.settle().await;
        world
    }

    pub(crate) fn revocations(&self) -> &Revocations {
        self.verifier.revocations().unwrap()
    }

    pub(crate) fn token(&self) -> String {
        self.issuer.app_token("orders").audience(AUDIENCE).claim("jti", "t1").mint()
    }

    pub(crate) fn is_refused(&self) -> bool {
        let token = self.token();
        self.verifier.try_verify(&token).is_err()
    }

    /// Lets the task do what it can do now.
    pub(crate) async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass, with a heartbeat every five seconds or none.
    pub(crate) async fn live(&self, seconds: u64, beats: bool) {
        for second in 1..=seconds {
            self.clock.advance(Duration::from_secs(1));
            tokio::time::advance(Duration::from_secs(1)).await;
            if beats && second % 5 == 0 {
                let from = self.revocations().ask_from();
                self.script.send(Ok(self.issuer.feed_message(from).mint()));
            }
            self.settle().await;
        }
    }
}
