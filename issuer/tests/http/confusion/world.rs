//! An issuer at which one client uses everything, and a user who is signed in.

use countersign::config::GatewayRoute;
use countersign::protocol::Identity;
use countersign::registry::{
    ActingRule, AssertionRule, Client, ClientAuthentication, ClientKeys, Encryption,
    EncryptionKeys, Permission, Semantics, SignIn, Whom,
};
use countersign_keys::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use countersign_keys::jws::sign_compact;
use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::testing::{TestClock, TestHolder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::exchange::{GRANT as EXCHANGE, ORDERS};
use crate::feed::FEED;
use crate::harness::{Answer, Issuer, PAYMENTS, START, form};
use crate::mtls::Holder;
use crate::people::{Browser, CALLBACK, VERIFIER, challenge, payload};
use crate::signals::SSF;
use crate::workload::{Cluster, POD, rule, trusting, workload};
use crate::{assertion, device, dpop};

pub(super) const LEDGER: &str = "https://ledger.example";
pub(super) const CLIENT_ASSERTION_TYPE: &str =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An issuer that refuses without end, and a cluster that it trusts.
pub(super) async fn issuer() -> (Issuer, Cluster) {
    let cluster = Cluster::start(Algorithm::Es256).await;
    let trusting = trusting(cluster.settings());
    let issuer = Issuer::with(|config| {
        trusting(config);
        config.client_authentication.failures_per_minute_per_address = 10_000;
        config.client_authentication.failures_per_minute_per_client = 10_000;
        config.gateway.insert("orders".to_owned(), route());
    })
    .await;
    (issuer, cluster)
}

/// A gateway that lets everybody through to one service.
fn route() -> GatewayRoute {
    GatewayRoute {
        host: "orders.example".to_owned(),
        trusted: vec!["10.0.0.7/32".parse().unwrap()],
        client_id: "web".to_owned(),
        resource: ORDERS.to_owned(),
        identities: Identity::ALL.to_vec(),
        ..GatewayRoute::default()
    }
}

pub(super) struct World<'i> {
    pub(super) issuer: &'i Issuer,
    pub(super) cluster: Cluster,
    pub(super) browser: Browser<'i>,
    /// The one key of the client: it signs assertions, request objects and proofs.
    pub(super) key: TestHolder,
    pub(super) certificate: Holder,
    /// What the ledger opens its tokens with.
    pub(super) ledger: DecryptionKey,
    pub(super) batch: String,
    /// What the client got when the user signed in, for the issuer itself.
    pub(super) tokens: Value,
    /// The access token of these, bound to the key.
    pub(super) bound: String,
}

impl<'i> World<'i> {
    pub(super) async fn furnish(issuer: &'i Issuer, cluster: Cluster) -> Self {
        let ledger = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
        resources(issuer, &ledger).await;
        let ada = issuer.user("ada").await;
        let key = TestHolder::new().clock(TestClock::at(START));
        issuer.web("web", everything(&key, ada)).await;
        let batch = issuer.client("batch", gateway(&key, ada)).await;
        let keys = keys(&key);
        let pod = workload(vec![rule(&cluster.url, POD, &[])]);
        issuer
            .client("pod", |client| {
                pod(client);
                client.keys = keys;
            })
            .await;
        for (client, own) in [("follower", (FEED, "feed:read")), ("receiver", (SSF, "ssf.manage"))]
        {
            let permissions = vec![permission(own.0, own.1)];
            issuer.client(client, |client| client.permissions = permissions).await;
        }
        let certificate = Holder::self_signed(|_| {});
        let (browser, tokens, bound) = (Browser::new(issuer), Value::Null, String::new());
        let world =
            Self { issuer, cluster, browser, key, certificate, ledger, batch, tokens, bound };
        let tokens = world.sign_in(&[]).await;
        let cnf = json!({ "jkt": world.key.jkt() });
        let bound = world.changed(&tokens["access_token"], |claims| claims["cnf"] = cnf);
        Self { tokens, bound, ..world }
    }

    /// The tokens of the user, who signs in unless that is done: for the issuer, or with more for somebody else.
    pub(super) async fn sign_in(&self, more: &[(&str, &str)]) -> Value {
        let scope = [("scope", "openid profile offline_access")];
        let code = self.browser.code("web", if more.is_empty() { &scope } else { more }).await;
        let answer = self.redeem(&code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub(super) async fn redeem(&self, code: &str) -> Answer {
        self.web(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    /// Asks as the client, which authenticates with an assertion of its own.
    pub(super) async fn web(&self, parameters: &[(&str, &str)]) -> Answer {
        let credential = self.sign("JWT", &self.assertion_about("web"));
        self.issuer.token(&[&credentials(&credential)[..], parameters].concat()).await
    }

    /// The same with a proof.
    pub(super) async fn web_with_proof(&self, parameters: &[(&str, &str)], proof: &str) -> Answer {
        let credential = self.sign("JWT", &self.assertion_about("web"));
        let parameters = [&credentials(&credential)[..], parameters].concat();
        dpop::post(self.issuer, "/token", &parameters, &[proof]).await
    }

    /// Signs with the key of the client.
    pub(super) fn sign(&self, typ: &str, claims: &Value) -> String {
        sign_compact(self.key.key(), typ, claims.to_string().as_bytes()).unwrap()
    }

    /// Signs with the key of the issuer.
    pub(super) fn sign_as_issuer(&self, typ: &str, claims: &Value) -> String {
        let live = self.issuer.app.keychain.live();
        let key = live.rings()[0].active().unwrap();
        sign_compact(key, typ, claims.to_string().as_bytes()).unwrap()
    }

    /// The claims of an assertion of the client.
    pub(super) fn assertion_about(&self, sub: &str) -> Value {
        json!({
            "iss": "web", "sub": sub, "aud": "https://issuer.example",
            "jti": countersign::random::jti(), "iat": self.issuer.clock.now(), "exp": START + 60,
        })
    }

    /// The claims of a request object.
    pub(super) fn request(&self) -> Value {
        json!({
            "iss": "web", "aud": "https://issuer.example", "client_id": "web",
            "iat": self.issuer.clock.now(), "nbf": START, "exp": START + 300,
            "jti": countersign::random::jti(), "response_type": "code", "redirect_uri": CALLBACK,
            "scope": "openid", "state": "s1", "code_challenge": challenge(),
            "code_challenge_method": "S256",
        })
    }

    /// A token of the issuer with something changed.
    pub(super) fn changed(&self, token: &Value, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = payload(token);
        change(&mut claims);
        self.sign_as_issuer("at+jwt", &claims)
    }

    /// The code of a device, to which the user has said yes.
    pub(super) async fn device_code(&self) -> String {
        let credential = self.sign("JWT", &self.assertion_about("web"));
        let asked = [&credentials(&credential)[..], &[("scope", "openid")]].concat();
        let device = device::ask(self.issuer, &asked).await.json();
        let user_code = device["user_code"].as_str().unwrap();
        let question = device::enter(&self.browser, user_code).await;
        assert_eq!(device::say(&self.browser, &question, "accept").await.status, 200);
        device["device_code"].as_str().unwrap().to_owned()
    }
}

/// What a client with an assertion sends in every form.
pub(super) fn credentials(assertion: &str) -> [(&str, &str); 3] {
    [
        ("client_id", "web"),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_assertion", assertion),
    ]
}

/// What `/par` is sent, as a form.
pub(super) fn pushed(assertion: &str, object: &str) -> String {
    form(&[&credentials(assertion)[..], &[("request", object)]].concat())
}

async fn resources(issuer: &Issuer, ledger: &DecryptionKey) {
    let set = json!({ "keys": [ledger.encryption_key().to_jwk()] }).to_string();
    let keys = EncryptionKeys::parse(&set).unwrap();
    let encryption = Encryption { keys, enc: ContentEncryption::A256Gcm };
    issuer.resource(FEED, |resource| resource.scopes = vec!["feed:read".to_owned()]).await;
    issuer.resource(SSF, |resource| resource.scopes = vec!["ssf.manage".to_owned()]).await;
    issuer.resource(ORDERS, |resource| resource.scopes = vec!["orders:read".to_owned()]).await;
    issuer.resource(LEDGER, |resource| resource.encryption = Some(encryption)).await;
}

fn keys(key: &TestHolder) -> ClientKeys {
    ClientKeys::Inline(JwkSet::from_keys([key.key().verifying_key().clone()]))
}

fn permission(resource: &str, scope: &str) -> Permission {
    let (resource, scopes) = (resource.to_owned(), vec![scope.to_owned()]);
    Permission { resource, scopes, roles: Vec::new() }
}

fn acting(audience: &str, resource: &str, scope: &str) -> ActingRule {
    ActingRule {
        audience: audience.to_owned(),
        resource: resource.to_owned(),
        needs: None,
        scopes: vec![scope.to_owned()],
        identities: Identity::ALL.to_vec(),
        semantics: Semantics::Delegation,
    }
}

fn asserting(ada: Uuid) -> AssertionRule {
    AssertionRule {
        whom: Whom::User(ada),
        resource: ORDERS.to_owned(),
        scopes: vec!["orders:read".to_owned()],
        lifetime: 300,
        reason_required: false,
    }
}

/// A client that may do all that a client can do.
fn everything(key: &TestHolder, ada: Uuid) -> impl FnOnce(&mut Client, &mut SignIn) {
    let keys = keys(key);
    move |client, sign_in| {
        client.auth = ClientAuthentication::PrivateKeyJwt;
        client.keys = keys;
        let more = ["client_credentials", assertion::GRANT, EXCHANGE, device::GRANT];
        client.grants.extend(more.map(str::to_owned));
        client.permissions =
            vec![permission(ORDERS, "orders:read"), permission(LEDGER, "payments:read")];
        client.acting_rules = vec![acting(ORDERS, PAYMENTS, "payments:read")];
        client.assertion_rules = vec![asserting(ada)];
        sign_in.userinfo_signed_response_alg = Some(Algorithm::Es256);
    }
}

/// A client in front of the other: it hands tokens on, and names users.
fn gateway(key: &TestHolder, ada: Uuid) -> impl FnOnce(&mut Client) {
    let keys = keys(key);
    move |client| {
        client.keys = keys;
        let grants = ["client_credentials", assertion::GRANT, EXCHANGE];
        client.grants = grants.map(str::to_owned).into();
        client.permissions = vec![permission(ORDERS, "orders:read")];
        client.acting_rules = vec![acting(PAYMENTS, ORDERS, "orders:read")];
        client.introspects = vec![ORDERS.to_owned()];
        client.assertion_rules = vec![asserting(ada)];
    }
}
