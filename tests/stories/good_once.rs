//! What is good once: how each thing comes about, by the command line and the pages, and the one form by which it is used.

use crate::assertion::now;
use crate::refresh::Scene;
use end_to_end::harness::person::{hidden, hidden_of};
use end_to_end::harness::{Node, Person, Reply, WebClient};
use reqwest::{RequestBuilder, Response};
use std::time::UNIX_EPOCH;
use totp_rs::{Builder, Secret};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A kind of thing that is good once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thing {
    RequestUri,
    DeviceCode,
    ResetLink,
    Totp,
    RecoveryCode,
}

/// The form by which one of them is used, in the browser that has come that far.
pub(crate) struct Use {
    person: Person,
    web: Option<WebClient>,
    path: &'static str,
    fields: Vec<(&'static str, String)>,
}

impl Use {
    pub(crate) fn request(&self, node: &Node) -> RequestBuilder {
        let request = node.http.post(format!("{}{}", node.url, self.path)).form(&self.fields);
        let request = self.person.request(request);
        match &self.web {
            Some(web) => request.basic_auth(&web.client_id, Some(&web.client_secret)),
            None => request,
        }
    }

    /// Whether this use was the one that is good.
    pub(crate) async fn succeeds(&self, node: &Node) -> bool {
        Reply::read(self.request(node).send().await.expect("an answer")).await.is_good()
    }

    fn of_page(
        person: Person,
        path: &'static str,
        html: &str,
        typed: (&'static str, &str),
    ) -> Self {
        let mut fields: Vec<_> = ["csrf", "continue"].map(|name| (name, hidden(html, name))).into();
        fields.push((typed.0, typed.1.to_owned()));
        Self { person, web: None, path, fields }
    }
}

impl Thing {
    pub(crate) const ALL: [Self; 5] =
        [Self::RequestUri, Self::DeviceCode, Self::ResetLink, Self::Totp, Self::RecoveryCode];

    /// How those are answered who come too late, are slowed, or find too many passwords being hashed.
    pub(crate) fn refusals(self) -> &'static [u16] {
        match self {
            // By a page before the client is known, and by a redirect when a code would have been given.
            Self::RequestUri => &[400, 303],
            Self::DeviceCode => &[400],
            Self::ResetLink => &[400, 503],
            Self::Totp | Self::RecoveryCode => &[422, 429],
        }
    }

    /// How many rounds of others cost as much as one: some take a new person, whose passwords are hashed.
    pub(crate) fn cost(self) -> u32 {
        match self {
            Self::RequestUri => 1,
            Self::DeviceCode => 2,
            Self::ResetLink | Self::Totp | Self::RecoveryCode => 10,
        }
    }

    /// Makes one, of a person of its own where one person has but one at a time.
    pub(crate) async fn make(self, scene: &mut Scene) -> Use {
        match self {
            Self::RequestUri => request_uri(scene).await,
            Self::DeviceCode => device_code(scene).await,
            Self::ResetLink => reset_link(scene).await,
            Self::Totp => totp(scene).await,
            Self::RecoveryCode => recovery_code(scene).await,
        }
    }
}

async fn post_as_client(scene: &Scene, path: &str, form: &[(&str, &str)]) -> Reply {
    let node = scene.node(0);
    let request = node.http.post(format!("{}{path}", node.url)).form(form);
    let answer =
        request.basic_auth(&scene.web.client_id, Some(&scene.web.client_secret)).send().await;
    Reply::read(answer.expect("an answer")).await
}

fn text(reply: &Reply, name: &str) -> String {
    reply.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", reply.body)).to_owned()
}

async fn request_uri(scene: &Scene) -> Use {
    let pushed = post_as_client(scene, "/par", &scene.web.authorization_request()).await;
    let fields = vec![
        ("client_id", scene.web.client_id.clone()),
        ("request_uri", text(&pushed, "request_uri")),
    ];
    Use { person: scene.person.clone(), web: None, path: "/authorize", fields }
}

/// Approved already; its device has not asked yet.
async fn device_code(scene: &mut Scene) -> Use {
    let scope = [("scope", "openid")];
    let device = post_as_client(scene, "/device_authorization", &scope).await;
    let (node, person) = (&scene.nodes[0], &mut scene.person);
    let page = html(person.get(node, "/device").await).await;
    let code = ("user_code", text(&device, "user_code"));
    let asked = person.post(node, "/device", &[("csrf", hidden(&page, "csrf")), code]).await;
    let page = html(person.follow(node, asked).await).await;
    let yes = Use::of_page(person.clone(), "/consent", &page, ("answer", "accept"));
    let said = person.post(node, yes.path, &yes.fields).await;
    assert_eq!(person.follow(node, said).await.status(), 200, "the device is not approved");
    let fields =
        vec![("grant_type", DEVICE_CODE.to_owned()), ("device_code", text(&device, "device_code"))];
    let web = Some(scene.web.clone());
    Use { person: Person::default(), web, path: "/token", fields }
}

async fn reset_link(scene: &mut Scene) -> Use {
    let name = scene.new_person().await;
    let link = scene.deployment.cli(&["user", "reset-link", &name]).await;
    let link = link["link"].as_str().expect("a link");
    let path = link.strip_prefix(&scene.deployment.issuer).expect("a link of the issuer");
    let mut person = Person::default();
    let page = html(person.get(scene.node(0), path).await).await;
    let typed = ("new_password", "seven purple elephants");
    Use::of_page(person, "/reset-password", &page, typed)
}

async fn totp(scene: &mut Scene) -> Use {
    let name = scene.new_person().await;
    let node = scene.node(0);
    let (_, app) = with_authenticator_app(node, &scene.web, &name).await;
    let (person, answer) = Person::with_password(node, &scene.web, &name).await;
    Use::of_page(person, "/login/code", &html(answer).await, ("code", &app(0)))
}

async fn recovery_code(scene: &mut Scene) -> Use {
    let name = scene.new_person().await;
    let node = scene.node(0);
    let (mut person, _) = with_authenticator_app(node, &scene.web, &name).await;
    let page = html(person.get(node, "/account").await).await;
    let csrf = [("csrf", hidden_of(&page, "/account/recovery-codes", "csrf"))];
    let shown = html(person.post(node, "/account/recovery-codes", &csrf).await).await;
    let (_, codes) = shown.split_once("<li><code>").expect("recovery codes");
    let code = codes.split('<').next().unwrap_or_default();
    let (person, answer) = Person::with_password(node, &scene.web, &name).await;
    let page = html(answer).await;
    Use::of_page(person, "/login/recovery-code", &page, ("recovery_code", code))
}

/// Sets up an authenticator app with the code before the present one, so that the present one is still good.
async fn with_authenticator_app(
    node: &Node,
    web: &WebClient,
    name: &str,
) -> (Person, impl Fn(i64) -> String + use<>) {
    let mut person = Person::signed_in(node, web, name).await;
    let page = html(person.get(node, "/account/totp").await).await;
    let (_, secret) = page.split_once("<code dir=\"ltr\" translate=\"no\">").expect("a secret");
    let secret = secret.split('<').next().unwrap_or_default().replace(' ', "");
    let secret = Secret::try_from_base32(&secret).expect("base32");
    let app = Builder::new().with_secret(secret).build().expect("an authenticator app");
    let began = now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let code = move |steps| app.generate(began.saturating_add_signed(30 * steps)).to_string();
    let fields = [
        ("csrf", hidden_of(&page, "/account/totp", "csrf")),
        ("continue", hidden_of(&page, "/account/totp", "continue")),
        ("code", code(-1)),
    ];
    let confirmed = person.post(node, "/account/totp", &fields).await;
    assert_eq!(confirmed.status(), 303, "the app is not set up");
    (person, code)
}

async fn html(answer: Response) -> String {
    answer.text().await.expect("a page")
}
