//! The places at which the issuer takes something that was signed, or that it gave out; how each says no.

use axum::body::Body;
use countersign::origin::Peer;
use countersign_verifier::binding::ClientCertificate;
use http::{Request, header};

use super::makers::Kind;
use super::world::{CLIENT_ASSERTION_TYPE, World, pushed};
use crate::exchange::{ACCESS_TOKEN, GRANT as EXCHANGE, ORDERS};
use crate::harness::{Answer, form};
use crate::people::callback;
use crate::{assertion, device, mtls};

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// `client_assertion` of a client with `private_key_jwt`.
    ClientAssertion,
    /// `client_assertion` of a workload.
    WorkloadAssertion,
    /// `assertion` of the JWT bearer grant.
    Assertion,
    /// `subject_token`, said to be an access token.
    SubjectToken,
    /// The same, said to be a JWT.
    SubjectJwt,
    /// The same, said to be an ID token.
    SubjectIdToken,
    /// `actor_token`, said to be an access token.
    ActorToken,
    /// The same, said to be a JWT.
    ActorJwt,
    /// The header `DPoP` at the token endpoint.
    ProofAtToken,
    /// The header `DPoP` at UserInfo, beside a token that is bound to its key.
    ProofAtUserInfo,
    /// UserInfo, as a bearer token.
    Bearer,
    /// The same in a connection with a certificate.
    BearerWithCertificate,
    /// UserInfo, with a good proof for what is presented.
    Dpop,
    /// `request` in a browser.
    RequestAtAuthorize,
    /// `request`, pushed.
    RequestAtPar,
    /// `id_token_hint` of somebody who is to sign in.
    HintAtAuthorize,
    /// `id_token_hint` of somebody who is to sign out.
    HintAtLogout,
    /// `code`.
    Code,
    /// `refresh_token`.
    RefreshToken,
    /// `device_code`.
    DeviceCode,
    /// A gateway in front of a service, as a bearer token.
    Gateway,
    /// `token`, of a resource that asks whether it is good.
    Introspection,
    /// The feed, as a bearer token.
    Feed,
    /// The streams of signals, as a bearer token.
    Streams,
}

/// How a door answered: its status, and its error or none.
#[derive(Debug)]
pub(super) struct Opening {
    status: u16,
    error: Option<String>,
}

impl Opening {
    fn of(answer: &Answer) -> Self {
        let error = match answer.status.as_u16() {
            // RFC 7662 §2.2.
            200 if answer.body == r#"{"active":false}"# => Some("inactive".to_owned()),
            200 | 201 => None,
            303 => callback(answer).remove("error"),
            _ if answer.header("content-type").starts_with("text/html") => Some("page".to_owned()),
            _ => Some(answer.error().1),
        };
        Self { status: answer.status.as_u16(), error }
    }

    pub(super) fn is_open(&self) -> bool {
        self.error.is_none()
    }

    /// By the door's own protocol, and not for another reason.
    pub(super) fn is_refused_by(&self, door: Door) -> bool {
        let (status, error) = door.refusal();
        self.status == status && self.error.as_deref() == Some(error)
    }
}

impl Door {
    pub(super) const ALL: [Self; 24] = [
        Self::ClientAssertion,
        Self::WorkloadAssertion,
        Self::Assertion,
        Self::SubjectToken,
        Self::SubjectJwt,
        Self::SubjectIdToken,
        Self::ActorToken,
        Self::ActorJwt,
        Self::ProofAtToken,
        Self::ProofAtUserInfo,
        Self::Bearer,
        Self::BearerWithCertificate,
        Self::Dpop,
        Self::RequestAtAuthorize,
        Self::RequestAtPar,
        Self::HintAtAuthorize,
        Self::HintAtLogout,
        Self::Code,
        Self::RefreshToken,
        Self::DeviceCode,
        Self::Gateway,
        Self::Introspection,
        Self::Feed,
        Self::Streams,
    ];

    fn refusal(self) -> (u16, &'static str) {
        match self {
            Self::ClientAssertion | Self::WorkloadAssertion => (401, "invalid_client"),
            Self::Assertion | Self::Code | Self::RefreshToken | Self::DeviceCode => {
                (400, "invalid_grant")
            }
            // RFC 8693 §2.2.2.
            Self::SubjectToken
            | Self::SubjectJwt
            | Self::SubjectIdToken
            | Self::ActorToken
            | Self::ActorJwt => (400, "invalid_request"),
            Self::ProofAtToken => (400, "invalid_dpop_proof"),
            Self::ProofAtUserInfo => (401, "invalid_dpop_proof"),
            Self::Bearer
            | Self::BearerWithCertificate
            | Self::Dpop
            | Self::Gateway
            | Self::Feed
            | Self::Streams => (401, "invalid_token"),
            Self::Introspection => (200, "inactive"),
            Self::RequestAtAuthorize => (303, "invalid_request_object"),
            Self::RequestAtPar => (400, "invalid_request_object"),
            Self::HintAtAuthorize => (303, "invalid_request"),
            Self::HintAtLogout => (400, "page"),
        }
    }
}

impl World<'_> {
    /// Presents something, as whoever it belongs to would.
    pub(super) async fn knock(&self, door: Door, token: &str) -> Opening {
        let answer = match door {
            Door::ClientAssertion => self.authenticate("web", token).await,
            Door::WorkloadAssertion => self.authenticate("pod", token).await,
            Door::Assertion => {
                self.web(&[("grant_type", assertion::GRANT), ("assertion", token)]).await
            }
            Door::SubjectToken => self.exchange((token, ACCESS_TOKEN), &[]).await,
            Door::SubjectJwt => self.exchange((token, JWT), &[]).await,
            Door::SubjectIdToken => self.exchange((token, ID_TOKEN), &[]).await,
            Door::ActorToken => self.exchange_beside((token, ACCESS_TOKEN)).await,
            Door::ActorJwt => self.exchange_beside((token, JWT)).await,
            Door::ProofAtToken => {
                let form = [("grant_type", "client_credentials"), ("resource", ORDERS)];
                self.web_with_proof(&form, token).await
            }
            Door::Code => self.redeem(token).await,
            Door::RefreshToken => {
                self.web(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
            }
            Door::DeviceCode => {
                self.web(&[("grant_type", device::GRANT), ("device_code", token)]).await
            }
            _ => self.knock_elsewhere(door, token).await,
        };
        Opening::of(&answer)
    }

    /// The doors of other endpoints than the token endpoint.
    async fn knock_elsewhere(&self, door: Door, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        match door {
            Door::ProofAtUserInfo => {
                let bound = format!("DPoP {}", self.bound);
                self.userinfo(&bound, Some(token), None).await
            }
            Door::Bearer => self.userinfo(&bearer, None, None).await,
            Door::BearerWithCertificate => {
                self.userinfo(&bearer, None, Some(&self.certificate.shown)).await
            }
            Door::Dpop => {
                let proof = self.proof_with(token);
                self.userinfo(&format!("DPoP {token}"), Some(&proof), None).await
            }
            Door::RequestAtAuthorize => self.browser.authorize("web", &[("request", token)]).await,
            Door::RequestAtPar => self.push(token).await,
            Door::HintAtAuthorize => {
                let hint = [("id_token_hint", token), ("prompt", "none")];
                self.browser.authorize("web", &hint).await
            }
            // In another browser, so that the session goes on.
            Door::HintAtLogout => {
                self.issuer.get(&format!("/logout?{}", form(&[("id_token_hint", token)]))).await
            }
            Door::Gateway => {
                let request = Request::get("/gateway/orders")
                    .extension(Peer("10.0.0.7".parse().unwrap()))
                    .header("x-forwarded-host", "orders.example")
                    .header(header::AUTHORIZATION, bearer);
                self.issuer.send(request.body(Body::empty()).unwrap()).await
            }
            Door::Introspection => {
                let by = ("batch", self.batch.as_str());
                self.issuer.ask_as("/introspect", by, &[("token", token)]).await
            }
            Door::Feed | Door::Streams => {
                let path = if door == Door::Feed { "/feed" } else { "/ssf/streams" };
                let request = Request::get(path).header(header::AUTHORIZATION, bearer);
                self.issuer.send(request.body(Body::empty()).unwrap()).await
            }
            other => unreachable!("{other:?}"),
        }
    }

    async fn authenticate(&self, client: &str, token: &str) -> Answer {
        let mut parameters = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", token),
        ];
        parameters.extend((client == "web").then_some(("resource", ORDERS)));
        self.issuer.token(&parameters).await
    }

    async fn exchange(&self, (token, kind): (&str, &str), more: &[(&str, &str)]) -> Answer {
        let exchange =
            [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", kind)];
        self.web(&[&exchange, more].concat()).await
    }

    /// Exchanges a good token, with this one of the actor.
    async fn exchange_beside(&self, (token, kind): (&str, &str)) -> Answer {
        let subject = self.mint(Kind::AppToken).await;
        let actor = [("actor_token", token), ("actor_token_type", kind)];
        self.exchange((&subject, ACCESS_TOKEN), &actor).await
    }

    async fn push(&self, object: &str) -> Answer {
        let assertion = self.sign("JWT", &self.assertion_about("web"));
        let request = Request::post("/par")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(pushed(&assertion, object)));
        self.issuer.send(request.unwrap()).await
    }

    pub(super) async fn userinfo(
        &self,
        credential: &str,
        proof: Option<&str>,
        shown: Option<&ClientCertificate>,
    ) -> Answer {
        let request = Request::get("/userinfo").header(header::AUTHORIZATION, credential);
        let request =
            proof.into_iter().fold(request, |request, proof| request.header("DPoP", proof));
        let request = request.body(Body::empty()).unwrap();
        mtls::send_from(self.issuer, ("198.51.100.7", shown), request).await
    }
}
