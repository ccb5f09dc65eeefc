//! How long something took, in a few fixed buckets of atomics, rendered as a Prometheus histogram.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{family, sample};

/// From a cached verdict to the patience with a fetch, which is a second.
const BOUNDS: [Duration; 8] = [
    Duration::from_micros(2),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// By bucket; the last is for what is beyond all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// A reading of a histogram of seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Seconds {
    /// Upper bound of each bucket, and how many took at most that long (cumulative).
    pub buckets: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long all took together.
    pub sum: Duration,
}

impl Histogram {
    pub(super) fn record(&self, time: Duration) {
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Seconds {
        let mut count = 0;
        let mut cumulative = self.counts.iter().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        let buckets = BOUNDS.iter().copied().zip(cumulative.by_ref()).collect();
        cumulative.for_each(drop);
        let sum = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
        Seconds { buckets, count, sum }
    }
}

impl Seconds {
    pub(super) fn write(&self, text: &mut String, name: &str) {
        family(text, name, "histogram");
        for (bound, count) in &self.buckets {
            let labels = format!("le=\"{}\"", bound.as_secs_f64());
            sample(text, &format!("{name}_bucket"), &labels, count);
        }
        sample(text, &format!("{name}_bucket"), "le=\"+Inf\"", &self.count);
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{name}_sum {}\n{name}_count {}", self.sum.as_secs_f64(), self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_all_are_there() {
        let histogram = Histogram::default();
        for micros in [1, 2, 3, 30, 2_000_000] {
            histogram.record(Duration::from_micros(micros));
        }

        let mut text = String::new();
        histogram.read().write(&mut text, "t");

        let expected = "# TYPE t histogram\n\
            t_bucket{le=\"0.000002\"} 2\nt_bucket{le=\"0.000025\"} 3\nt_bucket{le=\"0.00005\"} 4\n\
            t_bucket{le=\"0.0001\"} 4\nt_bucket{le=\"0.001\"} 4\nt_bucket{le=\"0.01\"} 4\n\
            t_bucket{le=\"0.1\"} 4\nt_bucket{le=\"1\"} 4\nt_bucket{le=\"+Inf\"} 5\n\
            t_sum 2.000036\nt_count 5\n";
        assert_eq!(text, expected);
    }
}
