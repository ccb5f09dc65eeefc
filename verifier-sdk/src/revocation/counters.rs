//! What was done about revocations, as plain counters.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::Kind;
use super::follower::Outcome;
use super::lock;

#[derive(Debug, Default)]
pub(super) struct Counters {
    revoked: [AtomicU64; Kind::ALL.len()],
    taken: [AtomicU64; Outcome::ALL.len()],
    refused: AtomicU64,
    last_error: Mutex<Option<&'static str>>,
}

/// A reading of what is known of revocations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RevocationMetrics {
    /// For how long nothing is known of revocations, in seconds; none before the first catch-up.
    pub lag_seconds: Option<u64>,
    /// How many entries are kept.
    pub entries: usize,
    /// How many tokens were refused, by what was revoked.
    pub revoked: Vec<(&'static str, u64)>,
    /// How many messages were taken, by what they meant.
    pub taken: Vec<(&'static str, u64)>,
    /// How often the issuer had another database, or an earlier state of it.
    pub resets: u64,
    /// How many messages were refused: not signed by the issuer, or not for this feed.
    pub refused: u64,
}

impl Counters {
    pub(super) fn revoked(&self, kind: Kind) {
        increment(self.revoked.get(kind as usize));
    }

    pub(super) fn taken(&self, outcome: Outcome) {
        increment(self.taken.get(outcome as usize));
        if outcome != Outcome::Incomplete {
            lock(&self.last_error).take();
        }
    }

    pub(super) fn refused(&self, code: &'static str) {
        increment(Some(&self.refused));
        self.failed(code);
    }

    pub(super) fn failed(&self, code: &'static str) {
        *lock(&self.last_error) = Some(code);
    }

    pub(super) fn last_error(&self) -> Option<&'static str> {
        *lock(&self.last_error)
    }

    pub(super) fn read(&self) -> RevocationMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let revoked = Kind::ALL.iter().zip(&self.revoked).map(|(kind, n)| (kind.label(), read(n)));
        let taken = Outcome::ALL.iter().zip(&self.taken).map(|(one, n)| (one.label(), read(n)));
        RevocationMetrics {
            revoked: revoked.collect(),
            taken: taken.collect(),
            refused: read(&self.refused),
            ..RevocationMetrics::default()
        }
    }
}

impl RevocationMetrics {
    /// How many tokens were refused by this, e.g. `sid`.
    pub fn revoked_by(&self, label: &str) -> u64 {
        self.revoked.iter().find(|(name, _)| *name == label).map_or(0, |(_, count)| *count)
    }

    /// How many messages meant this, e.g. `gap`.
    pub fn taken_as(&self, label: &str) -> u64 {
        self.taken.iter().find(|(name, _)| *name == label).map_or(0, |(_, count)| *count)
    }
}

fn increment(counter: Option<&AtomicU64>) {
    counter.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
}
