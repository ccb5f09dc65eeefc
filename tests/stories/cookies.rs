//! The cookies of docs/cookies.md with the real thing: what Express keeps in its session our services read, and what our
//! vectors hold Express reads.

use countersign_verifier::credential::Carriers;
use countersign_verifier::testing::TestIssuer;
use end_to_end::harness::foreign_cookies;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://app.example";
const VECTORS: &str = include_str!("../../docs/vectors/cookies.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_session_of_express_is_verified_without_a_shared_secret() {
    let issuer = TestIssuer::new(ISSUER);
    let (verifier, carriers) =
        (issuer.verifier(AUDIENCE), Carriers::bearer().or_express_session("session", "jwt"));
    let token = issuer.user_token("ada", "web").audience(AUDIENCE).mint();
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let of_express = vectors["vectors"].as_array().expect("a list").iter().filter_map(|vector| {
        let cookie = vector["headers"]["cookie"].as_str()?;
        let is_accepted = vector["expected"]["subject"].is_string();
        (is_accepted && cookie.starts_with("session=")).then(|| cookie.to_owned())
    });
    let cookies: Vec<_> = of_express.collect();

    let wish = json!({ "token": token, "cookies": cookies });
    let express = foreign_cookies(&wish).await.expect("Express answers");

    for kind in ["unsigned", "signed"] {
        let cookie = express[kind].as_str().expect("a cookie");
        let request = axum::http::Request::get("/").header("cookie", cookie).body(());
        let (parts, ()) = request.expect("a request").into_parts();
        let caller = verifier.verify_request(&parts, &carriers).await;
        assert_eq!(caller.expect(kind).subject(), "ada");
    }
    assert_eq!(express["read"].as_array().map(Vec::len), Some(cookies.len()));
    for session in express["read"].as_array().expect("a list") {
        assert!(session["jwt"].as_str().is_some_and(|token| token.starts_with("ey")), "{session}");
    }
}
