//! One OpenTelemetry span a request (the semantic conventions for HTTP servers), as part of the caller's
//! trace (W3C Trace Context). Without an exporter no span is made, and nothing is paid.

use http::Request;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::origin::RequestId;

/// The target of request spans: exported, and not part of the log.
pub(super) const TARGET: &str = "countersign::request";

/// The span of a request. It carries the path and never the query or the body.
pub fn request_span<B>(request: &Request<B>, request_id: RequestId) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = field::Empty,
        otel.kind = "server",
        http.request.method = %request.method(),
        url.path = request.uri().path(),
        http.response.status_code = field::Empty,
        request_id = %request_id,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{} {}", request.method(), request.uri().path()));
        let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
        // Without a parent, or with an exporter that is gone, the span begins a trace of its own.
        let _ = span.set_parent(parent);
    }
    span
}

struct Headers<'h>(&'h http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
