//! Slows who guesses user codes, and who makes devices ask without end (RFC 8628 §5.1). A code is one of 25 thousand
//! million and good for ten minutes; from one address, or by one user who signed in, a few wrong ones are free, and each
//! further one doubles the wait. A right one takes back its own count and no other, or an attacker would reset it with a
//! device of their own. Counted on this node; memory is bounded, whatever is sent.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::bounded::Bounded;
use crate::credentials::{Pace, Slowed, Tally};
use crate::origin::network;

/// Wrong codes from one address: many people may share it.
const GUESSES_OF_ADDRESS: Pace = Pace { free: 20, longest_wait: 300, forgotten_after: 3_600 };

/// Wrong codes of one user.
const GUESSES_OF_USER: Pace = Pace { free: 10, longest_wait: 900, forgotten_after: 86_400 };

/// Requests of devices at one address: each leaves a row until it expires.
const STARTS: Pace = Pace { free: 60, longest_wait: 10, forgotten_after: 600 };

/// The counts of one node.
#[derive(Default)]
pub struct DeviceLimits {
    lanes: Mutex<Lanes>,
}

#[derive(Default)]
struct Lanes {
    starts: Bounded<IpAddr, Tally>,
    addresses: Bounded<IpAddr, Tally>,
    users: Bounded<Uuid, Tally>,
}

/// A code that may be looked at, and that counts as wrong unless it was `right`.
#[derive(Debug)]
#[must_use = "it counts as wrong until it is told otherwise"]
pub struct Guess {
    address: IpAddr,
    user_id: Option<Uuid>,
}

impl DeviceLimits {
    /// Counts a request of a device at `now` (monotonic seconds).
    ///
    /// # Errors
    ///
    /// If there were too many.
    pub fn start(&self, address: IpAddr, now: i64) -> Result<(), Slowed> {
        let address = network(address);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let after = STARTS.looked(lanes.starts.get(&address).copied(), now)?;
        lanes.starts.insert(address, after);
        Ok(())
    }

    /// Counts a code before it is looked at, at `now` (monotonic seconds).
    ///
    /// # Errors
    ///
    /// If too many were wrong.
    pub fn guess(&self, address: IpAddr, user_id: Option<Uuid>, now: i64) -> Result<Guess, Slowed> {
        let address = network(address);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        // Both lanes decide before either counts.
        let of_address = GUESSES_OF_ADDRESS.looked(lanes.addresses.get(&address).copied(), now)?;
        if let Some(user_id) = user_id {
            let of_user = GUESSES_OF_USER.looked(lanes.users.get(&user_id).copied(), now)?;
            lanes.users.insert(user_id, of_user);
        }
        lanes.addresses.insert(address, of_address);
        Ok(Guess { address, user_id })
    }

    /// The code was right.
    pub fn right(&self, guess: &Guess) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        uncount(&mut lanes.addresses, guess.address);
        if let Some(user_id) = guess.user_id {
            uncount(&mut lanes.users, user_id);
        }
    }
}

fn uncount<K: Hash + Eq>(lane: &mut Bounded<K, Tally>, key: K) {
    let Some(tally) = lane.get(&key).copied() else { return };
    match tally.failures.checked_sub(1).filter(|failures| *failures > 0) {
        Some(failures) => lane.insert(key, Tally { failures, ..tally }),
        None => lane.remove(&key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, host])
    }

    #[test]
    fn r50_of_a_hundred_codes_from_one_address_a_few_are_looked_at() {
        let limits = DeviceLimits::default();

        let looked = (0..100).filter(|_| limits.guess(address(1), None, 0).is_ok()).count();

        assert_eq!(looked, 20);
        assert!(limits.guess(address(2), None, 0).is_ok());
    }

    #[test]
    fn r50_a_user_is_slowed_at_whatever_address() {
        let limits = DeviceLimits::default();
        let user = Some(Uuid::from_u128(7));

        let looked = (0..100).filter(|host| limits.guess(address(*host), user, 0).is_ok()).count();

        assert_eq!(looked, 10);
    }

    #[test]
    fn a_right_code_takes_back_its_own_count_only() {
        let limits = DeviceLimits::default();
        let guess = || limits.guess(address(1), None, 0);

        for _ in 0..19 {
            let _wrong = guess();
        }
        for _ in 0..100 {
            limits.right(&guess().unwrap());
        }

        assert!(guess().is_ok());
        assert_eq!(guess().unwrap_err().retry_after, 1);
    }
}
