//! When somebody who did not take a delivery is tried again: sign-outs and signals wait alike.

/// Each further wait is three times as long.
const FIRST_WAIT_SECONDS: i64 = 5;
const LONGEST_WAIT_SECONDS: i64 = 3_600;

/// Seconds until the next attempt, after so many that failed before this one.
pub(crate) fn wait_after(failures: i64) -> i64 {
    let steps = u32::try_from(failures.max(0)).unwrap_or(u32::MAX);
    FIRST_WAIT_SECONDS.saturating_mul(3_i64.saturating_pow(steps)).min(LONGEST_WAIT_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_no_further() {
        let waits: Vec<i64> = (0..8).map(wait_after).collect();

        assert_eq!(waits, [5, 15, 45, 135, 405, 1215, 3600, 3600]);
        assert_eq!((wait_after(-1), wait_after(i64::MAX)), (5, 3600));
    }
}
