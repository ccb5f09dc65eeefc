//! The issuer's own TLS, on real sockets: who asks for a certificate, and that it is the one of the handshake that counts.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign::config;
use countersign::registry::{CertificateSubject, ClientAuthentication};
use countersign::router;
use countersign::server::{ClientCertificates, Listener, Room, Tls, serve};
use countersign_verifier::binding::ClientCertificate;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, SanType};
use reqwest::{Client, Identity};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use super::{Authority, Holder};

struct World {
    authority: Authority,
    asking: SocketAddr,
    silent: SocketAddr,
    holder: Holder,
    /// The certificate of the server.
    server: Vec<u8>,
    /// Held, so that the listeners go on.
    _stop: watch::Sender<bool>,
}

impl World {
    async fn new() -> Self {
        let authority = Authority::new();
        let issuer = authority.issuer(|_| {}).await;
        let subject =
            CertificateSubject::parse("tls_client_auth_subject_dn", "CN=orders,O=Example");
        issuer
            .client("orders", |client| {
                client.auth = ClientAuthentication::TlsClientAuth;
                client.certificate_subject = Some(subject.unwrap());
                client.tls_client_certificate_bound_access_tokens = true;
            })
            .await;
        let server = Holder::self_signed(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        });
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = config::Tls {
            certificate_file: file("crt", pem("CERTIFICATE", server.shown.der())),
            key_file: file("key", server.key.serialize_pem()),
        };
        let tls = Arc::new(Tls::load(&files).unwrap());
        let (stop, stopped) = watch::channel(false);
        let mut addresses = Vec::new();
        for client_certificates in [ClientCertificates::Asked, ClientCertificates::Never] {
            let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(socket.local_addr().unwrap());
            let listener = Listener {
                socket,
                router: router::public(Arc::clone(&issuer.app)),
                tls: Some(Arc::clone(&tls)),
                client_certificates,
                room: Room::of_this_process(),
            };
            tokio::spawn(serve(listener, Arc::clone(&issuer.app), stopped.clone()));
        }
        let holder = authority.certificate(|_| {});
        let server = server.shown.der().to_vec();
        let (asking, silent) = (addresses[0], addresses[1]);
        Self { authority, asking, silent, holder, server, _stop: stop }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

/// Whoever shows this in the handshake.
fn client(holder: Option<&Holder>, is_http2: bool) -> Client {
    let builder = Client::builder().tls_danger_accept_invalid_certs(true);
    let builder = if is_http2 { builder } else { builder.http1_only() };
    let builder = match holder {
        Some(Holder { shown, key }) => {
            let both = format!("{}{}", pem("CERTIFICATE", shown.der()), key.serialize_pem());
            builder.identity(Identity::from_pem(both.as_bytes()).unwrap())
        }
        None => builder,
    };
    builder.build().unwrap()
}

/// Status, and the answer.
async fn ask(client: &Client, address: SocketAddr, headers: &[(&str, &str)]) -> (u16, Value) {
    let request = client.post(format!("https://{address}/token"));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let form = "grant_type=client_credentials&client_id=orders";
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

fn thumbprint(answer: &Value) -> String {
    use base64::Engine as _;
    let payload = answer["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["cnf"]["x5t#S256"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_certificate_of_the_handshake_is_the_client_and_what_its_token_is_bound_to() {
    let world = World::new().await;

    for is_http2 in [false, true] {
        let client = client(Some(&world.holder), is_http2);
        let (status, answer) = ask(&client, world.asking, &[]).await;
        assert_eq!((status, &answer["token_type"]), (200, &"Bearer".into()), "{answer}");
        assert_eq!(thumbprint(&answer), world.holder.shown.x5t_s256());
        // The same connection once more, and a resumed one.
        assert_eq!(ask(&client, world.asking, &[]).await.0, 200);
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_answered_too_and_one_of_its_own_making_comes_as_far_as_its_words()
 {
    let world = World::new().await;
    let made = Holder::self_signed(|_| {});

    for holder in [None, Some(&made)] {
        let (status, answer) = ask(&client(holder, true), world.asking, &[]).await;
        assert_eq!((status, &answer["error"]), (401, &"invalid_client".into()));
    }
}

#[tokio::test]
async fn a_listener_that_does_not_ask_sees_none() {
    let world = World::new().await;

    let (status, answer) = ask(&client(Some(&world.holder), true), world.silent, &[]).await;

    assert_eq!((status, &answer["error"]), (401, &"invalid_client".into()));
}

/// Shows the certificate of one and signs with the key of another, which no library does by itself.
#[derive(Debug)]
struct Thief(Arc<CertifiedKey>);

impl ResolvesClientCert for Thief {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What the server says to a request in a connection with this certificate and this key.
async fn raw(world: &World, shown: &ClientCertificate, key: &KeyPair) -> std::io::Result<String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = vec![CertificateDer::from(shown.der().to_vec())];
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(world.server.clone())).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(Thief(Arc::new(CertifiedKey::new(chain, key)))));
    let stream = TcpStream::connect(world.asking).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET /jwks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn whoever_shows_the_certificate_of_another_without_its_key_does_not_get_through_the_handshake()
 {
    let world = World::new().await;
    let thief = world.authority.certificate(|_| {});

    let honest = raw(&world, &world.holder.shown, &world.holder.key).await;
    let stolen = raw(&world, &world.holder.shown, &thief.key).await;

    assert!(honest.unwrap().starts_with("HTTP/1.1 200"));
    let refused = stolen.unwrap_err().to_string();
    assert!(refused.contains("DecryptError") || refused.contains("BadCertificate"), "{refused}");
}

#[tokio::test]
async fn row_31_a_header_beside_the_handshake_is_ignored() {
    let world = World::new().await;
    let header = {
        use base64::Engine as _;
        let own: &ClientCertificate = &world.holder.shown;
        format!(":{}:", base64::engine::general_purpose::STANDARD.encode(own.der()))
    };

    let (status, _) = ask(&client(None, true), world.asking, &[("client-cert", &header)]).await;

    assert_eq!(status, 401);
}
