//! Request objects (RFC 9101): R46 of the known failures, the FAPI list of faults, by the browser and pushed.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::registry::{Client, ClientAuthentication, ClientKeys, SignIn};
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use futures_util::future::join_all;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, START, form};
use crate::people::{Browser, CALLBACK, authorize_path, callback, challenge, payload};

const TYPE: &str = "oauth-authz-req+jwt";

/// What is wrong, and how it becomes so.
type Fault = (&'static str, fn(&mut Value));

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap()
}

fn with_key(key: &SigningKey) -> impl FnOnce(&mut Client, &mut SignIn) + use<> {
    let keys = JwkSet::from_keys([key.verifying_key().clone()]);
    |client: &mut Client, _: &mut SignIn| client.keys = ClientKeys::Inline(keys)
}

async fn issuer() -> (Issuer, String, SigningKey) {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.user("ada").await;
    let secret = issuer.web("web", with_key(&key)).await;
    (issuer, secret, key)
}

/// An object without a fault.
fn claims() -> Value {
    json!({
        "iss": "web", "aud": "https://issuer.example", "client_id": "web",
        "iat": START, "nbf": START, "exp": START + 300, "jti": countersign::random::jti(),
        "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid profile",
        "state": "inside", "nonce": "n-inside", "max_age": 10_000,
        "code_challenge": challenge(), "code_challenge_method": "S256",
    })
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    sign_compact(key, TYPE, claims.to_string().as_bytes()).unwrap()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn unsigned() -> String {
    format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims()))
}

/// `/authorize` with an object and nothing that RFC 9101 does not ask for.
fn path(object: &str) -> String {
    format!("/authorize?{}", form(&[("client_id", "web"), ("request", object)]))
}

/// The same with a registered redirect URI outside, where a refusal can go.
async fn refused(issuer: &Issuer, object: &str) -> String {
    let more = [("client_id", "web"), ("request", object), ("redirect_uri", CALLBACK)];
    let answer = issuer.get(&format!("/authorize?{}", form(&more))).await;
    callback(&answer)["error"].clone()
}

async fn push(issuer: &Issuer, secret: &str, more: &[(&str, &str)]) -> Answer {
    let parameters = [&[("client_id", "web"), ("client_secret", secret)][..], more].concat();
    let request = Request::post("/par")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form(&parameters)));
    issuer.send(request.unwrap()).await
}

fn invalid() -> (u16, String) {
    (400, "invalid_request_object".to_owned())
}

#[tokio::test]
async fn what_a_client_signed_is_its_request_and_what_stands_beside_it_is_ignored() {
    let (issuer, secret, key) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let beside = [
        ("request", &*sign(&key, &claims())),
        ("state", "outside"),
        ("nonce", "n-outside"),
        ("scope", "openid"),
        ("prompt", "login"),
        ("response_mode", "form_post"),
    ];

    let answer = browser.authorize("web", &beside).await;

    let parameters = callback(&answer);
    assert_eq!(parameters["state"], "inside");
    let tokens = issuer.redeem("web", &secret, &parameters["code"]).await.json();
    assert_eq!(tokens["scope"], "openid profile");
    assert_eq!(payload(&tokens["id_token"])["nonce"], "n-inside");
}

#[tokio::test]
async fn state_and_nonce_that_stand_only_outside_are_not_there() {
    let (issuer, secret, key) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let mut claims = claims();
    for name in ["state", "nonce"] {
        claims.as_object_mut().unwrap().remove(name);
    }

    let answer = browser.authorize("web", &[("request", &sign(&key, &claims))]).await;

    let parameters = callback(&answer);
    assert!(!parameters.contains_key("state"), "{parameters:?}");
    let tokens = issuer.redeem("web", &secret, &parameters["code"]).await.json();
    assert!(payload(&tokens["id_token"]).get("nonce").is_none());
}

#[tokio::test]
async fn b36_the_redirect_uri_of_the_object_wins_and_must_be_registered() {
    let (issuer, _, key) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;

    let outside = ("redirect_uri", "https://evil.example/cb");
    let good = browser.authorize("web", &[outside, ("request", &sign(&key, &claims()))]).await;
    let mut claims = claims();
    claims["redirect_uri"] = "https://evil.example/cb".into();
    let evil = browser.get(&path(&sign(&key, &claims))).await;

    assert!(callback(&good).contains_key("code"));
    assert_eq!((evil.status, evil.header("location")), (StatusCode::BAD_REQUEST, ""));
}

#[tokio::test]
async fn r46_each_single_fault_of_an_object_refuses_it_by_either_way() {
    let (issuer, secret, key) = issuer().await;
    let faults: Vec<Fault> = vec![
        ("no iss", |claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
        ("no aud", |claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        ("no exp", |claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        ("no client_id", |claims| drop(claims.as_object_mut().unwrap().remove("client_id"))),
        ("other iss", |claims| claims["iss"] = "other".into()),
        ("other client_id", |claims| claims["client_id"] = "other".into()),
        ("other aud", |claims| claims["aud"] = "https://evil.example".into()),
        ("no aud of ours", |claims| claims["aud"] = json!(["https://evil.example"])),
        ("the endpoint as aud", |claims| claims["aud"] = "https://issuer.example/par".into()),
        ("expired", |claims| claims["exp"] = (START - 31).into()),
        ("exp as text", |claims| claims["exp"] = (START + 60).to_string().into()),
        ("nbf ahead", |claims| claims["nbf"] = (START + 31).into()),
        ("nbf over an hour old", |claims| claims["nbf"] = (START - 3_661).into()),
        ("exp over an hour after nbf", |claims| claims["exp"] = (START + 3_601).into()),
        ("exp in ten years, nothing else", |claims| {
            claims["exp"] = (START + 315_360_000).into();
            claims.as_object_mut().unwrap().retain(|name, _| name != "nbf" && name != "iat");
        }),
        ("sub as in an assertion", |claims| claims["sub"] = "web".into()),
        ("request inside", |claims| claims["request"] = "e30.e30.e30".into()),
        ("request_uri inside", |claims| {
            claims["request_uri"] = "urn:ietf:params:oauth:request_uri:x".into();
        }),
        ("control character", |claims| claims["login_hint"] = "a\u{7f}b".into()),
    ];

    for (fault, break_it) in faults {
        let mut claims = claims();
        break_it(&mut claims);
        let object = sign(&key, &claims);

        assert_eq!(refused(&issuer, &object).await, "invalid_request_object", "{fault}");
        let pushed = push(&issuer, &secret, &[("request", &object)]).await;
        assert_eq!(pushed.error(), invalid(), "{fault}");
        // Without a place to go, a page: nothing of the object is believed.
        let page = issuer.get(&path(&object)).await;
        assert_eq!((page.status, page.header("location")), (StatusCode::BAD_REQUEST, ""));
        assert!(page.body.contains("invalid_request_object"), "{fault}");
    }
    // The faults were the reason.
    let object = sign(&key, &claims());
    assert_eq!(push(&issuer, &secret, &[("request", &object)]).await.status, 201);
}

#[tokio::test]
async fn what_is_within_the_limits_is_accepted() {
    let (issuer, secret, key) = issuer().await;
    let variants: Vec<Fault> = vec![
        ("aud as a list", |claims| {
            claims["aud"] = json!(["https://other.example", "https://issuer.example"]);
        }),
        ("nbf in 8 seconds", |claims| claims["nbf"] = (START + 8).into()),
        ("an hour long", |claims| claims["exp"] = (START + 3_600).into()),
        ("no nbf", |claims| drop(claims.as_object_mut().unwrap().remove("nbf"))),
        ("no iat", |claims| drop(claims.as_object_mut().unwrap().remove("iat"))),
        ("no jti", |claims| drop(claims.as_object_mut().unwrap().remove("jti"))),
        ("claims as JSON", |claims| claims["claims"] = json!({"userinfo": {"name": null}})),
        ("an unknown member", |claims| claims["whatever"] = json!([1, {"x": null}])),
        ("resources as a list", |claims| claims["resource"] = json!(["https://payments.example"])),
    ];

    for (variant, change) in variants {
        let mut claims = claims();
        change(&mut claims);

        let pushed = push(&issuer, &secret, &[("request", &sign(&key, &claims))]).await;

        assert_eq!(pushed.status, 201, "{variant}: {}", pushed.body);
    }
}

#[tokio::test]
async fn r46_another_key_another_algorithm_or_another_kind_of_token_is_refused() {
    let (issuer, secret, key) = issuer().await;
    let other = self::key();
    issuer.web("other", with_key(&other)).await;
    let typed = |typ| sign_compact(&key, typ, claims().to_string().as_bytes()).unwrap();
    let hmac = json!({"alg": "HS256", "kid": key.verifying_key().kid().as_str()});
    let signed = sign(&key, &claims());

    for object in [
        sign(&other, &claims()),
        format!("{}A", &signed[..signed.len() - 2]),
        format!("{}.{}.{}", part(&hmac), part(&claims()), URL_SAFE_NO_PAD.encode([7; 32])),
        typed("at+jwt"),
        typed("logout+jwt"),
        typed("client-authentication+jwt"),
        "not.a.jws".to_owned(),
        "e30".to_owned(),
    ] {
        assert_eq!(refused(&issuer, &object).await, "invalid_request_object", "{object}");
        let pushed = push(&issuer, &secret, &[("request", &object)]).await;
        assert_eq!(pushed.error(), invalid(), "{object}");
    }
    for lenient in ["JWT", "application/oauth-authz-req+jwt"] {
        assert_eq!(push(&issuer, &secret, &[("request", &typed(lenient))]).await.status, 201);
    }
}

#[tokio::test]
async fn cve_2026_9793_an_encrypted_object_that_nobody_signed_is_refused() {
    let (issuer, secret, _) = issuer().await;
    let header = json!({"alg": "RSA-OAEP-256", "enc": "A256GCM"});
    let jwe = format!("{}.AAAA.AAAA.{}.AAAA", part(&header), part(&claims()));

    assert_eq!(refused(&issuer, &jwe).await, "invalid_request_object");
    assert_eq!(push(&issuer, &secret, &[("request", &jwe)]).await.error(), invalid());
}

#[tokio::test]
async fn b33_b34_what_is_unsigned_or_elsewhere_is_refused_by_name() {
    let (issuer, secret, _) = issuer().await;
    let browser = Browser::new(&issuer);

    let object = browser.authorize("web", &[("request", &unsigned())]).await;
    let remote = browser.authorize("web", &[("request_uri", "https://web.example/r")]).await;
    let unknown = ("request_uri", "urn:ietf:params:oauth:request_uri:unknown");
    let unknown = browser.authorize("web", &[unknown]).await;

    assert_eq!(callback(&object)["error"], "request_not_supported");
    assert_eq!(callback(&object)["state"], "s1");
    assert_eq!(callback(&remote)["error"], "request_uri_not_supported");
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(unknown.body.contains("invalid_request_uri"));
    // RFC 9101 §4 and §6.2, by which objects are pushed, knows no unsigned ones.
    assert_eq!(push(&issuer, &secret, &[("request", &unsigned())]).await.error(), invalid());
}

#[tokio::test]
async fn r46_request_and_request_uri_together_and_repeated_ones_are_refused() {
    let (issuer, secret, key) = issuer().await;
    let object = sign(&key, &claims());
    let pushed = push(&issuer, &secret, &[("request", &object)]).await.json();
    let request_uri = pushed["request_uri"].as_str().unwrap();

    let both = [("request", object.as_str()), ("request_uri", request_uri)];
    let together = issuer.get(&authorize_path("web", &both)).await;
    let twice = format!("{}&request=x", authorize_path("web", &[("request", &object)]));
    let uri_twice = format!("{}&request_uri=x", authorize_path("web", &both[1..]));

    assert_eq!(callback(&together)["error"], "invalid_request");
    for path in [twice, uri_twice] {
        assert_eq!(callback(&issuer.get(&path).await)["error"], "invalid_request", "{path}");
    }
    let nested = push(&issuer, &secret, &both).await;
    assert_eq!(nested.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn r46_an_object_is_good_for_one_code_and_may_be_opened_again_until_then() {
    let (issuer, _, key) = issuer().await;
    let browser = Browser::new(&issuer);
    let mut without_jti = claims();
    without_jti.as_object_mut().unwrap().remove("jti");

    for claims in [claims(), without_jti] {
        browser.forget("__Host-session");
        let path = path(&sign(&key, &claims));
        let first = browser.get(&path).await;
        let reloaded = browser.get(&path).await;
        let answer = browser.log_in(&reloaded, "ada", crate::people::PASSWORD).await;
        let replayed = browser.get(&path).await;

        assert_eq!((first.status, reloaded.status), (StatusCode::OK, StatusCode::OK));
        assert!(callback(&answer).contains_key("code"));
        assert_eq!(callback(&replayed)["error"], "invalid_request_object");
        assert_eq!(callback(&replayed)["state"], "inside");
    }
}

#[tokio::test]
async fn of_many_parallel_pushes_of_an_object_one_succeeds_and_its_parameters_are_kept() {
    let (issuer, secret, key) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let object = sign(&key, &claims());
    let parameters = [("request", object.as_str()), ("state", "outside")];

    let pushed = join_all((0..64).map(|_| push(&issuer, &secret, &parameters))).await;

    let (won, lost): (Vec<_>, Vec<_>) = pushed.into_iter().partition(|one| one.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 63));
    assert!(lost.iter().all(|one| one.error() == invalid()));
    // It is not asked for its age again.
    issuer.clock.advance(Duration::from_secs(50));
    issuer.follow().await;
    let json = won[0].json();
    let reference = [("client_id", "web"), ("request_uri", json["request_uri"].as_str().unwrap())];
    let answer = browser.get(&format!("/authorize?{}", form(&reference))).await;
    assert_eq!(callback(&answer)["state"], "inside");
    assert!(callback(&answer).contains_key("code"));
}

#[tokio::test]
async fn a_client_that_must_sign_its_requests_does_so_by_rfc_9101() {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.user("ada").await;
    let keyed = with_key(&key);
    let secret = issuer
        .web("web", |client, sign_in| {
            keyed(client, sign_in);
            sign_in.require_signed_request_object = true;
        })
        .await;
    let mut without_nbf = claims();
    without_nbf.as_object_mut().unwrap().remove("nbf");
    let plain = authorize_path("web", &[]);
    let pushed = form_pairs(&plain);
    let pushed: Vec<(&str, &str)> = pushed.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();

    assert_eq!(callback(&issuer.get(&plain).await)["error"], "invalid_request");
    assert_eq!(push(&issuer, &secret, &pushed).await.error(), (400, "invalid_request".to_owned()));
    assert_eq!(refused(&issuer, &sign(&key, &without_nbf)).await, "invalid_request_object");
    let untyped = sign_compact(&key, "JWT", claims().to_string().as_bytes()).unwrap();
    assert_eq!(refused(&issuer, &untyped).await, "invalid_request_object");
    assert_eq!(issuer.get(&path(&sign(&key, &claims()))).await.status, StatusCode::OK);
}

fn form_pairs(path: &str) -> Vec<(String, String)> {
    let query = path.split_once('?').unwrap().1;
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.filter(|(name, _)| name != "client_id").collect()
}

#[tokio::test]
async fn a_client_that_must_push_cannot_sign_its_way_around() {
    let (issuer, key) = (Issuer::new().await, key());
    let keyed = with_key(&key);
    issuer
        .web("web", |client, sign_in| {
            keyed(client, sign_in);
            sign_in.require_pushed_authorization_requests = true;
        })
        .await;

    let answer = issuer.get(&path(&sign(&key, &claims()))).await;

    assert_eq!(callback(&answer)["error"], "invalid_request");
}

#[tokio::test]
async fn a_registered_algorithm_is_the_only_one() {
    let issuer = Issuer::new().await;
    let rsa = SigningKey::generate(Algorithm::Rs256, KeySize::Default).unwrap();
    let ec = key();
    let keys = [&rsa, &ec].map(|key| key.verifying_key().clone());
    let secret = issuer
        .web("web", |client, sign_in| {
            client.keys = ClientKeys::Inline(JwkSet::from_keys(keys));
            sign_in.request_object_signing_alg = Some(Algorithm::Es256);
        })
        .await;

    let other = push(&issuer, &secret, &[("request", &sign(&rsa, &claims()))]).await;
    let registered = push(&issuer, &secret, &[("request", &sign(&ec, &claims()))]).await;

    assert_eq!((other.error(), registered.status.as_u16()), (invalid(), 201));
}

#[tokio::test]
async fn an_object_is_no_assertion_and_keys_for_objects_prove_no_client() {
    let (issuer, _, key) = issuer().await;
    let keys = JwkSet::from_keys([key.verifying_key().clone()]);
    issuer
        .client("batch", |client| {
            client.auth = ClientAuthentication::PrivateKeyJwt;
            client.keys = ClientKeys::Inline(keys);
        })
        .await;
    let assertion = |client: &str, typ: &str| {
        let claims = json!({
            "iss": client, "sub": client, "aud": "https://issuer.example", "client_id": client,
            "iat": START, "nbf": START, "exp": START + 60, "jti": countersign::random::jti(),
        });
        sign_compact(&key, typ, claims.to_string().as_bytes()).unwrap()
    };
    let present = async |assertion: String| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let parameters = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", assertion.as_str()),
        ];
        issuer.token(&parameters).await
    };

    let good = present(assertion("batch", "JWT")).await;
    let object = present(assertion("batch", TYPE)).await;
    let of_a_secret_client = present(assertion("web", "JWT")).await;

    assert_eq!(good.status, 200, "{}", good.body);
    assert_eq!(object.error(), (401, "invalid_client".to_owned()));
    assert_eq!(of_a_secret_client.error(), (401, "invalid_client".to_owned()));
    assert_eq!(refused(&issuer, &assertion("web", "JWT")).await, "invalid_request_object");
}

#[tokio::test]
async fn r52_keys_at_a_private_address_are_never_fetched_for_an_object() {
    let issuer = Issuer::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("https://{}/jwks", listener.local_addr().unwrap());
    issuer.web("web", |client, _| client.keys = ClientKeys::Uri(uri.parse().unwrap())).await;

    assert_eq!(refused(&issuer, &sign(&key(), &claims())).await, "invalid_request_object");
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[tokio::test]
async fn a_client_without_keys_cannot_sign_and_metadata_say_what_is_taken() {
    let issuer = Issuer::new().await;
    issuer.web("web", |_, _| {}).await;

    assert_eq!(refused(&issuer, &sign(&key(), &claims())).await, "invalid_request_object");
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["request_parameter_supported"], true);
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    assert_eq!(metadata["require_signed_request_object"], false);
    let algorithms = metadata["request_object_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&"ES256".into()) && !algorithms.contains(&"none".into()));
}
