//! What is known of the revocations of one issuer, and how messages of its feed become a part of it.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "remote")]
use std::sync::Mutex;
use std::time::Duration;

use countersign_keys::Kid;

use super::core::{Core, Parts};
use super::counters::RevocationMetrics;
use super::entry::Kind;
use super::follower::Outcome;
use super::known::Marks;
#[cfg(feature = "remote")]
use super::lock;
use crate::claims::StandardClaims;
use crate::error::VerifyError;

/// The revocations of one issuer. Clones share what is known; the last one dropped stops following.
#[derive(Clone)]
pub struct Revocations {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    #[cfg(feature = "remote")]
    following: Mutex<Vec<tokio::task::AbortHandle>>,
}

#[cfg(feature = "remote")]
impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.following).iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl Revocations {
    pub(crate) fn assemble(parts: Parts) -> Self {
        let handle = Handle {
            core: Arc::new(Core::assemble(parts)),
            #[cfg(feature = "remote")]
            following: Mutex::default(),
        };
        Self { handle: Arc::new(handle) }
    }

    /// Takes a message that came by a way of the service's own: a push, a bus. If a fetch may bring the key that signed
    /// it, waits for that, a second at most.
    ///
    /// # Errors
    ///
    /// If it is not a message of this issuer's feed. Nothing changed then.
    pub async fn take(&self, message: &str) -> Result<Outcome, VerifyError> {
        self.handle.core.take(message).await
    }

    /// The same without waiting: [`VerifyError::NeedsKeys`] if the key that signed it has to be fetched.
    ///
    /// # Errors
    ///
    /// If it is not a message of this issuer's feed. Nothing changed then.
    pub fn try_take(&self, message: &str) -> Result<Outcome, VerifyError> {
        self.handle.core.try_take(message)
    }

    /// The number from which on the feed has to be asked: `after` of the next request.
    pub fn ask_from(&self) -> u64 {
        self.handle.core.ask_from()
    }

    /// For how long nothing is known of revocations: a few seconds, if all is well. None before the first catch-up.
    pub fn lag(&self) -> Option<Duration> {
        self.handle.core.lag()
    }

    /// How many entries are kept.
    pub fn entries(&self) -> usize {
        self.handle.core.known.len()
    }

    /// What was counted so far.
    pub fn metrics(&self) -> RevocationMetrics {
        self.handle.core.metrics()
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.handle.core.policy.issuer
    }

    pub(crate) fn last_error(&self) -> Option<&'static str> {
        self.handle.core.counters.last_error()
    }

    /// Another number once anything more is known to be revoked.
    #[inline]
    pub(crate) fn told(&self) -> u64 {
        self.handle.core.known.told()
    }

    /// That the token is not known to be revoked.
    #[inline]
    pub(crate) fn check(&self, token: &Marks<'_>) -> Result<(), VerifyError> {
        let core = &self.handle.core;
        match core.known.judge(token) {
            None => Ok(()),
            Some(kind) => {
                core.counters.revoked(kind);
                Err(VerifyError::Revoked)
            }
        }
    }

    /// That the key which signed it is not withdrawn.
    pub(crate) fn check_key(&self, claims: &StandardClaims, kid: &Kid) -> Result<(), VerifyError> {
        let core = &self.handle.core;
        if core.known.is_withdrawn(kid, claims.issued_at()) {
            core.counters.revoked(Kind::Key);
            return Err(VerifyError::Revoked);
        }
        Ok(())
    }

    /// That it is not known to be revoked, for a verdict that was given before; nothing is counted.
    pub(crate) fn still_stands(&self, token: &Marks<'_>) -> bool {
        self.handle.core.known.judge(token).is_none()
    }

    /// That the feed is no later than this. From now on it is asked often enough for that.
    pub(crate) fn require_fresh(&self, max_lag: Duration) -> Result<(), VerifyError> {
        self.demand(max_lag);
        match self.lag() {
            Some(lag) if lag <= max_lag => Ok(()),
            _ => Err(VerifyError::RevocationsLate { retry_after: Duration::from_secs(1) }),
        }
    }

    pub(crate) fn demand(&self, max_lag: Duration) {
        self.handle.core.demand(max_lag);
    }

    /// Begins to follow a feed, beside others, for as long as anybody holds this. False outside of a tokio runtime.
    #[cfg(feature = "remote")]
    pub(crate) fn follow(&self, feed: Arc<dyn super::Feed>) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return false };
        let core = Arc::clone(&self.handle.core);
        let following = runtime.spawn(super::following::follow(core, feed));
        lock(&self.handle.following).push(following.abort_handle());
        true
    }
}

/// Prints figures; no identifiers, so that it may end up in a log.
impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("entries", &self.entries())
            .field("lag", &self.lag())
            .finish_non_exhaustive()
    }
}
