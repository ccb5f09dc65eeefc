//! Introspection (RFC 7662, RFC 9701).

use axum::body::Body;
use countersign::registry::ClientAuthentication;
use countersign_keys::{Algorithm, JwkSet, UnverifiedJws};
use countersign_verifier::testing::TestHolder;
use http::{Request, header};
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, PAYMENTS, START, form};
use crate::people::Browser;

const SIGNED: &str = "application/token-introspection+jwt";
const LEDGER: &str = "https://ledger.example";

/// An issuer with a web client and two services that ask; ada signed in.
struct Stage {
    issuer: Issuer,
    web: String,
    payments: String,
    ledger: String,
    tokens: Value,
}

impl Stage {
    async fn new() -> Self {
        let issuer = Issuer::new().await;
        issuer.user("ada").await;
        issuer.resource(LEDGER, |_| {}).await;
        let web = issuer.web("web", |_, _| {}).await;
        let asks = async |id: &str, resource: &str| {
            issuer.client(id, |client| client.introspects = vec![resource.to_owned()]).await
        };
        let (payments, ledger) = (asks("payments", PAYMENTS).await, asks("ledger", LEDGER).await);
        let more = [("scope", "openid payments:read"), ("resource", PAYMENTS)];
        let code = Browser::new(&issuer).code("web", &more).await;
        let tokens = issuer.redeem("web", &web, &code).await.json();
        Self { issuer, web, payments, ledger, tokens }
    }

    fn token(&self, name: &str) -> &str {
        self.tokens[name].as_str().unwrap()
    }

    async fn ask(&self, client: &str, token: &str) -> Answer {
        let secret = match client {
            "payments" => &self.payments,
            "ledger" => &self.ledger,
            _ => &self.web,
        };
        self.issuer.ask_as("/introspect", (client, secret), &[("token", token)]).await
    }
}

#[tokio::test]
async fn the_resource_is_told_what_its_token_says_and_nothing_that_is_the_issuers() {
    let stage = Stage::new().await;

    let answer = stage.ask("payments", stage.token("access_token")).await;

    let mut claims = crate::people::payload(&stage.tokens["access_token"]);
    let told = answer.json();
    for hidden in ["grant_id", "ancestor_jti", "userinfo_claims"] {
        assert!(told.get(hidden).is_none(), "{hidden}");
        claims.as_object_mut().unwrap().remove(hidden);
    }
    claims["active"] = true.into();
    claims["token_type"] = "Bearer".into();
    assert_eq!(told, claims);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn the_client_of_a_token_is_told_of_its_life_and_not_of_its_user() {
    let stage = Stage::new().await;

    let told = stage.ask("web", stage.token("access_token")).await.json();
    let refresh = stage.ask("web", stage.token("refresh_token")).await.json();

    let claims = crate::people::payload(&stage.tokens["access_token"]);
    let mut expected = json!({ "active": true, "token_type": "Bearer" });
    for claim in ["iss", "aud", "exp", "iat", "jti", "client_id", "scope"] {
        expected[claim] = claims[claim].clone();
    }
    assert_eq!(told, expected);
    assert_eq!((&refresh["active"], &refresh["client_id"]), (&json!(true), &json!("web")));
    assert_eq!((&refresh["iss"], &refresh["iat"]), (&expected["iss"], &json!(START)));
    assert!(refresh["exp"].as_i64().unwrap() > START && refresh.get("sub").is_none(), "{refresh}");
}

#[tokio::test]
async fn of_all_that_is_wrong_nothing_is_told() {
    let stage = Stage::new().await;
    let (access, refresh) = (stage.token("access_token"), stage.token("refresh_token"));
    let long = "a".repeat(30_000);
    let mut claims = crate::people::payload(&stage.tokens["access_token"]);
    claims["iss"] = "https://other.example".into();
    let sign = |kind, claims: &Value| {
        let live = stage.issuer.app.keychain.live();
        live.sign(kind, Algorithm::Es256, claims.to_string().as_bytes()).unwrap()
    };
    let foreign = sign(countersign::signing::TokenType::AccessToken, &claims);
    claims["iss"] = "https://issuer.example".into();
    let event = sign(countersign::signing::TokenType::SecurityEvent, &claims);
    claims["client_id"] = "nobody".into();
    let orphan = sign(countersign::signing::TokenType::AccessToken, &claims);
    let forged = {
        let holder = TestHolder::new();
        let payload = claims.to_string();
        countersign_keys::jws::sign_compact(holder.key(), "at+jwt", payload.as_bytes()).unwrap()
    };
    let encrypted = "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9..AAAA.AAAA.AAAA";

    for (who, token) in [
        ("ledger", access),
        ("ledger", refresh),
        ("payments", refresh),
        ("payments", stage.token("id_token")),
        ("payments", foreign.as_str()),
        ("payments", event.as_str()),
        ("payments", orphan.as_str()),
        ("payments", forged.as_str()),
        ("payments", encrypted),
        ("payments", long.as_str()),
        ("payments", "x"),
    ] {
        let answer = stage.ask(who, token).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "active": false })));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    stage.issuer.clock.advance(std::time::Duration::from_mins(10));
    stage.issuer.follow().await;
    assert_eq!(stage.ask("payments", access).await.json(), json!({ "active": false }));
    assert_eq!(stage.ask("web", refresh).await.json()["active"], true);
    stage.issuer.refresh("web", &stage.web, refresh).await;
    assert_eq!(stage.ask("web", refresh).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn who_asks_has_to_prove_who_it_is() {
    let stage = Stage::new().await;
    stage.issuer.web("spa", |client, _| client.auth = ClientAuthentication::None).await;
    let token = stage.token("access_token");

    for by in [("payments", "wrong"), ("nobody", "x"), ("spa", ""), ("", "")] {
        let answer = stage.issuer.ask_as("/introspect", by, &[("token", token)]).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{by:?}");
    }
    let by = ("payments", stage.payments.as_str());
    let nothing = stage.issuer.ask_as("/introspect", by, &[]).await;
    assert_eq!(nothing.error(), (400, "invalid_request".to_owned()));
    let query = Request::post(format!("/introspect?token={token}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form(&[("client_id", by.0), ("client_secret", by.1)])));
    assert_eq!(stage.issuer.send(query.unwrap()).await.error().0, 400);
    assert_eq!(stage.issuer.get("/introspect").await.status, 405);
}

#[tokio::test]
async fn rfc_9701_a_signed_answer_is_for_who_asked_and_is_no_token() {
    let stage = Stage::new().await;
    let ask = async |token: &str| {
        let parameters = [
            ("client_id", "payments"),
            ("client_secret", stage.payments.as_str()),
            ("token", token),
        ];
        let request = Request::post("/introspect")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, SIGNED)
            .body(Body::from(form(&parameters)));
        stage.issuer.send(request.unwrap()).await
    };

    let answer = ask(stage.token("access_token")).await;

    assert_eq!(answer.header("content-type"), SIGNED);
    assert_eq!(answer.header("cache-control"), "no-store");
    let jwks = stage.issuer.get("/jwks").await.body;
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[Algorithm::Es256]).unwrap();
    let signed = UnverifiedJws::parse(&answer.body).unwrap();
    assert!(signed.has_typ("token-introspection+jwt"));
    let payload = signed.verify(keys.iter().next().unwrap()).unwrap();
    let claims: Value = serde_json::from_str(payload.as_str()).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["iat"]),
        (&json!("https://issuer.example"), &json!("payments"), &json!(START))
    );
    assert_eq!(claims["token_introspection"]["active"], true);
    assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
    let inactive = crate::people::payload(&ask("x").await.body.into());
    assert_eq!(inactive["token_introspection"], json!({ "active": false }));
    assert_eq!(stage.ask("payments", &answer.body).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn a_bound_token_is_told_with_its_key() {
    let stage = Stage::new().await;
    let mut claims = crate::people::payload(&stage.tokens["access_token"]);
    let kind = countersign::signing::TokenType::AccessToken;
    for (cnf, token_type) in [("jkt", "DPoP"), ("x5t#S256", "Bearer")] {
        let thumbprint = "A".repeat(43);
        claims["cnf"] = json!({ cnf: thumbprint });
        let token = {
            let live = stage.issuer.app.keychain.live();
            live.sign(kind, Algorithm::Es256, claims.to_string().as_bytes()).unwrap()
        };

        for who in ["payments", "web"] {
            let told = stage.ask(who, &token).await.json();
            assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!(token_type)));
            assert_eq!(told["cnf"], json!({ cnf: thumbprint }), "{who}");
        }
    }
}

#[tokio::test]
async fn an_access_token_is_judged_without_the_database_and_not_by_a_node_that_lost_it_for_long() {
    let stage = Stage::new().await;
    let (access, refresh) = (stage.token("access_token"), stage.token("refresh_token"));

    stage.issuer.app.store.close().await;

    assert_eq!(stage.ask("payments", access).await.json()["active"], true);
    assert_eq!(stage.ask("web", refresh).await.error().0, 503);
    stage.issuer.clock.advance(std::time::Duration::from_secs(6));
    let lost = stage.ask("payments", access).await;
    assert_eq!(lost.error(), (503, "temporarily_unavailable".to_owned()));
}
