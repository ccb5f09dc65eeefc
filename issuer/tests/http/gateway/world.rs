//! An issuer with two hosts behind gateways, a user, an administrator, and an app.

use std::collections::BTreeMap;
use std::sync::Mutex;

use axum::body::Body;
use countersign::config::{Config, GatewayRoute, Secret};
use countersign::gateway::CALLBACK;
use countersign::origin::Peer;
use countersign::protocol::Identity;
use countersign::protocol::redirect_uri::{ApplicationType, RedirectUri};
use countersign::registry::{Client, Permission, User};
use countersign::store::Actor;
use http::{Request, header};
use uuid::Uuid;

use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, PASSWORD};

pub(super) const SHOP: &str = "shop.example";
pub(super) const NEWS: &str = "news.test:8443";
pub(super) const GATEWAY: &str = "10.0.0.7";
pub(super) const SHOP_API: &str = "https://shop.example";
pub(super) const NEWS_API: &str = "https://news.test";
pub(super) const ADA: &str = "ada";
const SECRET: &str = "a secret that the gateway shows each time";

pub(super) struct World {
    pub(super) issuer: Issuer,
    pub(super) ada: Uuid,
    /// The secret of the app.
    pub(super) app: String,
    /// Cookies by host.
    jar: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

fn route(host: &str, resource: &str, edit: impl FnOnce(&mut GatewayRoute)) -> GatewayRoute {
    let mut route = GatewayRoute {
        host: host.to_owned(),
        trusted: vec!["10.0.0.0/24".parse().unwrap()],
        client_id: format!("{}-gateway", host.split('.').next().unwrap()),
        resource: resource.to_owned(),
        hand_on_token: true,
        ..GatewayRoute::default()
    };
    edit(&mut route);
    route
}

fn routes(config: &mut Config) {
    let admin = |route: &mut GatewayRoute| {
        route.roles = vec!["admin".to_owned()];
        route.identities = vec![Identity::User];
    };
    let app = |route: &mut GatewayRoute| {
        route.identities = vec![Identity::App];
        route.scopes = vec!["payments:write".to_owned()];
    };
    let exchanged = |route: &mut GatewayRoute| route.audience = Some(SHOP_API.to_owned());
    let secret = |route: &mut GatewayRoute| {
        route.secret = Some(Secret::new(SECRET.to_owned()));
        route.trusted.clear();
    };
    let all = [
        ("shop", route(SHOP, SHOP_API, |_| {})),
        ("shop-plain", route(SHOP, SHOP_API, |route| route.hand_on_token = false)),
        ("shop-admin", route(SHOP, SHOP_API, admin)),
        ("shop-app", route(SHOP, SHOP_API, app)),
        ("shop-secret", route(SHOP, SHOP_API, secret)),
        ("shop-to-news", route(SHOP, NEWS_API, exchanged)),
        ("news", route(NEWS, NEWS_API, |_| {})),
    ];
    config.gateway = all.into_iter().map(|(name, route)| (name.to_owned(), route)).collect();
}

fn permission(resource: &str) -> Permission {
    Permission {
        resource: resource.to_owned(),
        scopes: vec!["payments:read".to_owned(), "payments:write".to_owned()],
        roles: Vec::new(),
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let issuer = Issuer::with(routes).await;
        let ada = issuer.user(ADA).await;
        let admin = |user: &mut User| user.roles = vec!["admin".to_owned(), "a,b".to_owned()];
        issuer.user_with("root", admin).await;
        for (host, resource) in [(SHOP, SHOP_API), (NEWS, NEWS_API)] {
            issuer.resource(resource, |_| {}).await;
            let uri = format!("https://{host}{CALLBACK}");
            let uri = RedirectUri::parse(&uri, ApplicationType::Web).unwrap();
            let id = format!("{}-gateway", host.split('.').next().unwrap());
            issuer
                .web(&id, |client, sign_in| {
                    client.grants = vec!["authorization_code".to_owned()];
                    client.permissions = vec![permission(resource)];
                    sign_in.redirect_uris = vec![uri];
                })
                .await;
        }
        let app =
            issuer.client("batch", |client| client.permissions = vec![permission(SHOP_API)]).await;
        Self { issuer, ada, app, jar: Mutex::default() }
    }

    /// Asks by this route, as its gateway would.
    pub(super) fn ask(&self, route: &'static str) -> Ask<'_> {
        let host = if route == "news" { NEWS } else { SHOP };
        Ask {
            world: self,
            path: format!("/gateway/{route}"),
            peer: GATEWAY,
            host: host.to_owned(),
            uri: "/orders?page=2".to_owned(),
            method: "GET",
            headers: Vec::new(),
            keeps_cookies: false,
        }
    }

    /// The same for a browser that opens a page.
    pub(super) fn open(&self, route: &'static str) -> Ask<'_> {
        Ask { keeps_cookies: true, ..self.ask(route).header("accept", "text/html,*/*;q=0.8") }
    }

    /// A token of the app.
    pub(super) async fn app_token(&self, scope: &str) -> String {
        let more = [("scope", scope), ("resource", SHOP_API)];
        let answer = self.issuer.token_as("batch", &self.app, &more).await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Signs in at a host, and is where it wanted to be.
    pub(super) async fn sign_in(&self, route: &'static str, browser: &Browser<'_>, name: &str) {
        let sent = self.open(route).send().await;
        let back = self.at_the_issuer(&sent, browser, name).await;
        let arrived = self.open(route).uri(&back).send().await;
        assert_eq!(arrived.status, 302, "{}", arrived.body);
    }

    /// Goes where the gateway sends it, signs in if it must, and returns the path to which the issuer sends it back.
    pub(super) async fn at_the_issuer(
        &self,
        sent: &Answer,
        browser: &Browser<'_>,
        name: &str,
    ) -> String {
        let location = sent.header("location").strip_prefix("https://issuer.example").unwrap();
        let mut answer = browser.get(location).await;
        if answer.status == 200 {
            answer = browser.log_in(&answer, name, PASSWORD).await;
        }
        assert_eq!(answer.status, 303, "{}", answer.body);
        let url = url::Url::parse(answer.header("location")).unwrap();
        assert_eq!(url.path(), CALLBACK);
        format!("{}?{}", url.path(), url.query().unwrap())
    }

    pub(super) async fn edit_client(&self, id: &str, edit: impl FnOnce(&mut Client) + Send) {
        let edit = |client: &mut Client| {
            edit(client);
            Ok(())
        };
        let act = Actor::node().at(START);
        drop(self.issuer.app.store.update_client(&id.parse().unwrap(), &act, edit).await.unwrap());
        self.issuer.follow().await;
    }

    pub(super) fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(host)?.get(name).cloned()
    }

    pub(super) fn forget_cookies(&self, host: &str) {
        self.jar.lock().unwrap().remove(host);
    }

    pub(super) async fn later(&self, seconds: u64) {
        self.issuer.clock.advance(std::time::Duration::from_secs(seconds));
        self.issuer.follow().await;
    }
}

/// A question on its way.
#[derive(Clone)]
pub(super) struct Ask<'w> {
    world: &'w World,
    path: String,
    peer: &'static str,
    host: String,
    uri: String,
    method: &'static str,
    headers: Vec<(&'static str, String)>,
    keeps_cookies: bool,
}

impl Ask<'_> {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(super) fn secret(self) -> Self {
        self.header("countersign-gateway", SECRET)
    }

    pub(super) fn from(self, peer: &'static str) -> Self {
        Self { peer, ..self }
    }

    pub(super) fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    pub(super) fn uri(self, uri: &str) -> Self {
        Self { uri: uri.to_owned(), ..self }
    }

    pub(super) fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Another address of the endpoint.
    pub(super) fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub(super) async fn send(self) -> Answer {
        let mut request = Request::get(&self.path).extension(Peer(self.peer.parse().unwrap()));
        if !self.host.is_empty() {
            request = request
                .header("x-forwarded-host", &self.host)
                .header("x-forwarded-uri", &self.uri)
                .header("x-forwarded-method", self.method);
        }
        if self.keeps_cookies {
            let jar = self.world.jar.lock().unwrap();
            let cookies = jar.get(&self.host).into_iter().flatten();
            let line: Vec<String> =
                cookies.map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, line.join("; "));
        }
        let request = self
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        let answer = self.world.issuer.send(request.body(Body::empty()).unwrap()).await;
        if self.keeps_cookies {
            self.keep(&answer);
        }
        answer
    }

    fn keep(&self, answer: &Answer) {
        let set: Vec<_> = answer.headers.get_all(header::SET_COOKIE).iter().collect();
        assert!(set.len() <= 1, "nginx hands on no more than one");
        for cookie in set {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once(';').unwrap();
            assert!(pair.starts_with("__Host-"), "{cookie}");
            assert!(attributes.starts_with(" Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, value) = pair.split_once('=').unwrap();
            let mut jar = self.world.jar.lock().unwrap();
            let host = jar.entry(self.host.clone()).or_default();
            if attributes.contains("Max-Age=0") {
                host.remove(name);
            } else {
                host.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
