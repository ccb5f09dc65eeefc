//! People sign in through clients that were made with foreign libraries: code flow with PKCE, pushed requests, UserInfo,
//! refresh and logout, from the library's own discovery to its last check.

use crate::assertion::AssertionKey;
use end_to_end::harness::{Certificate, Deployment, PASSWORD, foreign_device, foreign_sign_in};
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
    for later in ["again", "refreshed"] {
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

/// What `openid-client` was told about a client, and what it then saw.
async fn told_as(
    (deployment, certificate): (&Deployment, &Certificate),
    mut client: Value,
    more: Value,
) -> Value {
    let Value::Object(more) = more else { panic!("{more} is not an object") };
    client.as_object_mut().expect("a client").extend(more);
    let wish = json!({
        "issuer": deployment.issuer,
        "client": client,
        "person": { "username": "ada@example.com", "password": PASSWORD },
        "scope": SCOPE,
    });
    let told = foreign_sign_in("openid-client", &wish, certificate).await;
    let told = told.unwrap_or_else(|error| panic!("{client}: {error}"));
    assert_eq!(told["userinfo"]["email"], "ada@example.com", "{client}: {told}");
    assert_eq!(told["claims"]["sub"], told["userinfo"]["sub"], "{client}: {told}");
    assert_eq!(told["claims"]["sid"], told["again"]["sid"], "{client}: {told}");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_takes_what_a_client_may_have_registered() {
    let (deployment, certificate) = deployment().await;
    deployment.person("ada").await;
    let metadata = |name: &str, value: Value| json!({ "metadata": { name: value } });
    let rows = [
        ("--id-token-alg=ES256", metadata("id_token_signed_response_alg", json!("ES256"))),
        ("--userinfo-alg=RS256", metadata("userinfo_signed_response_alg", json!("RS256"))),
        ("--pairwise", json!({})),
        ("--require-pushed-requests", json!({ "requests": ["pushed", "pushed"] })),
        ("--first-party", json!({})),
    ];
    let mut clients = Vec::new();
    for (argument, more) in rows {
        let id = argument.trim_start_matches('-').replace('=', "-");
        clients.push((client(&deployment, &id, "client_secret_basic", &[argument]).await, more));
    }
    let _node = deployment.start().await;

    for (client, more) in clients {
        let told = told_as((&deployment, &certificate), client.clone(), more).await;

        let asked = told["pages"]["first"].as_array().map_or(0, Vec::len);
        let expected = if client["client_id"] == "first-party" { 1 } else { 2 };
        assert_eq!(asked, expected, "{client}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_signs_its_requests_and_pushes_them_signed() {
    let (deployment, certificate) = deployment().await;
    deployment.person("ada").await;
    let mut clients = Vec::new();
    for (name, key) in [("es256", AssertionKey::es256()), ("rs256", AssertionKey::rs256())] {
        let file = deployment.path(&format!("{name}.jwks"));
        std::fs::write(&file, key.jwks()).expect("a file");
        let file = file.to_str().expect("a UTF-8 path");
        let more = ["--jwks-file", file, "--require-signed-request-object"];
        let client = client(&deployment, name, "private_key_jwt", &more).await;
        clients.push((client, key.private_jwk()));
    }
    let _node = deployment.start().await;

    for (client, private_jwk) in clients {
        let requests = ["signed", "signed_and_pushed"];
        let more = json!({ "private_jwk": private_jwk, "requests": requests });
        let told = told_as((&deployment, &certificate), client.clone(), more).await;

        assert_eq!(told["silent"], "login_required", "{client}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_signs_a_device_in_while_the_person_says_yes_elsewhere() {
    let (deployment, certificate) = deployment().await;
    let user_id = deployment.person("ada").await;
    let grants = ["--grant", "device_code", "--grant", "refresh_token"];
    let create = ["client", "create", "tv", "--auth", "none", "--scope", SCOPE];
    deployment.cli(&[create.as_slice(), &grants].concat()).await;
    let _node = deployment.start().await;

    let wish = json!({
        "issuer": deployment.issuer,
        "client": { "client_id": "tv" },
        "person": { "username": "ada", "password": PASSWORD },
        "scope": SCOPE,
    });
    let told = foreign_device(&wish, &certificate).await.unwrap_or_else(|error| panic!("{error}"));

    // The code that came by the address is confirmed, then the person signs in and is asked.
    assert_eq!(told["pages"], json!(["user_code", "username password", "answer"]), "{told}");
    for who in [&told["claims"]["sub"], &told["userinfo"]["sub"], &told["refreshed"]["sub"]] {
        assert_eq!(who, &user_id, "{told}");
    }
    assert_eq!(told["again"], "invalid_grant", "{told}");
}
