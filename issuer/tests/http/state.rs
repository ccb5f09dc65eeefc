//! State × grant: what is disabled or deleted gets nothing, from any grant, at the next heartbeat
//! (CVE-2025-64521, CVE-2024-46999, CVE-2026-43983).

use countersign::store::Actor;

use crate::harness::{Issuer, PAYMENTS, START};

#[tokio::test]
async fn cve_2025_64521_cve_2024_46999_each_state_that_forbids_a_token_forbids_it() {
    let act = Actor::node().at(START);
    let id = "orders".parse().unwrap();
    for state in
        ["client disabled", "client deleted", "resource disabled", "resource deleted", "scope gone"]
    {
        let issuer = Issuer::new().await;
        let secret = issuer.client("orders", |_| {}).await;
        assert_eq!(issuer.token_as("orders", &secret, &[]).await.status, 200);

        let store = &issuer.app.store;
        let expected = match state {
            "client disabled" => {
                store
                    .update_client(&id, &act, |client| {
                        client.enabled = false;
                        Ok(())
                    })
                    .await
                    .unwrap();
                "invalid_client"
            }
            "client deleted" => {
                store.delete_client(&id, &act).await.unwrap();
                "invalid_client"
            }
            "resource disabled" => {
                store
                    .update_resource(PAYMENTS, &act, |resource| {
                        resource.enabled = false;
                        Ok(())
                    })
                    .await
                    .unwrap();
                "invalid_target"
            }
            "resource deleted" => {
                store.delete_resource(PAYMENTS, &act).await.unwrap();
                "invalid_target"
            }
            _ => {
                store
                    .update_resource(PAYMENTS, &act, |resource| {
                        resource.scopes.retain(|scope| scope != "payments:read");
                        Ok(())
                    })
                    .await
                    .unwrap();
                "invalid_scope"
            }
        };
        issuer.follow().await;
        let answer = issuer.token_as("orders", &secret, &[("scope", "payments:read")]).await;

        assert_eq!(answer.error().1, expected, "{state}");
    }
}
