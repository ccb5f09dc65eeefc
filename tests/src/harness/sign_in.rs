//! People who sign in: users with a password, a client that they sign in through, and a browser that follows nothing by
//! itself.

use super::{Deployment, Node, PASSWORD, PAYMENTS, READ, Reply, eventually};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// RFC 7636 appendix B.
const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A confidential client of the operator's own: nobody is asked for consent.
#[derive(Clone, Debug)]
pub struct WebClient {
    /// `client_id`.
    pub client_id: String,
    /// The secret that was printed once.
    pub client_secret: String,
    /// Where codes are sent.
    pub redirect_uri: String,
    /// The scopes that it asks for, separated by spaces.
    pub scope: String,
}

impl WebClient {
    /// The path of an authorization request with PKCE.
    pub fn authorize_path(&self) -> String {
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", "af0ifjsldkj"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", CODE_CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let url = reqwest::Url::parse_with_params("http://host/authorize", parameters);
        let url = url.expect("an address");
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// The form that exchanges a code.
    pub fn redeem_form(&self, code: &str) -> Vec<(&'static str, String)> {
        self.form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", CODE_VERIFIER),
        ])
    }

    /// The form that uses a refresh token.
    pub fn refresh_form(&self, refresh_token: &str) -> Vec<(&'static str, String)> {
        self.form(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    fn form(&self, grant: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let secret = [("client_id", &*self.client_id), ("client_secret", &*self.client_secret)];
        grant.iter().chain(&secret).map(|(name, value)| (*name, (*value).to_owned())).collect()
    }
}

impl Deployment {
    /// Registers a first-party client with the grants that need a person, and these further arguments.
    pub async fn web(&self, client_id: &str, more: &[&str]) -> WebClient {
        let redirect_uri = format!("https://{client_id}.example/callback");
        let scope = format!("openid profile {READ}");
        let mut all = vec!["--first-party", "--redirect-uri", &redirect_uri];
        all.extend(["--resource", PAYMENTS, "--scope", &scope]);
        all.extend(more);
        let created = self.sign_in_client(client_id, &all).await;
        let client_secret = created.get("client_secret").and_then(Value::as_str);
        WebClient {
            client_id: client_id.to_owned(),
            client_secret: client_secret.expect("a secret").to_owned(),
            redirect_uri,
            scope,
        }
    }
}

/// A browser, as far as its cookies go.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// The value of the `Cookie` header.
    pub fn cookie(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, v)| format!("{name}={v}")).collect();
        cookies.join("; ")
    }

    fn keep(&mut self, response: &reqwest::Response) {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("text");
            let (name, value) =
                text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Node {
    /// Waits until the node has heard of the client.
    pub async fn knows_web(&self, web: &WebClient) {
        let path = web.authorize_path();
        eventually("the node knows the client", Duration::from_secs(2), || async {
            let page = self.get_with(&path, &Browser::default()).await.ok()?;
            (page.status() == 200).then_some(())
        })
        .await;
    }

    /// Signs a user in on the login page of a client; the browser has a session then.
    pub async fn sign_in(&self, web: &WebClient, username: &str) -> Browser {
        let mut browser = Browser::default();
        let page = self.get_with(&web.authorize_path(), &browser).await.expect("an answer");
        browser.keep(&page);
        let page = page.text().await.expect("a page");
        let fields = [
            ("csrf", hidden(&page, "csrf")),
            ("continue", hidden(&page, "continue")),
            ("username", username),
            ("password", PASSWORD),
        ];
        let login = self.http.post(format!("{}/login", self.url)).form(&fields);
        let answer = login.header(COOKIE, browser.cookie()).send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{username} is not signed in");
        browser.keep(&answer);
        browser
    }

    /// The code of an authorization request of a browser with a session.
    ///
    /// # Errors
    ///
    /// If anything but a code comes back.
    pub async fn code(&self, web: &WebClient, browser: &Browser) -> Result<String, String> {
        let answer = self.get_with(&web.authorize_path(), browser).await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let code = location.and_then(|location| {
            let url = reqwest::Url::parse(location).ok()?;
            url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
        });
        code.ok_or_else(|| format!("{} {location:?}", answer.status()))
    }

    /// Exchanges a code.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn redeem(&self, web: &WebClient, code: &str) -> Result<Reply, reqwest::Error> {
        self.post(&web.redeem_form(code)).await
    }

    /// Uses a refresh token.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn refresh(&self, web: &WebClient, token: &str) -> Result<Reply, reqwest::Error> {
        self.post(&web.refresh_form(token)).await
    }

    async fn get_with(
        &self,
        path: &str,
        browser: &Browser,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let request = self.http.get(format!("{}{path}", self.url));
        request.header(COOKIE, browser.cookie()).send().await
    }
}

/// The value of a hidden field.
fn hidden<'p>(page: &'p str, name: &str) -> &'p str {
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&marker).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap_or_default()
}
