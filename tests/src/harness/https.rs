//! An application of the story's own, served over TLS as browsers want it.

use super::Certificate;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{WantsServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::{ConfigBuilder, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct HttpsServer(JoinHandle<()>);

impl HttpsServer {
    /// Serves `application` on this port of the loopback address.
    pub async fn start(port: u16, certificate: &Certificate, application: Router) -> Self {
        let plain = ServerConfig::builder().with_no_client_auth();
        let listener = TlsListener::bind(port, acceptor(plain, certificate)).await;
        Self(tokio::spawn(async move {
            // Never returns.
            let _ended = axum::serve(listener, application).await;
        }))
    }
}

/// The certificate that a client showed in the handshake, in DER; none if it showed none.
#[derive(Clone, Debug)]
pub struct Shown(pub Option<Vec<u8>>);

impl Connected<IncomingStream<'_, TlsListener>> for Shown {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let shown = stream.io().get_ref().1.peer_certificates().and_then(<[_]>::first);
        Self(shown.map(|certificate| certificate.to_vec()))
    }
}

impl HttpsServer {
    /// The same, but clients are asked for a certificate of the authority, and may go on without: requests have
    /// `ConnectInfo<Shown>`.
    pub async fn start_asking(port: u16, certificate: &Certificate, application: Router) -> Self {
        let mut roots = RootCertStore::empty();
        let authority =
            CertificateDer::from_pem_file(&certificate.authority).expect("a certificate");
        roots.add(authority).expect("an authority");
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated();
        let builder = ServerConfig::builder()
            .with_client_cert_verifier(verifier.build().expect("an authority"));
        let listener = TlsListener::bind(port, acceptor(builder, certificate)).await;
        let service = application.into_make_service_with_connect_info::<Shown>();
        Self(tokio::spawn(async move {
            // Never returns.
            let _ended = axum::serve(listener, service).await;
        }))
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn acceptor(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    certificate: &Certificate,
) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(&certificate.certificate).expect("a certificate");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a key");
    let config = builder.with_single_cert(chain, key);
    TlsAcceptor::from(Arc::new(config.expect("a key that fits the certificate")))
}

/// Connections whose handshake is over. Browsers open some that they never use, which must not hold up the others.
struct TlsListener {
    address: SocketAddr,
    ready: Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    async fn bind(port: u16, acceptor: TlsAcceptor) -> Self {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
        let address = tcp.local_addr().expect("an address");
        let (sender, ready) = channel(64);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = tcp.accept().await {
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                if sender.is_closed() {
                    return;
                }
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        // Nobody waits for it when the server has ended.
                        let _gone = sender.send((stream, peer)).await;
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
