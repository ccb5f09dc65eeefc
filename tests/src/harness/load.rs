//! Steady load: workers that repeat one act until they are stopped, and count.

use super::eventually;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// After a failure, so that a dead node is not hammered.
const PAUSE: Duration = Duration::from_millis(10);

/// What the load has seen.
#[derive(Debug)]
pub struct Outcome {
    /// How many acts succeeded.
    pub succeeded: u64,
    /// How each of the others failed.
    pub failures: Vec<String>,
}

/// Running load.
#[derive(Debug)]
pub struct Load {
    workers: JoinSet<Vec<String>>,
    succeeded: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// `workers` tasks, each repeating `act` as soon as the last one is over.
    pub fn start<F>(workers: usize, act: impl Fn() -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let mut load = Self {
            workers: JoinSet::new(),
            succeeded: Arc::new(AtomicU64::new(0)),
            stop: Arc::new(AtomicBool::new(false)),
        };
        for _ in 0..workers {
            let (act, succeeded, stop) =
                (act.clone(), Arc::clone(&load.succeeded), Arc::clone(&load.stop));
            load.workers.spawn(async move {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match act().await {
                        Ok(()) => _ = succeeded.fetch_add(1, Ordering::Relaxed),
                        Err(failure) => {
                            failures.push(failure);
                            sleep(PAUSE).await;
                        }
                    }
                }
                failures
            });
        }
        load
    }

    /// How many acts have succeeded up to now.
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    /// Waits until so many acts have succeeded, at most for `limit`.
    pub async fn reaches(&self, count: u64, limit: Duration) {
        let what = format!("{count} successes");
        eventually(&what, limit, || async { (self.succeeded() >= count).then_some(()) }).await;
    }

    /// Lets each worker finish its act, then counts.
    pub async fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.workers.join_all().await.concat();
        Outcome { succeeded: self.succeeded.load(Ordering::Relaxed), failures }
    }
}
