//! Counts failed client authentication, per client and per address, and slows who fails too often,
//! without letting an attacker lock a client out: every credential is looked at, so the right one
//! always gets in; beyond the limit a wrong one is answered with 429 instead of 401, and only every
//! hundredth is written to the audit log. In IPv6 a /64 counts as one address.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::bounded::Bounded;
use crate::origin::network;

/// Beyond the limit one failure in so many is recorded: a stranger must not fill the disk.
const RECORD_EVERY: u32 = 100;

const MINUTE: Duration = Duration::from_mins(1);

/// Counts failures by address and by client.
pub struct FailureLimiter {
    per_address: u32,
    per_client: u32,
    hasher: RandomState,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    addresses: Bounded<IpAddr, Failures>,
    clients: Bounded<u64, Failures>,
}

/// Failures in the minute that began at `since`.
#[derive(Clone, Copy)]
struct Failures {
    since: Duration,
    count: u32,
}

/// What follows from a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is one of few.
    Tolerated,
    /// The address or the client failed too often.
    TooMany {
        /// Seconds until the minute is over.
        retry_after: u32,
        /// Whether this one is recorded for all that are not.
        is_recorded: bool,
    },
}

impl FailureLimiter {
    /// A limiter that tolerates so many failures a minute.
    pub fn new(per_address: u32, per_client: u32) -> Self {
        let counts = Mutex::new(Counts::default());
        Self { per_address, per_client, hasher: RandomState::new(), counts }
    }

    /// The key under which a client is counted, known or not: what was presented as an id may be
    /// anything, so that only its keyed hash is held.
    pub fn client_key(&self, presented: &str) -> u64 {
        self.hasher.hash_one(presented)
    }

    /// Counts a failure at `now` (monotonic).
    pub fn failed(&self, client: u64, address: IpAddr, now: Duration) -> Verdict {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = count(&mut counts.addresses, network(address), now);
        let there = count(&mut counts.clients, client, now);
        let over = |failures: Failures, limit: u32| (failures.count > limit).then_some(failures);
        match over(here, self.per_address).or_else(|| over(there, self.per_client)) {
            None => Verdict::Tolerated,
            Some(failures) => {
                let rest = MINUTE.saturating_sub(now.saturating_sub(failures.since));
                let retry_after = u32::try_from(rest.as_secs()).unwrap_or(60) + 1;
                let is_recorded = failures.count % RECORD_EVERY == 0;
                Verdict::TooMany { retry_after, is_recorded }
            }
        }
    }
}

impl Failures {
    fn after(before: Option<Self>, now: Duration) -> Self {
        match before {
            Some(before) if now.saturating_sub(before.since) < MINUTE => {
                Self { count: before.count.saturating_add(1), ..before }
            }
            _ => Self { since: now, count: 1 },
        }
    }
}

fn count<K: Hash + Eq>(counts: &mut Bounded<K, Failures>, key: K, now: Duration) -> Failures {
    let after = Failures::after(counts.get(&key).copied(), now);
    counts.insert(key, after);
    after
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::bounded::MAX_ENTRIES;

    const START: Duration = Duration::from_secs(1_000);

    fn is_over(limiter: &FailureLimiter, client: &str, from: &str, now: Duration) -> bool {
        limiter.failed(limiter.client_key(client), from.parse().unwrap(), now) != Verdict::Tolerated
    }

    #[test]
    fn an_address_that_fails_too_often_is_over_the_limit_for_a_minute() {
        let limiter = FailureLimiter::new(3, 100);

        let over: Vec<bool> = (0..5).map(|_| is_over(&limiter, "a", "192.0.2.1", START)).collect();

        assert_eq!(over, [false, false, false, true, true]);
        assert!(!is_over(&limiter, "a", "192.0.2.2", START));
        assert!(!is_over(&limiter, "a", "192.0.2.1", START + MINUTE));
    }

    #[test]
    fn a_client_that_is_tried_from_everywhere_is_over_its_own_limit() {
        let limiter = FailureLimiter::new(100, 3);

        let over: Vec<bool> =
            (0..5).map(|host| is_over(&limiter, "a", &format!("192.0.2.{host}"), START)).collect();

        assert_eq!(over, [false, false, false, true, true]);
        assert!(!is_over(&limiter, "b", "192.0.2.9", START));
    }

    #[test]
    fn cve_2026_45364_a_whole_64_counts_as_one_address() {
        let limiter = FailureLimiter::new(3, 100);

        for host in 0..3 {
            is_over(&limiter, "a", &format!("2001:db8:1:2::{host:x}"), START);
        }

        assert!(is_over(&limiter, "a", "2001:db8:1:2:ffff::1", START));
        assert!(!is_over(&limiter, "a", "2001:db8:1:3::1", START));
    }

    #[test]
    fn beyond_the_limit_one_failure_in_a_hundred_is_recorded() {
        let limiter = FailureLimiter::new(10, 100_000);
        let address = "192.0.2.1".parse().unwrap();

        let recorded = (0..1_000).filter(|_| match limiter.failed(1, address, START) {
            Verdict::Tolerated => true,
            Verdict::TooMany { is_recorded, .. } => is_recorded,
        });

        assert_eq!(recorded.count(), 20);
    }

    #[test]
    fn memory_stays_bounded_whatever_is_sent() {
        let limiter = FailureLimiter::new(3, 5);

        for number in 0..100_000_u32 {
            let address = IpAddr::V6(Ipv6Addr::from(u128::from(number) << 64));
            limiter.failed(u64::from(number), address, START);
        }

        let counts = limiter.counts.lock().unwrap();
        assert!(counts.addresses.len() <= MAX_ENTRIES);
        assert!(counts.clients.len() <= MAX_ENTRIES);
    }
}
