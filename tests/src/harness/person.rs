//! A person at a browser without scripts: keeps cookies, fills in forms, follows the issuer's own redirects if told so. Any node of a
//! deployment may answer: the cookies are those of the issuer.

use super::{Node, PASSWORD, WebClient};
use reqwest::{RequestBuilder, Response, Url, header};
use std::collections::BTreeMap;

/// A browser with its cookies.
#[derive(Clone, Debug, Default)]
pub struct Person {
    cookies: BTreeMap<String, String>,
}

impl Person {
    /// Signs in at a node on the login page of a client; the browser has a session then.
    pub async fn signed_in(node: &Node, web: &WebClient, username: &str) -> Self {
        let (person, answer) = Self::with_password(node, web, username).await;
        assert_eq!(answer.status(), 303, "{username} is not signed in");
        person
    }

    /// Gives name and password on the login page of a client; with what was answered.
    pub async fn with_password(node: &Node, web: &WebClient, username: &str) -> (Self, Response) {
        let mut person = Self::default();
        let page = person.get(node, &web.authorize_path()).await;
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
    ///
    /// # Errors
    ///
    /// If anything but a code comes back.
    pub async fn code(&self, node: &Node, web: &WebClient) -> Result<String, String> {
        let request = node.http.get(format!("{}{}", node.url, web.authorize_path()));
        let answer = self.request(request).send().await.map_err(|error| format!("{error:?}"))?;
        code(&answer)
            .ok_or_else(|| format!("{} {:?}", answer.status(), answer.headers().get("location")))
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
        request.header(header::COOKIE, self.cookie())
    }

    /// The value of the `Cookie` header.
    pub fn cookie(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, v)| format!("{name}={v}")).collect();
        cookies.join("; ")
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

/// Where an answer redirects to.
fn location(answer: &Response) -> Option<String> {
    let location = answer.headers().get(header::LOCATION)?;
    Some(location.to_str().expect("text").to_owned())
}

/// The code of an answer that went to the client.
pub fn code(answer: &Response) -> Option<String> {
    let location = Url::parse(&location(answer)?).ok()?;
    location.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
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
