//! Hashing on a bounded pool: never on the threads that serve requests, at most so many at once, at most so much memory,
//! and a queue that gives up. Argon2id (RFC 9106), 19 MiB and 2 passes by default. An unknown user costs a verification
//! of the same kind. Memory is taken when a password is checked and handed on to whoever waits, or else given back: a node
//! at rest holds none.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::formats::MAX_MEMORY_KIB;
use super::memory::{Memory, Spare};
use super::{NewPassword, Password, PasswordHash};
use crate::credentials::CredentialError;
use crate::random;

pub(super) const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// A request waits at most this long for a thread.
const PATIENCE: Duration = Duration::from_secs(5);

/// This many wait for each thread, which is what fits into the patience.
const QUEUE_PER_THREAD: usize = 128;

/// What one hash of ours costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

/// Whether a password is the right one.
#[derive(Debug)]
pub enum Verification {
    /// It is not, or there is none.
    Wrong,
    /// It is.
    Right,
    /// It is, and this hash of it is to be stored instead of the one that was verified.
    RightUpgrade(PasswordHash),
}

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct PasswordHasher(Arc<Pool>);

struct Pool {
    cost: HashCost,
    params: Params,
    /// One permit a thread.
    threads: Arc<Semaphore>,
    /// One permit a MiB.
    memory: Arc<Semaphore>,
    memory_mib: u32,
    queue: usize,
    spare: Spare,
    /// How often work was done.
    count: AtomicU64,
    /// What an unknown user is verified against.
    decoy: PasswordHash,
}

/// Held by a thread while it works. The memory is handed on before the next one may begin.
struct Room {
    blocks: Memory,
    pool: Arc<Pool>,
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Drop for Room {
    fn drop(&mut self) {
        self.pool.count.fetch_add(1, Ordering::Relaxed);
        self.pool.spare.hand_on(std::mem::take(&mut self.blocks));
    }
}

impl PasswordHasher {
    /// A pool that makes hashes at this cost, on at most as many threads as the machine has cores, in at most so much
    /// memory; enough for one hash of ours and for the largest that is imported.
    pub fn new(cost: HashCost, max_memory_mib: u32) -> Result<Self, CredentialError> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_threads(cost, max_memory_mib, cores)
    }

    /// The same with a number of threads.
    pub fn with_threads(
        cost: HashCost,
        max_memory_mib: u32,
        threads: usize,
    ) -> Result<Self, CredentialError> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(OUTPUT_BYTES))
            .map_err(|_| CredentialError::Failed("the cost of password hashes is out of range"))?;
        let memory_mib = max_memory_mib.max(mebibytes(cost.memory_kib.max(MAX_MEMORY_KIB)));
        // No password has this hash: it is made of nothing but randomness.
        let decoy = hash_string(&params, &random::bytes(), &random::bytes());
        let decoy = PasswordHash::parse(&decoy)
            .map_err(|_| CredentialError::Failed("the cost of password hashes is out of range"))?;
        Ok(Self(Arc::new(Pool {
            cost,
            spare: Spare::of(params.block_count()),
            params,
            threads: Arc::new(Semaphore::new(threads)),
            memory: Arc::new(Semaphore::new(memory_mib as usize)),
            memory_mib,
            queue: threads.saturating_mul(QUEUE_PER_THREAD),
            count: AtomicU64::new(0),
            decoy,
        })))
    }

    /// How many passwords were hashed or verified.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: NewPassword) -> Result<PasswordHash, CredentialError> {
        let pool = Arc::clone(&self.0);
        self.run(self.0.cost.memory_kib, move |memory| pool.hash(&password.0, memory)).await?
    }

    /// Verifies a password against a hash; against a decoy if there is none, which takes the same way and time.
    pub async fn verify(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verification, CredentialError> {
        let memory_kib = hash.as_ref().unwrap_or(&self.0.decoy).memory_kib();
        let pool = Arc::clone(&self.0);
        let verified = self.run(memory_kib, move |memory| {
            let found = hash.as_ref();
            let right = found.unwrap_or(&pool.decoy).verify(&password, memory);
            let upgrade = found.is_some_and(|hash| !hash.is_as_made_with(pool.cost));
            (right && found.is_some(), upgrade, password)
        });
        match verified.await? {
            (false, ..) => Ok(Verification::Wrong),
            (true, false, _) => Ok(Verification::Right),
            (true, true, password) => {
                // A password that was right is not refused because the pool is full meanwhile.
                match self.hash(NewPassword(password)).await {
                    Ok(hash) => Ok(Verification::RightUpgrade(hash)),
                    Err(_) => Ok(Verification::Right),
                }
            }
        }
    }

    /// Runs work on a thread of its own, when there is room. Who does not wait for it any longer does not free the room
    /// before the work is done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        memory_kib: u32,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, CredentialError> {
        let room = self.room(memory_kib).await?;
        let done = tokio::task::spawn_blocking(move || {
            let mut room = room;
            work(&mut room.blocks)
        });
        done.await.map_err(|_| CredentialError::Failed("a hashing thread ended early"))
    }

    async fn room(&self, memory_kib: u32) -> Result<Room, CredentialError> {
        let Pool { threads, memory, memory_mib, queue, spare, .. } = &*self.0;
        let place = spare.wait(*queue).ok_or(CredentialError::Busy)?;
        let both = async {
            let thread = Arc::clone(threads).acquire_owned().await.ok()?;
            let mebibytes = mebibytes(memory_kib).min(*memory_mib);
            let memory = Arc::clone(memory).acquire_many_owned(mebibytes).await.ok()?;
            Some((thread, memory))
        };
        let permits = tokio::time::timeout(PATIENCE, both).await;
        let permits = permits.ok().flatten().ok_or(CredentialError::Busy)?;
        Ok(Room { blocks: place.take(), pool: Arc::clone(&self.0), _permits: permits })
    }
}

impl Pool {
    fn hash(
        &self,
        password: &Password,
        memory: &mut Memory,
    ) -> Result<PasswordHash, CredentialError> {
        let salt: [u8; SALT_BYTES] = random::bytes();
        let mut output = Zeroizing::new([0; OUTPUT_BYTES]);
        let inputs = (password.bytes(), salt.as_slice());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        if !memory.fill(&argon2, inputs, output.as_mut_slice()) {
            return Err(CredentialError::Failed("the password could not be hashed"));
        }
        let text = Zeroizing::new(hash_string(&self.params, &salt, &output));
        PasswordHash::parse(&text)
            .map_err(|_| CredentialError::Failed("the password could not be hashed"))
    }
}

/// A hash as a PHC string.
fn hash_string(params: &Params, salt: &[u8; SALT_BYTES], output: &[u8; OUTPUT_BYTES]) -> String {
    format!(
        "$argon2id$v=19$m={},t={},p=1${}${}",
        params.m_cost(),
        params.t_cost(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output)
    )
}

fn mebibytes(kib: u32) -> u32 {
    kib.div_ceil(1024)
}
