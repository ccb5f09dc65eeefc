//! What is counted of expired rows, a series for each table of `EXPIRING`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::store::{EXPIRING, Expiring};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    table: &'static str,
}

/// The series, in the order of `EXPIRING`.
#[derive(Debug)]
pub struct SweepMetrics(Vec<Series>);

#[derive(Debug)]
struct Series {
    table: &'static str,
    rows: Counter,
    lag: Gauge,
}

impl SweepMetrics {
    /// All series, at zero.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let rows = Family::<Labels, Counter>::default();
        let lags = Family::<Labels, Gauge>::default();
        registry.register("swept_rows", "Expired rows that were removed", rows.clone());
        let help = "For how long the oldest expired row has been waiting to be removed";
        registry.register_with_unit("sweep_lag", help, Unit::Seconds, lags.clone());
        let series = |expiring: &Expiring| {
            let labels = Labels { table: expiring.table };
            let rows = rows.get_or_create(&labels).clone();
            Series { table: expiring.table, rows, lag: lags.get_or_create(&labels).clone() }
        };
        Self(EXPIRING.iter().map(series).collect())
    }

    /// Expired rows of a table were removed.
    pub fn removed(&self, table: &str, rows: u64) {
        if let Some(series) = self.0.iter().find(|series| series.table == table) {
            series.rows.inc_by(rows);
        }
    }

    /// For how many seconds the oldest expired row of each table has been waiting, in the order of `EXPIRING`.
    pub fn lags(&self, seconds: &[i64]) {
        for (series, lag) in self.0.iter().zip(seconds) {
            series.lag.set(*lag);
        }
    }
}
