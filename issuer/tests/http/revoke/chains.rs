//! Revoking the origin revokes what came from it: chains of three exchanges, and each kind of entry against each link.

use countersign::registry::ClientId;
use countersign::store::{Act, Actor, ByHand};
use serde_json::Value;

use crate::exchange::{Fleet, access_token, onward, rule};
use crate::harness::{PAYMENTS, START};
use crate::people::payload;

const ORDERS: &str = crate::exchange::ORDERS;
const LEDGER: &str = "https://ledger.example";

/// The token of a sign-in, what `orders` got for it, and what `payments` got for that.
struct Chain {
    fleet: Fleet,
    links: [String; 3],
    inspector: String,
}

fn act() -> Act {
    Actor::node().at(START)
}

fn client(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

impl Chain {
    async fn new() -> Self {
        let fleet = Fleet::new(vec![rule()], vec![onward()]).await;
        let inspector = fleet.issuer.client("inspector", |client| {
            client.introspects = [ORDERS, PAYMENTS, LEDGER].map(str::to_owned).into();
        });
        let inspector = inspector.await;
        let signed_in = fleet.sign_in().await;
        let first = signed_in["access_token"].as_str().unwrap().to_owned();
        let second = access_token(&fleet.exchange("orders", &first, &[]).await);
        let third = access_token(&fleet.exchange("payments", &second, &[]).await);
        Self { fleet, links: [first, second, third], inspector }
    }

    fn claims(&self, link: usize) -> Value {
        payload(&self.links[link].as_str().into())
    }

    fn text(&self, link: usize, claim: &str) -> String {
        self.claims(link)[claim].as_str().unwrap().to_owned()
    }

    /// Which of the three are good.
    async fn active(&self) -> [bool; 3] {
        let mut active = [false; 3];
        for (is_active, token) in active.iter_mut().zip(&self.links) {
            let by = ("inspector", self.inspector.as_str());
            *is_active = self.fleet.issuer.is_active(by, token).await;
        }
        active
    }

    async fn revoke(&self, what: ByHand) {
        self.fleet.issuer.app.store.revoke_by_hand(&what, &act()).await.unwrap();
    }
}

#[tokio::test]
async fn every_link_carries_what_it_can_be_revoked_by() {
    let chain = Chain::new().await;

    for claim in ["sub", "sid", "grant_id"] {
        let [first, second, third] = [0, 1, 2].map(|link| chain.text(link, claim));
        assert_eq!((&first, &first), (&second, &third), "{claim}");
    }
    assert_eq!(chain.active().await, [true; 3]);
}

#[tokio::test]
async fn each_kind_of_entry_ends_the_link_that_it_names_and_all_after_it() {
    let user = || "ada".to_owned();
    for (what, expected) in [
        ("jti of the first", [false, false, false]),
        ("jti of the second", [true, false, false]),
        ("jti of the third", [true, true, false]),
        ("sid", [false, false, false]),
        ("grant_id", [false, false, false]),
        ("sub", [false, false, false]),
        ("origin client", [false, false, false]),
        ("client of the second", [true, false, false]),
        ("client of the third", [true, true, false]),
        ("sub at the origin", [false, false, false]),
        ("sub at the client of the third", [true, true, false]),
        ("scope of the first", [false, true, true]),
    ] {
        let chain = Chain::new().await;

        match what {
            "jti of the first" => chain.revoke(ByHand::Token(chain.text(0, "jti"))).await,
            "jti of the second" => chain.revoke(ByHand::Token(chain.text(1, "jti"))).await,
            "jti of the third" => chain.revoke(ByHand::Token(chain.text(2, "jti"))).await,
            "sid" => {
                let session = chain.text(0, "sid").parse().unwrap();
                chain.revoke(ByHand::Session(session)).await;
            }
            "grant_id" => {
                let grant = chain.text(0, "grant_id").parse().unwrap();
                chain.fleet.issuer.app.store.revoke_grant(grant, START).await.unwrap();
            }
            "sub" => chain.revoke(ByHand::User(user())).await,
            "origin client" => chain.revoke(ByHand::Client(client("web"))).await,
            "client of the second" => chain.revoke(ByHand::Client(client("orders"))).await,
            "client of the third" => chain.revoke(ByHand::Client(client("payments"))).await,
            "sub at the origin" => chain.revoke(ByHand::Consent(user(), client("web"))).await,
            "sub at the client of the third" => {
                chain.revoke(ByHand::Consent(user(), client("payments"))).await;
            }
            _ => {
                let scope = "orders:read".to_owned();
                chain.revoke(ByHand::Scope(user(), client("web"), scope)).await;
            }
        }

        assert_eq!(chain.active().await, expected, "{what}");
    }
}

#[tokio::test]
async fn nothing_comes_of_a_revoked_link_any_more() {
    let chain = Chain::new().await;
    let by = ("web", chain.fleet.secret("web"));

    assert_eq!(chain.fleet.issuer.revoke(by, &chain.links[0]).await.status, 200);

    assert_eq!(chain.active().await, [false; 3]);
    for (who, token) in [("orders", &chain.links[0]), ("payments", &chain.links[1])] {
        let refused = chain.fleet.exchange(who, token, &[]).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{who}");
    }
}

#[tokio::test]
async fn an_exchange_at_a_node_that_has_not_heard_yet_gives_nothing_that_lasts() {
    let chain = Chain::new().await;
    let node = chain.fleet.issuer.node().await;
    chain.revoke(ByHand::Client(client("web"))).await;

    // The node takes the token that was revoked elsewhere a moment ago.
    let parameters = [
        ("grant_type", crate::exchange::GRANT),
        ("subject_token", chain.links[1].as_str()),
        ("subject_token_type", crate::exchange::ACCESS_TOKEN),
    ];
    let secret = chain.fleet.secret("payments");
    let laundered = access_token(&node.token_by("payments", secret, &parameters).await);

    let by = ("inspector", chain.inspector.as_str());
    assert!(!chain.fleet.issuer.is_active(by, &laundered).await);
    node.follow().await;
    assert!(!node.is_active(by, &laundered).await);
}
