//! What an operator sees: logs, metrics and traces. No secret, token or code is ever part of them.

mod bus;
mod logs;
mod mail;
mod metrics;
mod revocation;
mod signals;
mod sweep;
mod traces;

pub use bus::BusMetrics;
pub use logs::{TelemetryError, TelemetryGuard, init};
pub use mail::MailMetrics;
pub use metrics::Metrics;
pub use revocation::RevocationMetrics;
pub use signals::{SignalMetrics, SignalOutcome};
pub use sweep::SweepMetrics;
pub use traces::request_span;
