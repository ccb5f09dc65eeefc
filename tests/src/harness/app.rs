//! An app that asks for tokens, as a client library would: `application/x-www-form-urlencoded` over HTTP.

use serde_json::Value;

/// A registered client and what it asks for.
#[derive(Clone, Debug)]
pub struct App {
    /// `client_id`.
    pub client_id: String,
    /// The secret that was printed once; empty for `private_key_jwt`.
    pub client_secret: String,
    /// The resource for which it wants tokens.
    pub resource: String,
    /// The scope that it asks for.
    pub scope: String,
}

/// An answer of the token endpoint.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON document, or `null`.
    pub body: Value,
}

impl App {
    /// The form of RFC 6749 §4.4.2 with RFC 8707, without the client's authentication.
    pub fn grant(&self) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".to_owned()),
            ("resource", self.resource.clone()),
            ("scope", self.scope.clone()),
        ]
    }

    /// The same with `client_secret_post`.
    pub fn form(&self) -> Vec<(&'static str, String)> {
        let mut form = self.grant();
        form.push(("client_id", self.client_id.clone()));
        form.push(("client_secret", self.client_secret.clone()));
        form
    }

    /// The same with `private_key_jwt` (RFC 7523 §2.2).
    pub fn form_with_assertion(&self, assertion: &str) -> Vec<(&'static str, String)> {
        let mut form = self.grant();
        form.push(("client_id", self.client_id.clone()));
        form.push((
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
        ));
        form.push(("client_assertion", assertion.to_owned()));
        form
    }
}

/// RFC 6749 §4.1.2.1: an error goes back to the client by a redirect.
fn redirect_error(response: &reqwest::Response) -> Option<Value> {
    let location = response.headers().get("location")?.to_str().ok()?;
    let error = location.split(['?', '&']).find_map(|part| part.strip_prefix("error="))?;
    Some(serde_json::json!({ "error": error }))
}

impl Reply {
    /// Reads an answer; one that is not JSON has a body of `null`, and a redirect the error that it says.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, error) = (response.status().as_u16(), redirect_error(&response));
        let body = response.json().await.ok();
        Self { status, body: body.or(error).unwrap_or_default() }
    }

    /// Reads an answer that came whole; one that broke off is none.
    pub async fn whole(response: reqwest::Response) -> Option<Self> {
        let (status, error) = (response.status().as_u16(), redirect_error(&response));
        let body = response.bytes().await.ok()?;
        let body = serde_json::from_slice(&body).ok();
        Some(Self { status, body: body.or(error).unwrap_or_default() })
    }

    /// Tokens, a page that says so, or the way on.
    pub fn is_good(&self) -> bool {
        self.status < 400 && self.body.get("error").is_none()
    }

    /// The token of a successful answer.
    pub fn access_token(&self) -> Result<String, String> {
        match (self.status, self.body.get("access_token").and_then(Value::as_str)) {
            (200, Some(token)) => Ok(token.to_owned()),
            _ => Err(format!("{} {}", self.status, self.body)),
        }
    }

    /// The refresh token of a successful answer, or nothing.
    pub fn refresh_token(&self) -> String {
        let token = self.body.get("refresh_token").and_then(Value::as_str);
        token.unwrap_or_default().to_owned()
    }

    /// The OAuth error code of a refusal.
    pub fn error(&self) -> &str {
        self.body.get("error").and_then(Value::as_str).unwrap_or_default()
    }
}
