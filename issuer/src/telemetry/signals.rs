//! What is counted of signals to receivers: what was delivered, how, and what waits.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What came of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalOutcome {
    /// The receiver has it.
    Delivered,
    /// It will never take it.
    Refused,
    /// It did not take it; it will be tried again.
    Failed,
}

impl SignalOutcome {
    const ALL: [(Self, &str); 3] =
        [(Self::Delivered, "delivered"), (Self::Refused, "refused"), (Self::Failed, "failed")];
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    outcome: &'static str,
}

/// The series.
#[derive(Debug)]
pub struct SignalMetrics {
    /// One for each of [`SignalOutcome::ALL`], in order.
    pushed: Vec<Counter>,
    polled: Vec<Counter>,
    overdue: Gauge,
    held: Gauge,
}

impl SignalMetrics {
    /// All series, at zero.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let deliveries = Family::<Labels, Counter>::default();
        registry.register(
            "signal_deliveries",
            "Signals to receivers, by how they are delivered and what came of it",
            deliveries.clone(),
        );
        let series = |method| {
            let of = |(_, outcome)| deliveries.get_or_create(&Labels { method, outcome }).clone();
            SignalOutcome::ALL.into_iter().map(of).collect()
        };
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let overdue = gauge(
            "signals_overdue_seconds",
            "For how long the next signal has been due to be pushed to its receiver",
        );
        let held = gauge("signals_held", "Signals that receivers have not acknowledged");
        Self { pushed: series("push"), polled: series("poll"), overdue, held }
    }

    /// A receiver was called.
    pub fn pushed(&self, outcome: SignalOutcome) {
        if let Some(counter) = self.pushed.get(outcome as usize) {
            counter.inc();
        }
    }

    /// A receiver said so of so many that it polled.
    pub fn polled(&self, outcome: SignalOutcome, count: usize) {
        if let Some(counter) = self.polled.get(outcome as usize) {
            counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    /// For how many seconds the next push has been due.
    pub fn overdue(&self, seconds: i64) {
        self.overdue.set(seconds);
    }

    /// How many wait.
    pub fn held(&self, signals: i64) {
        self.held.set(signals);
    }
}
