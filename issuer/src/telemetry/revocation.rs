//! What is counted of revocations: how far this node has followed them, who is told, and who asks.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The answers to those who ask about a token.
const OUTCOMES: [&str; 3] = ["active", "inactive", "refused"];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// The series.
#[derive(Debug)]
pub struct RevocationMetrics {
    newest: Gauge,
    in_force: Gauge,
    subscribers: Gauge,
    messages: Counter,
    cut_off: Counter,
    /// One for each of [`OUTCOMES`], in order.
    introspections: Vec<Counter>,
}

impl RevocationMetrics {
    /// All series, at zero.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let newest =
            gauge("revocation_newest", "The newest revocation that this node has heard of");
        let in_force = gauge("revocations_in_force", "Revocations that still match tokens");
        let subscribers = gauge("feed_subscribers", "Verifiers that listen to the feed");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let messages = counter("feed_messages", "Messages to those who listen to the feed");
        let cut_off = counter("feed_cut_off", "Verifiers that were too slow for the feed");
        let answers = Family::<Labels, Counter>::default();
        registry.register("introspections", "Questions about tokens, by answer", answers.clone());
        let series = |outcome| answers.get_or_create(&Labels { outcome }).clone();
        let introspections = OUTCOMES.into_iter().map(series).collect();
        Self { newest, in_force, subscribers, messages, cut_off, introspections }
    }

    /// A message went out to those who listen.
    pub fn told(&self) {
        self.messages.inc();
    }

    /// Somebody did not keep up.
    pub fn cut_off(&self) {
        self.cut_off.inc();
    }

    /// Somebody asked about a token, and was told whether it is good, or nothing.
    pub fn introspected(&self, is_active: Option<bool>) {
        let outcome = match is_active {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        };
        if let Some(counter) = self.introspections.get(outcome) {
            counter.inc();
        }
    }

    /// How it stands now.
    pub fn stands(&self, newest: i64, (in_force, subscribers): (usize, usize)) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.newest.set(newest);
        self.in_force.set(number(in_force));
        self.subscribers.set(number(subscribers));
    }
}
