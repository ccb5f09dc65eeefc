//! Every page, in a real browser: reached as people reach it, found without fault by axe in both color schemes and in both
//! directions of writing, light, and loading nothing from elsewhere. Pictures of all of them are in
//! `target/screenshots`.

use end_to_end::harness::{Certificate, Deployment, Node, PASSWORD, Reply, browse, free_port};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ISSUER: &str = "id.example";
const SHOP: &str = "shop.example";

/// A deployment with people in every state, and a client that asks for consent.
struct Stage {
    deployment: Deployment,
    certificate: Certificate,
    redirect_uri: String,
}

impl Stage {
    async fn new(client: &[&str]) -> Self {
        let deployment = Deployment::sqlite();
        let certificate = Certificate::for_names(&deployment.path(""), &[ISSUER, SHOP]).await;
        let deployment = deployment
            .with_tls_at(ISSUER, &certificate.certificate, &certificate.key)
            .with("[mail]\ntransport = \"log\"")
            .with("[registration]\nmode = \"open\"");
        for person in ["ada", "grace", "hedy"] {
            deployment.person(person).await;
        }
        deployment.cli(&["user", "create", "alan", "--email", "alan@example.com"]).await;
        let redirect_uri = format!("https://{SHOP}:{}/callback", free_port());
        let mut arguments = vec!["--name", "Shop & Sons", "--redirect-uri", &redirect_uri];
        arguments.extend(["--scope", "openid profile email offline_access"]);
        arguments.extend(client);
        deployment.sign_in_client("shop", &arguments).await;
        let tv = ["client", "create", "tv", "--name", "Television", "--auth", "none"];
        let tv = [tv.as_slice(), &["--grant", "device_code", "--scope", "openid profile"]];
        deployment.cli(&tv.concat()).await;
        Self { deployment, certificate, redirect_uri }
    }

    async fn link(&self, arguments: &[&str]) -> String {
        let arguments = [["user"].as_slice(), arguments].concat();
        self.deployment.cli(&arguments).await["link"].as_str().expect("a link").to_owned()
    }

    /// The code that a device shows which wants to be signed in.
    async fn user_code(&self, node: &Node) -> String {
        let form = [("client_id", "tv"), ("scope", "openid profile")];
        let request = node.http.post(format!("{}/device_authorization", node.url)).form(&form);
        let answer = Reply::read(request.send().await.expect("an answer")).await;
        answer.body["user_code"].as_str().expect("a user code").to_owned()
    }

    async fn browse(&self, (script, walk): (&str, &str), language: &str, node: &Node) -> Value {
        let person = |name: &str| json!({ "username": name, "password": PASSWORD });
        let links = json!({
            "reset": self.link(&["reset-link", "grace"]).await,
            "invite": self.link(&["reset-link", "alan", "--invite"]).await,
            "account": self.link(&["invite", "mary@example.com"]).await,
            "verify": self.link(&["verify-email", "alan"]).await,
        });
        let more = json!({
            "language": language,
            "walk": walk,
            "client": { "client_id": "shop", "redirect_uri": self.redirect_uri },
            "people": { "ada": person("ada"), "grace": person("grace"), "hedy": person("hedy") },
            "links": links,
            "userCode": self.user_code(node).await,
        });
        browse(script, &self.deployment, &self.certificate, more).await
    }
}

/// What a person may be shown, and where.
const PAGES: [(&str, &str); 39] = [
    ("account", "/account"),
    ("account-deleted", "/account/deleted"),
    ("account-saved", "/account"),
    ("account-totp-on", "/account"),
    ("consent", "/continue"),
    ("create-account", "/create-account"),
    ("create-account-wrong", "/create-account"),
    ("delete-account", "/account/delete"),
    ("device-code", "/device"),
    ("device-code-wrong", "/device"),
    ("device-confirmation", "/continue"),
    ("device-done", "/continue"),
    ("email-verified", "/verify-email"),
    ("error", "/authorize"),
    ("forgot-password", "/forgot-password"),
    ("form-post", "/authorize"),
    ("invite", "/invite"),
    ("link-expired", "/reset-password"),
    ("logged-out", "/logout/confirm"),
    ("login", "/authorize"),
    ("login-again", "/authorize"),
    ("login-wrong", "/login"),
    ("logout", "/logout"),
    ("mail-sent", "/forgot-password"),
    ("offer-passkey", "/continue"),
    ("password-changed", "/reset-password"),
    ("recovery-code", "/login/recovery-code"),
    ("recovery-codes", "/account/recovery-codes"),
    ("register", "/register"),
    ("register-mail-sent", "/register"),
    ("reset-password", "/reset-password"),
    ("reset-password-wrong", "/reset-password"),
    ("second-factor", "/login"),
    ("second-factor-wrong", "/login/code"),
    ("select-account", "/authorize"),
    ("step-up", "/authorize"),
    ("totp-setup", "/account/totp"),
    ("totp-setup-wrong", "/account/totp"),
    ("verify-email", "/verify-email"),
];

/// Those that everybody meets, in the order of the walk.
const MAIN: [&str; 12] = [
    "login",
    "login-wrong",
    "consent",
    "select-account",
    "login-again",
    "account",
    "logout",
    "logged-out",
    "error",
    "link-expired",
    "forgot-password",
    "mail-sent",
];

async fn every_page_in(language: &str, client: &[&str]) {
    let stage = Stage::new(client).await;
    let node = stage.deployment.start().await;

    let told = stage.browse(("pages", "whole"), language, &node).await;

    assert_eq!(told["problems"], json!([]), "{language}");
    let path = |page: &Value| page["path"].as_str().expect("a path").to_owned();
    let seen = told["pages"].as_object().expect("pages");
    let seen: BTreeMap<_, _> =
        seen.iter().map(|(name, page)| (name.as_str(), path(page))).collect();
    let expected = PAGES.map(|(name, path)| (name, path.to_owned()));
    assert_eq!(seen, BTreeMap::from(expected), "{language}");
    let faults = told["faults"].to_string();
    for fault in ["Content Security Policy", "light: image-alt", "dark: image-alt"] {
        assert!(faults.contains(fault), "{fault} was not found: {faults}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_light_and_alone_in_english() {
    every_page_in("en", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_light_and_alone_from_right_to_left() {
    every_page_in("ar", &["--brand-color", "#ffd21e"]).await;
}

/// Words are longer in one, and lines break elsewhere in another.
#[tokio::test(flavor = "multi_thread")]
async fn the_main_pages_are_accessible_and_fit_in_the_other_languages() {
    let stage = Stage::new(&[]).await;
    let node = stage.deployment.start().await;

    for language in ["de", "fr", "ja"] {
        let told = stage.browse(("pages", "main"), language, &node).await;

        assert_eq!(told["problems"], json!([]), "{language}");
        let seen = told["pages"].as_object().expect("pages").keys().map(String::as_str);
        assert_eq!(seen.collect::<Vec<_>>(), MAIN, "{language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_without_scripts_sign_in_answer_by_a_button_and_sign_out() {
    let stage = Stage::new(&[]).await;
    let node = stage.deployment.start().await;

    let told = stage.browse(("without_scripts", ""), "en", &node).await;

    let issuer = &stage.deployment.issuer;
    let code = |method: &str, state: &str| json!({ "method": method, "state": state, "iss": issuer, "has_code": true });
    assert_eq!(told["query"], code("GET", "by-query"));
    assert_eq!(told["formPost"], code("POST", "by-form"));
    assert_eq!(told["formPostAfterSignIn"], code("POST", "by-both"));
    assert_eq!(told["refused"]["error"], "access_denied");
    assert_eq!(told["silent"]["error"], "login_required");
    assert_eq!(told["problems"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_added_at_the_account_page_and_is_enough_to_sign_in() {
    let stage = Stage::new(&[]).await;
    let node = stage.deployment.start().await;

    let told = stage.browse(("passkeys", ""), "en", &node).await;

    let passkey =
        |uses: &Value| json!([{ "rpId": ISSUER, "isResidentCredential": true, "signCount": uses }]);
    assert_eq!(told["added"], passkey(&json!(1)), "{told}");
    assert_eq!(told["used"], passkey(&json!(3)), "{told}");
    for step in ["withPassword", "byAutofill", "byButton"] {
        assert_eq!(told[step], true, "{step}: {told}");
    }
    let offered = json!({ "first": true, "taken": true, "kept": 1, "byOffered": true });
    assert_eq!(told["offered"], offered, "{told}");
    assert_eq!(told["problems"], json!([]));
}
