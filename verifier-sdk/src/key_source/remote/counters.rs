//! What the key source did, as plain counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a fetch was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    /// There were no usable keys.
    Cold,
    /// The time had come.
    Scheduled,
    /// A token named a key that was not there.
    UnknownKid,
    /// Someone called `refresh`.
    Manual,
    /// The issuer told that its keys changed.
    Told,
}

impl Trigger {
    /// Whether the fetch asks past the caches on the way, which may have the same old set
    /// (go-oidc #485).
    pub(super) const fn passes_caches(self) -> bool {
        matches!(self, Self::UnknownKid | Self::Manual | Self::Told)
    }
}

/// How a fetch ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FetchOutcome {
    /// New or the same keys.
    Fetched,
    /// 304.
    NotModified,
    /// No keys; the cached ones stay.
    Failed,
}

const TRIGGERS: [(Trigger, &str); 5] = [
    (Trigger::Cold, "cold"),
    (Trigger::Scheduled, "scheduled"),
    (Trigger::UnknownKid, "unknown_kid"),
    (Trigger::Manual, "manual"),
    (Trigger::Told, "told"),
];
const OUTCOMES: [(FetchOutcome, &str); 3] = [
    (FetchOutcome::Fetched, "fetched"),
    (FetchOutcome::NotModified, "not_modified"),
    (FetchOutcome::Failed, "failed"),
];

#[derive(Debug, Default)]
pub(super) struct Counters {
    fetches: [[AtomicU64; OUTCOMES.len()]; TRIGGERS.len()],
    pub(super) unknown_kid: AtomicU64,
    pub(super) suppressed: AtomicU64,
}

/// A reading of the counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RemoteCounters {
    /// One row for each trigger and outcome.
    pub fetches: Vec<FetchCount>,
    /// Lookups of keys that the set did not have.
    pub unknown_kid: u64,
    /// Those for which no fetch was made, because the budget was spent.
    pub suppressed: u64,
}

/// How many fetches had this trigger and this outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FetchCount {
    /// Label of the trigger.
    pub trigger: &'static str,
    /// Label of the outcome.
    pub outcome: &'static str,
    /// The number.
    pub count: u64,
}

impl RemoteCounters {
    /// All attempts together.
    pub fn attempts(&self) -> u64 {
        self.fetches.iter().map(|row| row.count).sum()
    }
}

impl Counters {
    pub(super) fn fetched(&self, trigger: Trigger, outcome: FetchOutcome) {
        let counter = self.fetches.get(trigger as usize).and_then(|row| row.get(outcome as usize));
        if let Some(counter) = counter {
            increment(counter);
        }
    }

    pub(super) fn read(&self) -> RemoteCounters {
        let rows = TRIGGERS.iter().zip(&self.fetches).flat_map(|((_, trigger), row)| {
            OUTCOMES.iter().zip(row).map(|((_, outcome), count)| FetchCount {
                trigger,
                outcome,
                count: count.load(Ordering::Relaxed),
            })
        });
        RemoteCounters {
            fetches: rows.collect(),
            unknown_kid: self.unknown_kid.load(Ordering::Relaxed),
            suppressed: self.suppressed.load(Ordering::Relaxed),
        }
    }
}

pub(super) fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
