//! `POST /revoke`.

use std::time::Duration;

use axum::body::Body;
use countersign::registry::ClientAuthentication;
use http::{Request, header};

use crate::harness::{Issuer, PAYMENTS, form};
use crate::people::Browser;

const AT_PAYMENTS: [(&str, &str); 2] = [("scope", "openid payments:read"), ("resource", PAYMENTS)];

/// An issuer with a web client, a service that asks about its tokens, and ada.
async fn issuer() -> (Issuer, String, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let web = issuer.web("web", |_, _| {}).await;
    let service =
        issuer.client("payments", |client| client.introspects = vec![PAYMENTS.to_owned()]);
    let service = service.await;
    (issuer, web, service)
}

fn text<'j>(tokens: &'j serde_json::Value, name: &str) -> &'j str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn r42_a_refresh_token_takes_its_access_tokens_along_and_an_access_token_goes_alone() {
    let (issuer, web, service) = issuer().await;
    let browser = Browser::new(&issuer);
    let code = browser.code("web", &AT_PAYMENTS).await;
    let first = issuer.redeem("web", &web, &code).await.json();
    let second = issuer.refresh("web", &web, text(&first, "refresh_token")).await.json();
    let code = browser.code("web", &AT_PAYMENTS).await;
    let other = issuer.redeem("web", &web, &code).await.json();
    let (client, resource) = (("web", web.as_str()), ("payments", service.as_str()));

    let answer = issuer.revoke(client, text(&other, "access_token")).await;

    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(!issuer.is_active(resource, text(&other, "access_token")).await);
    assert_eq!(issuer.refresh("web", &web, text(&other, "refresh_token")).await.status, 200);
    assert!(issuer.is_active(resource, text(&first, "access_token")).await);
    // An old token of the family speaks for the family too.
    assert_eq!(issuer.revoke(client, text(&first, "refresh_token")).await.status, 200);
    for tokens in [&first, &second] {
        assert!(!issuer.is_active(resource, text(tokens, "access_token")).await);
    }
    let refused = issuer.refresh("web", &web, text(&second, "refresh_token")).await;
    assert_eq!(refused.error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn r42_nobody_revokes_or_finds_out_about_the_tokens_of_another() {
    let (issuer, web, service) = issuer().await;
    let code = Browser::new(&issuer).code("web", &AT_PAYMENTS).await;
    let tokens = issuer.redeem("web", &web, &code).await.json();
    let other = issuer.client("other", |_| {}).await;
    let resource = ("payments", service.as_str());
    let alien = text(&tokens, "access_token").replacen("ey", "eY", 1);
    let long = "a".repeat(20_000);

    for token in [
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
        "unknown",
        alien.as_str(),
        long.as_str(),
    ] {
        // The resource of the token has no say in it either.
        for by in [("other", other.as_str()), resource] {
            let answer = issuer.revoke(by, token).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
        }
    }
    assert!(issuer.is_active(resource, text(&tokens, "access_token")).await);
    assert_eq!(issuer.app.revocations.head(), 0);
    assert_eq!(issuer.refresh("web", &web, text(&tokens, "refresh_token")).await.status, 200);
    for by in [("web", "wrong"), ("nobody", "wrong"), ("", "")] {
        let answer = issuer.revoke(by, text(&tokens, "access_token")).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    }
    assert!(issuer.is_active(resource, text(&tokens, "access_token")).await);
}

#[tokio::test]
async fn a_token_that_some_verifier_may_still_take_is_revoked() {
    for (age, entries) in [(599, 1), (719, 1), (720, 0)] {
        let issuer = Issuer::new().await;
        let secret = issuer.client("orders", |_| {}).await;
        let token = issuer.token_as("orders", &secret, &[]).await.json();
        issuer.clock.advance(Duration::from_secs(age));
        issuer.follow().await;

        let answer = issuer.revoke(("orders", &secret), text(&token, "access_token")).await;

        assert_eq!(
            (answer.status.as_u16(), issuer.app.revocations.head()),
            (200, entries),
            "{age}"
        );
    }
}

#[tokio::test]
async fn a_public_client_revokes_its_own_by_its_name() {
    let (issuer, _, service) = issuer().await;
    issuer.web("spa", |client, _| client.auth = ClientAuthentication::None).await;
    let code = Browser::new(&issuer).code("spa", &AT_PAYMENTS).await;
    let tokens = issuer.redeem("spa", "", &code).await;
    let tokens = if tokens.status == 200 { tokens } else { redeem_by_name(&issuer).await };
    let tokens = tokens.json();

    let answer = issuer.revoke(("spa", ""), text(&tokens, "access_token")).await;

    assert_eq!(answer.status, 200);
    assert!(!issuer.is_active(("payments", &service), text(&tokens, "access_token")).await);
}

async fn redeem_by_name(issuer: &Issuer) -> crate::harness::Answer {
    let code = Browser::new(issuer).code("spa", &AT_PAYMENTS).await;
    let parameters = [
        ("client_id", "spa"),
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", crate::people::CALLBACK),
        ("code_verifier", crate::people::VERIFIER),
    ];
    issuer.token(&parameters).await
}

#[tokio::test]
async fn r19_a_token_in_the_url_is_refused_and_so_is_what_cannot_be_revoked() {
    let (issuer, web, _) = issuer().await;
    let code = Browser::new(&issuer).code("web", &[]).await;
    let tokens = issuer.redeem("web", &web, &code).await.json();
    let client = ("web", web.as_str());
    let encrypted = encrypted(&issuer).await;

    let id_token = issuer.revoke(client, text(&tokens, "id_token")).await;
    let unreadable = issuer.revoke(client, &encrypted).await;
    let nothing = issuer.ask_as("/revoke", client, &[]).await;
    let query = Request::post("/revoke?token=x")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form(&[("client_id", "web"), ("client_secret", &web)])));
    let query = issuer.send(query.unwrap()).await;

    assert_eq!(id_token.error(), (400, "unsupported_token_type".to_owned()));
    assert_eq!(unreadable.error(), (400, "unsupported_token_type".to_owned()));
    assert_eq!(nothing.error(), (400, "invalid_request".to_owned()));
    assert_eq!(query.error(), (400, "invalid_request".to_owned()));
    assert_eq!(issuer.get("/revoke").await.status, 405);
    // A hint that is wrong does no harm.
    let hinted = [("token", text(&tokens, "refresh_token")), ("token_type_hint", "access_token")];
    assert_eq!(issuer.ask_as("/revoke", client, &hinted).await.status, 200);
    let refused = issuer.refresh("web", &web, text(&tokens, "refresh_token")).await;
    assert_eq!(refused.error().1, "invalid_grant");
}

/// Something that is encrypted to somebody.
async fn encrypted(issuer: &Issuer) -> String {
    use countersign::registry::{Encryption, EncryptionKeys};
    use countersign_keys::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
    let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let set = serde_json::json!({ "keys": [key.encryption_key().to_jwk()] }).to_string();
    let keys = EncryptionKeys::parse(&set).unwrap();
    let encryption = Encryption { keys, enc: ContentEncryption::A256Gcm };
    let vault = "https://vault.example";
    issuer.resource(vault, |resource| resource.encryption = Some(encryption)).await;
    let secret =
        issuer.client("vault", |client| vault.clone_into(&mut client.permissions[0].resource));
    let secret = secret.await;
    text(&issuer.token_as("vault", &secret, &[]).await.json(), "access_token").to_owned()
}

#[tokio::test]
async fn cve_2020_15223_a_storage_error_is_never_a_success() {
    let (issuer, web, _) = issuer().await;
    let code = Browser::new(&issuer).code("web", &[]).await;
    let tokens = issuer.redeem("web", &web, &code).await.json();

    issuer.app.store.close().await;

    for kind in ["access_token", "refresh_token"] {
        let answer = issuer.revoke(("web", &web), text(&tokens, kind)).await;
        assert_eq!(answer.error(), (503, "temporarily_unavailable".to_owned()), "{kind}");
        assert_eq!(answer.header("retry-after"), "2");
    }
    assert_eq!(issuer.app.revocations.head(), 0);
}

#[tokio::test]
async fn a_revocation_is_one_entry_with_a_record_however_often_it_is_asked_for() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let answer = issuer.token_as("orders", &secret, &[]).await;
    let (tokens, claims) = (answer.json(), answer.claims());
    let token = text(&tokens, "access_token");

    for _ in 0..3 {
        assert_eq!(issuer.revoke(("orders", &secret), token).await.status, 200);
    }

    let page = issuer.app.store.revocations_after(0, crate::harness::START).await.unwrap();
    let entry =
        serde_json::json!({ "jti": claims["jti"], "exp": claims["exp"].as_i64().unwrap() + 120 });
    assert_eq!((page.seq, page.entries.len()), (1, 1));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&page.entries[0].text).unwrap(), entry);
    let audited = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    let records: Vec<&str> =
        audited.lines().filter(|line| line.contains("token_revoked")).collect();
    assert_eq!(records.len(), 1);
    assert!(records[0].contains(text(&claims, "jti")) && records[0].contains("orders"));
}
