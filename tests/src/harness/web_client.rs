//! A client through which people sign in, with the requests that it makes itself.

use super::{Deployment, Node, PAYMENTS, READ, Reply, eventually};
use reqwest::{RequestBuilder, Url};
use serde_json::Value;
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
    /// The parameters of an authorization request with PKCE.
    pub fn authorization_request(&self) -> [(&'static str, &str); 8] {
        [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", "af0ifjsldkj"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", CODE_CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }

    /// The path of that request.
    pub fn authorize_path(&self) -> String {
        let url = Url::parse_with_params("http://host/authorize", self.authorization_request());
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

impl Node {
    /// Waits until the node has heard of the client.
    pub async fn knows_web(&self, web: &WebClient) {
        let path = web.authorize_path();
        eventually("the node knows the client", Duration::from_secs(5), || async {
            (self.status(&path).await == Some(200)).then_some(())
        })
        .await;
    }

    /// Exchanges a code.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn redeem(&self, web: &WebClient, code: &str) -> Result<Reply, reqwest::Error> {
        Ok(Reply::read(self.redeem_request(web, code).send().await?).await)
    }

    /// Uses a refresh token.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn refresh(&self, web: &WebClient, token: &str) -> Result<Reply, reqwest::Error> {
        Ok(Reply::read(self.refresh_request(web, token).send().await?).await)
    }

    /// The request that exchanges a code.
    pub fn redeem_request(&self, web: &WebClient, code: &str) -> RequestBuilder {
        self.http.post(format!("{}/token", self.url)).form(&web.redeem_form(code))
    }

    /// The request that uses a refresh token.
    pub fn refresh_request(&self, web: &WebClient, token: &str) -> RequestBuilder {
        self.http.post(format!("{}/token", self.url)).form(&web.refresh_form(token))
    }
}
