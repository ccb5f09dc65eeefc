//! The listeners: from a socket to the router, and a stop that finishes what is in flight. Plain HTTP,
//! or TLS with certificates that are read again when they change.

mod run;
mod tls;

pub use run::{RunError, Running, StopRequest, start, stop_requested};
pub use tls::{Tls, TlsError};

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::app::App;
use crate::origin::{Origin, RequestIds, client_address};
use crate::telemetry::request_span;

/// How long a peer may take for the head of a request or for the handshake: a slow one holds nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A bound socket, and what answers on it.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// The routes.
    pub router: Router,
    /// Certificates, if it speaks TLS.
    pub tls: Option<Arc<Tls>>,
}

/// What connections of one listener share.
struct Shared {
    app: Arc<App>,
    router: Router,
    request_ids: RequestIds,
    http: auto::Builder<TokioExecutor>,
}

/// Binds an address.
///
/// # Errors
///
/// With a text that says which address, and what to do.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::AddrInUse {
            "; another process listens there: stop it, or choose another address"
        } else {
            ""
        };
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}{hint}"))
    })
}

/// Accepts connections until `stop` says so, then waits until those in flight are done.
pub async fn serve(listener: Listener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let Listener { socket, router, tls } = listener;
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    http.http2().timer(TokioTimer::new()).max_concurrent_streams(128);
    let shared = Arc::new(Shared { app, router, request_ids: RequestIds::default(), http });
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (shared, tls, watcher) = (Arc::clone(&shared), tls.clone(), graceful.watcher());
                tokio::spawn(connection(stream, peer, shared, tls, watcher));
            }
            Err(error) => {
                // Out of file descriptors, most likely: let some connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(socket);
    graceful.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
    watcher: Watcher,
) {
    // A response is one write; waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return talk(stream, peer, shared, watcher).await };
    match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, peer, shared, watcher).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

async fn talk<S>(stream: S, peer: SocketAddr, shared: Arc<Shared>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let of_connection = Arc::clone(&shared);
    let service = service_fn(move |request| answer(request, peer, Arc::clone(&of_connection)));
    let connection = shared.http.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared>,
) -> Result<http::Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    let trusted = &shared.app.config.proxies.trusted;
    let origin = Origin {
        address: client_address(peer.ip(), request.headers(), trusted),
        request_id: shared.request_ids.next(),
    };
    request.extensions_mut().insert(origin);
    let span = request_span(&request, origin.request_id);
    let mut response = shared.router.clone().oneshot(request).instrument(span.clone()).await?;
    span.record("http.response.status_code", response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), origin.request_id.header_value());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
