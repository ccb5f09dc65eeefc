//! Tokens that are bound to a certificate (RFC 8705 §3), and refresh tokens that are (§4).

use axum::body::Body;
use countersign::registry::{ClientAuthentication, RequiredBinding};
use countersign_verifier::binding::ClientCertificate;
use countersign_verifier::testing::TestHolder;
use http::{Request, header};
use serde_json::json;

use super::{Authority, Holder, post, send_from};
use crate::dpop;
use crate::harness::{Answer, Issuer};
use crate::people::{Browser, CALLBACK, VERIFIER};

fn invalid_request() -> (u16, String) {
    (400, "invalid_request".to_owned())
}

/// Asks with a secret, in a connection with this certificate.
async fn ask(
    issuer: &Issuer,
    (client, secret): (&str, &str),
    shown: Option<&ClientCertificate>,
) -> Answer {
    let parameters =
        [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    post(issuer, "/token", shown, &parameters).await
}

#[tokio::test]
async fn a_client_that_is_registered_for_it_gets_tokens_of_its_certificate_and_no_others() {
    let issuer = Issuer::new().await;
    let secret = issuer
        .client("orders", |client| client.tls_client_certificate_bound_access_tokens = true)
        .await;
    let holder = Holder::self_signed(|_| {});

    let bound = ask(&issuer, ("orders", &secret), Some(&holder.shown)).await;
    let plain = ask(&issuer, ("orders", &secret), None).await;

    assert_eq!(bound.json()["token_type"], "Bearer", "RFC 8705 has no type of its own");
    assert_eq!(bound.claims()["cnf"], json!({ "x5t#S256": holder.shown.x5t_s256() }));
    assert_eq!(plain.error(), invalid_request());
    let audit = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    assert!(audit.contains(&format!("\"x5t#S256\":\"{}\"", holder.shown.x5t_s256())), "{audit}");
}

#[tokio::test]
async fn a_client_that_is_not_registered_for_it_gets_bearer_tokens_whatever_it_shows() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let holder = Holder::self_signed(|_| {});

    let answer = ask(&issuer, ("orders", &secret), Some(&holder.shown)).await;

    assert_eq!((answer.status.as_u16(), answer.claims().get("cnf")), (200, None));
}

#[tokio::test]
async fn a_token_is_not_bound_to_a_certificate_and_to_a_key() {
    let issuer = Issuer::new().await;
    let secret = issuer
        .client("orders", |client| client.tls_client_certificate_bound_access_tokens = true)
        .await;
    let holder = TestHolder::new();
    let proof = dpop::proof(&issuer, &holder, ("POST", "/token")).mint();
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_id", "orders"),
        ("client_secret", secret.as_str()),
    ];

    let answer = dpop::post(&issuer, "/token", &parameters, &[&proof]).await;

    assert_eq!(answer.error(), invalid_request());
}

#[tokio::test]
async fn a_resource_takes_the_binding_that_it_demands_or_any() {
    let issuer = Issuer::new().await;
    let kinds = [RequiredBinding::Dpop, RequiredBinding::Certificate, RequiredBinding::Any];
    let certificate = Holder::self_signed(|_| {});
    let key = TestHolder::new();
    for kind in kinds {
        let identifier = format!("https://{}.example", kind.name());
        issuer.resource(&identifier, |resource| resource.required_binding = Some(kind)).await;
    }
    let client = async |id: String, resource: String, is_bound: bool| {
        issuer
            .client(&id, |client| {
                client.permissions[0].resource = resource;
                client.tls_client_certificate_bound_access_tokens = is_bound;
            })
            .await
    };

    for kind in kinds {
        let identifier = format!("https://{}.example", kind.name());
        let (bound, free) = (format!("{}-bound", kind.name()), format!("{}-free", kind.name()));
        let bound_secret = client(bound.clone(), identifier.clone(), true).await;
        let secret = client(free.clone(), identifier, false).await;
        let proof = dpop::proof(&issuer, &key, ("POST", "/token")).mint();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", free.as_str()),
            ("client_secret", secret.as_str()),
        ];

        let by_certificate = ask(&issuer, (&bound, &bound_secret), Some(&certificate.shown)).await;
        let by_proof = dpop::post(&issuer, "/token", &form, &[&proof]).await;
        let by_nothing = ask(&issuer, (&free, &secret), None).await;

        let wanted = |by: RequiredBinding| {
            if [by, RequiredBinding::Any].contains(&kind) { 200 } else { 400 }
        };
        assert_eq!(by_certificate.status, wanted(RequiredBinding::Certificate), "{kind:?}");
        assert_eq!(by_proof.status, wanted(RequiredBinding::Dpop), "{kind:?}");
        assert_eq!(by_nothing.status, 400, "{kind:?}");
    }
}

/// A public client and a confidential one, both registered for bound tokens, with what a person granted them.
async fn world() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer
        .web("web", |client, _| client.tls_client_certificate_bound_access_tokens = true)
        .await;
    issuer
        .web("app", |client, _| {
            client.auth = ClientAuthentication::None;
            client.tls_client_certificate_bound_access_tokens = true;
        })
        .await;
    (issuer, secret)
}

async fn redeem(issuer: &Issuer, client: &[(&str, &str)], shown: &ClientCertificate) -> Answer {
    let code = Browser::new(issuer).code(client[0].1, &[]).await;
    let parameters = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    post(issuer, "/token", Some(shown), &[client, &parameters].concat()).await
}

async fn refresh(
    issuer: &Issuer,
    client: &[(&str, &str)],
    (token, shown): (&str, Option<&ClientCertificate>),
) -> Answer {
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", token)];
    post(issuer, "/token", shown, &[client, &parameters].concat()).await
}

fn text(answer: &Answer, member: &str) -> String {
    answer.json()[member].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn r28_the_refresh_token_of_a_public_client_is_for_who_holds_the_certificate() {
    let (issuer, _) = world().await;
    let app = [("client_id", "app")];
    let (holder, thief) = (Holder::self_signed(|_| {}), Holder::self_signed(|_| {}));
    let first = text(&redeem(&issuer, &app, &holder.shown).await, "refresh_token");

    let without = refresh(&issuer, &app, (&first, None)).await;
    let stolen = refresh(&issuer, &app, (&first, Some(&thief.shown))).await;
    let honest = refresh(&issuer, &app, (&first, Some(&holder.shown))).await;

    assert_eq!(without.error(), invalid_request());
    assert_eq!(stolen.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(honest.claims()["cnf"]["x5t#S256"], holder.shown.x5t_s256());
    let second = text(&honest, "refresh_token");
    let other = refresh(&issuer, &app, (&second, Some(&thief.shown))).await;
    assert_eq!(other.error(), (400, "invalid_grant".to_owned()), "it stays bound");
}

#[tokio::test]
async fn a_confidential_client_may_change_its_certificate() {
    let (issuer, secret) = world().await;
    let web = [("client_id", "web"), ("client_secret", secret.as_str())];
    let (one, other) = (Holder::self_signed(|_| {}), Holder::self_signed(|_| {}));
    let first = text(&redeem(&issuer, &web, &one.shown).await, "refresh_token");

    let rotated = refresh(&issuer, &web, (&first, Some(&other.shown))).await;

    assert_eq!(rotated.claims()["cnf"]["x5t#S256"], other.shown.x5t_s256());
}

#[tokio::test]
async fn r29_userinfo_tells_nothing_to_whoever_shows_another_certificate_or_none() {
    let (issuer, secret) = world().await;
    let web = [("client_id", "web"), ("client_secret", secret.as_str())];
    let (holder, thief) = (Holder::self_signed(|_| {}), Holder::self_signed(|_| {}));
    let token = text(&redeem(&issuer, &web, &holder.shown).await, "access_token");
    let ask = async |scheme: &str, shown: Option<&ClientCertificate>| {
        let request = Request::get("/userinfo")
            .header(header::AUTHORIZATION, format!("{scheme} {token}"))
            .body(Body::empty());
        send_from(&issuer, ("198.51.100.7", shown), request.unwrap()).await
    };

    assert_eq!(ask("Bearer", Some(&holder.shown)).await.status, 200);
    for shown in [None, Some(&thief.shown)] {
        let refused = ask("Bearer", shown).await;
        assert_eq!(refused.error(), (401, "invalid_token".to_owned()));
        assert!(refused.header("www-authenticate").starts_with("Bearer realm="));
    }
    assert_eq!(ask("DPoP", Some(&holder.shown)).await.error().1, "invalid_token");
}

#[tokio::test]
async fn a_bound_token_is_no_subject_token() {
    let authority = Authority::new();
    let issuer = authority.issuer(|_| {}).await;
    let secret = issuer
        .client("orders", |client| client.tls_client_certificate_bound_access_tokens = true)
        .await;
    let gateway = issuer
        .client("gateway", |client| {
            client.grants = vec!["urn:ietf:params:oauth:grant-type:token-exchange".to_owned()];
        })
        .await;
    let holder = authority.certificate(|_| {});
    let token = text(&ask(&issuer, ("orders", &secret), Some(&holder.shown)).await, "access_token");
    let parameters = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "gateway"),
        ("client_secret", gateway.as_str()),
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];

    // As of a token that is bound to a key: no bearer token comes of it, whoever shows what.
    let answer = post(&issuer, "/token", Some(&holder.shown), &parameters).await;

    assert_eq!(answer.error(), invalid_request());
}

#[tokio::test]
async fn a_proof_may_be_made_for_the_other_address_of_the_endpoint() {
    let issuer = Issuer::with(|config| {
        config.mtls.url = Some("https://mtls.issuer.example".parse().unwrap());
    })
    .await;
    let secret = issuer.client("orders", |_| {}).await;
    let holder = TestHolder::new();
    let proof = |url: &str| holder.proof("POST", url).claim("iat", issuer.app.clock.now()).mint();
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_id", "orders"),
        ("client_secret", secret.as_str()),
    ];
    let by = async |url: &str| dpop::post(&issuer, "/token", &parameters, &[&proof(url)]).await;

    assert_eq!(by("https://mtls.issuer.example/token").await.status, 200);
    assert_eq!(by("https://issuer.example/token").await.status, 200);
    assert_eq!(by("https://other.example/token").await.error().1, "invalid_dpop_proof");
}
