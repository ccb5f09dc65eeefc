//! What is counted of mails: never to whom, and never what about.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of mails; all clones count into the same.
#[derive(Clone, Debug, Default)]
pub struct MailMetrics {
    sent: Counter,
    failed: Counter,
    retried: Counter,
    refused: Counter,
    waiting: Gauge,
}

impl MailMetrics {
    /// All series, at zero.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let Self { sent, failed, retried, refused, waiting } = &metrics;
        registry.register("mails_sent", "Mails that the server took", sent.clone());
        registry.register("mails_failed", "Mails that were given up", failed.clone());
        registry.register(
            "mail_retries",
            "Failed tries of mails that are tried again",
            retried.clone(),
        );
        registry.register(
            "mails_refused",
            "Mails for which the queue had no place",
            refused.clone(),
        );
        registry.register("mails_waiting", "Mails that wait or are being sent", waiting.clone());
        metrics
    }

    /// The server took a mail.
    pub fn sent(&self) {
        self.sent.inc();
    }

    /// A mail was given up.
    pub fn failed(&self) {
        self.failed.inc();
    }

    /// A mail is tried again later.
    pub fn retried(&self) {
        self.retried.inc();
    }

    /// The queue was full.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// A place was taken.
    pub fn taken(&self) {
        self.waiting.inc();
    }

    /// A place is free again.
    pub fn freed(&self) {
        self.waiting.dec();
    }
}
