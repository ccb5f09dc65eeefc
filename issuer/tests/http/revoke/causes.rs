//! Whatever takes something back revokes the tokens that came of it, on every node; and never those that come after.

use countersign::credentials::Password;
use countersign::registry::{ClientId, User};
use countersign::signing::{Rotation, Turn};
use countersign::store::{Act, Actor, ByHand};
use uuid::Uuid;

use crate::harness::{Issuer, PAYMENTS, START};
use crate::people::{Browser, payload};

const AT_PAYMENTS: [(&str, &str); 2] =
    [("scope", "openid offline_access payments:read"), ("resource", PAYMENTS)];

/// Ada signed in at a web client; a service knows whether her token is good.
struct Stage {
    issuer: Issuer,
    ada: Uuid,
    web: String,
    service: String,
    code: String,
    token: String,
    refresh_token: String,
}

fn act() -> Act {
    Actor::node().at(START)
}

fn web() -> ClientId {
    ClientId::parse("web").unwrap()
}

impl Stage {
    async fn new() -> Self {
        let issuer = Issuer::new().await;
        let ada = issuer.user("ada").await;
        let web = issuer.web("web", |_, _| {}).await;
        let service =
            issuer.client("payments", |client| client.introspects = vec![PAYMENTS.to_owned()]);
        let service = service.await;
        let code = Browser::new(&issuer).code("web", &AT_PAYMENTS).await;
        let tokens = issuer.redeem("web", &web, &code).await.json();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (token, refresh_token) = (text("access_token"), text("refresh_token"));
        Self { issuer, ada, web, service, code, token, refresh_token }
    }

    async fn is_active_at(&self, node: &Issuer) -> bool {
        node.is_active(("payments", &self.service), &self.token).await
    }

    async fn session(&self) -> Uuid {
        self.issuer.app.store.sessions_of(self.ada).await.unwrap()[0].id
    }

    async fn by_hand(&self, what: ByHand) {
        let act = act().because(Some("a laptop was stolen".to_owned()));
        self.issuer.app.store.revoke_by_hand(&what, &act).await.unwrap();
        let record = self.issuer.app.store.audit_events(1).await.unwrap().remove(0);
        assert_eq!(record.detail["reason"], "a laptop was stolen", "{record:?}");
    }

    async fn replay_code(&self) {
        let answer = self.issuer.redeem("web", &self.web, &self.code).await;
        assert_eq!(answer.error().1, "invalid_grant");
    }

    async fn replay_refresh_token(&self) {
        let refresh = async |token: &str| self.issuer.refresh("web", &self.web, token).await;
        let next = refresh(&self.refresh_token).await.json();
        refresh(next["refresh_token"].as_str().unwrap()).await;
        assert_eq!(refresh(&self.refresh_token).await.error().1, "invalid_grant");
    }

    async fn withdraw_key(&self) {
        let issuer = &self.issuer;
        let live = issuer.app.keychain.live().rings()[0].active().unwrap().kid().to_owned();
        let (config, store) = (&issuer.app.config, &issuer.app.store);
        let (masters, act) = (&issuer.app.masters, &act());
        let rotation = Rotation { config, store, masters, act };
        let ring = {
            let keys = issuer.app.keychain.live();
            let ring = &keys.rings()[0];
            (issuer.app.keychain.planned(ring, issuer.clock.elapsed()), ring.version)
        };
        assert_eq!(rotation.withdraw(&ring.0, ring.1, &live).await.unwrap(), Turn::Ours);
    }

    async fn take_back(&self, how: &str) {
        let store = &self.issuer.app.store;
        let edit_user = |user: &mut User| {
            user.enabled = false;
            Ok(())
        };
        match how {
            "sign-out" => drop(store.end_session(self.session().await, START).await.unwrap()),
            "sign-out of one session by its user" => {
                let whose = (self.ada, self.session().await);
                drop(store.end_own_session(whose, &act()).await.unwrap());
            }
            "sign-out everywhere" => {
                drop(store.sign_out_everywhere(self.ada, &act()).await.unwrap());
            }
            "sign-out by an administrator" => {
                assert_eq!(store.sign_out_user("ada", &act()).await.unwrap(), 1);
            }
            "password by an administrator" => {
                let credentials = &self.issuer.app.credentials;
                let account = credentials.account(self.ada).await.unwrap();
                let password = Password::typed("another long battery staple").unwrap();
                credentials.set_password(&account, password, &act()).await.unwrap();
            }
            "user disabled" => drop(store.update_user("ada", &act(), edit_user).await.unwrap()),
            "user deleted" => store.delete_user("ada", &act()).await.unwrap(),
            "client disabled" => {
                let edit = |client: &mut countersign::registry::Client| {
                    client.enabled = false;
                    Ok(())
                };
                drop(store.update_client(&web(), &act(), edit).await.unwrap());
            }
            "client deleted" => store.delete_client(&web(), &act()).await.unwrap(),
            "code replayed" => self.replay_code().await,
            "refresh token replayed" => self.replay_refresh_token().await,
            "consent withdrawn" => store.withdraw_consent(self.ada, "web", &act()).await.unwrap(),
            "key withdrawn" => self.withdraw_key().await,
            "by hand: token" => {
                let claims = payload(&self.token.as_str().into());
                self.by_hand(ByHand::Token(claims["jti"].as_str().unwrap().to_owned())).await;
            }
            "by hand: session" => self.by_hand(ByHand::Session(self.session().await)).await,
            "by hand: user" => self.by_hand(ByHand::User("ada".to_owned())).await,
            "by hand: consent" => self.by_hand(ByHand::Consent("ada".to_owned(), web())).await,
            "by hand: scope" => {
                let scope = "payments:read".to_owned();
                self.by_hand(ByHand::Scope("ada".to_owned(), web(), scope)).await;
            }
            "by hand: client" => self.by_hand(ByHand::Client(web())).await,
            other => unreachable!("{other}"),
        }
    }
}

const CAUSES: [&str; 19] = [
    "sign-out",
    "sign-out of one session by its user",
    "sign-out everywhere",
    "sign-out by an administrator",
    "password by an administrator",
    "user disabled",
    "user deleted",
    "client disabled",
    "client deleted",
    "code replayed",
    "refresh token replayed",
    "consent withdrawn",
    "key withdrawn",
    "by hand: token",
    "by hand: session",
    "by hand: user",
    "by hand: consent",
    "by hand: scope",
    "by hand: client",
];

#[tokio::test]
async fn cve_2023_0091_whatever_takes_back_takes_back_the_tokens_on_every_node() {
    for cause in CAUSES {
        let stage = Stage::new().await;
        let node = stage.issuer.node().await;
        assert!(stage.is_active_at(&node).await, "{cause}");

        stage.take_back(cause).await;

        // Where it was done, at once; elsewhere with the next heartbeat.
        let at_once = cause == "key withdrawn" || !stage.is_active_at(&stage.issuer).await;
        assert!(at_once, "{cause}");
        node.follow().await;
        assert!(!stage.is_active_at(&node).await, "{cause}");
        let restarted = stage.issuer.node().await;
        assert!(!stage.is_active_at(&restarted).await, "{cause}");
        let head = stage.issuer.app.store.newest_revocation().await.unwrap();
        assert_eq!((node.app.revocations.head(), restarted.app.revocations.head()), (head, head));
    }
}

#[tokio::test]
async fn a_password_that_changes_takes_back_what_was_given_in_the_session_that_stays_too() {
    let stage = Stage::new().await;
    let session = stage.session().await;
    let credentials = &stage.issuer.app.credentials;
    let account = credentials.account(stage.ada).await.unwrap();
    let password = Password::typed("another long battery staple").unwrap();

    let ended = credentials.change_password(&account, session, password).await.unwrap();

    assert!(ended.is_empty());
    assert_eq!(stage.session().await, session);
    assert!(!stage.is_active_at(&stage.issuer).await);
}

#[tokio::test]
async fn who_signs_in_again_at_once_has_tokens_that_are_good() {
    let stage = Stage::new().await;
    stage.issuer.app.store.sign_out_everywhere(stage.ada, &act()).await.unwrap();

    let code = Browser::new(&stage.issuer).code("web", &AT_PAYMENTS).await;
    let answer = stage.issuer.redeem("web", &stage.web, &code).await;

    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(answer.claims()["iat"], START + 3);
    assert_eq!(payload(&answer.json()["id_token"])["iat"], START + 3);
    assert!(!stage.is_active_at(&stage.issuer).await);
    assert!(stage.issuer.is_active(("payments", &stage.service), &token).await);
}

#[tokio::test]
async fn a_client_that_is_enabled_again_has_tokens_that_are_good() {
    let issuer = Issuer::new().await;
    let secret =
        issuer.client("orders", |client| client.introspects = vec![PAYMENTS.to_owned()]).await;
    let before = issuer.token_as("orders", &secret, &[]).await.json();
    for enabled in [false, true] {
        let edit = |client: &mut countersign::registry::Client| {
            client.enabled = enabled;
            Ok(())
        };
        let id = ClientId::parse("orders").unwrap();
        issuer.app.store.update_client(&id, &act(), edit).await.unwrap();
    }
    issuer.follow().await;

    let after = issuer.token_as("orders", &secret, &[]).await;

    assert_eq!(after.claims()["iat"], START + 7);
    let is_active = async |token: &serde_json::Value| {
        issuer.is_active(("orders", &secret), token["access_token"].as_str().unwrap()).await
    };
    assert!(!is_active(&before).await);
    assert!(is_active(&after.json()).await);
}

#[tokio::test]
async fn a_scope_that_is_revoked_does_not_come_back_by_refreshing() {
    let stage = Stage::new().await;
    stage.take_back("by hand: scope").await;

    let answer = stage.issuer.refresh("web", &stage.web, &stage.refresh_token).await;

    let scope = answer.json()["scope"].as_str().unwrap_or_default().to_owned();
    assert!(!scope.contains("payments:read"), "{}", answer.body);
}

#[tokio::test]
async fn r27_signing_out_elsewhere_is_no_business_of_another_session() {
    let stage = Stage::new().await;
    Browser::new(&stage.issuer).code("web", &AT_PAYMENTS).await;
    let sessions = stage.issuer.app.store.sessions_of(stage.ada).await.unwrap();
    let of_token = payload(&stage.token.as_str().into())["sid"].clone();
    let other = sessions.iter().find(|session| of_token != session.id.to_string()).unwrap();

    stage.issuer.app.store.end_session(other.id, START).await.unwrap();

    assert!(stage.is_active_at(&stage.issuer).await);
}
