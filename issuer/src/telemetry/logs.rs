//! Logs for people or machines, and OpenTelemetry traces if an endpoint is configured.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::traces::TARGET;
use crate::config::{Config, LogFormat};

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.level` is not a list of directives.
    #[error("log.level `{level}` is not a list of filter directives: {cause}")]
    Level {
        /// The setting.
        level: String,
        /// What does not parse.
        cause: String,
    },
    /// The exporter of traces could not be made.
    #[error("tracing.otlp_endpoint: {0}")]
    Exporter(String),
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Keeps the exporter of traces; what is still to be sent goes out when it is shut down.
#[derive(Default)]
pub struct TelemetryGuard(Option<SdkTracerProvider>);

impl TelemetryGuard {
    /// Sends what is left. Blocks for a few seconds at most.
    pub fn shutdown(self) {
        if let Some(provider) = self.0 {
            // Nothing is left to report a failure to.
            let _ = provider.shutdown();
        }
    }
}

/// Begins logging, to standard error. Called outside of the runtime: the exporter of traces works on
/// a thread of its own.
///
/// # Errors
///
/// If the level or the endpoint of the configuration cannot be used.
pub fn init(config: &Config) -> Result<TelemetryGuard, TelemetryError> {
    let provider = match &config.tracing.otlp_endpoint {
        Some(endpoint) => Some(exporting_to(endpoint.as_str())?),
        None => None,
    };
    let layers = layers(config, provider.as_ref())?;
    // A second call, as in a test, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(TelemetryGuard(provider))
}

/// Who hears of events and spans. Without an exporter there is no layer for it: an empty one would count as
/// interested, and every request would get a span that nobody reads.
fn layers(
    config: &Config,
    provider: Option<&SdkTracerProvider>,
) -> Result<Vec<BoxedLayer>, TelemetryError> {
    let mut layers = vec![log_lines(config)?];
    layers.extend(provider.map(exported_spans));
    Ok(layers)
}

/// Events to standard error.
fn log_lines(config: &Config) -> Result<BoxedLayer, TelemetryError> {
    let level = &config.log.level;
    // Request spans are for the exporter: made for the log alone, they would only cost.
    let filter = EnvFilter::try_new(format!("{level},{TARGET}=off")).map_err(|error| {
        TelemetryError::Level { level: level.clone(), cause: error.to_string() }
    })?;
    let for_a_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(for_a_terminal).with_writer(std::io::stderr);
    Ok(match config.log.format {
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_filter(filter)),
        LogFormat::Human => Box::new(lines.with_target(false).with_filter(filter)),
    })
}

/// The spans of requests, and nothing else, to the exporter.
fn exported_spans(provider: &SdkTracerProvider) -> BoxedLayer {
    let tracer = provider.tracer("countersign");
    let only_spans = tracing_subscriber::filter::filter_fn(|meta| meta.target() == TARGET);
    Box::new(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(only_spans))
}

/// A provider that sends spans in batches by HTTP with protobuf.
fn exporting_to(endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name("countersign").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::origin::RequestIds;
    use crate::telemetry::request_span;

    fn span_with(provider: Option<&SdkTracerProvider>) -> tracing::Span {
        let layers = layers(&Config::default(), provider).unwrap();
        let subscriber = tracing_subscriber::registry().with(layers);
        let request = Request::new(());
        tracing::subscriber::with_default(subscriber, || {
            request_span(&request, RequestIds::default().next())
        })
    }

    #[test]
    fn a_request_has_a_span_only_if_somebody_exports_it() {
        let provider = SdkTracerProvider::builder().build();

        let logged = span_with(None);
        let exported = span_with(Some(&provider));

        assert!(logged.is_disabled());
        assert!(!exported.is_disabled());
    }
}
