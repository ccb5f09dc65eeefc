//! Slows the guessing of client credentials, without letting an attacker lock a client out.
//!
//! An address that fails too often is no longer looked at, except for clients that authenticated
//! from it before. A client that is attacked from everywhere still gets in with the right
//! credential: only wrong ones are then answered with 429. In IPv6 a /64 counts as one address.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::OAuthError;
use crate::protocol::ErrorCode;

/// More entries than this are never held; the oldest make room.
const MAX_ENTRIES: usize = 16_384;

/// How long a client stays known at an address after it authenticated there.
const KNOWN_FOR: Duration = Duration::from_hours(24);

const MINUTE: Duration = Duration::from_mins(1);

/// Counts failures by address and by client.
pub struct FailureLimiter {
    per_address: u32,
    per_client: u32,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    addresses: Bounded<IpAddr, Failures>,
    clients: Bounded<u64, Failures>,
    known: Bounded<(u64, IpAddr), Duration>,
}

/// Failures in the minute that began at `since`.
#[derive(Clone, Copy)]
struct Failures {
    since: Duration,
    count: u32,
}

impl FailureLimiter {
    /// A limiter that allows so many failures a minute.
    pub fn new(per_address: u32, per_client: u32) -> Self {
        let state = Mutex::new(State::default());
        Self { per_address, per_client, hasher: RandomState::new(), state }
    }

    /// Whether a credential from this address is looked at.
    ///
    /// # Errors
    ///
    /// 429 if the address failed too often and the client never authenticated from it.
    pub fn admit(&self, client: &str, address: IpAddr, now: Duration) -> Result<(), OAuthError> {
        let address = network(address);
        self.with(|state| {
            let Some(failures) = state.addresses.value(&address) else { return Ok(()) };
            let blocked = failures.in_minute(now) >= self.per_address;
            if blocked && !state.is_known(self.key(client), address, now) {
                return Err(too_many(failures.since, now, "the address failed too often"));
            }
            Ok(())
        })
    }

    /// Notes a success.
    pub fn succeeded(&self, client: &str, address: IpAddr, now: Duration) {
        let key = (self.key(client), network(address));
        self.with(|state| {
            // Refreshing once a minute is enough for a day's memory.
            let fresh = |since: &Duration| now.saturating_sub(*since) < MINUTE;
            if !state.known.value(&key).is_some_and(|since| fresh(&since)) {
                state.known.put(key, now);
            }
        });
    }

    /// Notes a failure, and says what the caller is told of it.
    pub fn failed(
        &self,
        client: &str,
        address: IpAddr,
        now: Duration,
        error: OAuthError,
    ) -> OAuthError {
        let (key, address) = (self.key(client), network(address));
        self.with(|state| {
            let here = Failures::after(state.addresses.value(&address), now);
            state.addresses.put(address, here);
            let client = Failures::after(state.clients.value(&key), now);
            state.clients.put(key, client);
            if here.count > self.per_address {
                too_many(here.since, now, error.cause)
            } else if client.count > self.per_client {
                too_many(client.since, now, error.cause)
            } else {
                error
            }
        })
    }

    /// Clients are held by a keyed hash: what was presented as an id may be anything.
    fn key(&self, client: &str) -> u64 {
        self.hasher.hash_one(client)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn is_known(&self, client: u64, address: IpAddr, now: Duration) -> bool {
        let since = self.known.value(&(client, address));
        since.is_some_and(|since| now.saturating_sub(since) < KNOWN_FOR)
    }
}

impl Failures {
    fn after(before: Option<Self>, now: Duration) -> Self {
        match before {
            Some(before) if before.in_minute(now) > 0 => {
                Self { count: before.count.saturating_add(1), ..before }
            }
            _ => Self { since: now, count: 1 },
        }
    }

    fn in_minute(self, now: Duration) -> u32 {
        if now.saturating_sub(self.since) < MINUTE { self.count } else { 0 }
    }
}

fn too_many(
    since: Duration,
    now: Duration,
    cause: impl Into<std::borrow::Cow<'static, str>>,
) -> OAuthError {
    let rest = MINUTE.saturating_sub(now.saturating_sub(since)).as_secs() + 1;
    OAuthError {
        code: ErrorCode::TooManyFailures,
        description: "client authentication failed too often; try again later",
        cause: cause.into(),
        retry_after: Some(u32::try_from(rest).unwrap_or(60)),
    }
}

/// The unit in which addresses are counted.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A map in two generations: when the young one is full it becomes the old one, and what nobody
/// asked for since then is forgotten. Memory is bounded whatever an attacker sends.
struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Hash + Eq, V: Copy> Bounded<K, V> {
    fn value(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= MAX_ENTRIES / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(limiter: &FailureLimiter, client: &str, from: &str) -> ErrorCode {
        let error = OAuthError::new(ErrorCode::InvalidClient, "client authentication failed");
        match limiter.admit(client, address(from), START) {
            Ok(()) => limiter.failed(client, address(from), START, error).code,
            Err(blocked) => blocked.code,
        }
    }

    #[test]
    fn an_address_that_fails_too_often_is_no_longer_looked_at_for_a_minute() {
        let limiter = FailureLimiter::new(3, 100);

        let answers: Vec<ErrorCode> = (0..5).map(|_| fail(&limiter, "a", "192.0.2.1")).collect();

        assert_eq!(answers[..3], [ErrorCode::InvalidClient; 3]);
        assert_eq!(answers[3..], [ErrorCode::TooManyFailures; 2]);
        assert!(limiter.admit("a", address("192.0.2.2"), START).is_ok());
        assert!(limiter.admit("a", address("192.0.2.1"), START + MINUTE).is_ok());
    }

    #[test]
    fn cve_2026_45364_a_whole_64_counts_as_one_address() {
        let limiter = FailureLimiter::new(3, 100);

        for host in 0..3 {
            fail(&limiter, "a", &format!("2001:db8:1:2::{host:x}"));
        }

        assert!(limiter.admit("a", address("2001:db8:1:2:ffff::1"), START).is_err());
        assert!(limiter.admit("a", address("2001:db8:1:3::1"), START).is_ok());
    }

    #[test]
    fn ghsa_cq42_vhv7_xr7p_an_attacker_does_not_lock_a_client_out() {
        let limiter = FailureLimiter::new(3, 5);
        limiter.succeeded("orders", address("192.0.2.1"), START);

        // From the client's own address (one NAT), and from everywhere.
        for _ in 0..20 {
            fail(&limiter, "orders", "192.0.2.1");
        }
        for host in 0..50 {
            fail(&limiter, "orders", &format!("198.51.100.{host}"));
        }

        assert!(limiter.admit("orders", address("192.0.2.1"), START).is_ok());
        assert!(limiter.admit("orders", address("203.0.113.1"), START).is_ok());
    }

    #[test]
    fn memory_stays_bounded_whatever_is_sent() {
        let limiter = FailureLimiter::new(3, 5);

        for number in 0..100_000_u32 {
            fail(
                &limiter,
                &format!("c{number}"),
                &Ipv6Addr::from(u128::from(number) << 64).to_string(),
            );
        }

        let state = limiter.state.lock().unwrap();
        assert!(state.addresses.young.len() + state.addresses.old.len() <= MAX_ENTRIES);
        assert!(state.clients.young.len() + state.clients.old.len() <= MAX_ENTRIES);
    }
}
