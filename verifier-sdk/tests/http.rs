//! The axum side: layer, extractors, guards, challenges byte for byte, metadata.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use countersign_verifier::axum::{
    Auth, AuthLayer, OptionalAuth, Scoped, metadata_route, require_acr, require_any_role,
    require_any_scope, require_hops, require_max_age, require_scopes,
};
use countersign_verifier::credential::Carriers;
use countersign_verifier::key_source::{BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse};
use countersign_verifier::resource_metadata::ResourceMetadata;
use countersign_verifier::testing::TestIssuer;
use countersign_verifier::{Caller, Hops, Start, Verifier};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";

/// Status, `WWW-Authenticate`, `Retry-After`, body.
#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    challenge: Option<String>,
    retry_after: Option<String>,
    body: String,
}

async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let header = |name| {
        response.headers().get(name).map(|v: &http::HeaderValue| v.to_str().unwrap().to_owned())
    };
    let (challenge, retry_after) = (header("www-authenticate"), header("retry-after"));
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, challenge, retry_after, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().uri(path);
    headers.iter().fold(request, |r, (n, v)| r.header(*n, *v)).body(Body::empty()).unwrap()
}

fn bearer(path: &str, token: &str) -> Request<Body> {
    request(path, &[("authorization", &format!("Bearer {token}"))])
}

fn app(issuer: &TestIssuer) -> Router {
    let metadata = ResourceMetadata::new(AUDIENCE, [ISSUER]).unwrap();
    Router::new()
        .route("/me", get(async |auth: Auth| auth.subject().to_owned()))
        .route(
            "/pay",
            post(async |body: String| body)
                .get(async || "paid")
                .route_layer(require_scopes(["pay:read", "pay:write"])),
        )
        .route("/admin", get(async || "admin").route_layer(require_any_role(["admin", "root"])))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)).resource_metadata(&metadata))
        .merge(metadata_route(&metadata))
}

const METADATA: &str =
    r#"resource_metadata="https://payments.example/.well-known/oauth-protected-resource""#;

#[tokio::test]
async fn a_good_token_reaches_the_handler() {
    let issuer = TestIssuer::new(ISSUER);
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();

    let answer = ask(&app(&issuer), bearer("/me", &token)).await;

    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "orders"));
}

#[tokio::test]
async fn no_token_is_401_with_a_bare_challenge() {
    let answer = ask(&app(&TestIssuer::new(ISSUER)), request("/me?access_token=x", &[])).await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.challenge, Some(format!("Bearer {METADATA}")));
}

#[tokio::test]
async fn a_bad_token_is_401_and_says_no_more() {
    let issuer = TestIssuer::new(ISSUER);
    let good = issuer.app_token("orders").audience(AUDIENCE);
    let rows = [
        (good.clone().audience("https://other.example").mint(), "The access token is invalid"),
        (good.forged_by(&TestIssuer::new(ISSUER)), "The access token is invalid"),
        (good.clone().issued_ago(400).expires_in(-60).mint(), "The access token expired"),
    ];

    for (token, description) in rows {
        let answer = ask(&app(&issuer), bearer("/me", &token)).await;
        let challenge = format!(
            r#"Bearer error="invalid_token", error_description="{description}", {METADATA}"#
        );
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.challenge, Some(challenge));
        assert_eq!(answer.body, r#"{"error":"invalid_token"}"#);
    }
}

#[tokio::test]
async fn several_credentials_are_400() {
    let headers = [("authorization", "Bearer a"), ("authorization", "Bearer b")];

    let answer = ask(&app(&TestIssuer::new(ISSUER)), request("/me", &headers)).await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let challenge = format!(
        r#"Bearer error="invalid_request", error_description="Exactly one well-formed credential is needed", {METADATA}"#
    );
    assert_eq!(answer.challenge, Some(challenge));
}

#[tokio::test]
async fn r31_a_missing_scope_is_403_and_named() {
    let issuer = TestIssuer::new(ISSUER);
    let token = issuer.app_token("orders").audience(AUDIENCE).scope("pay:read");

    let refused = ask(&app(&issuer), bearer("/pay", &token.mint())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let challenge =
        format!(r#"Bearer error="insufficient_scope", scope="pay:read pay:write", {METADATA}"#);
    assert_eq!(refused.challenge, Some(challenge));

    let enough = token.scope("pay:write x pay:read").mint();
    assert_eq!(ask(&app(&issuer), bearer("/pay", &enough)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_role_guard_wants_one_of_its_roles() {
    let issuer = TestIssuer::new(ISSUER);
    let with = |roles: &[&str]| issuer.app_token("orders").audience(AUDIENCE).roles(roles).mint();

    for (roles, status) in [
        ([].as_slice(), StatusCode::FORBIDDEN),
        (&["administrator"], StatusCode::FORBIDDEN),
        (&["clerk", "root"], StatusCode::OK),
    ] {
        assert_eq!(ask(&app(&issuer), bearer("/admin", &with(roles))).await.status, status);
    }
}

countersign_verifier::scope! {
    /// May read and write payments.
    PayReadWrite = "pay:read", "pay:write";
}

#[tokio::test]
async fn r31_a_scoped_extractor_asks_for_its_scopes_by_itself() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/pay", get(async |auth: Scoped<PayReadWrite>| auth.client_id().to_owned()))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)));
    let token = issuer.app_token("orders").audience(AUDIENCE);

    let enough = ask(&app, bearer("/pay", &token.clone().scope("pay:write pay:read").mint())).await;
    let refused = ask(&app, bearer("/pay", &token.scope("pay:read").mint())).await;

    assert_eq!((enough.status, enough.body.as_str()), (StatusCode::OK, "orders"));
    let challenge = r#"Bearer error="insufficient_scope", scope="pay:read pay:write""#;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.challenge.as_deref(), Some(challenge));
    assert_eq!(ask(&app, request("/pay", &[])).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_guard_for_any_scope_wants_one_of_them() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/pay", get(async || "paid").route_layer(require_any_scope(["pay", "admin"])))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)));
    let with = |scope: &str| issuer.app_token("orders").audience(AUDIENCE).scope(scope).mint();

    assert_eq!(ask(&app, bearer("/pay", &with("x admin"))).await.status, StatusCode::OK);
    assert_eq!(ask(&app, bearer("/pay", &with("x"))).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_old_or_weak_authentication_is_401_and_challenged_to_step_up() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/new", get(async || "in").route_layer(require_max_age(Duration::from_mins(5))))
        .route("/strong", get(async || "in").route_layer(require_acr(["gold"])))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)));
    let user = issuer.user_token("ada", "web").audience(AUDIENCE).claim("acr", "gold");
    let weak = user.clone().claim("acr", "silver").claim("auth_time", 1_700_000_000);

    for path in ["/new", "/strong"] {
        assert_eq!(ask(&app, bearer(path, &user.mint())).await.status, StatusCode::OK, "{path}");
    }
    for (path, demand) in [("/new", r#"max_age="300""#), ("/strong", r#"acr_values="gold""#)] {
        let refused = ask(&app, bearer(path, &weak.mint())).await;
        let challenge = format!(
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"Another authentication of the user is needed\", {demand}"
        );
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.challenge, Some(challenge));
        assert_eq!(refused.body, r#"{"error":"insufficient_user_authentication"}"#);
    }
}

#[tokio::test]
async fn a_service_can_render_refusals_in_its_own_way() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/", get(async |_: Auth| "in"))
        .route("/pay", get(async || "paid").route_layer(require_scopes(["pay"])))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)).map_rejection(|rejection| {
            let mut response = rejection.standard_response();
            *response.body_mut() = Body::from(format!("sorry: {}", rejection.error.code()));
            response.into_response()
        }));
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();

    let by_layer = ask(&app, request("/", &[])).await;
    let by_guard = ask(&app, bearer("/pay", &token)).await;

    assert_eq!(by_layer.body, "sorry: credential_missing");
    assert_eq!(by_layer.challenge.as_deref(), Some(r#"Bearer realm="api""#));
    assert_eq!(
        (by_guard.status, by_guard.body.as_str()),
        (StatusCode::FORBIDDEN, "sorry: insufficient_scope")
    );
}

#[tokio::test]
async fn the_presented_token_can_be_handed_on_and_is_not_printed() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/", get(async |auth: Auth| format!("{} {auth:?}", auth.token().expose())))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)));
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();

    let answer = ask(&app, bearer("/", &token)).await;

    assert!(answer.body.starts_with(&token));
    assert_eq!(answer.body.matches(&token).count(), 1, "{}", answer.body);
}

#[tokio::test]
async fn a_request_is_verified_without_any_framework() {
    let issuer = TestIssuer::new(ISSUER);
    let verifier = issuer.verifier(AUDIENCE);
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();
    let parts = |request: Request<Body>| request.into_parts().0;

    let good = verifier.verify_request(&parts(bearer("/", &token)), &Carriers::bearer()).await;
    let bare = verifier.verify_request(&parts(request("/", &[])), &Carriers::bearer()).await;

    assert_eq!(good.unwrap().client_id(), "orders");
    assert_eq!(bare.unwrap_err().challenge().as_deref(), Some(r#"Bearer realm="api""#));
}

#[tokio::test]
async fn an_optional_layer_lets_nobody_in_as_nobody_and_still_refuses_bad_tokens() {
    let issuer = TestIssuer::new(ISSUER);
    let who = async |OptionalAuth(auth): OptionalAuth| match auth.as_ref().map(|a| a.caller()) {
        Some(Caller::App { client_id }) => client_id.to_owned(),
        _ => "nobody".to_owned(),
    };
    let app = Router::new()
        .route("/", get(who))
        .route("/me", get(async |auth: Auth| auth.subject().to_owned()))
        .route("/pay", get(async || "paid").route_layer(require_scopes(["pay"])))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)).optional());
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();

    assert_eq!(ask(&app, request("/", &[])).await.body, "nobody");
    assert_eq!(ask(&app, bearer("/", &token)).await.body, "orders");
    for request in [bearer("/", "garbage"), request("/me", &[]), request("/pay", &[])] {
        assert_eq!(ask(&app, request).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn without_the_layer_routes_and_guards_fail_closed() {
    let app: Router = Router::new()
        .route("/me", get(async |auth: Auth| auth.subject().to_owned()))
        .route("/maybe", get(async |_: OptionalAuth| "in"))
        .route("/pay", get(async || "paid").route_layer(require_scopes(["pay"])));

    for path in ["/me", "/maybe", "/pay"] {
        let status = ask(&app, request(path, &[])).await.status;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
}

struct NobodyHome;

impl Fetch for NobodyHome {
    fn get(&self, _: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        Box::pin(async { Err(FetchError::Connect) })
    }
}

#[tokio::test]
async fn trouble_with_keys_is_503_with_retry_after_and_no_challenge() {
    let issuer = TestIssuer::new(ISSUER);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE);
    let verifier = builder.fetcher(NobodyHome).start(Start::Lazy).build().await.unwrap();
    let app = Router::new().route("/", get(async || "in")).layer(AuthLayer::new(verifier));
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();

    let answer = ask(&app, bearer("/", &token)).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.challenge, None);
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#);
}

#[tokio::test]
async fn a_form_credential_is_read_and_the_body_handed_on() {
    let issuer = TestIssuer::new(ISSUER);
    let carriers = Carriers::bearer().or_form();
    let app = Router::new()
        .route("/", post(async |body: String| body))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)).carriers(carriers));
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();
    let body = format!("a=1&access_token={token}");
    let post = |body: String| {
        let form = "application/x-www-form-urlencoded";
        Request::post("/").header("content-type", form).body(Body::from(body)).unwrap()
    };

    let answer = ask(&app, post(body.clone())).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, body));

    assert_eq!(ask(&app, post("a=1".into())).await.status, StatusCode::UNAUTHORIZED);
    let huge = format!("access_token={token}&a={}", "a".repeat(70_000));
    assert_eq!(ask(&app, post(huge)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn row_33_a_cookie_from_another_site_is_403() {
    let issuer = TestIssuer::new(ISSUER);
    let carriers = Carriers::bearer().or_cookie("__Host-token").unwrap();
    let app = Router::new()
        .route("/", post(async || "done"))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)).carriers(carriers));
    let cookie = format!("__Host-token={}", issuer.app_token("orders").audience(AUDIENCE).mint());
    let post = |site: &str| {
        let request = Request::post("/").header("cookie", &cookie).header("sec-fetch-site", site);
        request.body(Body::empty()).unwrap()
    };

    assert_eq!(ask(&app, post("same-origin")).await.status, StatusCode::OK);
    let refused = ask(&app, post("cross-site")).await;
    assert_eq!((refused.status, refused.challenge), (StatusCode::FORBIDDEN, None));
}

#[tokio::test]
async fn the_metadata_is_served_to_everybody() {
    let path = "/.well-known/oauth-protected-resource";

    let answer = ask(&app(&TestIssuer::new(ISSUER)), request(path, &[])).await;

    assert_eq!(answer.status, StatusCode::OK);
    let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(document["resource"], AUDIENCE);
    assert_eq!(document["authorization_servers"], serde_json::json!([ISSUER]));
}

#[tokio::test]
async fn metrics_count_outcomes() {
    let issuer = TestIssuer::new(ISSUER);
    let verifier = issuer.verifier(AUDIENCE);
    let app = Router::new().route("/", get(async || "in")).layer(AuthLayer::new(verifier.clone()));

    ask(&app, bearer("/", &issuer.app_token("orders").audience(AUDIENCE).mint())).await;
    ask(&app, bearer("/", "garbage")).await;

    let metrics = verifier.metrics();
    assert_eq!((metrics.outcome("accepted"), metrics.outcome("malformed")), (1, 1));
    let text = metrics.to_prometheus();
    assert!(text.contains("countersign_verifier_verifications_total{outcome=\"accepted\"} 1\n"));
    assert!(text.contains("countersign_verifier_keys_ready 1\n"));
    assert!(text.contains("countersign_verifier_verification_seconds_count 2\n"));
}

#[tokio::test]
async fn a_guard_in_one_line_allows_one_hop_through_the_gateway() {
    let issuer = TestIssuer::new(ISSUER);
    let app = Router::new()
        .route("/orders", get(|| async { "here" }))
        .route_layer(require_hops(Hops::at_most(1).first("gateway")))
        .layer(AuthLayer::new(issuer.verifier(AUDIENCE)));
    let user = issuer.user_token("0190-user", "web").audience(AUDIENCE);

    let by_gateway = user.clone().acted_by("gateway");
    let direct = ask(&app, bearer("/orders", &user.mint())).await;
    let one = ask(&app, bearer("/orders", &by_gateway.mint())).await;
    let two = ask(&app, bearer("/orders", &by_gateway.acted_by("web2").mint())).await;
    let other = ask(&app, bearer("/orders", &user.acted_by("orders").mint())).await;

    assert_eq!((direct.status, one.status), (StatusCode::OK, StatusCode::OK));
    for refused in [two, other] {
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(refused.body, r#"{"error":"insufficient_scope"}"#);
    }
}
