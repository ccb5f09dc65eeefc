//! Token exchange (RFC 8693): a small fleet, orders → payments → ledger, behind one app that people sign in through.

mod chains;
mod policy;
mod standing;
mod tokens;

use countersign::config::Config;
use countersign::protocol::Identity;
use countersign::registry::{ActingRule, Client, ClientId, Semantics};
use countersign::signing::TokenType;
use countersign::store::Actor;
use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::testing::TestClock;
use countersign_verifier::{Caller, Verified, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Issuer, PAYMENTS, START};
use crate::people::Browser;

pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(crate) const ORDERS: &str = "https://orders.example";
const LEDGER: &str = "https://ledger.example";

/// An issuer, the services behind it with one secret each, and a user.
pub(crate) struct Fleet {
    pub(crate) issuer: Issuer,
    secrets: Vec<(&'static str, String)>,
    ada: Uuid,
}

/// For the users of tokens for orders: payments may be read.
pub(crate) fn rule() -> ActingRule {
    ActingRule {
        audience: ORDERS.to_owned(),
        resource: PAYMENTS.to_owned(),
        needs: None,
        scopes: vec!["payments:read".to_owned()],
        identities: vec![Identity::User],
        semantics: Semantics::Delegation,
    }
}

/// From payments to the ledger.
pub(crate) fn onward() -> ActingRule {
    ActingRule {
        audience: PAYMENTS.to_owned(),
        resource: LEDGER.to_owned(),
        scopes: vec!["ledger:read".to_owned()],
        ..rule()
    }
}

impl Fleet {
    /// `orders` and `payments` have these rules.
    pub(crate) async fn new(orders: Vec<ActingRule>, payments: Vec<ActingRule>) -> Self {
        Self::on(Issuer::new().await, orders, payments).await
    }

    async fn configured(edit: impl FnOnce(&mut Config)) -> Self {
        Self::on(Issuer::with(edit).await, Vec::new(), Vec::new()).await
    }

    async fn on(issuer: Issuer, orders: Vec<ActingRule>, payments: Vec<ActingRule>) -> Self {
        for (resource, scopes) in [
            (ORDERS, ["orders:read", "orders:write", "trace"]),
            (LEDGER, ["ledger:read", "ledger:write", "trace"]),
        ] {
            issuer.resource(resource, |it| it.scopes = scopes.map(str::to_owned).into()).await;
        }
        let ada = issuer.user("ada").await;
        let mut secrets = Vec::new();
        for (id, rules) in [("orders", orders), ("payments", payments)] {
            let secret = issuer.client(id, |client| {
                client.grants = vec![GRANT.to_owned(), "client_credentials".to_owned()];
                client.acting_rules = rules;
            });
            secrets.push((id, secret.await));
        }
        let web = issuer.web("web", |client, _| {
            ORDERS.clone_into(&mut client.permissions[0].resource);
            client.permissions[0].scopes = vec!["orders:read".to_owned(), "trace".to_owned()];
        });
        secrets.push(("web", web.await));
        Self { issuer, secrets, ada }
    }

    async fn with(orders: Vec<ActingRule>) -> Self {
        Self::new(orders, vec![onward()]).await
    }

    pub(crate) fn secret(&self, client: &str) -> &str {
        let (_, secret) = self.secrets.iter().find(|(id, _)| *id == client).unwrap();
        secret
    }

    /// The tokens of somebody who signed in at the web client and wants to see orders.
    pub(crate) async fn sign_in(&self) -> Value {
        let more = [("scope", "openid offline_access orders:read trace"), ("resource", ORDERS)];
        let code = Browser::new(&self.issuer).code("web", &more).await;
        let answer = self.issuer.redeem("web", self.secret("web"), &code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// What an access token of Ada says, for orders and through the web client, without a sign-in.
    fn claims(&self) -> Value {
        json!({
            "iss": "https://issuer.example", "sub": self.ada, "aud": ORDERS, "exp": START + 300,
            "iat": START, "jti": countersign::random::jti(), "client_id": "web", "idtyp": "user",
            "scope": "orders:read trace", "auth_time": START, "acr": "1", "amr": ["pwd"],
        })
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(TokenType::AccessToken, claims)
    }

    fn sign_as(&self, kind: TokenType, claims: &Value) -> String {
        let payload = claims.to_string();
        let live = self.issuer.app.keychain.live();
        live.sign(kind, Algorithm::Es256, payload.as_bytes()).unwrap()
    }

    /// A token of Ada for orders.
    fn token(&self) -> String {
        self.sign(&self.claims())
    }

    pub(crate) async fn exchange(
        &self,
        client: &str,
        token: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut parameters = vec![
            ("grant_type", GRANT),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        parameters.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        parameters.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        self.issuer.token_by(client, self.secret(client), &parameters).await
    }

    /// What a client sends to exchange a token.
    fn form<'f>(&'f self, client: &'f str, token: &'f str) -> [(&'f str, &'f str); 5] {
        [
            ("client_id", client),
            ("client_secret", self.secret(client)),
            ("grant_type", GRANT),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ]
    }

    /// As a service verifies it, alone.
    async fn verified(&self, audience: &str, token: &str) -> Verified {
        let jwks = self.issuer.get("/jwks").await;
        let (keys, _) = JwkSet::parse(jwks.body.as_bytes(), &[Algorithm::Es256]).unwrap();
        let verifier = Verifier::builder("https://issuer.example").audience(audience);
        let verifier = verifier.clock(TestClock::at(START)).build_with(keys).unwrap();
        verifier.try_verify(token).unwrap()
    }

    async fn edit(&self, client: &str, edit: impl FnOnce(&mut Client) + Send) {
        let id = ClientId::parse(client).unwrap();
        let act = Actor::node().at(START);
        let edit = |client: &mut Client| {
            edit(client);
            Ok(())
        };
        self.issuer.app.store.update_client(&id, &act, edit).await.unwrap();
        self.issuer.follow().await;
    }
}

pub(crate) fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_gets_a_token_to_the_next_that_says_for_whom_and_through_whom() {
    let fleet = Fleet::with(vec![rule()]).await;
    let signed_in = fleet.sign_in().await;
    let token = signed_in["access_token"].as_str().unwrap();
    let origin = crate::people::payload(&signed_in["access_token"]);

    let first = fleet.exchange("orders", token, &[("resource", PAYMENTS)]).await;
    let second = fleet.exchange("payments", &access_token(&first), &[("audience", LEDGER)]).await;

    let answer = first.json();
    assert_eq!(
        (&answer["token_type"], &answer["issued_token_type"]),
        (&json!("Bearer"), &json!(ACCESS_TOKEN))
    );
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let claims = first.claims();
    assert_eq!(claims["act"], json!({ "sub": "orders" }));
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!(PAYMENTS), &json!("payments:read")));
    assert_eq!((&claims["client_id"], &claims["idtyp"]), (&json!("orders"), &json!("user")));
    assert_eq!((&claims["roles"], &claims["groups"]), (&json!(["auditor"]), &json!(["staff"])));
    let last = second.claims();
    assert_eq!(last["act"], json!({ "sub": "payments", "act": { "sub": "orders" } }));
    assert_eq!(last["origin_client_id"], "web");
    assert_eq!(last["ancestor_jti"], json!([origin["jti"], claims["jti"]]));
    for kept in ["sub", "idtyp", "auth_time", "acr", "amr", "sid"] {
        assert!(!origin[kept].is_null(), "{kept}");
        assert_eq!((&claims[kept], &last[kept]), (&origin[kept], &origin[kept]), "{kept}");
    }
    let verified = fleet.verified(LEDGER, &access_token(&second)).await;
    let ada = fleet.ada.to_string();
    assert_eq!(verified.caller(), Caller::User { subject: &ada, client_id: "payments" });
    let hops: Vec<&str> = verified.actors().iter().map(|actor| actor.client_id).collect();
    assert_eq!((verified.origin_client_id(), hops), ("web", vec!["orders", "payments"]));
}

#[tokio::test]
async fn every_exchange_stands_in_the_audit_log_with_its_chain() {
    let fleet = Fleet::with(vec![rule()]).await;
    let claims = fleet.claims();

    let answer = fleet.exchange("orders", &fleet.sign(&claims), &[]).await;
    fleet.exchange("orders", &fleet.token(), &[("resource", LEDGER)]).await;

    let audited = std::fs::read_to_string(fleet.issuer.app.config.audit_file()).unwrap();
    let lines: Vec<Value> =
        audited.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [.., issued, refused] = lines.as_slice() else { panic!("two lines") };
    assert_eq!((&issued["grant"], &issued["client_id"]), (&json!(GRANT), &json!("orders")));
    assert_eq!((&issued["user"], &issued["actors"]), (&claims["sub"], &json!(["orders"])));
    assert_eq!((&issued["parent_jti"], &issued["jti"]), (&claims["jti"], &answer.claims()["jti"]));
    assert_eq!(
        (&refused["event"], &refused["error"]),
        (&json!("token_refused"), &json!("invalid_target"))
    );
}
