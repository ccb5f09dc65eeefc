//! Single sign-on in a real browser: two server-rendered applications and a single-page application on domains that have
//! nothing in common, with third-party cookies blocked. Signed in once, signed in everywhere; signed out of one,
//! signed out of all.

use crate::applications::{Kept, rendered, single_page};
use end_to_end::harness::{
    Certificate, Deployment, HttpsServer, Node, PASSWORD, browse, free_port,
};
use serde_json::{Value, json};

/// Each is a registrable domain of its own.
const ISSUER: &str = "id.example";
const SHOP: &str = "shop.example";
const NEWS: &str = "news.test";
const BOARD: &str = "board.invalid";

/// Registers a server-rendered application at its address: the routes of the SDK.
async fn register_rendered(deployment: &Deployment, id: &str, url: &str) -> Value {
    let [callback, after, back_channel] =
        ["callback", "", "backchannel-logout"].map(|path| format!("{url}/{path}"));
    let mut arguments = vec!["--redirect-uri", &callback, "--post-logout-redirect-uri", &after];
    arguments.extend(["--backchannel-logout-uri", &back_channel]);
    arguments.extend(["--scope", "openid profile", "--first-party"]);
    deployment.sign_in_client(id, &arguments).await
}

/// Registers a single page: without a secret, and with nobody who could take a logout token.
async fn register_single_page(deployment: &Deployment, id: &str, url: &str) {
    let page = format!("{url}/");
    let mut arguments = vec!["--auth", "none", "--redirect-uri", &page];
    arguments.extend(["--post-logout-redirect-uri", &page]);
    arguments.extend(["--scope", "openid profile", "--first-party"]);
    deployment.sign_in_client(id, &arguments).await;
}

/// Starts a node for which the names of the applications lead to this machine, and which trusts their authority.
async fn start_among(deployment: &Deployment, certificate: &Certificate) -> Node {
    let hosts = deployment.path("hosts");
    let lines = [SHOP, NEWS, BOARD].map(|name| format!("127.0.0.1 {name}\n"));
    std::fs::write(&hosts, lines.concat()).expect("a file");
    let mount = format!("mount --bind '{}' /etc/hosts && exec \"$@\"", hosts.display());
    let trusted = format!("SSL_CERT_FILE={}", certificate.authority.display());
    let wrapper = ["unshare", "--mount", "env", &trusted, "sh", "-c", &mount, "sh"];
    deployment.start_with(&wrapper).ready().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sign_in_is_good_for_three_domains_and_one_sign_out_ends_all() {
    let deployment = Deployment::sqlite();
    let names = [ISSUER, SHOP, NEWS, BOARD];
    let certificate = Certificate::for_names(&deployment.path(""), &names).await;
    let deployment = deployment
        .with_tls_at(ISSUER, &certificate.certificate, &certificate.key)
        .with("[outbound]\nallow = [\"127.0.0.0/8\"]");
    deployment.person("ada").await;
    let [shop_port, news_port, board_port] = [(); 3].map(|()| free_port());
    let shop = format!("https://{SHOP}:{shop_port}");
    let news = format!("https://{NEWS}:{news_port}");
    let board = format!("https://{BOARD}:{board_port}");
    let shop_client = register_rendered(&deployment, "shop", &shop).await;
    let news_client = register_rendered(&deployment, "news", &news).await;
    register_single_page(&deployment, "board", &board).await;
    let _node = start_among(&deployment, &certificate).await;
    let at_shop = (shop.as_str(), &shop_client);
    let at_news = (news.as_str(), &news_client);
    let routers = [
        (shop_port, rendered(&deployment, &certificate, at_shop, Kept::InTheCookie).await),
        (news_port, rendered(&deployment, &certificate, at_news, Kept::OnTheServer).await),
        (board_port, single_page(&deployment, "board")),
    ];
    let mut servers = Vec::new();
    for (port, router) in routers {
        servers.push(HttpsServer::start(port, &certificate, router).await);
    }

    let more = json!({
        "shop": shop, "news": news, "board": board,
        "person": { "username": "ada", "password": PASSWORD },
    });
    let told = browse("single_sign_on", &deployment, &certificate, more).await;

    // That they really are blocked, and that the story would see it if they were not.
    let keepsake = "__Host-keepsake=1";
    let expected = json!({
        "blocked": { "own": keepsake, "framed": "" },
        "allowed": { "own": keepsake, "framed": keepsake },
    });
    assert_eq!(told["cookies"], expected);
    // Whoever is first shows the form; the others are silent.
    let form = json!(["/authorize"]);
    assert_eq!(told["first"], json!({ "shop": form, "news": [], "board": [] }));
    assert_eq!(told["second"], json!({ "board": form, "shop": [], "news": [] }));
    for signed_in in ["signedIn", "signedInAgain"] {
        let everywhere =
            json!({ "shop": "ada", "news": "ada", "board": "ada", "why": "refreshed" });
        assert_eq!(told[signed_in], everywhere, "{signed_in}");
    }
    let nowhere = json!({ "asked": [], "shop": "", "news": "", "board": "" });
    for (left, why) in [("left", "invalid_grant"), ("leftAgain", "nobody is here")] {
        let mut expected = nowhere.clone();
        expected["why"] = json!(format!("signed out: {why}"));
        assert_eq!(told[left], expected, "{left}");
    }
    assert_eq!(told["problems"], json!([]));
}
