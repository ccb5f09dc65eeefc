//! Prometheus metrics. Every series exists from the start, so that a rate is never computed from a
//! series that appears with its first event; labels come from tables, never from requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{BusMetrics, MailMetrics, RevocationMetrics, SignalMetrics, SweepMetrics};
use crate::logout::DeliveryOutcome;
use crate::protocol::ErrorCode;
use crate::protocol::error_code::ERROR_CODES;
use crate::token::grants::{GRANTS, Grant};

/// Upper bounds of the token endpoint's latency, in seconds.
const LATENCY_BUCKETS: [f64; 11] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    grant: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeliveryLabels {
    outcome: &'static str,
}

/// All metrics of this process.
pub struct Metrics {
    registry: Registry,
    /// A row for each grant of `GRANTS` and one for requests of none; in it the outcomes, in the order of [`column`].
    token_requests: Vec<Vec<Counter>>,
    token_request_seconds: Histogram,
    failed_authentications: Counter,
    rotation_failures: Counter,
    refused_key_rows: Counter,
    refused_rows: Counter,
    passwords_hashed: Counter,
    store_failures: Counter,
    /// One for each of [`DeliveryOutcome::ALL`], in order.
    logout_deliveries: Vec<Counter>,
    logout_overdue: Gauge,
    heartbeat_age: Gauge<f64, AtomicU64>,
    signing_keys: Gauge,
    mail: MailMetrics,
    /// What is counted of expired rows.
    pub sweep: SweepMetrics,
    /// What is counted of revocations.
    pub feed: RevocationMetrics,
    /// What is counted of signals.
    pub signals: SignalMetrics,
    /// What is counted of the bus on which verifiers are told of them.
    pub bus: BusMetrics,
}

impl Metrics {
    /// All series, at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let requests = Family::<TokenLabels, Counter>::default();
        registry.register(
            "token_requests",
            "Token requests by grant and outcome",
            requests.clone(),
        );
        let token_request_seconds = Histogram::new(LATENCY_BUCKETS);
        registry.register_with_unit(
            "token_request",
            "Time from the head of a token request to its answer",
            Unit::Seconds,
            token_request_seconds.clone(),
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let failed_authentications =
            counter("client_authentication_failures", "Credentials of clients that did not hold");
        let rotation_failures = counter("key_rotation_failures", "Rotations that were put off");
        let refused_key_rows = counter(
            "key_rows_refused",
            "Loads of the key rings that met a row which does not open",
        );
        let refused_rows = counter(
            "rows_refused",
            "Rows of clients and resources that could not be understood and count as absent",
        );
        let passwords_hashed =
            counter("passwords_hashed", "Passwords that were hashed, to verify or to store them");
        let store_failures =
            counter("store_failures", "Heartbeats that failed: no answer, or a damaged one");
        let deliveries = Family::<DeliveryLabels, Counter>::default();
        registry.register(
            "logout_deliveries",
            "Attempts to tell a client of a session that ended, by outcome",
            deliveries.clone(),
        );
        let logout_overdue = Gauge::default();
        registry.register(
            "logout_deliveries_overdue_seconds",
            "For how long the next client has been due to hear of a session that ended",
            logout_overdue.clone(),
        );
        let heartbeat_age = Gauge::default();
        registry.register(
            "store_heartbeat_age_seconds",
            "Time since the database last answered",
            heartbeat_age.clone(),
        );
        let signing_keys = Gauge::default();
        registry.register("signing_keys", "Published signing keys", signing_keys.clone());
        let mail = MailMetrics::registered(&mut registry);
        let sweep = SweepMetrics::registered(&mut registry);
        let feed = RevocationMetrics::registered(&mut registry);
        let signals = SignalMetrics::registered(&mut registry);
        let bus = BusMetrics::registered(&mut registry);
        Self {
            mail,
            sweep,
            feed,
            signals,
            bus,
            token_requests: all_token_series(&requests),
            registry,
            token_request_seconds,
            failed_authentications,
            rotation_failures,
            refused_key_rows,
            refused_rows,
            passwords_hashed,
            store_failures,
            logout_deliveries: all_delivery_series(&deliveries),
            logout_overdue,
            heartbeat_age,
            signing_keys,
        }
    }

    /// A token request was answered; `code` is none if a token was issued.
    pub fn token_request(
        &self,
        grant: Option<&'static Grant>,
        code: Option<ErrorCode>,
        took: Duration,
    ) {
        let counter = self.token_requests.get(row(grant)).and_then(|row| row.get(column(code)));
        if let Some(counter) = counter {
            counter.inc();
        }
        self.token_request_seconds.observe(took.as_secs_f64());
    }

    /// The counters of mails.
    pub fn mail(&self) -> MailMetrics {
        self.mail.clone()
    }

    /// A client failed to authenticate.
    pub fn client_authentication_failed(&self) {
        self.failed_authentications.inc();
    }

    /// A rotation did not succeed; it is tried again.
    pub fn rotation_failed(&self) {
        self.rotation_failures.inc();
    }

    /// A key row was altered or sealed under an unknown master key.
    pub fn key_row_refused(&self) {
        self.refused_key_rows.inc();
    }

    /// How many rows of the registry were refused since the start.
    pub fn rows_refused(&self, total: u64) {
        self.refused_rows.inner().store(total, Ordering::Relaxed);
    }

    /// How many passwords were hashed since the start.
    pub fn passwords_hashed(&self, total: u64) {
        self.passwords_hashed.inner().store(total, Ordering::Relaxed);
    }

    /// The database did not answer a heartbeat.
    pub fn store_failed(&self) {
        self.store_failures.inc();
    }

    /// A client was told of a session that ended, or was not.
    pub fn logout_delivery(&self, outcome: DeliveryOutcome) {
        if let Some(counter) = self.logout_deliveries.get(outcome as usize) {
            counter.inc();
        }
    }

    /// For how many seconds the next delivery has been due.
    pub fn logout_deliveries_overdue(&self, seconds: i64) {
        self.logout_overdue.set(seconds);
    }

    /// The text of `GET /metrics`.
    pub fn render(&self, heartbeat_age: Duration, published_keys: usize) -> String {
        self.heartbeat_age.set(heartbeat_age.as_secs_f64());
        self.signing_keys.set(i64::try_from(published_keys).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn all_delivery_series(deliveries: &Family<DeliveryLabels, Counter>) -> Vec<Counter> {
    let labels = DeliveryOutcome::ALL.map(|outcome| DeliveryLabels { outcome: outcome.name() });
    labels.iter().map(|labels| deliveries.get_or_create(labels).clone()).collect()
}

/// Codes that share a wire name are told apart by their status.
fn outcome(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::MethodNotAllowed => "method_not_allowed",
        ErrorCode::RequestTimeout => "request_timeout",
        ErrorCode::ContentTooLarge => "content_too_large",
        ErrorCode::UnsupportedMediaType => "unsupported_media_type",
        ErrorCode::TooManyFailures => "too_many_failures",
        ErrorCode::TooManyRequests => "too_many_requests",
        other => other.row().wire,
    }
}

/// The row of a grant; that of no grant is the last.
fn row(grant: Option<&'static Grant>) -> usize {
    let position = grant.and_then(|grant| GRANTS.iter().position(|row| row.name == grant.name));
    position.unwrap_or(GRANTS.len())
}

/// Issued first, then the codes in their order.
fn column(code: Option<ErrorCode>) -> usize {
    code.map_or(0, |code| code as usize + 1)
}

fn all_token_series(requests: &Family<TokenLabels, Counter>) -> Vec<Vec<Counter>> {
    let grants = GRANTS.iter().map(|grant| grant.name).chain(["unknown"]);
    let outcomes: Vec<&str> =
        ["issued"].into_iter().chain(ERROR_CODES.iter().map(|row| outcome(row.code))).collect();
    let series = |grant| {
        let labels = outcomes.iter().map(|outcome| TokenLabels { grant, outcome });
        labels.map(|labels| requests.get_or_create(&labels).clone()).collect()
    };
    grants.map(series).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_exists_from_the_start() {
        let text = Metrics::new().render(Duration::ZERO, 2);

        for series in [
            "countersign_token_requests_total{grant=\"client_credentials\",outcome=\"issued\"} 0",
            "countersign_token_requests_total{grant=\"unknown\",outcome=\"invalid_request\"} 0",
            "countersign_client_authentication_failures_total 0",
            "countersign_token_request_seconds_count 0",
            "countersign_rows_refused_total 0",
            "countersign_passwords_hashed_total 0",
            "countersign_logout_deliveries_total{outcome=\"given_up\"} 0",
            "countersign_signing_keys 2",
            "countersign_mails_sent_total 0",
            "countersign_mails_waiting 0",
            "countersign_swept_rows_total{table=\"one_time_use\"} 0",
            "countersign_sweep_lag_seconds{table=\"session\"} 0",
            "countersign_signal_deliveries_total{method=\"push\",outcome=\"refused\"} 0",
            "countersign_signals_overdue_seconds 0",
        ] {
            assert!(text.contains(series), "{series} is missing in\n{text}");
        }
    }

    #[test]
    fn a_request_counts_in_its_series() {
        let metrics = Metrics::new();

        metrics.token_request(GRANTS.first(), Some(ErrorCode::InvalidClient), Duration::ZERO);

        let text = metrics.render(Duration::ZERO, 0);
        assert!(text.contains("{grant=\"client_credentials\",outcome=\"invalid_client\"} 1"));
    }
}
