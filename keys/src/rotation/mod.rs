//! When keys change state. Pure functions of a ring, a policy and the time; they read no clock and store nothing.
//!
//! A key is published for [`Policy::lead`] before it signs, so that every verifier that honors `max-age` has it
//! by then, and for [`Policy::retention`] after it signed, so that every token it signed has expired. Both are
//! measured by monotonic clocks, of the process that plans or of those before it: a restart makes a step late, never
//! early. The wall clock only decides when a rotation begins; a wrong one makes that early or late, never unsafe.
//!
//! Beside the Active there is always a Pending: its successor, which verifiers have known for long when its turn comes, also
//! when that is now because the Active was stolen. A second Pending asks for a rotation as soon as the first may sign.
//!
//! The steps of one plan are committed in one transaction, against the version of the ring that was planned on,
//! so of two nodes that plan the same, one wins and the other plans again.

use std::time::Duration;

use crate::jwk::Kid;
use crate::ring::{KeyRing, KeyState, MAX_RING_KEYS, RingKey};

/// What the keys are rotated by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// `max-age` of the JWK set.
    pub jwks_max_age: Duration,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// The longest lifetime of any token that this ring signs.
    pub max_token_lifetime: Duration,
    /// How long after its `exp` a token may still pass: the leeway of verifiers and the difference of clocks.
    pub skew: Duration,
    /// How long a node may go on, signing and publishing, with the ring as it was before another node's step. A
    /// node that has not heard from the database for that long must stop both.
    pub node_lag: Duration,
}

impl Policy {
    /// How long a key is published before it signs: twice the `max-age`, and enough for a node that lags.
    pub fn lead(&self) -> Duration {
        self.jwks_max_age.saturating_add(self.jwks_max_age.max(self.node_lag))
    }

    /// How long a key is published after it signed.
    pub fn retention(&self) -> Duration {
        self.max_token_lifetime.saturating_add(self.skew).saturating_add(self.node_lag)
    }
}

/// One change of a ring. After each of them the ring has exactly one Active.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Make a new key, Pending.
    Publish,
    /// Make a new key, Active at once. Only for a ring that has no Active, and when the only one is withdrawn:
    /// verifiers do not know the key yet. A former Active becomes Retired in the same step.
    PublishActive,
    /// Make a Pending key Active. The former Active becomes Retired in the same step.
    Activate {
        /// The Pending key.
        kid: Kid,
    },
    /// Forget a key.
    Delete {
        /// The key.
        kid: Kid,
    },
}

/// The steps that are due at the wall clock time `now` (Unix seconds).
pub fn plan(ring: &KeyRing, policy: &Policy, now: i64) -> Vec<Step> {
    due(ring, policy, now, 1)
}

/// The steps of a rotation that an operator asks for: the successor signs as soon as its lead has passed, and has one itself.
pub fn force(ring: &KeyRing, policy: &Policy, now: i64) -> Vec<Step> {
    let steps = plan(ring, policy, now);
    let begins = |step: &Step| matches!(step, Step::PublishActive | Step::Activate { .. });
    if steps.iter().any(begins) { steps } else { due(ring, policy, now, 2) }
}

/// What is due for a ring that is to have so many Pending.
fn due(ring: &KeyRing, policy: &Policy, now: i64, wanted: usize) -> Vec<Step> {
    let Some(active) = ring.active() else {
        return vec![successor(ring)];
    };
    let mut steps = Vec::new();
    let mut pending = ring.in_state(KeyState::Pending).count();
    let ripe = ring.oldest_pending().filter(|key| key.observed >= policy.lead());
    if let Some(ripe) = ripe
        && (pending > 1 || is_rotation_due(active, policy, now))
    {
        steps.push(Step::Activate { kid: ripe.kid });
        pending -= 1;
    }
    let room = MAX_RING_KEYS.saturating_sub(ring.keys.len());
    let missing = wanted.saturating_sub(pending).min(room);
    steps.extend(std::iter::repeat_n(Step::Publish, missing));
    let expired = ring.in_state(KeyState::Retired).filter(|key| is_spent(key, policy, now));
    steps.extend(expired.map(|key| Step::Delete { kid: key.kid }));
    steps
}

/// The steps of an emergency: the key goes at once, whatever it signed. If it is the Active, the Pending that
/// verifiers are likeliest to know takes over; a new key only where there is none. A ring that has no Pending then gets one:
/// another emergency may be a second away.
pub fn withdraw(ring: &KeyRing, kid: &Kid) -> Vec<Step> {
    let Some(key) = ring.find(kid) else { return Vec::new() };
    let mut steps = Vec::new();
    if key.state == KeyState::Active {
        steps.push(successor(ring));
    }
    steps.push(Step::Delete { kid: *kid });
    let pending = ring.in_state(KeyState::Pending).count();
    if key.state != KeyState::Retired && pending <= 1 {
        steps.push(Step::Publish);
    }
    steps
}

/// Who takes over when there is no time.
fn successor(ring: &KeyRing) -> Step {
    match ring.oldest_pending() {
        Some(pending) => Step::Activate { kid: pending.kid },
        None => Step::PublishActive,
    }
}

/// The Active has served its time, by either clock. An Active from the future was activated by a clock that has been set
/// back since; it must not stay until then.
fn is_rotation_due(active: &RingKey, policy: &Policy, now: i64) -> bool {
    elapsed(active.since, now) >= policy.rotate_every
        || active.observed >= policy.rotate_every
        || elapsed(now, active.since) > policy.lead()
}

/// No token of the key is alive any more. The wall clock has its say, as tokens expire by it, but one that was
/// set back delays the end by no more than a rotation.
fn is_spent(retired: &RingKey, policy: &Policy, now: i64) -> bool {
    let retention = policy.retention();
    let wall_agrees = elapsed(retired.since, now) >= retention;
    let waited_enough = retired.observed >= retention.saturating_add(policy.rotate_every);
    retired.observed >= retention && (wall_agrees || waited_enough)
}

/// From one wall clock time to another; zero when that is negative.
fn elapsed(from: i64, to: i64) -> Duration {
    Duration::from_secs(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
