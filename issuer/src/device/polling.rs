//! How often a device may ask (RFC 8628 §3.5): every so many seconds, and five more after each time that it was too fast.
//! Pure; what was decided is written by compare-and-set, so that a device cannot ask two nodes twice as often.

use super::LIFETIME_SECONDS;
use crate::store::DeviceAuthorization;

/// Seconds between two questions to begin with (RFC 8628 §3.2).
pub(super) const INTERVAL_SECONDS: i64 = 5;

/// Seconds that each question that came too early adds.
const SLOWER_BY_SECONDS: i64 = 5;

/// Clocks count whole seconds, and those of two nodes differ: a question may be this much early.
const TOLERANCE_SECONDS: i64 = 1;

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// It is answered; from now on the device waits so many seconds.
    InTime(i64),
    /// It came too early; from now on the device waits so many seconds.
    TooEarly(i64),
    /// It came too early, and the device has to wait longer than its code is good: nothing is written any more.
    Hopeless,
}

/// Decides about a question at `now`.
pub fn poll(device: &DeviceAuthorization, now: i64) -> Polled {
    let since = device.polled_at.map(|last| now.saturating_sub(last));
    if since.is_none_or(|since| since + TOLERANCE_SECONDS >= device.interval) {
        return Polled::InTime(device.interval);
    }
    if device.interval >= LIFETIME_SECONDS {
        return Polled::Hopeless;
    }
    Polled::TooEarly(device.interval + SLOWER_BY_SECONDS)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::DeviceState;

    #[test]
    fn r50_each_question_that_comes_too_early_makes_the_device_wait_longer() {
        // (interval, seconds since the last question) -> what happens
        for ((interval, since), expected) in [
            ((5, None), Polled::InTime(5)),
            ((5, Some(0)), Polled::TooEarly(10)),
            ((5, Some(3)), Polled::TooEarly(10)),
            ((5, Some(4)), Polled::InTime(5)),
            ((5, Some(5)), Polled::InTime(5)),
            ((10, Some(5)), Polled::TooEarly(15)),
            ((10, Some(10)), Polled::InTime(10)),
            ((600, Some(1)), Polled::Hopeless),
            // The clock was set back.
            ((5, Some(-60)), Polled::TooEarly(10)),
        ] {
            let device = DeviceAuthorization {
                id: Uuid::nil(),
                client_id: "tv".to_owned(),
                scopes: Vec::new(),
                resources: Vec::new(),
                state: DeviceState::Pending,
                interval,
                polled_at: since.map(|since: i64| 1_000 - since),
                expires_at: 2_000,
            };
            assert_eq!(poll(&device, 1_000), expected, "{interval} {since:?}");
        }
    }
}
