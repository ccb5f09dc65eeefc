//! Mutual TLS (RFC 8705), at the endpoints of the issuer: who a certificate is, every way in which it can be another one's, and
//! what is bound to it and stays so.

mod authentication;
mod bound;
mod listener;
mod proxy;
mod self_signed;

use std::net::IpAddr;

use axum::body::Body;
use countersign::client_certificate;
use countersign::config::Config;
use countersign_verifier::binding::ClientCertificate;
use http::{Request, header};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::harness::{Answer, Issuer, form};

/// Somebody who issues certificates, from 2026 to the end of 2027.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Holder {
    pub(crate) shown: ClientCertificate,
    pub(crate) key: KeyPair,
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) =
        (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 12, 31));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.extended_key_usages.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(authority_params("authority"), key).unwrap())
    }

    /// One below this one.
    pub(crate) fn intermediate(&self) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority_params("intermediate");
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    pub(crate) fn certificate(&self, edit: impl FnOnce(&mut CertificateParams)) -> Holder {
        let mut params = params("orders");
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Holder { shown: ClientCertificate::from_der(certificate.der().to_vec()), key }
    }

    /// An issuer that believes this authority, and somebody in front of it.
    pub(crate) async fn issuer(&self, edit: impl FnOnce(&mut Config)) -> Issuer {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, self.0.pem()).unwrap();
        Issuer::with(|config| {
            config.mtls.certificate_authority_file = Some(file);
            edit(config);
        })
        .await
    }
}

impl Holder {
    /// A certificate that nobody vouches for.
    pub(crate) fn self_signed(edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::renewed(key, edit)
    }

    /// Another one for the same key.
    pub(crate) fn renewed(key: KeyPair, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params("whoever");
        edit(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self { shown: ClientCertificate::from_der(certificate.der().to_vec()), key }
    }
}

/// A request as a listener hands it on: from a peer, with the certificate of its connection.
pub(crate) async fn send_from(
    issuer: &Issuer,
    (peer, shown): (&str, Option<&ClientCertificate>),
    mut request: Request<Body>,
) -> Answer {
    let peer: IpAddr = peer.parse().unwrap();
    let config = &issuer.app.config;
    if let Some(found) = client_certificate::of(config, (peer, shown.cloned()), request.headers()) {
        request.extensions_mut().insert(found);
    }
    issuer.send(request).await
}

/// Posts a form in a connection with this certificate.
pub(crate) async fn post(
    issuer: &Issuer,
    path: &str,
    shown: Option<&ClientCertificate>,
    parameters: &[(&str, &str)],
) -> Answer {
    let request =
        Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from(form(parameters))).unwrap();
    send_from(issuer, ("198.51.100.7", shown), request).await
}

/// Asks for a token of an app that says who it is, and shows this.
async fn ask(issuer: &Issuer, client_id: &str, shown: Option<&ClientCertificate>) -> Answer {
    let parameters = [("grant_type", "client_credentials"), ("client_id", client_id)];
    post(issuer, "/token", shown, &parameters).await
}

fn wrong_client() -> (u16, String) {
    (401, "invalid_client".to_owned())
}
