//! One of each kind, fresh and without a fault.

use axum::body::Body;
use countersign_keys::jws::sign_compact;
use http::{Request, header};
use serde_json::{Value, json};

use super::world::{LEDGER, World};
use crate::exchange::{ACCESS_TOKEN, GRANT as EXCHANGE, ORDERS};
use crate::feed::FEED;
use crate::harness::{Answer, PAYMENTS, START, form};
use crate::people::payload;
use crate::signals::SSF;
use crate::{assertion, dpop};

const FOR_ORDERS: [(&str, &str); 2] = [("scope", "openid orders:read"), ("resource", ORDERS)];

/// What is presented.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    // Access tokens for orders, which the client may exchange.
    AppToken,
    OwnAppToken,
    UserToken,
    AssertedToken,
    ExchangedToken,
    AppTokenOfKey,
    UserTokenOfCertificate,
    // Access tokens for the issuer itself.
    UserInfoToken,
    UserInfoTokenOfKey,
    UserInfoTokenOfCertificate,
    // One for the feed.
    FeedToken,
    // One for streams of signals.
    ReceiverToken,
    // What else the issuer signs.
    EncryptedToken,
    IdToken,
    LogoutToken,
    UserInfoAnswer,
    SecurityEvent,
    FeedMessage,
    IntrospectionAnswer,
    StatusList,
    // What the client signs.
    ClientAssertion,
    TypedClientAssertion,
    UserAssertion,
    UserAssertionOfAnother,
    RequestObject,
    UntypedRequestObject,
    ProofForToken,
    ProofForUserInfo,
    // What an issuer outside signs about a workload.
    WorkloadToken,
    WorkloadIdToken,
    WorkloadAccessToken,
    WorkloadSecurityEvent,
    // What nobody can read.
    Code,
    RefreshToken,
    DeviceCode,
}

impl World<'_> {
    pub(super) async fn mint(&self, kind: Kind) -> String {
        match kind {
            Kind::AppToken => access_token(&self.batch("client_credentials", &[]).await),
            Kind::OwnAppToken => self.own_app_token(ORDERS).await,
            Kind::EncryptedToken => self.own_app_token(LEDGER).await,
            Kind::AssertedToken => self.asserted_token().await,
            Kind::ExchangedToken => self.exchanged_token().await,
            Kind::AppTokenOfKey => self.app_token_of_key().await,
            Kind::UserToken => text(&self.sign_in(&FOR_ORDERS).await["access_token"]),
            Kind::UserTokenOfCertificate => {
                let tokens = self.sign_in(&FOR_ORDERS).await;
                self.of_certificate(&tokens["access_token"])
            }
            Kind::UserInfoToken => text(&self.tokens["access_token"]),
            Kind::UserInfoTokenOfKey => self.bound.clone(),
            Kind::UserInfoTokenOfCertificate => self.of_certificate(&self.tokens["access_token"]),
            Kind::IdToken => text(&self.tokens["id_token"]),
            Kind::LogoutToken => self.sign_as_issuer("logout+jwt", &self.logout()),
            Kind::UserInfoAnswer => {
                let token = text(&self.tokens["access_token"]);
                self.userinfo(&format!("Bearer {token}"), None, None).await.body
            }
            Kind::SecurityEvent => self.sign_as_issuer("secevent+jwt", &self.event()),
            Kind::FeedToken => self.feed_token().await,
            Kind::ReceiverToken => self.receiver_token().await,
            Kind::StatusList => {
                let mut claims = payload(&self.tokens["access_token"]);
                claims["ttl"] = 60.into();
                claims["status_list"] = json!({ "bits": 1, "lst": "eNoDAAAAAAE" });
                self.sign_as_issuer("statuslist+jwt", &claims)
            }
            Kind::FeedMessage => {
                let bearer = format!("Bearer {}", self.feed_token().await);
                let request = Request::get("/feed").header(header::AUTHORIZATION, bearer);
                self.issuer.send(request.body(Body::empty()).unwrap()).await.body
            }
            Kind::IntrospectionAnswer => self.introspection_answer().await,
            Kind::Code => self.browser.code("web", &[]).await,
            Kind::RefreshToken => text(&self.sign_in(&[]).await["refresh_token"]),
            Kind::DeviceCode => self.device_code().await,
            _ => self.signed_outside(kind),
        }
    }

    /// What others than the issuer sign.
    fn signed_outside(&self, kind: Kind) -> String {
        let workload = |typ: &str, claims: &Value| {
            sign_compact(&self.cluster.key, typ, claims.to_string().as_bytes()).unwrap()
        };
        match kind {
            Kind::ClientAssertion => self.sign("JWT", &self.assertion_about("web")),
            Kind::TypedClientAssertion => {
                self.sign("client-authentication+jwt", &self.assertion_about("web"))
            }
            Kind::UserAssertion => self.sign("JWT", &self.assertion_about("ada")),
            Kind::UserAssertionOfAnother => self.sign("JWT", &self.about_ada_by_batch()),
            Kind::RequestObject => self.sign("oauth-authz-req+jwt", &self.request()),
            Kind::UntypedRequestObject => self.sign("JWT", &self.request()),
            Kind::ProofForToken => dpop::proof(self.issuer, &self.key, ("POST", "/token")).mint(),
            Kind::ProofForUserInfo => self.proof_with(&self.bound),
            Kind::WorkloadToken => self.cluster.sign(&self.cluster.claims()),
            Kind::WorkloadIdToken => {
                let mut claims = self.cluster.claims();
                claims["auth_time"] = (START - 60).into();
                claims["nonce"] = "n1".into();
                workload("JWT", &claims)
            }
            Kind::WorkloadAccessToken => workload("at+jwt", &self.cluster.claims()),
            Kind::WorkloadSecurityEvent => workload("secevent+jwt", &self.cluster.claims()),
            other => unreachable!("{other:?}"),
        }
    }

    /// A proof for UserInfo, with this token.
    pub(super) fn proof_with(&self, token: &str) -> String {
        dpop::proof(self.issuer, &self.key, ("GET", "/userinfo")).with_token(token).mint()
    }

    async fn batch(&self, grant: &str, more: &[(&str, &str)]) -> Answer {
        let parameters = [&[("grant_type", grant)], more].concat();
        self.issuer.token_by("batch", &self.batch, &parameters).await
    }

    async fn feed_token(&self) -> String {
        self.own_resource_token("follower", FEED, "feed:read").await
    }

    async fn receiver_token(&self) -> String {
        self.own_resource_token("receiver", SSF, "ssf.manage").await
    }

    /// An app token for a resource of the issuer itself, of a client that has the scope.
    async fn own_resource_token(&self, client: &str, resource: &str, scope: &str) -> String {
        let token = access_token(&self.batch("client_credentials", &[]).await);
        self.changed(&token.into(), |claims| {
            claims["client_id"] = client.into();
            claims["sub"] = client.into();
            claims["aud"] = resource.into();
            claims["scope"] = scope.into();
        })
    }

    async fn introspection_answer(&self) -> String {
        let token = access_token(&self.batch("client_credentials", &[]).await);
        let by = [("client_id", "batch"), ("client_secret", self.batch.as_str())];
        let request = Request::post("/introspect")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/token-introspection+jwt")
            .body(Body::from(form(&[&by[..], &[("token", &token)]].concat())));
        self.issuer.send(request.unwrap()).await.body
    }

    async fn own_app_token(&self, resource: &str) -> String {
        let grant = [("grant_type", "client_credentials"), ("resource", resource)];
        access_token(&self.web(&grant).await)
    }

    async fn asserted_token(&self) -> String {
        let assertion = self.sign("JWT", &self.about_ada_by_batch());
        access_token(&self.batch(assertion::GRANT, &[("assertion", &assertion)]).await)
    }

    fn about_ada_by_batch(&self) -> Value {
        let mut claims = self.assertion_about("ada");
        claims["iss"] = "batch".into();
        claims
    }

    /// A token of the user that came through another client's hands.
    async fn exchanged_token(&self) -> String {
        let tokens = self.sign_in(&FOR_ORDERS).await;
        let before = self.changed(&tokens["access_token"], |claims| {
            claims["aud"] = PAYMENTS.into();
            claims["scope"] = "payments:read".into();
        });
        let more = [("subject_token", before.as_str()), ("subject_token_type", ACCESS_TOKEN)];
        access_token(&self.batch(EXCHANGE, &more).await)
    }

    async fn app_token_of_key(&self) -> String {
        let proof = self.signed_outside(Kind::ProofForToken);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "batch"),
            ("client_secret", self.batch.as_str()),
        ];
        access_token(&dpop::post(self.issuer, "/token", &form, &[&proof]).await)
    }

    fn of_certificate(&self, token: &Value) -> String {
        let bound_to = json!({ "x5t#S256": self.certificate.shown.x5t_s256() });
        self.changed(token, |claims| claims["cnf"] = bound_to)
    }

    fn logout(&self) -> Value {
        let id_token = payload(&self.tokens["id_token"]);
        json!({
            "iss": "https://issuer.example", "aud": "web", "sub": id_token["sub"],
            "sid": id_token["sid"], "iat": START, "exp": START + 120,
            "jti": countersign::random::jti(),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    }

    /// All that an ID token and an access token have, and an event.
    fn event(&self) -> Value {
        let mut claims = payload(&self.tokens["access_token"]);
        let id_token = payload(&self.tokens["id_token"]);
        for (name, value) in id_token.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims["events"] = json!({
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {},
        });
        claims
    }
}

fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    text(&answer.json()["access_token"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
