//! Counts wrong passwords on this node, in lanes. A device on which the owner signed in before has a lane of its own, so
//! that an attacker elsewhere never keeps the owner out (the "device cookie" of OWASP); all other devices share one lane
//! per account and one per address, where a /64 counts as one. An attempt is counted before it is looked at: parallel
//! ones are counted like one after the other. Second factors are counted in the store instead (`second_factor.rs`).

mod decision;

pub use decision::{Decision, Pace, Tally};

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::known_device::DeviceId;
use crate::bounded::Bounded;
use crate::origin::network;
use crate::registry::username_key;

/// The counts of one node; memory is bounded, whatever is sent.
#[derive(Default)]
pub struct Guesses {
    hasher: RandomState,
    lanes: Mutex<Lanes>,
}

#[derive(Default)]
struct Lanes {
    addresses: Bounded<IpAddr, Tally>,
    accounts: Bounded<u64, Tally>,
    devices: Bounded<u64, Tally>,
    links: Bounded<u64, Tally>,
    mails: Bounded<IpAddr, Tally>,
}

/// Whose password is guessed, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Guesser<'a> {
    /// The user, if there is one; every spelling of a name is the same user.
    pub user_id: Option<Uuid>,
    /// What was typed.
    pub identifier: &'a str,
    /// From where.
    pub address: IpAddr,
    /// The device, if this user signed in there before.
    pub device: Option<DeviceId>,
}

/// An attempt that may be looked at, and that counts as a failure unless `succeeded` or `withdrawn`.
#[derive(Debug)]
#[must_use = "it counts as a failure until it is told otherwise"]
pub struct Attempt {
    account: u64,
    address: IpAddr,
    device: Option<u64>,
    /// What the lanes held before: the account's or the device's, and the address's.
    before: [Option<Tally>; 2],
}

/// It may not be looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowed {
    /// Seconds.
    pub retry_after: u32,
}

impl Guesses {
    /// Counts an attempt at `now` (monotonic seconds).
    pub fn attempt(&self, guesser: &Guesser<'_>, now: i64) -> Result<Attempt, Slowed> {
        let account = self.account_key(guesser);
        let device = guesser.device.map(|device| self.hasher.hash_one((account, device)));
        let address = network(guesser.address);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = device {
            let before = lanes.devices.get(&device).copied();
            let after = Pace::DEVICE.looked(before, now)?;
            lanes.devices.insert(device, after);
            return Ok(Attempt { account, address, device: Some(device), before: [before, None] });
        }
        let before =
            [lanes.accounts.get(&account).copied(), lanes.addresses.get(&address).copied()];
        let [of_account, of_address] = before;
        // Both lanes decide before either counts.
        let of_account = Pace::ACCOUNT.looked(of_account, now)?;
        let of_address = Pace::ADDRESS.looked(of_address, now)?;
        lanes.accounts.insert(account, of_account);
        lanes.addresses.insert(address, of_address);
        Ok(Attempt { account, address, device: None, before })
    }

    /// The attempt was right. The account or the device starts anew; the address does not, or an attacker would reset it
    /// by signing in to an account of their own.
    pub fn succeeded(&self, attempt: &Attempt) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let [_, of_address] = attempt.before;
        if let Some(device) = attempt.device {
            lanes.devices.remove(&device);
        } else {
            lanes.accounts.remove(&attempt.account);
            uncount(&mut lanes.addresses, attempt.address, of_address);
        }
    }

    /// The attempt could not be looked at after all.
    pub fn withdrawn(&self, attempt: &Attempt) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let [first, of_address] = attempt.before;
        if let Some(device) = attempt.device {
            uncount(&mut lanes.devices, device, first);
        } else {
            uncount(&mut lanes.accounts, attempt.account, first);
            uncount(&mut lanes.addresses, attempt.address, of_address);
        }
    }

    /// Counts a wish for a mail with a link, for a known or unknown account.
    pub fn link_wanted(&self, guesser: &Guesser<'_>, now: i64) -> Result<(), Slowed> {
        let account = self.account_key(guesser);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lanes.links.get(&account).copied();
        let after = Pace::LINK.looked(before, now)?;
        lanes.links.insert(account, after);
        Ok(())
    }

    /// Counts a wish for a mail from an address, before anybody looks to whom it would go.
    pub fn mail_wanted(&self, address: IpAddr, now: i64) -> Result<(), Slowed> {
        let address = network(address);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lanes.mails.get(&address).copied();
        let after = Pace::MAIL.looked(before, now)?;
        lanes.mails.insert(address, after);
        Ok(())
    }

    /// A known user is counted by id, whatever was typed; an unknown name by what all its spellings share. Only keyed
    /// hashes are held.
    fn account_key(&self, guesser: &Guesser<'_>) -> u64 {
        match guesser.user_id {
            Some(user_id) => self.hasher.hash_one(user_id),
            None => self.hasher.hash_one(username_key(guesser.identifier)),
        }
    }
}

/// Takes one failure back; those that others added meanwhile stay.
fn uncount<K: Hash + Eq>(lane: &mut Bounded<K, Tally>, key: K, before: Option<Tally>) {
    let Some(present) = lane.get(&key).copied() else { return };
    let Some(failures) = present.failures.checked_sub(1).filter(|failures| *failures > 0) else {
        return lane.remove(&key);
    };
    let alone = before.filter(|before| before.failures == failures);
    lane.insert(key, alone.unwrap_or(Tally { failures, ..present }));
}

#[cfg(test)]
mod tests;
