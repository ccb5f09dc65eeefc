//! Clients and resources that take nothing but bound tokens (RFC 9449 §5.2).

use countersign::registry::RequiredBinding;
use countersign_verifier::testing::TestHolder;

use super::{refused, token};
use crate::harness::{Answer, Issuer, PAYMENTS};

async fn ask(
    issuer: &Issuer,
    (client, secret): (&str, &str),
    holder: Option<&TestHolder>,
) -> Answer {
    let parameters =
        [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    token(issuer, holder, &parameters).await
}

#[tokio::test]
async fn a_client_that_is_registered_for_bound_tokens_gets_no_others() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |client| client.dpop_bound_access_tokens = true).await;

    let plain = ask(&issuer, ("orders", &secret), None).await;
    let bound = ask(&issuer, ("orders", &secret), Some(&TestHolder::new())).await;

    assert_eq!(plain.error(), refused("invalid_dpop_proof"));
    assert_eq!(bound.json()["token_type"], "DPoP");
}

#[tokio::test]
async fn a_resource_that_demands_bound_tokens_gets_no_others_from_any_client() {
    let issuer = Issuer::new().await;
    issuer
        .resource("https://ledger.example", |resource| {
            resource.required_binding = Some(RequiredBinding::Dpop);
        })
        .await;
    let secret = issuer
        .client("orders", |client| {
            "https://ledger.example".clone_into(&mut client.permissions[0].resource);
        })
        .await;
    let elsewhere = issuer.client("batch", |_| {}).await;

    let plain = ask(&issuer, ("orders", &secret), None).await;
    let bound = ask(&issuer, ("orders", &secret), Some(&TestHolder::new())).await;
    let other = ask(&issuer, ("batch", &elsewhere), None).await;

    assert_eq!(plain.error(), refused("invalid_dpop_proof"));
    assert_eq!(
        (bound.status.as_u16(), &bound.claims()["aud"]),
        (200, &"https://ledger.example".into())
    );
    assert_eq!((other.status.as_u16(), &other.claims()["aud"]), (200, &PAYMENTS.into()));
}
