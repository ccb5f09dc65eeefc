//! A small OpenID provider: signs everybody in as Ada at once, and can be told to misbehave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::testing::{TestClock, TestIssuer, TestToken};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub(crate) const CLIENT: &str = "web";
pub(crate) const SECRET: &str = "s3cr:t %/ö";
pub(crate) const API: &str = "https://api.example";
pub(crate) const CALLBACK: &str = "http://localhost:3000/callback";

type Parameters = HashMap<String, String>;
type Tamper = Box<dyn for<'i> Fn(TestToken<'i>) -> TestToken<'i> + Send>;

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) issuer: TestIssuer,
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) behavior: Mutex<Behavior>,
    /// By code, and how often each was asked for.
    codes: Mutex<HashMap<String, Parameters>>,
    refresh_tokens: Mutex<Vec<String>>,
    /// What the token endpoint was asked, without secrets.
    pub(crate) token_requests: Mutex<Vec<Parameters>>,
    pub(crate) revoked: Mutex<Vec<String>>,
    /// One permit for each answer of the token endpoint that may go out.
    gate: Semaphore,
}

pub(crate) struct Behavior {
    pub(crate) expires_in: i64,
    pub(crate) offline: bool,
    pub(crate) iss: Option<String>,
    pub(crate) code_error: Option<&'static str>,
    pub(crate) refresh_error: Option<(u16, &'static str)>,
    pub(crate) id_token: Option<Tamper>,
    pub(crate) padding: usize,
    pub(crate) user_info_subject: Option<&'static str>,
}

impl Provider {
    pub(crate) async fn start(clock: &TestClock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behavior = Behavior {
            expires_in: 300,
            offline: true,
            iss: Some(url.clone()),
            code_error: None,
            refresh_error: None,
            id_token: None,
            padding: 0,
            user_info_subject: Some("ada"),
        };
        let inner = Inner {
            behavior: Mutex::new(behavior),
            codes: Mutex::default(),
            refresh_tokens: Mutex::default(),
            token_requests: Mutex::default(),
            revoked: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        };
        let issuer = TestIssuer::new(&url).clock(clock.clone());
        let provider = Self { url, issuer, inner: Arc::new(inner) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(async |State(p): State<Provider>| p.issuer.jwks_json()))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .route("/userinfo", get(user_info))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behavior)) {
        change(&mut self.inner.behavior.lock().unwrap());
    }

    /// Changes the ID tokens that are minted from now on.
    pub(crate) fn tamper(
        &self,
        tamper: impl for<'i> Fn(TestToken<'i>) -> TestToken<'i> + Send + 'static,
    ) {
        self.behave(|behavior| behavior.id_token = Some(Box::new(tamper)));
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// How often tokens were asked for by this grant.
    pub(crate) fn asked(&self, grant_type: &str) -> usize {
        let requests = self.inner.token_requests.lock().unwrap();
        requests.iter().filter(|request| request["grant_type"] == grant_type).count()
    }

    /// Holds answers of the token endpoint back until `release`.
    pub(crate) fn hold(&self) {
        self.inner.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release_one(&self) {
        self.inner.gate.add_permits(1);
    }

    pub(crate) fn release(&self) {
        self.inner.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    fn answer(&self, nonce: Option<&str>) -> Value {
        let behavior = self.inner.behavior.lock().unwrap();
        let access_token = self
            .issuer
            .user_token("ada", CLIENT)
            .audience(API)
            .expires_in(behavior.expires_in)
            .claim("padding", "p".repeat(behavior.padding))
            .mint();
        let id_token = self
            .issuer
            .id_token("ada", CLIENT)
            .claim("sid", "s1")
            .claim("auth_time", 1_700_000_000)
            .claim("name", "Ada")
            .claim("email", "ada@example.com")
            .for_access_token(&access_token);
        let id_token = match nonce {
            Some(nonce) => id_token.claim("nonce", nonce),
            None => id_token,
        };
        let id_token = match &behavior.id_token {
            Some(tamper) => tamper(id_token),
            None => id_token,
        };
        let mut answer = json!({
            "access_token": access_token, "token_type": "bearer",
            "expires_in": behavior.expires_in, "id_token": id_token.mint(),
        });
        if behavior.offline {
            let mut tokens = self.inner.refresh_tokens.lock().unwrap();
            let refresh_token = format!("refresh-{}", tokens.len());
            tokens.push(refresh_token.clone());
            answer["refresh_token"] = refresh_token.into();
        }
        answer
    }
}

async fn metadata(State(provider): State<Provider>) -> Json<Value> {
    let url = &provider.url;
    Json(json!({
        "issuer": url, "jwks_uri": format!("{url}/jwks"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "revocation_endpoint": format!("{url}/revoke"),
        "end_session_endpoint": format!("{url}/end_session"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn authorize(State(provider): State<Provider>, Query(query): Query<Parameters>) -> Response {
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], CLIENT);
    assert_eq!(query["redirect_uri"], CALLBACK);
    assert_eq!(query["code_challenge_method"], "S256");
    let mut codes = provider.inner.codes.lock().unwrap();
    let code = format!("code-{}", codes.len());
    let mut back: url::Url = query["redirect_uri"].parse().unwrap();
    back.query_pairs_mut().append_pair("state", &query["state"]);
    let behavior = provider.inner.behavior.lock().unwrap();
    match behavior.code_error {
        Some(error) => back.query_pairs_mut().append_pair("error", error),
        None => back.query_pairs_mut().append_pair("code", &code),
    };
    if let Some(iss) = &behavior.iss {
        back.query_pairs_mut().append_pair("iss", iss);
    }
    codes.insert(code, query);
    Redirect::to(back.as_str()).into_response()
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<Parameters>,
) -> Response {
    // RFC 6749 §2.3.1: each half is form-encoded, then base64.
    let basic = "Basic d2ViOnMzY3IlM0F0KyUyNSUyRiVDMyVCNg==";
    if headers["authorization"] != basic {
        return refuse(401, "invalid_client");
    }
    provider.inner.token_requests.lock().unwrap().push(form.clone());
    let permit = provider.inner.gate.acquire().await.unwrap();
    // Spent, unless there is no end of them.
    if provider.inner.gate.available_permits() < 1000 {
        permit.forget();
    }
    match form["grant_type"].as_str() {
        "authorization_code" => {
            let Some(request) = provider.inner.codes.lock().unwrap().remove(&form["code"]) else {
                return refuse(400, "invalid_grant");
            };
            let sha256 = &aws_lc_rs::digest::SHA256;
            let digest = aws_lc_rs::digest::digest(sha256, form["code_verifier"].as_bytes());
            let proven = request["code_challenge"] == URL_SAFE_NO_PAD.encode(digest);
            if !proven || request["redirect_uri"] != form["redirect_uri"] {
                return refuse(400, "invalid_grant");
            }
            Json(provider.answer(Some(&request["nonce"]))).into_response()
        }
        "refresh_token" => {
            let error = provider.inner.behavior.lock().unwrap().refresh_error;
            if let Some((status, error)) = error {
                return refuse(status, error);
            }
            // Only the newest is good, as at an issuer that rotates.
            let newest = provider.inner.refresh_tokens.lock().unwrap().last().cloned();
            if newest.as_deref() != Some(form["refresh_token"].as_str()) {
                return refuse(400, "invalid_grant");
            }
            Json(provider.answer(None)).into_response()
        }
        _ => refuse(400, "unsupported_grant_type"),
    }
}

async fn user_info(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    assert!(provider.issuer.verifier(API).try_verify(token).is_ok());
    let subject = provider.inner.behavior.lock().unwrap().user_info_subject;
    match subject {
        Some(subject) => Json(json!({ "sub": subject, "phone_number": "+1 555" })).into_response(),
        None => refuse(503, "temporarily_unavailable"),
    }
}

async fn revoke(State(provider): State<Provider>, Form(form): Form<Parameters>) -> StatusCode {
    provider.inner.revoked.lock().unwrap().push(form["token"].clone());
    StatusCode::OK
}

fn refuse(status: u16, error: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(json!({ "error": error }))).into_response()
}
