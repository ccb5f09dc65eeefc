//! Refresh tokens (RFC 9449 §5): those of a public client are bound to the key, those of a confidential one to its
//! credential.

use countersign::registry::ClientAuthentication;
use countersign_verifier::testing::TestHolder;

use super::{proof, refused, token};
use crate::harness::{Answer, Issuer};
use crate::people::{Browser, CALLBACK, VERIFIER};

/// A public client `app` and a confidential one `web` with its secret.
async fn world() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    issuer.web("app", |client, _| client.auth = ClientAuthentication::None).await;
    (issuer, secret)
}

async fn redeem(issuer: &Issuer, client: &[(&str, &str)], holder: Option<&TestHolder>) -> Answer {
    let code = Browser::new(issuer).code(client[0].1, &[]).await;
    let parameters = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    token(issuer, holder, &[client, &parameters].concat()).await
}

async fn refresh(
    issuer: &Issuer,
    client: &[(&str, &str)],
    (refresh_token, holder): (&str, Option<&TestHolder>),
) -> Answer {
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    token(issuer, holder, &[client, &parameters].concat()).await
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn r25_r28_the_refresh_token_of_a_public_client_is_for_who_holds_the_key() {
    let (issuer, _) = world().await;
    let app = [("client_id", "app")];
    let (holder, thief) = (TestHolder::new(), TestHolder::new());
    let first = refresh_token(&redeem(&issuer, &app, Some(&holder)).await);

    let without = refresh(&issuer, &app, (&first, None)).await;
    let stolen = refresh(&issuer, &app, (&first, Some(&thief))).await;
    let honest = refresh(&issuer, &app, (&first, Some(&holder))).await;

    assert_eq!(without.error(), refused("invalid_grant"));
    assert_eq!(stolen.error(), refused("invalid_grant"));
    assert_eq!((honest.status.as_u16(), &honest.json()["token_type"]), (200, &"DPoP".into()));
    assert_eq!(honest.claims()["cnf"]["jkt"], holder.jkt());
    let second = refresh_token(&honest);
    let other = refresh(&issuer, &app, (&second, Some(&thief))).await;
    assert_eq!(other.error(), refused("invalid_grant"), "it stays bound");
    assert_eq!(refresh(&issuer, &app, (&second, Some(&holder))).await.status, 200);
}

#[tokio::test]
async fn the_refresh_token_of_a_confidential_client_is_not_bound_but_what_it_gives_is() {
    let (issuer, secret) = world().await;
    let web = [("client_id", "web"), ("client_secret", secret.as_str())];
    let (one, other) = (TestHolder::new(), TestHolder::new());
    let first = refresh_token(&redeem(&issuer, &web, Some(&one)).await);

    let rotated = refresh(&issuer, &web, (&first, Some(&other))).await;
    let plain = refresh(&issuer, &web, (&refresh_token(&rotated), None)).await;

    assert_eq!(rotated.claims()["cnf"]["jkt"], other.jkt(), "it may change its key");
    assert_eq!((&plain.json()["token_type"], plain.claims().get("cnf")), (&"Bearer".into(), None));
}

#[tokio::test]
async fn a_family_that_began_without_a_key_goes_on_without_one() {
    let (issuer, _) = world().await;
    let app = [("client_id", "app")];
    let holder = TestHolder::new();
    let first = refresh_token(&redeem(&issuer, &app, None).await);

    let bound = refresh(&issuer, &app, (&first, Some(&holder))).await;
    let plain = refresh(&issuer, &app, (&refresh_token(&bound), None)).await;

    assert_eq!(bound.claims()["cnf"]["jkt"], holder.jkt());
    assert_eq!(plain.status, 200);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_to_a_new_proof_of_the_same_key() {
    let (issuer, _) = world().await;
    let app = [("client_id", "app")];
    let (holder, thief) = (TestHolder::new(), TestHolder::new());
    let first = refresh_token(&redeem(&issuer, &app, Some(&holder)).await);

    let second = refresh(&issuer, &app, (&first, Some(&holder))).await;
    let again = refresh(&issuer, &app, (&first, Some(&holder))).await;
    let stolen = refresh(&issuer, &app, (&first, Some(&thief))).await;

    assert_eq!(refresh_token(&second), refresh_token(&again));
    assert_eq!(stolen.error(), refused("invalid_grant"));
    let replay = proof(&issuer, &holder, ("POST", "/token")).mint();
    let form = [app[0], ("grant_type", "refresh_token"), ("refresh_token", &refresh_token(&again))];
    let once = super::post(&issuer, "/token", &form, &[&replay]).await;
    let form = [app[0], ("grant_type", "refresh_token"), ("refresh_token", &refresh_token(&once))];
    let twice = super::post(&issuer, "/token", &form, &[&replay]).await;
    assert_eq!((once.status.as_u16(), twice.error()), (200, refused("invalid_dpop_proof")));
}
