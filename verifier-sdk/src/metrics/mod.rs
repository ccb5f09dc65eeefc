//! Plain counters and their Prometheus text. No metrics library is chosen for the service; labels are
//! few and never come from tokens.

mod histogram;

pub use histogram::Seconds;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Group, VerifyError};
use crate::health::Health;
#[cfg(feature = "remote")]
use crate::key_source::RemoteCounters;
use crate::revocation::RevocationMetrics;

/// How a verification can end badly; credentials and rights are judged outside of it.
const GROUPS: [Group; 10] = [
    Group::Malformed,
    Group::Untrusted,
    Group::WrongType,
    Group::Claims,
    Group::WrongAudience,
    Group::Expired,
    Group::NotYetValid,
    Group::Revoked,
    Group::Binding,
    Group::Unavailable,
];

#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    refused: [AtomicU64; GROUPS.len()],
    seconds: histogram::Histogram,
}

impl Counters {
    pub(crate) fn record<T>(&self, result: &Result<T, VerifyError>) {
        let counter = match result {
            Ok(_) => Some(&self.accepted),
            Err(error) => self.refused.get(error.group() as usize),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn took(&self, time: Duration) {
        self.seconds.record(time);
    }

    pub(crate) fn seconds(&self) -> Seconds {
        self.seconds.read()
    }

    pub(crate) fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let refused = GROUPS.iter().zip(&self.refused).map(|(group, n)| (group.label(), read(n)));
        std::iter::once(("accepted", read(&self.accepted))).chain(refused).collect()
    }
}

/// A reading of everything that a verifier counts.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// How many verifications ended how; every outcome has a row from the start.
    pub outcomes: Vec<(&'static str, u64)>,
    /// The key source's counters; none for fixed keys.
    #[cfg(feature = "remote")]
    pub keys: Option<RemoteCounters>,
    /// The state of the keys.
    pub health: Health,
    /// How long `verify` took, waiting for keys included; `try_verify`, which never waits, is not in it.
    pub seconds: Seconds,
    /// Verdicts that came from the token cache; none without one.
    pub cache_hits: Option<u64>,
    /// What is known of revocations; none where nothing is asked about them.
    pub revocations: Option<RevocationMetrics>,
}

impl Metrics {
    /// How many verifications had this outcome.
    pub fn outcome(&self, label: &str) -> u64 {
        self.outcomes.iter().find(|(name, _)| *name == label).map_or(0, |(_, count)| *count)
    }

    /// Prometheus text exposition, version 0.0.4.
    pub fn to_prometheus(&self) -> String {
        let mut text = String::new();
        family(&mut text, "countersign_verifier_verifications_total", "counter");
        for (outcome, count) in &self.outcomes {
            let labels = format!("outcome=\"{outcome}\"");
            sample(&mut text, "countersign_verifier_verifications_total", &labels, count);
        }
        #[cfg(feature = "remote")]
        if let Some(keys) = &self.keys {
            write_keys(&mut text, keys);
        }
        family(&mut text, "countersign_verifier_keys_ready", "gauge");
        let ready = u8::from(self.health.is_ready());
        sample(&mut text, "countersign_verifier_keys_ready", "", &ready);
        if let Some(age) = self.health.age {
            family(&mut text, "countersign_verifier_keys_age_seconds", "gauge");
            sample(&mut text, "countersign_verifier_keys_age_seconds", "", &age.as_secs());
        }
        self.seconds.write(&mut text, "countersign_verifier_verification_seconds");
        if let Some(hits) = self.cache_hits {
            family(&mut text, "countersign_verifier_token_cache_hits_total", "counter");
            sample(&mut text, "countersign_verifier_token_cache_hits_total", "", &hits);
        }
        if let Some(revocations) = &self.revocations {
            write_revocations(&mut text, revocations);
        }
        text
    }
}

fn write_revocations(text: &mut String, known: &RevocationMetrics) {
    if let Some(lag) = known.lag_seconds {
        family(text, "countersign_verifier_revocation_lag_seconds", "gauge");
        sample(text, "countersign_verifier_revocation_lag_seconds", "", &lag);
    }
    family(text, "countersign_verifier_revocation_entries", "gauge");
    sample(text, "countersign_verifier_revocation_entries", "", &known.entries);
    let labelled = [
        ("countersign_verifier_revoked_total", "kind", &known.revoked),
        ("countersign_verifier_revocation_messages_total", "outcome", &known.taken),
    ];
    for (name, label, rows) in labelled {
        family(text, name, "counter");
        for (value, count) in rows {
            sample(text, name, &format!("{label}=\"{value}\""), count);
        }
    }
    let plain = [
        ("countersign_verifier_revocation_resets_total", known.resets),
        ("countersign_verifier_revocation_messages_refused_total", known.refused),
    ];
    for (name, count) in plain {
        family(text, name, "counter");
        sample(text, name, "", &count);
    }
}

#[cfg(feature = "remote")]
fn write_keys(text: &mut String, keys: &RemoteCounters) {
    family(text, "countersign_verifier_key_fetches_total", "counter");
    for row in &keys.fetches {
        let labels = format!("trigger=\"{}\",outcome=\"{}\"", row.trigger, row.outcome);
        sample(text, "countersign_verifier_key_fetches_total", &labels, &row.count);
    }
    let plain = [
        ("countersign_verifier_unknown_kid_total", keys.unknown_kid),
        ("countersign_verifier_fetches_suppressed_total", keys.suppressed),
    ];
    for (name, count) in plain {
        family(text, name, "counter");
        sample(text, name, "", &count);
    }
}

fn family(text: &mut String, name: &str, kind: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &str, value: &dyn std::fmt::Display) {
    let _ = if labels.is_empty() {
        writeln!(text, "{name} {value}")
    } else {
        writeln!(text, "{name}{{{labels}}} {value}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_its_own_counter() {
        for (position, group) in GROUPS.iter().enumerate() {
            assert_eq!(*group as usize, position, "{}", group.label());
        }
    }

    #[test]
    fn all_outcomes_exist_from_the_start() {
        let counters = Counters::default();

        counters.record(&Ok(()));
        counters.record::<()>(&Err(VerifyError::WrongType));

        let outcomes = counters.outcomes();
        assert_eq!(outcomes.len(), GROUPS.len() + 1);
        assert!(outcomes.contains(&("accepted", 1)));
        assert!(outcomes.contains(&("wrong_type", 1)));
        assert!(outcomes.contains(&("expired", 0)));
    }
}
