//! What many requests ask of the database at once is done at once. Whoever comes while a turn is under way waits for the
//! next, and is answered when that is done: no answer is older than its question. At rest there is nothing: the first job
//! begins a task, which ends when none waits.
//!
//! A request that is given up takes its job along if it has not begun; one that has begun is done whole.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::pool::Pool;
use super::{StoreError, answered};

/// How many jobs share a turn at most.
pub(super) const BATCH: usize = 64;

/// How many may wait: what a database that works does in the time for which a request waits. Whoever comes then is told
/// to come again.
const MAX_WAITING: usize = 4_096;

/// Something that is done as well for many at once.
pub(super) trait Job: Debug + Sized + Send + Sync + 'static {
    /// What comes of it.
    type Outcome: Debug + Send + 'static;
    /// What it is about, if it must not share a turn with another about the same.
    type Subject: Eq + Hash + Send;

    /// Of two jobs about the same subject, the later waits for the next turn.
    fn subject(&self) -> Option<Self::Subject>;

    /// Does the jobs of one turn, and says what came of each, in their order.
    fn run(
        pool: &Pool,
        jobs: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// The jobs of one kind of one store. Cheap to clone.
#[derive(Debug)]
pub(super) struct Together<J: Job> {
    pool: Pool,
    queue: Arc<Mutex<Queue<J>>>,
}

#[derive(Debug)]
struct Queue<J: Job> {
    waiting: VecDeque<Waiting<J>>,
    /// A task takes care of them.
    is_led: bool,
}

#[derive(Debug)]
struct Waiting<J: Job> {
    job: J,
    answer: Answer<J>,
}

/// The way back to whoever asked.
type Answer<J> = oneshot::Sender<Result<<J as Job>::Outcome, StoreError>>;

impl<J: Job> Clone for Together<J> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), queue: Arc::clone(&self.queue) }
    }
}

impl<J: Job> Together<J> {
    pub(super) fn new(pool: Pool) -> Self {
        let queue = Queue { waiting: VecDeque::new(), is_led: false };
        Self { pool, queue: Arc::new(Mutex::new(queue)) }
    }

    /// Has a job done, and waits for what comes of it.
    pub(super) async fn ask(&self, job: J) -> Result<J::Outcome, StoreError> {
        let outcome = self.enqueue(job)?;
        let lost = || StoreError::Unavailable("the node is about to stop".to_owned());
        answered(async { outcome.await.unwrap_or_else(|_| Err(lost())) }).await
    }

    fn enqueue(
        &self,
        job: J,
    ) -> Result<oneshot::Receiver<Result<J::Outcome, StoreError>>, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_WAITING {
            queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        }
        if queue.waiting.len() >= MAX_WAITING {
            return Err(StoreError::Unavailable("too many requests wait for it".to_owned()));
        }
        queue.waiting.push_back(Waiting { job, answer });
        if !std::mem::replace(&mut queue.is_led, true) {
            tokio::spawn(Leader { jobs: self.clone(), is_leading: true }.lead());
        }
        Ok(outcome)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn has begun, or waits for its connection, and what comes now waits for the next.
    #[cfg(test)]
    pub(super) fn is_under_way(&self) -> bool {
        let queue = self.queue();
        queue.is_led && queue.waiting.is_empty()
    }

    /// Does jobs together and answers each. If the database refuses them together, each is done alone, so that one that
    /// cannot be done is in nobody's way.
    async fn take_turn(&self, together: Vec<Waiting<J>>) {
        let (jobs, answers): (Vec<_>, Vec<_>) =
            together.into_iter().map(|waiting| (waiting.job, waiting.answer)).unzip();
        match self.run(&jobs).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    tell::<J>(answer, Ok(outcome));
                }
            }
            // What may have been done is never done again: whoever asked does not know either.
            Err(error) if jobs.len() > 1 && !error.is_retryable() => {
                self.run_one_by_one(jobs, answers).await;
            }
            Err(error) => {
                for answer in answers {
                    tell::<J>(answer, Err(error.clone()));
                }
            }
        }
    }

    async fn run_one_by_one(&self, jobs: Vec<J>, answers: Vec<Answer<J>>) {
        let nothing = || StoreError::Failed("nothing came of it".to_owned());
        let mut lost = None;
        for (job, answer) in jobs.into_iter().zip(answers) {
            let outcome = match &lost {
                None => {
                    let outcomes = self.run(&[job]).await;
                    outcomes.and_then(|mut outcomes| outcomes.pop().ok_or_else(nothing))
                }
                Some(error) => Err(StoreError::clone(error)),
            };
            lost = outcome.as_ref().err().filter(|error| error.is_retryable()).cloned();
            tell::<J>(answer, outcome);
        }
    }

    async fn run(&self, jobs: &[J]) -> Result<Vec<J::Outcome>, StoreError> {
        answered(J::run(&self.pool, jobs)).await
    }
}

/// Whoever asked may have gone meanwhile; the job is done all the same.
fn tell<J: Job>(answer: Answer<J>, outcome: Result<J::Outcome, StoreError>) {
    let _ = answer.send(outcome);
}

/// The task that takes care of what waits. There is one at most.
struct Leader<J: Job> {
    jobs: Together<J>,
    is_leading: bool,
}

impl<J: Job> Leader<J> {
    async fn lead(mut self) {
        loop {
            // Requests that are ready to ask do so first: the fuller a turn, the fewer there are.
            tokio::task::yield_now().await;
            let Some(together) = self.next() else { break };
            self.jobs.take_turn(together).await;
        }
    }

    /// The jobs of the next turn, in the order in which they came.
    fn next(&mut self) -> Option<Vec<Waiting<J>>> {
        let mut queue = self.jobs.queue();
        let (mut together, mut later) = (Vec::new(), VecDeque::new());
        let mut subjects = HashSet::new();
        while together.len() < BATCH {
            let Some(waiting) = queue.waiting.pop_front() else { break };
            if waiting.answer.is_closed() {
                continue;
            }
            if waiting.job.subject().is_none_or(|subject| subjects.insert(subject)) {
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

impl<J: Job> Drop for Leader<J> {
    /// If it breaks off in the middle, those who wait are told, and the next job begins another.
    fn drop(&mut self) {
        if self.is_leading {
            let mut queue = self.jobs.queue();
            queue.waiting.clear();
            queue.is_led = false;
        }
    }
}
