//! The listeners: from a socket to the router, and a stop that finishes what is in flight. Plain HTTP,
//! or TLS with certificates that are read again when they change.

mod client_certificates;
mod room;
mod run;
mod tls;

pub use room::Room;
pub use run::{RunError, Running, Signals, StopRequest, Unfinished, start};
pub use tls::{ClientCertificates, Tls, TlsError};

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use countersign_verifier::binding::ClientCertificate;
use http::{HeaderName, HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::app::App;
use crate::client_certificate;
use crate::origin::{Origin, Peer, RequestIds, client_address};
use crate::telemetry::request_span;

/// How long a peer may take for the handshake and for the head of a request, also for the next one
/// on a connection that is kept alive: a slow or silent one holds nothing for long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an HTTP/2 peer must show that it is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A bound socket, and what answers on it.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// The routes.
    pub router: Router,
    /// Certificates, if it speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// Whether clients are asked for theirs.
    pub client_certificates: ClientCertificates,
    /// How many connections fit.
    pub room: Room,
}

/// What connections of one listener share.
struct Shared {
    app: Arc<App>,
    router: Router,
    request_ids: RequestIds,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Shared {
    fn new(app: Arc<App>, router: Router) -> Self {
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2.timer(TokioTimer::new()).max_concurrent_streams(128);
        http2.keep_alive_interval(PING_INTERVAL).keep_alive_timeout(HEAD_TIMEOUT);
        Self { app, router, request_ids: RequestIds::default(), http1, http2 }
    }
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
    let Listener { socket, router, tls, client_certificates, room } = listener;
    let shared = Arc::new(Shared::new(app, router));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &room) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (shared, watcher) = (Arc::clone(&shared), graceful.watcher());
                let tls = tls.clone().map(|tls| (tls, client_certificates));
                tokio::spawn(async move {
                    connection(stream, peer, shared, tls, watcher).await;
                    drop(place);
                });
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

/// The next connection, with a place in the room: one that comes too many waits here, and the others in the backlog.
async fn accept(
    socket: &TcpListener,
    room: &Room,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let (stream, peer) = socket.accept().await?;
    let place = room.place().await?;
    Ok((stream, peer, place))
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    tls: Option<(Arc<Tls>, ClientCertificates)>,
    watcher: Watcher,
) {
    // A response is one write; waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let Some((tls, certificates)) = tls else {
        let http1 = shared.http1.clone();
        let service = service_fn(move |request| answer(request, (peer, None), Arc::clone(&shared)));
        return ended(
            peer,
            watcher.watch(http1.serve_connection(TokioIo::new(stream), service)).await,
        );
    };
    let stream = match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream, certificates)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "the TLS handshake failed"),
        Err(_) => return tracing::debug!(%peer, "the TLS handshake took too long"),
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let certificate = certificate_of(&stream);
    let (http1, http2) = (shared.http1.clone(), shared.http2.clone());
    let service = service_fn(move |request| {
        answer(request, (peer, certificate.clone()), Arc::clone(&shared))
    });
    let stream = TokioIo::new(stream);
    if is_http2 {
        ended(peer, watcher.watch(http2.serve_connection(stream, service)).await);
    } else {
        ended(peer, watcher.watch(http1.serve_connection(stream, service)).await);
    }
}

/// The certificate that the client showed in the handshake, once for all requests of the connection.
fn certificate_of(stream: &TlsStream<TcpStream>) -> Option<ClientCertificate> {
    let (own, chain) = stream.get_ref().1.peer_certificates()?.split_first()?;
    let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
    Some(ClientCertificate::with_chain(own.to_vec(), chain))
}

fn ended(peer: SocketAddr, outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    (peer, certificate): (SocketAddr, Option<ClientCertificate>),
    shared: Arc<Shared>,
) -> Result<http::Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    let origin = origin(&mut request, (peer, certificate), &shared);
    let span = request_span(&request, origin.request_id);
    let mut response = shared.router.clone().oneshot(request).instrument(span.clone()).await?;
    span.record("http.response.status_code", response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), origin.request_id.header_value());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Attaches what only the listener knows of a request.
fn origin(
    request: &mut Request<Body>,
    (peer, certificate): (SocketAddr, Option<ClientCertificate>),
    shared: &Shared,
) -> Origin {
    let config = &shared.app.config;
    let address = client_address(peer.ip(), request.headers(), &config.proxies.trusted);
    let origin = Origin { address, request_id: shared.request_ids.next() };
    let shown = client_certificate::of(config, (peer.ip(), certificate), request.headers());
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(Peer(peer.ip()));
    if let Some(shown) = shown {
        request.extensions_mut().insert(shown);
    }
    origin
}
