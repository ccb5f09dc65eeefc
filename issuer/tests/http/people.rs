//! People in front of an issuer in process: users with passwords, clients that they sign in through, a browser with
//! cookies that follows nothing by itself.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::credentials::{EmailProof, Password};
use countersign::protocol::redirect_uri::{ApplicationType, RedirectUri};
use countersign::random;
use countersign::registry::{Client, ConsentPolicy, Profile, SignIn, User};
use countersign::store::Actor;
use countersign_keys::Algorithm;
use http::{Request, header};
use serde_json::Value;
use uuid::Uuid;

use crate::harness::{Answer, Issuer, START, form};

pub(crate) const CALLBACK: &str = "https://web.example/cb";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The challenge of [`VERIFIER`].
pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()))
}

impl Issuer {
    /// An enabled user with a password.
    pub(crate) async fn user(&self, username: &str) -> Uuid {
        self.user_with(username, |_| {}).await
    }

    /// The same, with more known about it.
    pub(crate) async fn user_with(&self, username: &str, edit: impl FnOnce(&mut User)) -> Uuid {
        let mut user = User {
            id: random::uuid(),
            username: username.to_owned(),
            email: Some(format!("{username}@example.com")),
            email_verified: false,
            profile: Profile { name: Some("Ada Lovelace".to_owned()), ..Profile::default() },
            updated_at: 0,
            roles: vec!["auditor".to_owned()],
            groups: vec!["staff".to_owned()],
            enabled: true,
        };
        edit(&mut user);
        let act = Actor::node().at(START);
        let password = Some(Password::typed(PASSWORD).unwrap());
        self.app.credentials.register(&user, password, EmailProof::Unproved, &act).await.unwrap();
        user.id
    }

    /// The same with a proved address.
    pub(crate) async fn person(&self, username: &str) -> Uuid {
        let id = self.user(username).await;
        self.app.store.verify_email(id, &Actor::node().at(START)).await.unwrap();
        id
    }

    /// A confidential client that people sign in through, and its secret.
    pub(crate) async fn web(
        &self,
        id: &str,
        edit: impl FnOnce(&mut Client, &mut SignIn),
    ) -> String {
        self.client(id, |client| {
            let mut sign_in = SignIn {
                redirect_uris: vec![RedirectUri::parse(CALLBACK, ApplicationType::Web).unwrap()],
                scopes: ["openid", "profile", "email", "offline_access"].map(str::to_owned).into(),
                consent: ConsentPolicy::Skip,
                id_token_signed_response_alg: Algorithm::Es256,
                ..SignIn::default()
            };
            client.grants = vec!["authorization_code".to_owned(), "refresh_token".to_owned()];
            edit(client, &mut sign_in);
            client.sign_in = Some(sign_in);
        })
        .await
    }

    /// Exchanges a code.
    pub(crate) async fn redeem(&self, client: &str, secret: &str, code: &str) -> Answer {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.token_by(client, secret, &parameters).await
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(&self, client: &str, secret: &str, token: &str) -> Answer {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token_by(client, secret, &parameters).await
    }

    pub(crate) async fn token_by(
        &self,
        client: &str,
        secret: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let mut all = vec![("client_id", client), ("client_secret", secret)];
        all.extend_from_slice(parameters);
        self.token(&all).await
    }
}

/// A browser.
pub(crate) struct Browser<'i> {
    issuer: &'i Issuer,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl<'i> Browser<'i> {
    pub(crate) fn new(issuer: &'i Issuer) -> Self {
        Self { issuer, cookies: Mutex::default() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    /// Sends a form of a page.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, self.issuer.app.config.issuer.as_str());
        self.send(request, Body::from(form(fields))).await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: Body) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(body).unwrap();
        let answer = self.issuer.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.starts_with("__Host-") && cookie.contains("; Secure; HttpOnly"),
                "{cookie}"
            );
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Loses a cookie.
    pub(crate) fn forget(&self, name: &str) {
        self.cookies.lock().unwrap().remove(name);
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// `GET /authorize` with the usual parameters and more; a later value replaces an earlier one, an empty one
    /// removes it.
    pub(crate) async fn authorize(&self, client: &str, more: &[(&str, &str)]) -> Answer {
        self.get(&authorize_path(client, more)).await
    }

    /// Signs in on a login page; follows the issuer's own redirects.
    pub(crate) async fn log_in(&self, page: &Answer, username: &str, password: &str) -> Answer {
        let fields = [
            ("csrf", hidden(page, "csrf")),
            ("continue", hidden(page, "continue")),
            ("username", username.to_owned()),
            ("password", password.to_owned()),
        ];
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.post("/login", &fields).await;
        self.follow(answer).await
    }

    /// Follows redirects within the issuer.
    pub(crate) async fn follow(&self, mut answer: Answer) -> Answer {
        while answer.status == 303 && answer.header("location").starts_with('/') {
            let location = answer.header("location").to_owned();
            answer = self.get(&location).await;
        }
        answer
    }

    /// Signs in from nothing, and returns the code.
    pub(crate) async fn code(&self, client: &str, more: &[(&str, &str)]) -> String {
        let page = self.authorize(client, more).await;
        let answer = match page.status.as_u16() {
            200 => self.log_in(&page, "ada", PASSWORD).await,
            _ => page,
        };
        callback(&answer)["code"].clone()
    }
}

pub(crate) fn authorize_path(client: &str, more: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut parameters = vec![
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s1"),
        ("nonce", "n1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    parameters.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    format!("/authorize?{}", form(&parameters))
}

/// The parameters of an answer that went to the client.
pub(crate) fn callback(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let location = answer.header("location");
    let query = location.strip_prefix(&format!("{CALLBACK}?"));
    assert!(query.is_some(), "{location} is not the client's");
    let query = query.unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &Answer, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    assert!(page.body.contains(&marker), "no {name} in {}", page.body);
    let begin = page.body.find(&marker).unwrap();
    let rest = &page.body[begin + marker.len()..];
    rest.split('"').next().unwrap().to_owned()
}

/// The hidden fields of a page, as a browser would send them.
pub(crate) fn form_fields(page: &str) -> BTreeMap<String, String> {
    let value = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!("{name}=\""))?.1;
        let text = rest.split('"').next()?;
        let marks =
            [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        Some(marks.iter().fold(text.to_owned(), |text, (mark, plain)| text.replace(mark, plain)))
    };
    let tags = page.split("<input type=\"hidden\" ").skip(1);
    let fields = tags.filter_map(|tag| Some((value(tag, "name")?, value(tag, "value")?)));
    let mut all = BTreeMap::new();
    for (name, value) in fields {
        assert_eq!(all.insert(name.clone(), value), None, "{name} stands twice");
    }
    all
}

/// The claims of a JWT, without a check.
pub(crate) fn payload(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
