//! People sign in through clients that were made with foreign libraries: code flow with PKCE, pushed requests, UserInfo,
//! refresh and logout, from the library's own discovery to its last check.

use end_to_end::harness::{Certificate, Deployment, PASSWORD, foreign_sign_in};
use serde_json::{Value, json};

const CALLBACK: &str = "https://app.example/callback";
const AFTER_LOGOUT: &str = "https://app.example/goodbye";
const SCOPE: &str = "openid profile email";
/// With it a client goes on after the person signed out (OpenID Connect Core §11).
const OFFLINE: &str = "openid profile email offline_access";

/// A deployment that speaks TLS, as foreign libraries want it.
async fn deployment() -> (Deployment, Certificate) {
    let deployment = Deployment::sqlite();
    let certificate = Certificate::for_names(&deployment.path(""), &[]).await;
    let deployment = deployment.with_tls(&certificate.certificate, &certificate.key);
    (deployment, certificate)
}

async fn client(deployment: &Deployment, id: &str, method: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["--auth", method, "--redirect-uri", CALLBACK];
    arguments.extend(["--post-logout-redirect-uri", AFTER_LOGOUT, "--scope", OFFLINE]);
    arguments.extend(more);
    let created = deployment.sign_in_client(id, &arguments).await;
    json!({
        "client_id": id,
        "client_secret": created["client_secret"],
        "method": method,
        "redirect_uri": CALLBACK,
        "post_logout_redirect_uri": AFTER_LOGOUT,
    })
}

/// What every client must have seen, whatever its library and its registration.
fn check(told: &Value, (user_id, scope): (&str, &str), why: &str) {
    assert_eq!(told["claims"]["sub"], user_id, "{why}: {told}");
    assert_eq!(told["scope"], scope, "{why}: {told}");
    assert_eq!(told["claims"]["amr"], json!(["pwd"]), "{why}: {told}");
    assert_eq!(told["userinfo"]["sub"], user_id, "{why}: {told}");
    assert_eq!(told["userinfo"]["email"], "ada@example.com", "{why}: {told}");
    assert_eq!(told["userinfo"]["email_verified"], true, "{why}: {told}");
    // Signed in once, and asked once; afterwards nobody is asked anything.
    assert_eq!(told["pages"]["first"], json!(["username password", "answer"]), "{why}: {told}");
    assert_eq!(told["pages"]["second"], json!([]), "{why}: {told}");
    for later in ["pushed", "refreshed"] {
        for claim in ["sub", "sid", "auth_time"] {
            assert_eq!(told[later][claim], told["claims"][claim], "{why}, {later}, {claim}");
        }
    }
    // Whoever shows the ID token of the session is not asked.
    assert_eq!(told["pages"]["logout"], json!([]), "{why}: {told}");
    assert_eq!(told["left"], format!("{AFTER_LOGOUT}?state=afterwards"), "{why}: {told}");
    assert_eq!(told["silent"], "login_required", "{why}: {told}");
    let expected = if scope == OFFLINE { "not refused" } else { "invalid_grant" };
    assert_eq!(told["refresh_after_logout"], expected, "{why}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_and_authlib_sign_a_person_in_and_out() {
    let (deployment, certificate) = deployment().await;
    let user_id = deployment.person("ada").await;
    let mut clients = Vec::new();
    for library in ["openid-client", "authlib"] {
        let rows =
            [("client_secret_basic", SCOPE), ("client_secret_post", OFFLINE), ("none", SCOPE)];
        for (method, scope) in rows {
            let id = format!("{library}-{method}");
            clients.push((library, client(&deployment, &id, method, &[]).await, scope));
        }
    }
    let _node = deployment.start().await;

    for (library, client, scope) in clients {
        let wish = json!({
            "issuer": deployment.issuer,
            "client": client,
            "person": { "username": "ada", "password": PASSWORD },
            "scope": scope,
        });
        let told = foreign_sign_in(library, &wish, &certificate).await;

        let told = told.unwrap_or_else(|error| panic!("{client}: {error}"));
        check(&told, (&user_id, scope), &client["client_id"].to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_takes_what_a_client_may_have_registered() {
    let (deployment, certificate) = deployment().await;
    deployment.person("ada").await;
    let rows = [
        (
            "es256",
            vec!["--id-token-alg", "ES256"],
            json!({ "id_token_signed_response_alg": "ES256" }),
        ),
        (
            "signed-userinfo",
            vec!["--userinfo-alg", "RS256"],
            json!({ "userinfo_signed_response_alg": "RS256" }),
        ),
        ("pairwise", vec!["--pairwise"], json!({})),
        (
            "pushed-only",
            vec!["--require-pushed-requests"],
            json!({ "require_pushed_authorization_requests": true }),
        ),
        ("first-party", vec!["--first-party"], json!({})),
    ];
    let mut clients = Vec::new();
    for (id, arguments, metadata) in rows {
        let mut client = client(&deployment, id, "client_secret_basic", &arguments).await;
        client["metadata"] = metadata;
        clients.push((id, client));
    }
    let _node = deployment.start().await;

    for (id, client) in clients {
        let wish = json!({
            "issuer": deployment.issuer,
            "client": client,
            "person": { "username": "ada@example.com", "password": PASSWORD },
            "scope": SCOPE,
        });
        let told = foreign_sign_in("openid-client", &wish, &certificate).await;

        let told = told.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(told["userinfo"]["email"], "ada@example.com", "{id}: {told}");
        assert_eq!(told["claims"]["sub"], told["userinfo"]["sub"], "{id}: {told}");
        let asked = told["pages"]["first"].as_array().map_or(0, Vec::len);
        assert_eq!(asked, if id == "first-party" { 1 } else { 2 }, "{id}: {told}");
    }
}
