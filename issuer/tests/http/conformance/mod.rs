//! What the OpenID certification of a provider asks for, module by module: tests are named after the modules of the
//! Config, Basic, Form Post and RP-Initiated Logout plans, whose list is `docs/conformance.md`. Each module of the Basic
//! plan runs in both response modes, which makes it the module of the Form Post plan too. A warning there is a failure
//! here.

mod asked;
mod code;
mod config;
mod once_more;
mod rp_initiated_logout;
mod scopes;
mod server;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use countersign::protocol::redirect_uri::{ApplicationType, RedirectUri};
use countersign::registry::{Address, IDENTITY_SCOPES, Profile, SignIn};
use http::{Request, header};
use serde_json::Value;

use crate::harness::{Answer, Issuer, basic, form, token_request};
use crate::people::{Browser, CALLBACK, PASSWORD, VERIFIER, callback, form_fields};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AFTER_LOGOUT: &str = "https://web.example/after-logout";

/// How answers of the authorization endpoint travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Default,
    FormPost,
}

/// A provider with a user and a client, in one response mode.
struct Plan {
    issuer: Issuer,
    secret: String,
    mode: Mode,
}

impl Plan {
    /// One plan for each mode.
    async fn in_each_mode() -> [Self; 2] {
        [Self::new(Mode::Default).await, Self::new(Mode::FormPost).await]
    }

    /// As an operator gets it who asks for nothing: both rings.
    async fn of_a_default_configuration(mode: Mode) -> Self {
        let algorithms = countersign::config::Config::default().keys.algorithms;
        let issuer = Issuer::with(|config| config.keys.algorithms = algorithms).await;
        Self::at(issuer, mode).await
    }

    async fn new(mode: Mode) -> Self {
        Self::at(Issuer::new().await, mode).await
    }

    async fn at(issuer: Issuer, mode: Mode) -> Self {
        issuer.user_with("ada", |user| user.profile = whole_profile()).await;
        let secret = register(&issuer, "first").await;
        Self { issuer, secret, mode }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::new(&self.issuer)
    }

    /// A browser in which the user signed in, and the tokens that came of it.
    async fn signed_in(&self) -> (Browser<'_>, Value) {
        let browser = self.browser();
        let tokens = self.tokens(&browser, &[]).await;
        (browser, tokens)
    }

    /// The parameters in this mode.
    fn with<'p>(&self, more: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let way = (self.mode == Mode::FormPost).then_some(("response_mode", "form_post"));
        way.into_iter().chain(more.iter().copied()).collect()
    }

    async fn authorize(&self, browser: &Browser<'_>, more: &[(&str, &str)]) -> Answer {
        browser.authorize("first", &self.with(more)).await
    }

    /// What the client receives in this mode; anything but an answer to the client ends the test.
    fn received(&self, answer: &Answer) -> BTreeMap<String, String> {
        let parameters = match self.mode {
            Mode::Default => callback(answer),
            Mode::FormPost => posted(answer),
        };
        // RFC 9207 §2: on success and on error.
        assert_eq!(parameters["iss"], ISSUER);
        assert_eq!(parameters.get("state").map(String::as_str), Some("s1"));
        parameters
    }

    /// Asks, signs in if the user must, and receives.
    async fn response(
        &self,
        browser: &Browser<'_>,
        more: &[(&str, &str)],
    ) -> BTreeMap<String, String> {
        let mut answer = self.authorize(browser, more).await;
        if is_login(&answer) {
            answer = browser.log_in(&answer, "ada", PASSWORD).await;
        }
        self.received(&answer)
    }

    /// The same, and the code becomes tokens.
    async fn tokens(&self, browser: &Browser<'_>, more: &[(&str, &str)]) -> Value {
        let response = self.response(browser, more).await;
        let answer = self.exchange(&response["code"]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn exchange(&self, code: &str) -> Answer {
        self.token_by(("first", &self.secret), &code_parameters(code)).await
    }

    async fn refresh(&self, token: &Value) -> Answer {
        let parameters =
            [("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())];
        self.token_by(("first", &self.secret), &parameters).await
    }

    /// With `client_secret_basic`.
    async fn token_by(
        &self,
        (client, secret): (&str, &str),
        parameters: &[(&str, &str)],
    ) -> Answer {
        let request = token_request()
            .header(header::AUTHORIZATION, basic(client, secret))
            .body(Body::from(form(parameters)));
        self.issuer.send(request.unwrap()).await
    }

    async fn userinfo(&self, tokens: &Value) -> Answer {
        let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
        let request = Request::get("/userinfo").header(header::AUTHORIZATION, bearer);
        self.issuer.send(request.body(Body::empty()).unwrap()).await
    }

    async fn later(&self, seconds: u64) {
        self.issuer.clock.advance(Duration::from_secs(seconds));
        self.issuer.follow().await;
    }
}

/// Registers a client with all scopes.
async fn register(issuer: &Issuer, id: &str) -> String {
    let after_logout = RedirectUri::parse(AFTER_LOGOUT, ApplicationType::Web).unwrap();
    issuer
        .web(id, |_, sign_in| {
            sign_in.scopes = IDENTITY_SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
            sign_in.post_logout_redirect_uris = vec![after_logout];
            if issuer.app.config.keys.algorithms.len() > 1 {
                let of_default = SignIn::default().id_token_signed_response_alg;
                sign_in.id_token_signed_response_alg = of_default;
            }
        })
        .await
}

fn code_parameters(code: &str) -> [(&'static str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn is_login(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains("name=\"password\"")
}

fn is_page(answer: &Answer) -> bool {
    answer.status.is_client_error()
        && answer.header("location").is_empty()
        && answer.header("content-type").starts_with("text/html")
        && !answer.body.contains(CALLBACK)
}

/// The fields of a form that a script sends at once (Form Post Response Mode §2): all of them in the body.
fn posted(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let form = format!("<form method=\"post\" action=\"{CALLBACK}\" data-submit>");
    assert!(answer.body.contains(&form), "{}", answer.body);
    assert!(answer.body.contains("<script src="), "nothing sends the form");
    form_fields(&answer.body)
}

fn whole_profile() -> Profile {
    let text = |value: &str| Some(value.to_owned());
    Profile {
        name: text("Ada Lovelace"),
        given_name: text("Ada"),
        family_name: text("Lovelace"),
        nickname: text("Ada"),
        profile: text("https://ada.example/"),
        picture: text("https://ada.example/ada.png"),
        website: text("https://ada.example/"),
        gender: text("female"),
        birthdate: text("1815-12-10"),
        zoneinfo: text("Europe/London"),
        locale: text("en-GB"),
        phone_number: text("+44 20 7946 0000"),
        phone_number_verified: false,
        address: Some(Address {
            formatted: text("12 St James's Square\nLondon"),
            ..Address::default()
        }),
    }
}
