//! A person at a browser without scripts: keeps cookies, fills in the login form, follows the issuer's own redirects. Any
//! node of a deployment may answer: the cookies are those of the issuer.

use super::{Node, PASSWORD};
use reqwest::{RequestBuilder, Response, header};
use std::collections::BTreeMap;

/// Where the codes of the stories go.
pub const CALLBACK: &str = "https://app.example/callback";

/// The example of RFC 7636 appendix B: a verifier and its challenge.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser with its cookies.
#[derive(Clone, Debug, Default)]
pub struct Person {
    cookies: BTreeMap<String, String>,
}

impl Person {
    /// Signs in at a node through a first-party client.
    pub async fn signed_in(node: &Node, username: &str, client_id: &str) -> Self {
        let (mut person, answer) = Self::with_password(node, username, client_id).await;
        let location = location(&answer).expect("signed in");
        let answer = person.get(node, &location).await;
        code(&answer).expect("a code at once");
        person
    }

    /// Gives name and password on the login page of a client; with what was answered.
    pub async fn with_password(node: &Node, username: &str, client_id: &str) -> (Self, Response) {
        let mut person = Self::default();
        let page = person.get(node, &authorize_path(client_id)).await;
        let html = page.text().await.expect("a page");
        let fields = [
            ("csrf", hidden(&html, "csrf")),
            ("continue", hidden(&html, "continue")),
            ("username", username.to_owned()),
            ("password", PASSWORD.to_owned()),
        ];
        let answer = person.post(node, "/login", &fields).await;
        (person, answer)
    }

    /// Follows redirects within the issuer.
    pub async fn follow(&mut self, node: &Node, mut answer: Response) -> Response {
        while let Some(path) = location(&answer).filter(|location| location.starts_with('/')) {
            answer = self.get(node, &path).await;
        }
        answer
    }

    /// Asks for a code, in silence.
    pub async fn code(&mut self, node: &Node, client_id: &str) -> String {
        let answer = self.get(node, &authorize_path(client_id)).await;
        code(&answer).unwrap_or_else(|| panic!("no code but {}", answer.status()))
    }

    /// `GET path` with the cookies; new ones are kept.
    pub async fn get(&mut self, node: &Node, path: &str) -> Response {
        let request = self.request(node.http.get(format!("{}{path}", node.url)));
        self.keep(request.send().await.expect("an answer"))
    }

    /// Sends a form with the cookies; new ones are kept.
    pub async fn post(
        &mut self,
        node: &Node,
        path: &str,
        fields: &[(&'static str, String)],
    ) -> Response {
        let request = self.request(node.http.post(format!("{}{path}", node.url)).form(fields));
        self.keep(request.send().await.expect("an answer"))
    }

    /// A request with the cookies.
    pub fn request(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header(header::COOKIE, cookies.join("; "))
    }

    fn keep(&mut self, answer: Response) -> Response {
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// The parameters of an authorization request of a client of the stories.
pub fn authorization_request(client_id: &str) -> Vec<(&'static str, String)> {
    [
        ("client_id", client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn authorize_path(client_id: &str) -> String {
    let pairs = authorization_request(client_id);
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("/authorize?{}", query.join("&"))
}

/// Where an answer redirects to.
pub fn location(answer: &Response) -> Option<String> {
    let location = answer.headers().get(header::LOCATION)?;
    Some(location.to_str().expect("text").to_owned())
}

/// The code of an answer that went to the client.
pub fn code(answer: &Response) -> Option<String> {
    let location = location(answer)?;
    let query = location.strip_prefix(CALLBACK)?.strip_prefix('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("code=")).map(str::to_owned)
}

/// The value of a hidden field of a page.
pub fn hidden(html: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let (_, rest) = html.split_once(&marker).unwrap_or_else(|| panic!("no field {name} in {html}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// The same of the form that is posted to `action`.
pub fn hidden_of(html: &str, action: &str, name: &str) -> String {
    let marker = format!("action=\"{action}\"");
    let (_, form) = html.split_once(&marker).unwrap_or_else(|| panic!("no {action} in {html}"));
    hidden(form.split("</form>").next().unwrap_or_default(), name)
}
