//! One measured figure, beside its bar if it has one.

use serde::Serialize;

/// A line of the report.
#[derive(Serialize)]
pub(crate) struct Figure {
    #[serde(rename = "figure")]
    of: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bar: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

impl Figure {
    pub(crate) fn new(figure: &str, value: f64, unit: &'static str) -> Self {
        let value = (value * 1000.0).round() / 1000.0;
        Self { of: figure.to_owned(), value, unit, bar: None, met: None }
    }

    /// The bar is a ceiling.
    pub(crate) fn at_most(self, bar: f64) -> Self {
        Self { bar: Some(bar), met: Some(self.value <= bar), ..self }
    }

    /// The bar is a floor.
    pub(crate) fn at_least(self, bar: f64) -> Self {
        Self { bar: Some(bar), met: Some(self.value >= bar), ..self }
    }

    pub(crate) fn print(&self) {
        println!("{}", serde_json::to_string(self).expect("plain values"));
    }
}

/// The median; of an even number the upper.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("at least one value")
}
