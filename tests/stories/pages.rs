//! Every page, in a real browser: reached as people reach it, found without fault by axe in both color schemes and in both
//! directions of writing, light, and loading nothing from elsewhere. Pictures of all of them are in
//! `target/screenshots`.

use end_to_end::harness::{Certificate, Deployment, PASSWORD, browse, free_port};
use serde_json::{Value, json};
use std::collections::BTreeSet;

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
            .with("[mail]\ntransport = \"log\"");
        for person in ["ada", "grace"] {
            deployment.person(person).await;
        }
        deployment.cli(&["user", "create", "alan", "--email", "alan@example.com"]).await;
        let redirect_uri = format!("https://{SHOP}:{}/callback", free_port());
        let mut arguments = vec!["--name", "Shop & Sons", "--redirect-uri", &redirect_uri];
        arguments.extend(["--scope", "openid profile email offline_access"]);
        arguments.extend(client);
        deployment.sign_in_client("shop", &arguments).await;
        Self { deployment, certificate, redirect_uri }
    }

    async fn link(&self, arguments: &[&str]) -> String {
        let arguments = [["user", "reset-link"].as_slice(), arguments].concat();
        self.deployment.cli(&arguments).await["link"].as_str().expect("a link").to_owned()
    }

    async fn browse(&self, script: &str, language: &str) -> Value {
        let person = |name: &str| json!({ "username": name, "password": PASSWORD });
        let links = json!({
            "reset": self.link(&["grace"]).await,
            "invite": self.link(&["alan", "--invite"]).await,
        });
        let more = json!({
            "language": language,
            "client": { "client_id": "shop", "redirect_uri": self.redirect_uri },
            "people": { "ada": person("ada"), "grace": person("grace") },
            "links": links,
        });
        browse(script, &self.deployment, &self.certificate, more).await
    }
}

/// What a person may be shown.
const PAGES: [&str; 16] = [
    "consent",
    "error",
    "forgot-password",
    "form-post",
    "invite",
    "link-expired",
    "logged-out",
    "login",
    "login-again",
    "login-wrong",
    "logout",
    "mail-sent",
    "password-changed",
    "reset-password",
    "reset-password-wrong",
    "select-account",
];

async fn every_page_in(language: &str, client: &[&str]) {
    let stage = Stage::new(client).await;
    let _node = stage.deployment.start().await;

    let told = stage.browse("pages", language).await;

    assert_eq!(told["problems"], json!([]), "{language}");
    let seen = told["pages"].as_object().expect("pages").keys().map(String::as_str);
    assert_eq!(seen.collect::<BTreeSet<_>>(), BTreeSet::from(PAGES), "{language}");
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

#[tokio::test(flavor = "multi_thread")]
async fn people_without_scripts_sign_in_answer_by_a_button_and_sign_out() {
    let stage = Stage::new(&[]).await;
    let _node = stage.deployment.start().await;

    let told = stage.browse("without_scripts", "en").await;

    let issuer = &stage.deployment.issuer;
    let code = |method: &str, state: &str| json!({ "method": method, "state": state, "iss": issuer, "has_code": true });
    assert_eq!(told["query"], code("GET", "by-query"));
    assert_eq!(told["formPost"], code("POST", "by-form"));
    assert_eq!(told["formPostAfterSignIn"], code("POST", "by-both"));
    assert_eq!(told["refused"]["error"], "access_denied");
    assert_eq!(told["silent"]["error"], "login_required");
    assert_eq!(told["problems"], json!([]));
}
