//! How guessing is slowed: a pure function from what was counted to what happens. After some free failures each further
//! one doubles the wait, up to a longest one; nobody is ever locked out for good. NIST SP 800-63B-4 §3.2.2.

use super::Slowed;

/// Failures without a success in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub failures: u32,
    /// When the last one was, in seconds of the clock that the caller counts by.
    pub last_at: i64,
}

/// How fast one may guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Failures before anybody waits.
    pub free: u32,
    /// The longest wait, in seconds.
    pub longest_wait: u32,
    /// Seconds after the last failure in which all is forgotten.
    pub forgotten_after: u32,
}

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is looked at; it counts as a failure until it proves to be none.
    Look(Tally),
    /// It is not looked at.
    Wait {
        /// Seconds.
        retry_after: u32,
    },
}

impl Pace {
    /// Passwords from one address: many people may share it.
    pub const ADDRESS: Self = Self { free: 50, longest_wait: 60, forgotten_after: 900 };
    /// Passwords of one account from devices on which its owner never signed in.
    pub const ACCOUNT: Self = Self { free: 10, longest_wait: 900, forgotten_after: 86_400 };
    /// Passwords of one account from one device on which its owner did.
    pub const DEVICE: Self = Self { free: 10, longest_wait: 900, forgotten_after: 86_400 };
    /// Second factors of one account: a code is one of a million, and three are valid at a time.
    pub const SECOND_FACTOR: Self = Self { free: 5, longest_wait: 3_600, forgotten_after: 604_800 };
    /// Mails with a link to one account.
    pub const LINK: Self = Self { free: 3, longest_wait: 900, forgotten_after: 3_600 };
    /// Mails with a link from one address, to whomever.
    pub const MAIL: Self = Self { free: 20, longest_wait: 300, forgotten_after: 3_600 };

    /// Decides about an attempt at `now`.
    pub fn decide(self, before: Option<Tally>, now: i64) -> Decision {
        let Some(before) = before else {
            return Decision::Look(Tally { failures: 1, last_at: now });
        };
        // A clock that was set back does not prolong a wait beyond its length.
        let since = now.saturating_sub(before.last_at).max(0);
        if since >= i64::from(self.forgotten_after) {
            return Decision::Look(Tally { failures: 1, last_at: now });
        }
        let wait = self.wait_after(before.failures);
        let rest = i64::from(wait).saturating_sub(since);
        if rest > 0 {
            return Decision::Wait { retry_after: u32::try_from(rest).unwrap_or(wait) };
        }
        Decision::Look(Tally { failures: before.failures.saturating_add(1), last_at: now })
    }

    /// The same for what is counted whatever comes of it.
    ///
    /// # Errors
    ///
    /// If it is not looked at.
    pub fn looked(self, before: Option<Tally>, now: i64) -> Result<Tally, Slowed> {
        match self.decide(before, now) {
            Decision::Look(after) => Ok(after),
            Decision::Wait { retry_after } => Err(Slowed { retry_after }),
        }
    }

    /// Seconds to wait after so many failures: none, then 1, 2, 4 …
    fn wait_after(self, failures: u32) -> u32 {
        match failures.checked_sub(self.free) {
            None => 0,
            Some(over) => 1_u32.checked_shl(over).unwrap_or(u32::MAX).min(self.longest_wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { free: 3, longest_wait: 10, forgotten_after: 100 };

    #[test]
    fn the_wait_doubles_up_to_the_longest_and_all_is_forgotten_in_the_end() {
        let look = |failures, last_at| Decision::Look(Tally { failures, last_at });
        let wait = |retry_after| Decision::Wait { retry_after };
        // (failures before, seconds since the last) -> what happens
        let table = [
            ((0, 0), look(1, 1_000)),
            ((2, 0), look(3, 1_000)),
            ((3, 0), wait(1)),
            ((3, 1), look(4, 1_000)),
            ((4, 1), wait(1)),
            ((5, 0), wait(4)),
            ((6, 2), wait(6)),
            ((7, 0), wait(10)),
            ((7, 10), look(8, 1_000)),
            ((40, 9), wait(1)),
            ((u32::MAX, 10), look(u32::MAX, 1_000)),
            ((40, 99), look(41, 1_000)),
            ((40, 100), look(1, 1_000)),
            // The clock was set back by an hour.
            ((7, -3_600), wait(10)),
        ];
        for ((failures, since), expected) in table {
            let before = Tally { failures, last_at: 1_000 - since };
            assert_eq!(PACE.decide(Some(before), 1_000), expected, "{before:?}");
        }
        assert_eq!(PACE.decide(None, 1_000), look(1, 1_000));
    }

    #[test]
    fn cve_2024_32868_of_ten_thousand_guesses_in_a_day_a_handful_is_looked_at() {
        let mut tally = None;
        let mut looked = 0;

        for guess in 0..10_000 {
            if let Decision::Look(after) =
                Pace::SECOND_FACTOR.decide(tally, guess * 86_400 / 10_000)
            {
                (tally, looked) = (Some(after), looked + 1);
            }
        }

        assert!((20..60).contains(&looked), "{looked}");
    }
}
