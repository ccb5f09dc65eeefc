//! How the verifier is: for a readiness probe and for people.

use std::time::Duration;

use countersign_keys::{JwkSet, Kid};

/// The state of the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum State {
    /// Nothing was fetched yet: tokens are answered 503.
    Cold,
    /// Confirmed within the issuer's `max-age`. Fixed keys are always fresh.
    Fresh,
    /// Confirmed within the issuer's `max-age`, but the latest attempt to refresh them failed: the first
    /// sign of an outage.
    Failing,
    /// Older than `max-age`, because fetching fails; still serving.
    Stale,
    /// Older than the bound on staleness: tokens are answered 503.
    Expired,
    /// The keys are fresh, and the feed of revocations is late: tokens are answered 503 where the policy insists.
    FeedLag,
}

/// A reading of a verifier's health.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The state of the keys.
    pub state: State,
    /// Time since the issuer last confirmed the keys.
    pub age: Option<Duration>,
    /// How often the key set has changed.
    pub epoch: u64,
    /// The keys that are trusted now.
    pub kids: Vec<Kid>,
    /// Failed fetches since the last success.
    pub failures: u32,
    /// `code()` of the last failure since the last success.
    pub last_error: Option<&'static str>,
    /// What is known of revocations; none where nothing is asked about them.
    pub feed: Option<FeedHealth>,
}

/// How well revocations are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FeedHealth {
    /// For how long nothing is known; none before the first catch-up.
    pub lag: Option<Duration>,
    /// Whether that is too long: for the policy, or 30 s where it does not insist.
    pub is_late: bool,
    /// Whether all was known once, or it was waited for long enough.
    pub is_ready: bool,
    /// How many entries are kept.
    pub entries: usize,
    /// What went wrong last, since a message was taken.
    pub last_error: Option<&'static str>,
}

impl Health {
    /// Whether tokens can be judged now: there are keys, and revocations were caught up with once.
    pub fn is_ready(&self) -> bool {
        let has_keys =
            matches!(self.state, State::Fresh | State::Failing | State::Stale | State::FeedLag);
        has_keys && self.feed.is_none_or(|feed| feed.is_ready)
    }

    pub(crate) fn with_feed(mut self, feed: Option<FeedHealth>) -> Self {
        if self.state == State::Fresh && feed.is_some_and(|feed| feed.is_late) {
            self.state = State::FeedLag;
        }
        self.feed = feed;
        self
    }

    /// Keys that are there, and of which no more is known.
    pub(crate) fn of_set(keys: &JwkSet) -> Self {
        let kids = keys.iter().map(|key| *key.kid()).collect();
        Self { state: State::Fresh, epoch: 1, kids, ..Self::cold() }
    }

    /// No keys.
    pub(crate) fn cold() -> Self {
        let (state, kids) = (State::Cold, Vec::new());
        Self { state, age: None, epoch: 0, kids, failures: 0, last_error: None, feed: None }
    }
}

impl State {
    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Fresh => "fresh",
            Self::Failing => "failing",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::FeedLag => "feed_lag",
        }
    }
}
