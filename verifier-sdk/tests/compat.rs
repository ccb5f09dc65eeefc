//! The presets for other issuers: what each accepts, and which of that issuer's other tokens it keeps out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use countersign_verifier::testing::{TestClock, TestIssuer, TestToken};
use countersign_verifier::{Caller, Profile, Verifier, compat};
use serde_json::json;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";
const NOW: i64 = 1_700_000_000;

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER).clock(TestClock::at(NOW))
}

fn verifier(issuer: &TestIssuer, profile: Profile) -> Verifier {
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).profile(profile);
    builder.clock(TestClock::at(NOW)).build_with(issuer.jwk_set()).unwrap()
}

fn bare<'i>(issuer: &'i TestIssuer, subject: &str) -> TestToken<'i> {
    let token = issuer.app_token(subject).audience(AUDIENCE).header("typ", "JWT");
    token.without("idtyp").without("client_id").without("jti")
}

fn judge(issuer: &TestIssuer, profile: Profile, token: &TestToken<'_>) -> String {
    match verifier(issuer, profile).try_verify(&token.mint()) {
        Ok(verified) => match verified.caller() {
            Caller::App { client_id } => format!("app {client_id}"),
            Caller::User { subject, client_id } => format!("user {subject} by {client_id}"),
            other => format!("{other:?}"),
        },
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn the_default_profile_accepts_none_of_these() {
    let issuer = issuer();
    let token = bare(&issuer, "alice").claim("azp", "web").claim("typ", "Bearer");

    assert_eq!(judge(&issuer, Profile::RFC9068, &token), "wrong_type");
    let typed = token.header("typ", "at+jwt");
    assert_eq!(judge(&issuer, Profile::RFC9068, &typed), "claim_missing");
}

#[test]
fn rfc_9068_without_idtyp_tells_apps_by_their_subject() {
    let issuer = issuer();
    let profile = compat::RFC9068_WITHOUT_IDTYP;
    let token = issuer.app_token("orders").audience(AUDIENCE).without("idtyp");

    assert_eq!(judge(&issuer, profile, &token), "app orders");
    assert_eq!(
        judge(&issuer, profile, &token.clone().claim("sub", "alice")),
        "user alice by orders"
    );
    assert_eq!(judge(&issuer, profile, &token.header("typ", "JWT")), "wrong_type");
}

#[test]
fn auth0_names_the_client_in_azp() {
    let issuer = issuer();
    let app = bare(&issuer, "abc@clients").claim("azp", "abc");
    let user = bare(&issuer, "auth0|1").claim("azp", "abc").claim("scope", "read");

    assert_eq!(judge(&issuer, compat::AUTH0, &app), "app abc");
    assert_eq!(judge(&issuer, compat::AUTH0, &user), "user auth0|1 by abc");
    let pretender = bare(&issuer, "abc@clients").claim("azp", "other");
    assert_eq!(judge(&issuer, compat::AUTH0, &pretender), "user abc@clients by other");
    assert_eq!(judge(&issuer, compat::AUTH0, &bare(&issuer, "auth0|1")), "claim_missing");
}

#[test]
fn entra_keeps_its_id_tokens_out() {
    let issuer = issuer();
    let user = bare(&issuer, "s").claim("azp", "web").claim("scp", "a b");
    let app = bare(&issuer, "s").claim("appid", "job").claim("roles", json!(["r"]));
    let id_token = bare(&issuer, "s").claim("nonce", "n");

    assert_eq!(judge(&issuer, compat::ENTRA, &user), "user s by web");
    assert_eq!(judge(&issuer, compat::ENTRA, &app), "app job");
    assert_eq!(judge(&issuer, compat::ENTRA, &id_token), "claim_missing");
    let verified = verifier(&issuer, compat::ENTRA).try_verify(&user.mint()).unwrap();
    assert!(verified.has_scope("a") && verified.has_scope("b"));
}

#[test]
fn cognito_has_the_audience_in_client_id() {
    let issuer = issuer();
    let token = bare(&issuer, "u-1")
        .without("aud")
        .without_header("typ")
        .claim("jti", "1")
        .claim("client_id", AUDIENCE)
        .claim("token_use", "access");

    assert_eq!(judge(&issuer, compat::COGNITO, &token), format!("user u-1 by {AUDIENCE}"));
    let other = token.clone().claim("client_id", "other");
    assert_eq!(judge(&issuer, compat::COGNITO, &other), "wrong_audience");
    let id_token = token.claim("token_use", "id");
    assert_eq!(judge(&issuer, compat::COGNITO, &id_token), "wrong_kind");
}

#[test]
fn keycloak_keeps_its_id_and_refresh_tokens_out() {
    let issuer = issuer();
    let user = bare(&issuer, "u").claim("azp", "web").claim("jti", "1").claim("typ", "Bearer");
    let app = user.clone().claim("client_id", "web");

    assert_eq!(judge(&issuer, compat::KEYCLOAK, &user), "user u by web");
    assert_eq!(judge(&issuer, compat::KEYCLOAK, &app), "app web");
    for typ in ["ID", "Refresh", "Offline"] {
        let other = user.clone().claim("typ", typ);
        assert_eq!(judge(&issuer, compat::KEYCLOAK, &other), "wrong_kind", "{typ}");
    }
}
