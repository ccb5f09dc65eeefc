//! TLS at the issuer's own listener: TLS 1.2 and 1.3 (rustls has nothing older), a certificate from
//! files, read again when they change. A bad new file is reported and the old certificate stays.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client_certificates::AnyCertificate;
use crate::config;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
#[error("TLS certificate {certificate} with key {key}: {cause}")]
pub struct TlsError {
    certificate: String,
    key: String,
    cause: String,
}

/// The certificate in use.
pub struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    /// The same, and a client is asked for its certificate.
    asking: Arc<ServerConfig>,
    modified: Option<(SystemTime, SystemTime)>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// If they cannot be read, hold no certificate or key, or do not belong together.
    pub fn load(files: &config::Tls) -> Result<Self, TlsError> {
        let (certificate_file, key_file) = (files.certificate_file.clone(), files.key_file.clone());
        let loaded = read(&certificate_file, &key_file)?;
        Ok(Self { certificate_file, key_file, current: ArcSwap::from_pointee(loaded) })
    }

    /// Reads the files again if they changed; `true` if new connections get another certificate.
    ///
    /// # Errors
    ///
    /// As [`Tls::load`]; the former certificate stays in use.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let modified = modified(&self.certificate_file, &self.key_file);
        if modified == self.current.load().modified {
            return Ok(false);
        }
        self.current.store(Arc::new(read(&self.certificate_file, &self.key_file)?));
        Ok(true)
    }

    /// The handshake of one connection.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        certificates: ClientCertificates,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let current = self.current.load();
        let config = Arc::clone(match certificates {
            ClientCertificates::Asked => &current.asking,
            ClientCertificates::Never => &current.config,
        });
        TlsAcceptor::from(config).accept(stream).await
    }
}

/// Whether a listener asks clients for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It does not: browsers would ask people.
    Never,
    /// It asks, and goes on without.
    Asked,
}

fn read(certificate_file: &Path, key_file: &Path) -> Result<Loaded, TlsError> {
    let error = |cause: String| TlsError {
        certificate: certificate_file.display().to_string(),
        key: key_file.display().to_string(),
        cause,
    };
    let modified = modified(certificate_file, key_file);
    let open = |path: &Path| File::open(path).map(BufReader::new);
    let chain = open(certificate_file).map_err(|cause| error(cause.to_string()))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_reader_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|cause| error(cause.to_string()))?;
    let key = open(key_file).map_err(|cause| error(cause.to_string()))?;
    let key = PrivateKeyDer::from_pem_reader(key).map_err(|cause| error(cause.to_string()))?;
    let config = |certificates| {
        let made = server_config(certificates, chain.clone(), key.clone_key());
        made.map(Arc::new).map_err(|cause| error(cause.to_string()))
    };
    Ok(Loaded {
        config: config(ClientCertificates::Never)?,
        asking: config(ClientCertificates::Asked)?,
        modified,
    })
}

fn server_config(
    certificates: ClientCertificates,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match certificates {
        ClientCertificates::Never => builder.with_no_client_auth(),
        ClientCertificates::Asked => {
            builder.with_client_cert_verifier(Arc::new(AnyCertificate(algorithms)))
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn modified(certificate_file: &Path, key_file: &Path) -> Option<(SystemTime, SystemTime)> {
    let of = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    Some((of(certificate_file)?, of(key_file)?))
}
