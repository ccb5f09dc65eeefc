//! Writes of many requests that share a transaction: what a disk takes longest for is to confirm, and it confirms a
//! hundred rows as fast as one. Whoever comes while a transaction is under way waits for the next, and is answered when
//! that is committed. At rest there is nothing: the first write begins a task, which ends when no write waits.
//!
//! A request that is given up takes its write along if it has not begun; one that has begun is done whole.

mod batch;
mod rows;

pub(super) use batch::keep;

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::pool::Pool;
use super::{CodeRedemption, StoreError, answered};

/// How many writes share a transaction at most.
const BATCH: usize = 64;

/// How many may wait: what a database that works does in the time for which a request waits. Whoever comes then is told
/// to come again.
const MAX_WAITING: usize = 4_096;

/// A write that is one conditional statement, with what follows from it: it is done, or somebody else did it before.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A code is used up.
    RedeemCode {
        /// What is written.
        redemption: Box<CodeRedemption>,
        /// Unix seconds.
        now: i64,
    },
    /// A family of refresh tokens is used.
    UseFamily {
        /// The family.
        id: Uuid,
        /// The token that must be the good one.
        from: u32,
        /// The one that is good from now on.
        to: u32,
        /// Unix seconds.
        now: i64,
    },
    /// The `jti` of a client assertion is used up.
    ConsumeJti {
        /// Whose.
        client_id: String,
        /// Of which.
        jti_hash: String,
        /// Unix seconds until which it is remembered.
        expires_at: i64,
    },
    /// A proof of possession is used up.
    UseProof {
        /// Of its name.
        hash: String,
        /// Unix seconds until which it is remembered.
        expires_at: i64,
    },
}

/// What a write is about. Of two writes about the same, the later waits for the next transaction.
#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Code(String),
    Family(Uuid),
    Jti(String, String),
    Proof(String),
}

impl Write {
    fn subject(&self) -> Subject {
        match self {
            Self::RedeemCode { redemption, .. } => Subject::Code(redemption.code_hash.clone()),
            Self::UseFamily { id, .. } => Subject::Family(*id),
            Self::ConsumeJti { client_id, jti_hash, .. } => {
                Subject::Jti(client_id.clone(), jti_hash.clone())
            }
            Self::UseProof { hash, .. } => Subject::Proof(hash.clone()),
        }
    }
}

/// The writes of one store that share transactions. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct GroupCommit {
    pool: Pool,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// A task takes care of them.
    is_led: bool,
}

#[derive(Debug)]
struct Waiting {
    write: Write,
    answer: Answer,
}

/// The way back to whoever asked.
type Answer = oneshot::Sender<Result<bool, StoreError>>;

impl GroupCommit {
    pub(super) fn new(pool: Pool) -> Self {
        Self { pool, queue: Arc::default() }
    }

    /// Does a write: true for exactly one caller on all nodes, once it is committed.
    pub(super) async fn write(&self, write: Write) -> Result<bool, StoreError> {
        let outcome = self.enqueue(write)?;
        let lost = || StoreError::Unavailable("the node is about to stop".to_owned());
        answered(async { outcome.await.unwrap_or_else(|_| Err(lost())) }).await
    }

    fn enqueue(
        &self,
        write: Write,
    ) -> Result<oneshot::Receiver<Result<bool, StoreError>>, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_WAITING {
            queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        }
        if queue.waiting.len() >= MAX_WAITING {
            return Err(StoreError::Unavailable("too many writes wait for it".to_owned()));
        }
        queue.waiting.push_back(Waiting { write, answer });
        if !std::mem::replace(&mut queue.is_led, true) {
            tokio::spawn(Leader { writes: self.clone(), is_leading: true }.lead());
        }
        Ok(outcome)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction has begun, or waits for its connection, and what comes now waits for the next.
    #[cfg(test)]
    pub(super) fn is_under_way(&self) -> bool {
        let queue = self.queue();
        queue.is_led && queue.waiting.is_empty()
    }

    /// Does writes together and answers each. If the database refuses them together, each is done alone, so that one that
    /// cannot be done is in nobody's way.
    async fn commit(&self, together: Vec<Waiting>) {
        let (writes, answers): (Vec<_>, Vec<_>) =
            together.into_iter().map(|waiting| (waiting.write, waiting.answer)).unzip();
        match self.try_commit(&writes).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    tell(answer, Ok(outcome));
                }
            }
            // What may have been committed is never done again: whoever asked does not know either.
            Err(error) if writes.len() > 1 && !error.is_retryable() => {
                self.commit_one_by_one(writes, answers).await;
            }
            Err(error) => {
                for answer in answers {
                    tell(answer, Err(error.clone()));
                }
            }
        }
    }

    async fn commit_one_by_one(&self, writes: Vec<Write>, answers: Vec<Answer>) {
        let mut lost = None;
        for (write, answer) in writes.into_iter().zip(answers) {
            let outcome = match &lost {
                None => self.try_commit(&[write]).await.map(|outcomes| outcomes.contains(&true)),
                Some(error) => Err(StoreError::clone(error)),
            };
            lost = outcome.as_ref().err().filter(|error| error.is_retryable()).cloned();
            tell(answer, outcome);
        }
    }

    async fn try_commit(&self, writes: &[Write]) -> Result<Vec<bool>, StoreError> {
        answered(batch::commit(&self.pool, writes)).await
    }
}

/// Whoever asked may have gone meanwhile; the write is done all the same.
fn tell(answer: Answer, outcome: Result<bool, StoreError>) {
    let _ = answer.send(outcome);
}

/// The task that takes care of what waits. There is one at most.
struct Leader {
    writes: GroupCommit,
    is_leading: bool,
}

impl Leader {
    async fn lead(mut self) {
        while let Some(together) = self.next() {
            self.writes.commit(together).await;
        }
    }

    /// The writes of the next transaction, in the order in which they came, each about something else.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.writes.queue();
        let (mut together, mut later) = (Vec::new(), VecDeque::new());
        let mut subjects = HashSet::new();
        while together.len() < BATCH {
            let Some(waiting) = queue.waiting.pop_front() else { break };
            if waiting.answer.is_closed() {
                continue;
            }
            if subjects.insert(waiting.write.subject()) {
                together.push(waiting);
            } else {
                later.push_back(waiting);
            }
        }
        later.append(&mut queue.waiting);
        queue.waiting = later;
        queue.is_led = !together.is_empty();
        self.is_leading = queue.is_led;
        queue.is_led.then_some(together)
    }
}

impl Drop for Leader {
    /// If it breaks off in the middle, those who wait are told, and the next write begins another.
    fn drop(&mut self) {
        if self.is_leading {
            let mut queue = self.writes.queue();
            queue.waiting.clear();
            queue.is_led = false;
        }
    }
}
