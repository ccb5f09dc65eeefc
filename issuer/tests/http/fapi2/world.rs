//! An issuer with two banks that are held to the profile, and what they hold.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use countersign::config::Config;
use countersign::protocol::redirect_uri::{ApplicationType, RedirectUri};
use countersign::random;
use countersign::registry::{
    CertificateSubject, Client, ClientAuthentication, ClientKeys, Pkce, SignIn,
};
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use countersign_verifier::testing::TestHolder;
use http::{Request, header};
use rcgen::SanType;
use serde_json::{Value, json};

use crate::dpop::proof;
use crate::harness::{Answer, Issuer, form};
use crate::mtls::{Authority, Holder, send_from};
use crate::people::{Browser, CALLBACK, PASSWORD, VERIFIER, callback, challenge};

pub(super) const ISSUER: &str = "https://issuer.example";
const SECOND_CALLBACK: &str = "https://broker.example/cb?from=issuer";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// To what tokens are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    Dpop,
    Certificate,
}

/// One variant of the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) auth: ClientAuthentication,
    pub(super) constraint: Constraint,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [
        Self { auth: ClientAuthentication::PrivateKeyJwt, constraint: Constraint::Dpop },
        Self { auth: ClientAuthentication::PrivateKeyJwt, constraint: Constraint::Certificate },
        Self { auth: ClientAuthentication::TlsClientAuth, constraint: Constraint::Dpop },
        Self { auth: ClientAuthentication::TlsClientAuth, constraint: Constraint::Certificate },
    ];

    fn shows_certificate(self) -> bool {
        self.auth == ClientAuthentication::TlsClientAuth
            || self.constraint == Constraint::Certificate
    }
}

/// Both clients, with their redirect URIs.
pub(super) const BOTH: [(&str, &str); 2] = [("bank", CALLBACK), ("broker", SECOND_CALLBACK)];

pub(super) struct World {
    pub(super) issuer: Issuer,
    pub(super) way: Way,
    pub(super) key: SigningKey,
    /// Registered too, and of no use.
    pub(super) weak: SigningKey,
    pub(super) holder: TestHolder,
    certificates: BTreeMap<&'static str, Holder>,
}

/// Makes a client fit.
pub(super) fn strict(way: Way, client: &mut Client, sign_in: &mut SignIn) {
    client.fapi2 = true;
    client.auth = way.auth;
    client.dpop_bound_access_tokens = way.constraint == Constraint::Dpop;
    client.tls_client_certificate_bound_access_tokens = way.constraint == Constraint::Certificate;
    sign_in.require_pushed_authorization_requests = true;
    sign_in.pkce = Pkce::Required;
    sign_in.id_token_signed_response_alg = Algorithm::Es256;
}

impl World {
    pub(super) async fn new() -> Self {
        Self::of(Way::ALL[0]).await
    }

    pub(super) async fn of(way: Way) -> Self {
        Self::with(way, |_| {}, |_, _| {}).await
    }

    /// Each way.
    pub(super) async fn each() -> Vec<Self> {
        futures_util::future::join_all(Way::ALL.map(Self::of)).await
    }

    pub(super) async fn with(
        way: Way,
        configure: impl FnOnce(&mut Config),
        edit: impl Fn(&mut Client, &mut SignIn),
    ) -> Self {
        let authority = Authority::new();
        let issuer = authority.issuer(configure).await;
        issuer.user("ada").await;
        let generate = |algorithm| SigningKey::generate(algorithm, KeySize::Default).unwrap();
        let (key, weak) = (generate(Algorithm::Es256), generate(Algorithm::Es384));
        let mut certificates = BTreeMap::new();
        for (id, redirect_uri) in BOTH {
            let host = format!("{id}.example");
            let subject = CertificateSubject::parse("tls_client_auth_san_dns", &host).unwrap();
            issuer
                .web(id, |client, sign_in| {
                    strict(way, client, sign_in);
                    client.keys =
                        ClientKeys::Inline(JwkSet::from_keys([key.verifying_key().clone()]));
                    let is_certificate = way.auth == ClientAuthentication::TlsClientAuth;
                    client.certificate_subject = is_certificate.then_some(subject);
                    let uri = RedirectUri::parse(redirect_uri, ApplicationType::Web).unwrap();
                    sign_in.redirect_uris = vec![uri];
                    edit(client, sign_in);
                })
                .await;
            let holder = authority.certificate(|params| {
                params.subject_alt_names = vec![SanType::DnsName(host.try_into().unwrap())];
            });
            certificates.insert(id, holder);
        }
        Self { issuer, way, key, weak, holder: TestHolder::new(), certificates }
    }

    pub(super) fn certificate(&self, client: &str) -> &Holder {
        &self.certificates[client]
    }

    /// A client assertion; each is another.
    pub(super) fn assertion(&self, client: &str, edit: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.assertion_claims(client);
        edit(&mut claims);
        sign_compact(&self.key, "JWT", claims.to_string().as_bytes()).unwrap()
    }

    pub(super) fn assertion_claims(&self, client: &str) -> Value {
        let now = self.issuer.app.clock.now();
        json!({
            "iss": client, "sub": client, "aud": ISSUER, "jti": random::uuid(), "iat": now,
            "exp": now + 60,
        })
    }

    /// A good proof for a request to this path.
    pub(super) fn proof(&self, path: &str) -> String {
        proof(&self.issuer, &self.holder, ("POST", path)).mint()
    }

    /// A request of a client that is in order; what is wrong with it comes after.
    pub(super) fn ask(&self, client: &'static str, path: &'static str) -> Ask<'_> {
        let is_dpop = self.way.constraint == Constraint::Dpop && path == "/token";
        Ask {
            world: self,
            client,
            path,
            parameters: vec![("client_id".to_owned(), client.to_owned())],
            assertion: None,
            proofs: is_dpop.then(|| self.proof(path)).into_iter().collect(),
            shown: self.way.shows_certificate().then_some(client),
        }
    }

    pub(super) fn push(&self, client: &'static str) -> Ask<'_> {
        let redirect_uri = BOTH.iter().find(|(id, _)| *id == client).unwrap().1;
        self.ask(client, "/par")
            .with("response_type", "code")
            .with("redirect_uri", redirect_uri)
            .with("scope", "openid profile")
            .with("state", "s1")
            .with("nonce", "n1")
            .with("code_challenge", &challenge())
            .with("code_challenge_method", "S256")
    }

    pub(super) fn redeem(&self, client: &'static str, code: &str) -> Ask<'_> {
        let redirect_uri = BOTH.iter().find(|(id, _)| *id == client).unwrap().1;
        self.ask(client, "/token")
            .with("grant_type", "authorization_code")
            .with("code", code)
            .with("redirect_uri", redirect_uri)
            .with("code_verifier", VERIFIER)
    }

    pub(super) fn refresh(&self, client: &'static str, token: &str) -> Ask<'_> {
        self.ask(client, "/token").with("grant_type", "refresh_token").with("refresh_token", token)
    }

    /// The only two parameters that a browser carries.
    pub(super) fn path(client: &str, request_uri: &str) -> String {
        format!("/authorize?{}", form(&[("client_id", client), ("request_uri", request_uri)]))
    }

    /// Signs in with a request that was pushed, and comes back with what the client is told.
    pub(super) async fn come_back(&self, push: Ask<'_>) -> BTreeMap<String, String> {
        let client = push.client;
        let pushed = push.request_uri().await;
        let browser = Browser::new(&self.issuer);
        let page = browser.get(&Self::path(client, &pushed)).await;
        callback_of(client, &browser.log_in(&page, "ada", PASSWORD).await)
    }

    pub(super) async fn code(&self, client: &'static str) -> String {
        self.come_back(self.push(client)).await["code"].clone()
    }

    /// Tokens of a client.
    pub(super) async fn tokens(&self, client: &'static str) -> Answer {
        let code = self.code(client).await;
        let answer = self.redeem(client, &code).send().await;
        assert_eq!(answer.status, 200, "{:?}: {}", self.way, answer.body);
        answer
    }

    /// UserInfo as a protected resource.
    pub(super) async fn userinfo(&self, authorization: &str, proofs: &[(&str, &str)]) -> Answer {
        let request = Request::get("/userinfo").header(header::AUTHORIZATION, authorization);
        let request =
            proofs.iter().fold(request, |request, (name, proof)| request.header(*name, *proof));
        let shown = (self.way.constraint == Constraint::Certificate)
            .then(|| &self.certificate("bank").shown);
        let request = request.body(Body::empty()).unwrap();
        send_from(&self.issuer, ("198.51.100.7", shown), request).await
    }

    pub(super) async fn later(&self, seconds: u64) {
        self.issuer.clock.advance(Duration::from_secs(seconds));
        self.issuer.follow().await;
    }
}

/// What a client was told.
pub(super) fn callback_of(client: &str, answer: &Answer) -> BTreeMap<String, String> {
    if client == "bank" {
        return callback(answer);
    }
    let location = answer.header("location");
    let query = location.strip_prefix("https://broker.example/cb?from=issuer&");
    assert!(query.is_some(), "{location} is not the client's");
    form_urlencoded::parse(query.unwrap().as_bytes()).into_owned().collect()
}

/// Keys may be fetched from this machine.
pub(super) fn loopback(config: &mut Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().unwrap()];
}

/// Where the keys of a client are published.
pub(super) async fn published(keys: &[&SigningKey]) -> url::Url {
    let keys: Vec<_> = keys.iter().map(|key| key.verifying_key().to_jwk()).collect();
    let document = json!({ "keys": keys });
    let route = axum::routing::get(async move || axum::Json(document.clone()));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/jwks", socket.local_addr().unwrap()).parse().unwrap();
    let router = axum::Router::new().route("/jwks", route);
    tokio::spawn(async move { axum::serve(socket, router).await });
    uri
}

pub(super) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A request on its way.
pub(super) struct Ask<'w> {
    world: &'w World,
    client: &'static str,
    path: &'static str,
    parameters: Vec<(String, String)>,
    assertion: Option<String>,
    proofs: Vec<String>,
    shown: Option<&'static str>,
}

impl Ask<'_> {
    /// With this parameter instead; an empty one is none.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.parameters.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// With this assertion instead; an empty one is none.
    pub(super) fn assertion(mut self, assertion: &str) -> Self {
        self.assertion = Some(assertion.to_owned());
        self
    }

    /// With these proofs instead.
    pub(super) fn proofs(mut self, proofs: &[String]) -> Self {
        self.proofs = proofs.to_vec();
        self
    }

    /// With the certificate of this client instead.
    pub(super) fn shown(mut self, client: Option<&'static str>) -> Self {
        self.shown = client;
        self
    }

    pub(super) async fn send(self) -> Answer {
        let world = self.world;
        let mut parameters = self.parameters;
        let assertion = match (self.assertion, world.way.auth) {
            (Some(assertion), _) => assertion,
            (None, ClientAuthentication::PrivateKeyJwt) => world.assertion(self.client, |_| {}),
            (None, _) => String::new(),
        };
        if !assertion.is_empty() {
            parameters.push(("client_assertion_type".to_owned(), ASSERTION_TYPE.to_owned()));
            parameters.push(("client_assertion".to_owned(), assertion));
        }
        let pairs: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request::post(self.path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request =
            self.proofs.iter().fold(request, |request, proof| request.header("DPoP", proof));
        let request = request.body(Body::from(form(&pairs))).unwrap();
        let shown = self.shown.map(|client| &world.certificate(client).shown);
        send_from(&world.issuer, ("198.51.100.7", shown), request).await
    }

    /// Of a push that is in order.
    pub(super) async fn request_uri(self) -> String {
        let pushed = self.send().await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        pushed.json()["request_uri"].as_str().unwrap().to_owned()
    }
}
