//! `tls_client_auth` (RFC 8705 §2.1): a certificate from the right authority that names the client where it was registered.

use std::net::IpAddr;

use countersign::registry::{CertificateSubject, Client, ClientAuthentication};
use countersign_verifier::binding::ClientCertificate;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, SanType,
    date_time_ymd,
};

use super::{Authority, Holder, ask, post, wrong_client};
use crate::harness::{Issuer, basic, form, token_request};
use crate::log::Log;

const DN: &str = "CN=orders,O=Example";

fn by(kind: &str, value: &str) -> impl FnOnce(&mut Client) + use<> {
    let subject = CertificateSubject::parse(&format!("tls_client_auth_{kind}"), value).unwrap();
    |client: &mut Client| {
        client.auth = ClientAuthentication::TlsClientAuth;
        client.certificate_subject = Some(subject);
    }
}

async fn world() -> (Authority, Issuer) {
    let authority = Authority::new();
    let issuer = authority.issuer(|_| {}).await;
    issuer.client("orders", by("subject_dn", DN)).await;
    (authority, issuer)
}

fn named(params: &mut CertificateParams, parts: &[(DnType, &str)]) {
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in parts {
        params.distinguished_name.push(kind.clone(), *value);
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

#[tokio::test]
async fn a_certificate_of_the_authority_with_the_registered_subject_is_the_client() {
    let (authority, issuer) = world().await;
    let holder = authority.certificate(|_| {});

    let answer = ask(&issuer, "orders", Some(&holder.shown)).await;

    assert_eq!((answer.status.as_u16(), &answer.claims()["client_id"]), (200, &"orders".into()));
    assert_eq!(answer.claims().get("cnf"), None, "it did not ask for bound tokens");
}

#[tokio::test]
async fn every_other_certificate_is_refused_in_one_wording_with_its_cause_in_the_log() {
    let (authority, issuer) = world().await;
    let stranger = Authority::new();
    let common_name = |name: &'static str| {
        authority.certificate(|params| named(params, &[(DnType::CommonName, name)]))
    };
    let rows: Vec<(&str, Holder)> = vec![
        ("not trusted", stranger.certificate(|_| {})),
        (
            "not trusted",
            Holder::self_signed(|params| {
                named(
                    params,
                    &[(DnType::OrganizationName, "Example"), (DnType::CommonName, "orders")],
                );
            }),
        ),
        (
            "not trusted",
            authority.certificate(|params| params.not_after = date_time_ymd(2027, 1, 14)),
        ),
        (
            "not trusted",
            authority.certificate(|params| params.not_before = date_time_ymd(2027, 1, 16)),
        ),
        (
            "not trusted",
            authority.certificate(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        (
            "not trusted",
            authority.certificate(|params| {
                params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            }),
        ),
        ("not one of the client", common_name("orders")),
        ("not one of the client", common_name("orders,O=Example")),
        ("not one of the client", common_name("CN=orders,O=Example")),
        ("not one of the client", common_name("orders\0,O=Example")),
        (
            "not one of the client",
            authority.certificate(|params| {
                params.distinguished_name.push(DnType::CommonName, "Orders");
            }),
        ),
        (
            "not one of the client",
            authority.certificate(|params| {
                params.distinguished_name.push(DnType::CountryName, "DE");
            }),
        ),
        (
            "not one of the client",
            authority.certificate(|params| {
                named(
                    params,
                    &[(DnType::CommonName, "orders"), (DnType::OrganizationName, "Example")],
                );
            }),
        ),
        (
            "not one of the client",
            authority.certificate(|params| {
                named(params, &[(DnType::CommonName, "batch")]);
                params.subject_alt_names = vec![dns("orders"), dns("CN=orders,O=Example")];
            }),
        ),
    ];

    for (number, (cause, holder)) in rows.iter().enumerate() {
        let (log, _listening) = Log::listen();
        let answer = ask(&issuer, "orders", Some(&holder.shown)).await;
        assert_eq!(answer.error(), wrong_client(), "row {number}");
        assert_eq!(answer.json()["error_description"], "client authentication failed");
        assert!(log.text().contains(cause), "row {number}: {}", log.text());
    }
    let garbage = ClientCertificate::from_der(*b"no certificate");
    assert_eq!(ask(&issuer, "orders", Some(&garbage)).await.error(), wrong_client());
    assert_eq!(ask(&issuer, "orders", None).await.error(), wrong_client(), "no certificate");
}

#[tokio::test]
async fn a_certificate_below_an_intermediate_needs_it_beside() {
    let (authority, issuer) = world().await;
    let between = authority.intermediate();
    let holder = between.certificate(|_| {});
    let der = holder.shown.der().to_vec();
    let with = ClientCertificate::with_chain(der, vec![between.0.der().to_vec()]);

    assert_eq!(ask(&issuer, "orders", Some(&with)).await.status, 200);
    assert_eq!(ask(&issuer, "orders", Some(&holder.shown)).await.error(), wrong_client());
}

#[tokio::test]
async fn alternative_names_count_where_they_stand_and_the_common_name_never_does() {
    let authority = Authority::new();
    let issuer = authority.issuer(|_| {}).await;
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let (uri, mail) = ("spiffe://example.com/orders", "orders@example.com");
    let uri_name = |value: &str| SanType::URI(value.try_into().unwrap());
    let mail_name = |value: &str| SanType::Rfc822Name(value.try_into().unwrap());
    let rows: [(&str, &str, SanType, Vec<SanType>); 4] = [
        (
            "san_dns",
            "orders.example",
            dns("Orders.Example"),
            vec![
                dns("orders.example.evil"),
                dns("*.example"),
                dns("x.orders.example"),
                uri_name("orders.example"),
                mail_name("orders.example"),
            ],
        ),
        (
            "san_uri",
            uri,
            uri_name(uri),
            vec![
                uri_name("spiffe://example.com/orders/"),
                uri_name("SPIFFE://example.com/orders"),
                dns(uri),
                mail_name(uri),
            ],
        ),
        (
            "san_ip",
            "192.0.2.1",
            SanType::IpAddress(address),
            vec![
                SanType::IpAddress("192.0.2.10".parse().unwrap()),
                SanType::IpAddress("::ffff:192.0.2.1".parse().unwrap()),
                dns("192.0.2.1"),
            ],
        ),
        (
            "san_email",
            mail,
            mail_name(mail),
            vec![mail_name("Orders@example.com"), dns(mail), uri_name(mail)],
        ),
    ];

    for (number, (kind, value, right, wrong)) in rows.into_iter().enumerate() {
        let client = format!("client-{number}");
        issuer.client(&client, by(kind, value)).await;
        let with = |names: Vec<SanType>| {
            authority.certificate(|params| {
                named(params, &[(DnType::CommonName, value)]);
                params.subject_alt_names = names;
            })
        };
        let good = with(vec![dns("another.example"), right]);
        assert_eq!(ask(&issuer, &client, Some(&good.shown)).await.status, 200, "{kind}");
        for wrong in wrong {
            let holder = with(vec![wrong.clone()]);
            let answer = ask(&issuer, &client, Some(&holder.shown)).await;
            assert_eq!(answer.error(), wrong_client(), "{kind}: {wrong:?}");
        }
        let bare = with(Vec::new());
        assert_eq!(
            ask(&issuer, &client, Some(&bare.shown)).await.error(),
            wrong_client(),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn each_client_has_one_method_and_a_certificate_is_not_a_second_one() {
    let (authority, issuer) = world().await;
    let secret = issuer.client("batch", |_| {}).await;
    let holder = authority.certificate(|_| {});

    // The client with a secret, by a certificate; the one with a certificate, by a secret.
    assert_eq!(ask(&issuer, "batch", Some(&holder.shown)).await.error(), wrong_client());
    let by_secret = issuer.token_as("orders", &secret, &[]).await;
    assert_eq!(by_secret.error(), wrong_client());
    // A certificate beside a secret is not looked at.
    let body = form(&[("grant_type", "client_credentials")]);
    let request = token_request().header("authorization", basic("batch", &secret));
    let request = request.body(body.into()).unwrap();
    let both = super::send_from(&issuer, ("198.51.100.7", Some(&holder.shown)), request).await;
    assert_eq!((both.status.as_u16(), &both.claims()["client_id"]), (200, &"batch".into()));
}

#[tokio::test]
async fn without_an_id_a_certificate_names_nobody() {
    let (authority, issuer) = world().await;
    let holder = authority.certificate(|_| {});

    let answer =
        post(&issuer, "/token", Some(&holder.shown), &[("grant_type", "client_credentials")]);

    assert_eq!(answer.await.error(), wrong_client());
}

#[tokio::test]
async fn a_client_that_is_disabled_or_unknown_is_refused_with_its_certificate_too() {
    let (authority, issuer) = world().await;
    let holder = authority.certificate(|_| {});
    issuer
        .client("off", |client| {
            by("subject_dn", DN)(client);
            client.enabled = false;
        })
        .await;

    for client in ["off", "nobody"] {
        assert_eq!(ask(&issuer, client, Some(&holder.shown)).await.error(), wrong_client());
    }
}

#[tokio::test]
async fn where_no_authority_is_trusted_nobody_is_let_in() {
    let issuer = Issuer::new().await;
    issuer.client("orders", by("subject_dn", DN)).await;
    let holder = Authority::new().certificate(|_| {});

    assert_eq!(ask(&issuer, "orders", Some(&holder.shown)).await.error(), wrong_client());
}

#[tokio::test]
async fn the_metadata_names_what_the_configuration_makes_possible() {
    let methods = |issuer: &Issuer| {
        let document: serde_json::Value = serde_json::from_slice(&issuer.app.discovery).unwrap();
        let listed = document["token_endpoint_auth_methods_supported"].as_array().unwrap().clone();
        let has = |name: &str| listed.iter().any(|method| method == name);
        let (by_authority, self_signed) =
            (has("tls_client_auth"), has("self_signed_tls_client_auth"));
        let bound = document["tls_client_certificate_bound_access_tokens"] == true;
        let alias = document["mtls_endpoint_aliases"]["token_endpoint"].as_str().map(str::to_owned);
        (by_authority, self_signed, bound, alias)
    };
    let plain = Issuer::new().await;
    let full = Authority::new();
    let full = full
        .issuer(|config| {
            config.mtls.listen = vec!["127.0.0.1:0".parse().unwrap()];
            config.mtls.url = Some("https://mtls.issuer.example".parse().unwrap());
        })
        .await;

    assert_eq!(methods(&plain), (false, false, false, None));
    let alias = Some("https://mtls.issuer.example/token".to_owned());
    assert_eq!(methods(&full), (true, true, true, alias));
}
