//! What is counted of the bus on which verifiers are told of revocations; all at zero where none is configured.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The series.
#[derive(Debug, Default)]
pub struct BusMetrics {
    in_trouble: Gauge,
    messages: Counter,
    answers: Counter,
    failures: Counter,
    kept: Gauge,
}

impl BusMetrics {
    /// All series, at zero.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { in_trouble, messages, answers, failures, kept } = &metrics;
        let help = "Whether the bus of the feed is away, or keeps nothing";
        registry.register("feed_bus_in_trouble", help, in_trouble.clone());
        let help = "Messages to those who listen on the bus";
        registry.register("feed_bus_messages", help, messages.clone());
        let help = "Questions of verifiers that were answered on the bus";
        registry.register("feed_bus_answers", help, answers.clone());
        let help = "Failed tries to keep revocations in the stream of the bus";
        registry.register("feed_bus_failures", help, failures.clone());
        let help = "The newest revocation that the stream of the bus keeps";
        registry.register("feed_bus_kept", help, kept.clone());
        metrics
    }

    /// A message went out.
    pub fn told(&self) {
        self.messages.inc();
    }

    /// A verifier was told what it missed.
    pub fn answered(&self) {
        self.answers.inc();
    }

    /// Something could not be kept, and is tried again.
    pub fn failed(&self) {
        self.failures.inc();
    }

    /// The stream has everything up to this number.
    pub fn kept(&self, newest: i64) {
        self.kept.set(newest);
    }

    /// How it stands now.
    pub fn stands(&self, in_trouble: bool) {
        self.in_trouble.set(i64::from(in_trouble));
    }
}
