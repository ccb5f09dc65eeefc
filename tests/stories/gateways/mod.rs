//! Real gateways in front of two services: each is configured as `docs/gateways.md` says, word for word but for addresses, and
//! each must answer each request of one table alike. What clients write into headers themselves is among it.

mod fronts;
mod raw;
mod service;
mod table;

use end_to_end::harness::{Deployment, Node, PASSWORD, free_port, person::hidden};
use fronts::{Addresses, Front};
use raw::{Answer, Jar, Request};
use service::Service;

/// The blocks of a section of the page, with the languages that they are in.
fn page(section: &str) -> Vec<(&'static str, &'static str)> {
    let page = include_str!("../../../docs/gateways.md");
    let begin = page.find(&format!("\n## {section}\n")).expect("a section of the page");
    let rest = page.get(begin + 4..).expect("the rest");
    let text = rest.find("\n## ").map_or(rest, |end| rest.get(..end).expect("the section"));
    let blocks = text.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.split_once('\n')).collect()
}

/// The issuer of the page, both services, and who comes.
struct World {
    deployment: Deployment,
    node: Node,
    shop: Service,
    api: Service,
    app_token: String,
}

impl World {
    async fn set() -> Self {
        let page = page("What is set up once");
        let (_, tables) = page.iter().find(|(language, _)| *language == "toml").expect("sections");
        let deployment = Deployment::sqlite().patient().with(tables);
        let (_, commands) = page.iter().find(|(language, _)| *language == "sh").expect("commands");
        for line in commands.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            deployment.cli(&words).await;
        }
        deployment.person("ada").await;
        deployment.person("root").await;
        deployment.cli(&["user", "update", "root", "--role", "admin"]).await;
        let stock = ["--resource", "https://api.example", "--scope", "stock:write"];
        let mut app = deployment.app_of("stock", &stock).await;
        "https://api.example".clone_into(&mut app.resource);
        "stock:write".clone_into(&mut app.scope);
        let node = deployment.start().await;
        let answer = node.http.post(format!("{}/token", node.url)).form(&app.form()).send().await;
        let answer: serde_json::Value =
            answer.expect("an answer").json().await.expect("a JSON document");
        let app_token = answer["access_token"].as_str().expect("a token").to_owned();
        let shop = Service::start(&deployment.issuer, "https://shop.example").await;
        let api = Service::start(&deployment.issuer, "https://api.example").await;
        Self { deployment, node, shop, api, app_token }
    }

    fn addresses(&self) -> Addresses {
        let issuer = self.node.url.rsplit(':').next().and_then(|port| port.parse().ok());
        Addresses {
            issuer: issuer.expect("a port"),
            shop: self.shop.port,
            api: self.api.port,
            gateway: free_port(),
        }
    }

    /// Signs in at the shop behind a gateway; with the cookies of that host.
    async fn sign_in(&self, front: &Front, username: &str) -> Jar {
        let mut jar = Jar::default();
        let page = Request::get("shop.example", "/orders?page=2").header("Accept", "text/html");
        let sent = page.send(front.port).await;
        assert_eq!(sent.status, 302, "{}: {}", front.name, sent.body);
        jar.keep(&sent);
        let back = self.at_the_issuer(sent.header("location"), username).await;
        let path = back.strip_prefix("https://shop.example").expect("the host");
        let callback = Request::get("shop.example", path).header("Accept", "text/html");
        let arrived = callback.header("Cookie", &jar.line()).send(front.port).await;
        assert_eq!(arrived.status, 302, "{}: {}", front.name, arrived.body);
        assert_eq!(arrived.header("location"), "https://shop.example/orders?page=2");
        jar.keep(&arrived);
        jar
    }

    /// Where the issuer sends the browser back to.
    async fn at_the_issuer(&self, location: &str, username: &str) -> String {
        let port = self.addresses().issuer;
        let path = location.strip_prefix(&self.deployment.issuer).expect("the issuer");
        let mut jar = Jar::default();
        let page = Request::get("issuer", path).send(port).await;
        jar.keep(&page);
        let fields = [
            ("csrf", hidden(&page.body, "csrf")),
            ("continue", hidden(&page.body, "continue")),
            ("username", username.to_owned()),
            ("password", PASSWORD.to_owned()),
        ];
        let form = Request::form("issuer", "/login", &fields).header("Cookie", &jar.line());
        let mut answer = form.send(port).await;
        jar.keep(&answer);
        while answer.header("location").starts_with('/') {
            let next = Request::get("issuer", answer.header("location"));
            answer = next.header("Cookie", &jar.line()).send(port).await;
        }
        answer.header("location").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_protects_both_services_alike() {
    let world = World::set().await;
    let mut wrong = Vec::new();
    let mut cells = 0;

    for name in fronts::ALL {
        let front = Front::start(name, &world.deployment.path(name), world.addresses()).await;
        let ada = world.sign_in(&front, "ada").await;
        let root = world.sign_in(&front, "root").await;
        for (what, request, expected) in table::rows(&ada, &root, &world.app_token) {
            let answer = request.send(front.port).await;
            cells += 1;
            if let Err(why) = expected.judge(&answer) {
                wrong.push(format!("{name}: {what}: {why}"));
            }
        }
    }

    println!("{cells} cells, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_gateway_lets_anybody_through_when_nobody_can_say_who_it_is() {
    let mut world = World::set().await;
    let mut fronts = Vec::new();
    for name in fronts::ALL {
        let front = Front::start(name, &world.deployment.path(name), world.addresses()).await;
        let ada = world.sign_in(&front, "ada").await;
        fronts.push((front, ada));
    }

    // The session ends at the issuer: at every host, with the next request.
    world.deployment.cli(&["user", "update", "ada", "--disable"]).await;
    for (front, ada) in &fronts {
        let request = Request::get("shop.example", "/orders").header("Cookie", &ada.line());
        assert_eq!(request.send(front.port).await.status, 401, "{}", front.name);
    }
    world.deployment.cli(&["user", "update", "ada", "--enable"]).await;
    world.node.process.kill().await;
    for (front, ada) in &fronts {
        for request in [
            Request::get("shop.example", "/orders").header("Cookie", &ada.line()),
            Request::get("api.example", "/stock")
                .header("Authorization", &format!("Bearer {}", world.app_token)),
            Request::get("shop.example", "/orders"),
        ] {
            let answer = request.send(front.port).await;
            assert!((500..=599).contains(&answer.status), "{}: {}", front.name, answer.status);
        }
    }
}
