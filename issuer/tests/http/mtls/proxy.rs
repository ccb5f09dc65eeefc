//! Behind a proxy that ends TLS: its header is the client's certificate, and from anybody else it is nothing (RFC 9440 §4).

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::config::ClientCertificateHeader;
use countersign::registry::{CertificateSubject, ClientAuthentication};
use countersign_verifier::binding::{CertificateHeader, ClientCertificate};

use super::{Authority, Holder, send_from, wrong_client};
use crate::harness::{Answer, Issuer, form, token_request};

const PROXY: &str = "::ffff:10.0.0.1";
const STRANGER: &str = "198.51.100.7";

struct World {
    issuer: Issuer,
    holder: Holder,
    authority: Authority,
}

impl World {
    async fn new(header: Option<CertificateHeader>) -> Self {
        let authority = Authority::new();
        let issuer = authority
            .issuer(|config| {
                config.proxies.trusted = vec!["10.0.0.0/8".parse().unwrap()];
                config.mtls.client_certificate_header = header.map(ClientCertificateHeader);
            })
            .await;
        let subject =
            CertificateSubject::parse("tls_client_auth_subject_dn", "CN=orders,O=Example");
        issuer
            .client("orders", |client| {
                client.auth = ClientAuthentication::TlsClientAuth;
                client.certificate_subject = Some(subject.unwrap());
                client.tls_client_certificate_bound_access_tokens = true;
            })
            .await;
        let holder = authority.certificate(|_| {});
        Self { issuer, holder, authority }
    }

    async fn ask(
        &self,
        connection: (&str, Option<&ClientCertificate>),
        headers: &[(&str, &str)],
    ) -> Answer {
        let parameters = [("grant_type", "client_credentials"), ("client_id", "orders")];
        let request = headers
            .iter()
            .fold(token_request(), |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::from(form(&parameters))).unwrap();
        send_from(&self.issuer, connection, request).await
    }
}

fn rfc_9440(certificate: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(certificate))
}

fn xfcc(certificate: &ClientCertificate) -> String {
    let base64 = STANDARD.encode(certificate.der());
    let base64 = base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("Cert=\"-----BEGIN%20CERTIFICATE-----%0A{base64}%0A-----END%20CERTIFICATE-----%0A\"")
}

#[tokio::test]
async fn a_trusted_proxy_hands_the_certificate_on_in_the_header_that_was_agreed_on() {
    let one = World::new(Some(CertificateHeader::ClientCert)).await;
    let other = World::new(Some(CertificateHeader::XForwardedClientCert)).await;

    let (plain, envoy) = (rfc_9440(one.holder.shown.der()), xfcc(&other.holder.shown));
    let by_rfc = one.ask((PROXY, None), &[("client-cert", &plain)]).await;
    let by_envoy = other.ask((PROXY, None), &[("x-forwarded-client-cert", &envoy)]).await;

    assert_eq!(by_rfc.claims()["cnf"]["x5t#S256"], one.holder.shown.x5t_s256());
    assert_eq!(by_envoy.claims()["cnf"]["x5t#S256"], other.holder.shown.x5t_s256());
}

#[tokio::test]
async fn a_chain_travels_with_it() {
    let world = World::new(Some(CertificateHeader::ClientCert)).await;
    let between = world.authority.intermediate();
    let holder = between.certificate(|_| {});
    let own = rfc_9440(holder.shown.der());
    let chain = rfc_9440(between.0.der());

    let both = [("client-cert", own.as_str()), ("client-cert-chain", &chain)];

    assert_eq!(world.ask((PROXY, None), &both).await.status, 200);
    assert_eq!(world.ask((PROXY, None), &[("client-cert", &own)]).await.error(), wrong_client());
}

#[tokio::test]
async fn row_31_a_header_that_somebody_else_wrote_is_ignored() {
    for header in [CertificateHeader::ClientCert, CertificateHeader::XForwardedClientCert] {
        let world = World::new(Some(header)).await;
        let (plain, envoy) = (rfc_9440(world.holder.shown.der()), xfcc(&world.holder.shown));
        let smuggled = [("client-cert", plain.as_str()), ("x-forwarded-client-cert", &envoy)];
        let forwarded = [&smuggled[..], &[("x-forwarded-for", "10.0.0.1")]].concat();

        assert_eq!(world.ask((STRANGER, None), &smuggled).await.error(), wrong_client());
        assert_eq!(world.ask((STRANGER, None), &forwarded).await.error(), wrong_client());
        // The other header, through the proxy, which does not know it and lets it pass.
        let other = smuggled.into_iter().find(|(name, _)| *name != header.name()).unwrap();
        assert_eq!(world.ask((PROXY, None), &[other]).await.error(), wrong_client());
        // In a connection of its own the stranger is who its certificate says.
        let mine = world.ask((STRANGER, Some(&world.holder.shown)), &[]).await;
        assert_eq!(mine.status, 200);
    }
    let nowhere = World::new(None).await;
    let plain = rfc_9440(nowhere.holder.shown.der());
    let answer = nowhere.ask((PROXY, None), &[("client-cert", &plain)]).await;
    assert_eq!(answer.error(), wrong_client(), "no header was agreed on");
}

#[tokio::test]
async fn the_certificate_of_the_proxy_is_not_the_clients() {
    let world = World::new(Some(CertificateHeader::ClientCert)).await;

    let answer = world.ask((PROXY, Some(&world.holder.shown)), &[]).await;

    assert_eq!(answer.error(), wrong_client());
}

#[tokio::test]
async fn two_headers_or_values_or_what_cannot_be_read_are_refused() {
    let world = World::new(Some(CertificateHeader::ClientCert)).await;
    let good = rfc_9440(world.holder.shown.der());
    let invalid = (400, "invalid_request".to_owned());

    let twice = world.ask((PROXY, None), &[("client-cert", &good), ("client-cert", &good)]).await;
    assert_eq!(twice.error(), invalid);
    for value in [format!("{good}, {good}"), STANDARD.encode("x"), String::new()] {
        let answer = world.ask((PROXY, None), &[("client-cert", &value)]).await;
        assert_eq!(answer.error(), invalid, "{value}");
    }
}

#[tokio::test]
async fn what_a_client_wrote_before_the_proxy_did_moves_nothing() {
    let world = World::new(Some(CertificateHeader::XForwardedClientCert)).await;
    let other = world.authority.certificate(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "batch");
    });

    let mine = xfcc(&world.holder.shown);
    let appended = format!("{mine},By=proxy;{}", xfcc(&other.shown));
    let answer = world.ask((PROXY, None), &[("x-forwarded-client-cert", &appended)]).await;

    assert_eq!(answer.error(), wrong_client(), "the last one is the proxy's");
}
