//! Every error of RFC 6749, 6750, 7009, 7636, 8628, 8707, 9101, 9126, 9449 and OpenID Connect Core that this issuer answers: its code,
//! its status, and how it travels. One row a case; the table fails when `error_code.rs` has a code that no row produces.
//!
//! Not in it, since they cannot arise: `interaction_required` (there is a more precise code for each step), and
//! `account_selection_required` (a browser has one session, and `prompt=none` stands alone).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use countersign::protocol::error_code::ERROR_CODES;
use countersign::registry::{ClientAuthentication, ConsentPolicy, Resource};
use countersign::signals::StreamStatus;
use countersign::store::Actor;
use countersign_keys::Algorithm;
use countersign_verifier::testing::{TestHolder, TestProof};
use http::{Request, header};
use serde_json::Value;

use crate::harness::{Answer, Issuer, basic, form, token_request};
use crate::people::{Browser, CALLBACK, PASSWORD, VERIFIER, authorize_path, hidden};

use Call::{Act, Authorize, Device, Par, Silent, Token};
use Carrier::{Challenge, Json, Page, Redirect};

/// How an error travels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Carrier {
    /// The body of RFC 6749 §5.2.
    Json,
    /// `WWW-Authenticate` (RFC 6750 §3).
    Challenge,
    /// The query of the client's redirect URI (RFC 6749 §4.1.2.1).
    Redirect,
    /// A page for the person, and never a redirect.
    Page,
}

/// Parameters; a value that begins with `$` is prepared by [`Stage::set`], an empty one removes the usual one.
type Parameters = &'static [(&'static str, &'static str)];

/// The answer to something that takes more than parameters.
type Acting<'s> = Pin<Box<dyn Future<Output = Answer> + 's>>;

/// What is sent.
enum Call {
    /// `POST /token`.
    Token(Parameters),
    /// `GET /authorize` by a browser in which nobody is signed in, with these beside the usual parameters of `web`.
    Authorize(Parameters),
    /// The same where ada is signed in.
    Silent(Parameters),
    /// `POST /par`.
    Par(Parameters),
    /// `POST /device_authorization`.
    Device(Parameters),
    /// Something else.
    Act(for<'s> fn(&'s Stage) -> Acting<'s>),
}

const DEVICE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
const CODE: (&str, &str) = ("grant_type", "authorization_code");
const REFRESH: (&str, &str) = ("grant_type", "refresh_token");
const ITSELF: (&str, &str) = ("grant_type", "client_credentials");
const WEB: (&str, &str) = ("client_id", "web");
const WEB_SECRET: (&str, &str) = ("client_secret", "$web");
const ORDERS: (&str, &str) = ("client_id", "orders");
const ORDERS_SECRET: (&str, &str) = ("client_secret", "$orders");
const TV: (&str, &str) = ("client_id", "tv");
const OPENID: (&str, &str) = ("scope", "openid");
const CB: (&str, &str) = ("redirect_uri", CALLBACK);
const RIGHT: (&str, &str) = ("code_verifier", VERIFIER);
const WRONG: (&str, &str) = ("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
const CLASS_2: &str = r#"{"id_token":{"acr":{"essential":true,"values":["2"]}}}"#;
const PUSHED: &str = "urn:ietf:params:oauth:request_uri:unknown";

#[rustfmt::skip]
const ROWS: &[(&str, u16, Carrier, &str, Call)] = &[
    // RFC 6749 §5.2, at the token endpoint.
    ("invalid_request", 400, Json, "no grant_type", Token(&[WEB, WEB_SECRET])),
    ("invalid_request", 400, Json, "a parameter twice", Token(&[ITSELF, ORDERS, ORDERS_SECRET, ("scope", "a"), ("scope", "a")])),
    ("invalid_request", 400, Json, "no code", Token(&[CODE, WEB, WEB_SECRET])),
    ("invalid_request", 400, Json, "two credentials", Act(|stage| Box::pin(two_credentials(stage)))),
    ("invalid_request", 405, Json, "GET", Act(|stage| Box::pin(stage.issuer.get("/token")))),
    ("access_denied", 403, Json, "a gateway that nobody knows", Act(|stage| Box::pin(stage.issuer.get("/gateway/unknown")))),
    ("invalid_request", 413, Json, "a body that is too large", Act(|stage| Box::pin(stage.issuer.post("x".repeat(70_000))))),
    ("invalid_request", 415, Json, "JSON", Act(|stage| Box::pin(json_body(stage)))),
    ("not_found", 404, Json, "another address", Act(|stage| Box::pin(stage.issuer.get("/tokens")))),
    ("invalid_client", 401, Json, "an unknown client", Token(&[ITSELF, ("client_id", "nobody"), ORDERS_SECRET])),
    ("invalid_client", 401, Json, "a wrong secret", Token(&[ITSELF, ORDERS, ("client_secret", "wrong")])),
    ("invalid_client", 401, Json, "no credential", Token(&[ITSELF, ORDERS])),
    ("invalid_client", 429, Json, "too many wrong secrets", Act(|stage| Box::pin(guess_secrets(stage)))),
    ("invalid_grant", 400, Json, "a code that was used", Token(&[CODE, WEB, WEB_SECRET, ("code", "$used_code"), CB, RIGHT])),
    ("invalid_grant", 400, Json, "a code that has expired", Token(&[CODE, WEB, WEB_SECRET, ("code", "$old_code"), CB, RIGHT])),
    ("invalid_grant", 400, Json, "a code of another client", Token(&[CODE, ("client_id", "ask"), ("client_secret", "$ask"), ("code", "$code"), CB, RIGHT])),
    ("invalid_grant", 400, Json, "another redirect_uri", Token(&[CODE, WEB, WEB_SECRET, ("code", "$code"), ("redirect_uri", "https://web.example/other"), RIGHT])),
    ("invalid_grant", 400, Json, "an unknown refresh token", Token(&[REFRESH, WEB, WEB_SECRET, ("refresh_token", "made-up")])),
    ("unauthorized_client", 400, Json, "a grant that it is not registered for", Token(&[ITSELF, WEB, WEB_SECRET])),
    ("unsupported_grant_type", 400, Json, "a grant that nobody knows", Token(&[("grant_type", "password"), WEB, WEB_SECRET])),
    ("invalid_scope", 400, Json, "a scope that it may not have", Token(&[ITSELF, ORDERS, ORDERS_SECRET, ("scope", "payments:write")])),
    ("invalid_scope", 400, Json, "a malformed scope", Token(&[ITSELF, ORDERS, ORDERS_SECRET, ("scope", "a\"b")])),
    ("invalid_target", 400, Json, "a resource that it may not use", Token(&[ITSELF, ORDERS, ORDERS_SECRET, ("resource", "https://other.example")])),
    ("server_error", 500, Json, "a resource that asks for a key that is not there", Token(&[ITSELF, ("client_id", "broken"), ("client_secret", "$broken")])),
    ("temporarily_unavailable", 503, Json, "no database", Act(|stage| Box::pin(without_database(stage)))),
    // RFC 9449 §5, §8.
    ("invalid_dpop_proof", 400, Json, "a proof that is none", Act(|stage| Box::pin(bound_token(stage, "garbage".to_owned())))),
    ("use_dpop_nonce", 400, Json, "a proof with a foreign nonce", Act(|stage| Box::pin(bound_token(stage, stage.proof(("POST", "/token")).claim("nonce", "x").mint())))),
    // RFC 7636 §4.6.
    ("invalid_grant", 400, Json, "a wrong code_verifier", Token(&[CODE, WEB, WEB_SECRET, ("code", "$code"), CB, WRONG])),
    ("invalid_grant", 400, Json, "no code_verifier", Token(&[CODE, WEB, WEB_SECRET, ("code", "$code"), CB])),
    // RFC 8628 §3.5.
    ("authorization_pending", 400, Json, "a user who has not decided", Token(&[DEVICE, TV, ("device_code", "$waiting")])),
    ("slow_down", 400, Json, "a device that asks at once again", Token(&[DEVICE, TV, ("device_code", "$waiting")])),
    ("access_denied", 400, Json, "a user who refused the device", Token(&[DEVICE, TV, ("device_code", "$denied")])),
    ("expired_token", 400, Json, "a device code that has expired", Token(&[DEVICE, TV, ("device_code", "$expired")])),
    ("invalid_grant", 400, Json, "a device code of another client", Token(&[DEVICE, WEB, WEB_SECRET, ("device_code", "$waiting")])),
    // RFC 8628 §3.2.
    ("invalid_client", 401, Json, "a device of an unknown client", Device(&[("client_id", "nobody"), OPENID])),
    ("unauthorized_client", 400, Json, "a device of a client without the grant", Device(&[WEB, WEB_SECRET, OPENID])),
    ("invalid_scope", 400, Json, "a device that asks for nothing", Device(&[TV])),
    ("invalid_target", 400, Json, "a device for a foreign resource", Device(&[TV, OPENID, ("resource", "https://other.example")])),
    ("invalid_request", 400, Json, "a device with a parameter twice", Device(&[TV, OPENID, OPENID])),
    ("temporarily_unavailable", 429, Json, "too many devices", Act(|stage| Box::pin(start_devices(stage)))),
    // RFC 6749 §4.1.2.1: what the person is told, since nothing may be redirected.
    ("invalid_request", 400, Page, "an unknown client", Authorize(&[("client_id", "nobody")])),
    ("invalid_request", 400, Page, "a client without the grant", Authorize(&[ORDERS])),
    ("invalid_request", 400, Page, "an unregistered redirect_uri", Authorize(&[("redirect_uri", "https://evil.example/cb")])),
    ("invalid_request", 400, Page, "no redirect_uri", Authorize(&[("redirect_uri", "")])),
    ("temporarily_unavailable", 503, Page, "no database", Act(|stage| Box::pin(page_without_database(stage)))),
    // RFC 6749 §4.1.2.1: what the client is told.
    ("invalid_request", 303, Redirect, "no response_type", Authorize(&[("response_type", "")])),
    ("invalid_request", 303, Redirect, "an unknown response_mode", Authorize(&[("response_mode", "fragment")])),
    ("unsupported_response_type", 303, Redirect, "response_type=token", Authorize(&[("response_type", "token")])),
    ("invalid_scope", 303, Redirect, "a malformed scope", Authorize(&[("scope", "a\"b")])),
    ("invalid_scope", 303, Redirect, "a scope that the client may not have", Silent(&[("scope", "openid phone")])),
    ("invalid_target", 303, Redirect, "a resource that the client may not use", Silent(&[("resource", "https://other.example")])),
    ("access_denied", 303, Redirect, "a user who refuses", Act(|stage| Box::pin(refuse_consent(stage)))),
    // RFC 7636 §4.4.1.
    ("invalid_request", 303, Redirect, "no code_challenge", Authorize(&[("code_challenge", "")])),
    ("invalid_request", 303, Redirect, "code_challenge_method=plain", Authorize(&[("code_challenge_method", "plain")])),
    // OpenID Connect Core §3.1.2.6.
    ("login_required", 303, Redirect, "silence without a session", Authorize(&[("prompt", "none")])),
    ("consent_required", 303, Redirect, "silence without consent", Silent(&[("client_id", "ask"), ("prompt", "none")])),
    ("invalid_request", 303, Redirect, "prompt=none login", Authorize(&[("prompt", "none login")])),
    ("registration_not_supported", 303, Redirect, "a client that registers itself", Authorize(&[("registration", "{}")])),
    ("unmet_authentication_requirements", 303, Redirect, "silence below the class", Silent(&[("claims", CLASS_2), ("prompt", "none")])),
    // RFC 9101 §7, OpenID Connect Core §6.
    ("invalid_request_object", 303, Redirect, "an object that nobody signed well", Authorize(&[("request", "e30.e30.e30")])),
    ("invalid_request_object", 400, Page, "the same with nowhere to go", Authorize(&[("request", "e30.e30.e30"), ("redirect_uri", "")])),
    ("request_not_supported", 303, Redirect, "an unsigned object", Authorize(&[("request", "eyJhbGciOiJub25lIn0.e30.")])),
    ("request_uri_not_supported", 303, Redirect, "an object elsewhere", Authorize(&[("request_uri", "https://web.example/request")])),
    ("invalid_request", 303, Redirect, "an object and a reference", Authorize(&[("request", "e30.e30.e30"), ("request_uri", PUSHED)])),
    ("invalid_request_uri", 400, Page, "a reference that is unknown, used or foreign", Authorize(&[("request_uri", PUSHED)])),
    // RFC 9126 §2.3: the same, told to the client at once.
    ("invalid_client", 401, Json, "a push without a credential", Par(&[WEB])),
    ("invalid_request", 400, Json, "a push of a reference", Par(&[WEB, WEB_SECRET, ("request_uri", PUSHED)])),
    ("invalid_client", 401, Json, "a push with the secret of another", Par(&[("client_id", "ask"), WEB_SECRET])),
    ("invalid_request", 405, Json, "a push by GET", Act(|stage| Box::pin(stage.issuer.get("/par")))),
    ("unsupported_response_type", 400, Json, "a push of response_type=token", Par(&[WEB, WEB_SECRET, CB, ("response_type", "token")])),
    ("unauthorized_client", 400, Json, "a push of a client without users", Par(&[ORDERS, ORDERS_SECRET])),
    ("invalid_request_object", 400, Json, "a push of an unsigned object", Par(&[WEB, WEB_SECRET, ("request", "eyJhbGciOiJub25lIn0.e30.")])),
    // RFC 7009 §2.2.1.
    ("unsupported_token_type", 400, Json, "an ID token to be revoked", Act(|stage| Box::pin(stage.post("/revoke", &[WEB, WEB_SECRET, ("token", "$id_token")])))),
    // RFC 6750 §3.1, at the UserInfo endpoint.
    ("invalid_token", 401, Challenge, "a token that does not verify", Act(|stage| Box::pin(userinfo(stage, "made-up")))),
    ("insufficient_scope", 403, Challenge, "a token without openid", Act(|stage| Box::pin(userinfo(stage, "$poor_token")))),
    // RFC 9449 §7.1, §9.
    ("invalid_dpop_proof", 401, Challenge, "a proof for something else", Act(|stage| Box::pin(bound_userinfo(stage, stage.proof(("GET", "/token")))))),
    ("use_dpop_nonce", 401, Challenge, "the same with a foreign nonce", Act(|stage| Box::pin(bound_userinfo(stage, stage.proof(("GET", "/userinfo")).with_token(stage.value("$bound_token")).claim("nonce", "x"))))),
    // OpenID Shared Signals Framework 1.0 §8.1.1.1.
    ("too_many_streams", 409, Json, "a fifth stream of a receiver", Act(|stage| Box::pin(a_fifth_stream(stage)))),
    ("stream_halted", 403, Json, "to start a stream that the operator halted", Act(|stage| Box::pin(a_halted_stream(stage)))),
    // The clock of the runtime stands still from here on.
    ("invalid_request", 408, Json, "a body that never ends", Act(|stage| Box::pin(endless_body(stage)))),
];

/// An issuer with all that the rows need.
struct Stage {
    issuer: Issuer,
    holder: TestHolder,
    values: BTreeMap<&'static str, String>,
}

#[tokio::test]
async fn every_error_has_its_code_its_status_and_its_carrier() {
    let stage = Stage::set().await;

    for (code, status, carrier, when, call) in ROWS {
        let answer = stage.send(call).await;

        assert_eq!(
            (found(*carrier, &answer), answer.status.as_u16()),
            ((*code).to_owned(), *status),
            "{when}"
        );
    }
    for row in &ERROR_CODES {
        let is_produced = ROWS.iter().any(|(code, status, carrier, ..)| {
            *code == row.wire && (*carrier == Redirect || *status == row.status.as_u16())
        });
        assert!(is_produced, "no row produces {:?}", row.code);
    }
}

/// The code that an answer carries.
fn found(carrier: Carrier, answer: &Answer) -> String {
    let location = answer.header("location");
    match carrier {
        Json => answer.error().1,
        Challenge => between(answer.header("www-authenticate"), "error=\"", "\""),
        Page => {
            assert_eq!(location, "");
            assert!(answer.header("content-type").starts_with("text/html"));
            between(&answer.body, "<details>", "</details>")
                .split("<code dir=\"ltr\">")
                .nth(1)
                .and_then(|rest| rest.split('<').next())
                .unwrap_or_default()
                .to_owned()
        }
        Redirect => {
            let query = location.strip_prefix(CALLBACK).and_then(|rest| rest.strip_prefix('?'));
            let query = query.unwrap_or_default().as_bytes();
            let parameters: BTreeMap<_, _> = form_urlencoded::parse(query).into_owned().collect();
            // RFC 9207 §2, RFC 6749 §4.1.2.1.
            assert_eq!(parameters.get("iss").map(String::as_str), Some("https://issuer.example"));
            assert_eq!(parameters.get("state").map(String::as_str), Some("s1"));
            parameters.get("error").cloned().unwrap_or_default()
        }
    }
}

fn between(text: &str, begin: &str, end: &str) -> String {
    let rest = text.split_once(begin).map_or("", |(_, rest)| rest);
    rest.split(end).next().unwrap_or_default().to_owned()
}

impl Stage {
    async fn set() -> Self {
        let limits = |config: &mut countersign::config::Config| {
            config.client_authentication.failures_per_minute_per_client = 5;
        };
        let issuer = Issuer::with(limits).await;
        issuer.user("ada").await;
        let ssf = |resource: &mut Resource| resource.scopes = vec!["ssf.manage".to_owned()];
        issuer.resource(crate::signals::SSF, ssf).await;
        let mut values = BTreeMap::new();
        values.insert("web", issuer.web("web", |_, _| {}).await);
        let ask = issuer.web("ask", |_, sign_in| sign_in.consent = ConsentPolicy::Ask).await;
        values.insert("ask", ask);
        values.insert("orders", issuer.client("orders", |_| {}).await);
        issuer.client("guessed", |_| {}).await;
        issuer
            .resource("https://ps.example", |resource| resource.algorithm = Algorithm::Ps256)
            .await;
        let broken = issuer.client("broken", |client| {
            "https://ps.example".clone_into(&mut client.permissions[0].resource);
        });
        values.insert("broken", broken.await);
        issuer
            .web("tv", |client, _| {
                client.auth = ClientAuthentication::None;
                client.grants = vec![DEVICE.1.to_owned()];
            })
            .await;
        let mut stage = Self { issuer, holder: TestHolder::new(), values };
        stage.prepare().await;
        stage
    }

    /// Codes and tokens; those that are to be old come first.
    async fn prepare(&mut self) {
        let expired = self.device().await;
        let old_code = Browser::new(&self.issuer).code("web", &[]).await;
        self.issuer.clock.advance(std::time::Duration::from_mins(10));
        self.issuer.follow().await;
        let browser = Browser::new(&self.issuer);
        let used_code = browser.code("web", &[]).await;
        let secret = self.values["web"].clone();
        assert_eq!(self.issuer.redeem("web", &secret, &used_code).await.status, 200);
        // The replay of a code takes back what was given in its session.
        let other = Browser::new(&self.issuer);
        let poor = other.code("web", &[("scope", "profile")]).await;
        let poor = self.issuer.redeem("web", &secret, &poor).await.json();
        let bound = other.code("web", &[]).await;
        let proof = self.proof(("POST", "/token")).mint();
        let redeeming = [CODE, WEB, ("client_secret", &secret), ("code", &bound), CB, RIGHT];
        let bound = crate::dpop::post(&self.issuer, "/token", &redeeming, &[&proof]).await.json();
        let code = browser.code("web", &[]).await;
        let (waiting, denied) = (self.device().await, self.device().await);
        let page = enter(&browser, denied["user_code"].as_str().unwrap()).await;
        assert_eq!(refuse(&browser, &page).await.status, 200);
        let text = |json: &Value, name: &str| json[name].as_str().unwrap().to_owned();
        self.values.extend([
            ("expired", text(&expired, "device_code")),
            ("waiting", text(&waiting, "device_code")),
            ("denied", text(&denied, "device_code")),
            ("poor_token", text(&poor, "access_token")),
            ("id_token", text(&bound, "id_token")),
            ("bound_token", text(&bound, "access_token")),
            ("old_code", old_code),
            ("used_code", used_code),
            ("code", code),
        ]);
    }

    async fn device(&self) -> Value {
        self.send(&Device(&[TV, OPENID])).await.json()
    }

    async fn send(&self, call: &Call) -> Answer {
        match call {
            Token(parameters) => self.post("/token", parameters).await,
            Par(parameters) => self.post("/par", parameters).await,
            Device(parameters) => self.post("/device_authorization", parameters).await,
            Authorize(parameters) => self.authorize(&Browser::new(&self.issuer), parameters).await,
            Silent(parameters) => {
                let browser = Browser::new(&self.issuer);
                browser.code("web", &[]).await;
                self.authorize(&browser, parameters).await
            }
            Act(act) => act(self).await,
        }
    }

    async fn authorize(&self, browser: &Browser<'_>, parameters: Parameters) -> Answer {
        let client = parameters.iter().find(|(name, _)| *name == "client_id");
        let client = client.map_or("web", |(_, client)| *client);
        browser.get(&authorize_path(client, parameters)).await
    }

    async fn post(&self, path: &str, parameters: Parameters) -> Answer {
        let values: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, self.value(value))).collect();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form(&values)));
        self.issuer.send(request.unwrap()).await
    }

    fn proof(&self, request: (&str, &str)) -> TestProof<'_> {
        crate::dpop::proof(&self.issuer, &self.holder, request)
    }

    fn value<'s>(&'s self, text: &'s str) -> &'s str {
        text.strip_prefix('$').map_or(text, |name| self.values[name].as_str())
    }
}

/// Enters the code of a device, where ada is signed in.
async fn enter(browser: &Browser<'_>, user_code: &str) -> Answer {
    let page = browser.get("/device").await;
    let fields = [("csrf", &*hidden(&page, "csrf")), ("user_code", user_code)];
    let answer = browser.post("/device", &fields).await;
    browser.follow(answer).await
}

async fn refuse(browser: &Browser<'_>, page: &Answer) -> Answer {
    let (csrf, rest) = (hidden(page, "csrf"), hidden(page, "continue"));
    let fields = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", "refuse")];
    browser.post("/consent", &fields).await
}

async fn refuse_consent(stage: &Stage) -> Answer {
    let browser = Browser::new(&stage.issuer);
    let login = browser.authorize("ask", &[]).await;
    let consent = browser.log_in(&login, "ada", PASSWORD).await;
    refuse(&browser, &consent).await
}

async fn two_credentials(stage: &Stage) -> Answer {
    let request = token_request()
        .header(header::AUTHORIZATION, basic("orders", stage.value("$orders")))
        .body(Body::from(form(&[ITSELF, ORDERS, ("client_secret", stage.value("$orders"))])));
    stage.issuer.send(request.unwrap()).await
}

async fn json_body(stage: &Stage) -> Answer {
    let request = Request::post("/token").header(header::CONTENT_TYPE, "application/json");
    stage.issuer.send(request.body(Body::from("{}")).unwrap()).await
}

async fn guess_secrets(stage: &Stage) -> Answer {
    let guess = &[ITSELF, ("client_id", "guessed"), ("client_secret", "wrong")];
    for _ in 0..5 {
        assert_eq!(stage.post("/token", guess).await.status, 401);
    }
    stage.post("/token", guess).await
}

async fn start_devices(stage: &Stage) -> Answer {
    for _ in 0..100 {
        let answer = stage.post("/device_authorization", &[TV, OPENID]).await;
        if answer.status != 200 {
            return answer;
        }
    }
    stage.post("/device_authorization", &[TV, OPENID]).await
}

async fn without_database(stage: &Stage) -> Answer {
    stage.issuer.clock.advance(std::time::Duration::from_secs(6));
    let answer = stage.post("/token", &[ITSELF, ORDERS, ORDERS_SECRET]).await;
    stage.issuer.follow().await;
    answer
}

async fn page_without_database(stage: &Stage) -> Answer {
    stage.issuer.clock.advance(std::time::Duration::from_secs(6));
    let answer = stage.authorize(&Browser::new(&stage.issuer), &[]).await;
    stage.issuer.follow().await;
    answer
}

async fn userinfo(stage: &Stage, token: &'static str) -> Answer {
    let request = Request::get("/userinfo")
        .header(header::AUTHORIZATION, format!("Bearer {}", stage.value(token)))
        .body(Body::empty());
    stage.issuer.send(request.unwrap()).await
}

async fn bound_token(stage: &Stage, proof: String) -> Answer {
    let form = [ITSELF, ORDERS, ("client_secret", stage.value("$orders"))];
    crate::dpop::post(&stage.issuer, "/token", &form, &[&proof]).await
}

async fn bound_userinfo(stage: &Stage, proof: TestProof<'_>) -> Answer {
    let request = Request::get("/userinfo")
        .header(header::AUTHORIZATION, format!("DPoP {}", stage.value("$bound_token")))
        .header("dpop", proof.mint())
        .body(Body::empty());
    stage.issuer.send(request.unwrap()).await
}

async fn a_fifth_stream(stage: &Stage) -> Answer {
    let receiver = stage.issuer.watcher("receiver", &["ssf.manage"]).await;
    for _ in 0..4 {
        receiver.stream().await;
    }
    receiver.post("/ssf/streams", &serde_json::json!({})).await
}

async fn a_halted_stream(stage: &Stage) -> Answer {
    let receiver = stage.issuer.watcher("halted", &["ssf.manage"]).await;
    let id = receiver.stream().await;
    let halt = (StreamStatus::Paused, None);
    let act = Actor::command_line().at(crate::harness::START);
    stage.issuer.app.store.set_stream_status(id.parse().unwrap(), halt, &act).await.unwrap();
    let wish = serde_json::json!({ "stream_id": id, "status": "enabled" });
    receiver.post("/ssf/status", &wish).await
}

async fn endless_body(stage: &Stage) -> Answer {
    tokio::time::pause();
    let endless = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    stage.issuer.send(token_request().body(Body::from_stream(endless)).unwrap()).await
}
