//! A client that is held to the FAPI 2.0 security profile: the whole flow, with `private_key_jwt` and DPoP, and each single
//! deviation from it. What holds for every client (S256, codes that are good once, proofs) is tested where it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::random;
use countersign::registry::{Client, ClientAuthentication, ClientKeys, Pkce, SignIn, fapi2};
use countersign::store::Actor;
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use countersign_verifier::testing::TestHolder;
use serde_json::{Value, json};

use crate::dpop::{post, proof};
use crate::harness::{Answer, Issuer, START};
use crate::people::{
    Browser, CALLBACK, PASSWORD, VERIFIER, authorize_path, callback, challenge, payload,
};

const ISSUER: &str = "https://issuer.example";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is wrong, and how it becomes so.
type Fault = (&'static str, fn(&mut Value));

/// An issuer, a bank that is registered for the profile, and what the bank holds.
struct World {
    issuer: Issuer,
    key: SigningKey,
    weak: SigningKey,
    holder: TestHolder,
}

fn strict(client: &mut Client, sign_in: &mut SignIn) {
    client.fapi2 = true;
    client.dpop_bound_access_tokens = true;
    client.auth = ClientAuthentication::PrivateKeyJwt;
    sign_in.require_pushed_authorization_requests = true;
    sign_in.pkce = Pkce::Required;
    sign_in.id_token_signed_response_alg = Algorithm::Es256;
}

impl World {
    async fn new() -> Self {
        let issuer = Issuer::new().await;
        issuer.user("ada").await;
        let generate = |algorithm| SigningKey::generate(algorithm, KeySize::Default).unwrap();
        let (key, weak) = (generate(Algorithm::Es256), generate(Algorithm::Rs256));
        let keys = [&key, &weak].map(|key| key.verifying_key().clone());
        issuer
            .web("bank", |client, sign_in| {
                strict(client, sign_in);
                client.keys = ClientKeys::Inline(JwkSet::from_keys(keys));
                fapi2::check(&Client { sign_in: Some(sign_in.clone()), ..bare(client) }).unwrap();
            })
            .await;
        Self { issuer, key, weak, holder: TestHolder::new() }
    }

    /// A client assertion; each is another.
    fn assertion(&self, edit: impl FnOnce(&mut Value)) -> String {
        self.assertion_by(&self.key, edit)
    }

    fn assertion_by(&self, key: &SigningKey, edit: impl FnOnce(&mut Value)) -> String {
        let now = self.issuer.app.clock.now();
        let mut claims = json!({
            "iss": "bank", "sub": "bank", "aud": ISSUER, "jti": random::uuid(), "iat": now,
            "exp": now + 60,
        });
        edit(&mut claims);
        sign_compact(key, "JWT", claims.to_string().as_bytes()).unwrap()
    }

    async fn push(&self, assertion: &str, edit: &[(&str, &str)]) -> Answer {
        let challenge = challenge();
        let mut parameters = vec![
            ("client_id", "bank"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("state", "s1"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in edit {
            parameters.retain(|(known, _)| known != name);
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        post(&self.issuer, "/par", &parameters, &[]).await
    }

    /// Pushes, signs in, and comes back.
    async fn come_back(&self) -> std::collections::BTreeMap<String, String> {
        let pushed = self.push(&self.assertion(|_| {}), &[]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        assert!(pushed.json()["expires_in"].as_u64().unwrap() < 600);
        let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        let browser = Browser::new(&self.issuer);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", "bank"), ("request_uri", &uri)])
            .finish();
        let page = browser.get(&format!("/authorize?{query}")).await;
        callback(&browser.log_in(&page, "ada", PASSWORD).await)
    }

    async fn redeem(&self, code: &str, assertion: &str, is_bound: bool) -> Answer {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let proof = proof(&self.issuer, &self.holder, ("POST", "/token")).mint();
        let proofs = if is_bound { vec![proof.as_str()] } else { Vec::new() };
        post(&self.issuer, "/token", &parameters, &proofs).await
    }
}

/// What the rules of the profile look at, apart from signing in.
fn bare(client: &Client) -> Client {
    Client {
        id: client.id.clone(),
        name: None,
        grants: client.grants.clone(),
        auth: client.auth,
        secrets: Vec::new(),
        keys: ClientKeys::None,
        token_endpoint_audience: client.token_endpoint_audience,
        dpop_bound_access_tokens: client.dpop_bound_access_tokens,
        fapi2: client.fapi2,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: client
            .tls_client_certificate_bound_access_tokens,
        permissions: Vec::new(),
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: None,
        enabled: true,
    }
}

#[tokio::test]
async fn fapi2_a_bank_pushes_signs_in_and_gets_bound_tokens() {
    let world = World::new().await;

    let back = world.come_back().await;
    let tokens = world.redeem(&back["code"], &world.assertion(|_| {}), true).await;

    assert_eq!((back["iss"].as_str(), back["state"].as_str()), (ISSUER, "s1"));
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let body = tokens.json();
    assert_eq!(body["token_type"], "DPoP");
    assert_eq!(tokens.claims()["cnf"]["jkt"], json!(world.holder.jkt()));
    let header = body["id_token"].as_str().unwrap().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(header["alg"], "ES256");
    assert!(payload(&body["id_token"])["sub"].is_string());
}

#[tokio::test]
async fn fapi2_a_request_that_is_not_pushed_is_refused() {
    let world = World::new().await;
    let answer = Browser::new(&world.issuer).get(&authorize_path("bank", &[])).await;
    assert!(answer.status.is_client_error() || callback(&answer).contains_key("error"));
}

#[tokio::test]
async fn fapi2_each_deviation_of_a_pushed_request_is_refused() {
    let world = World::new().await;
    for (name, value) in [
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
        ("response_type", "token"),
        ("response_type", "code id_token"),
        ("redirect_uri", "https://evil.example/cb"),
        ("request_uri", "urn:ietf:params:oauth:request_uri:x"),
        ("client_id", "another"),
    ] {
        let answer = world.push(&world.assertion(|_| {}), &[(name, value)]).await;
        assert!(answer.status.is_client_error(), "{name}={value}: {}", answer.body);
    }
}

#[tokio::test]
async fn fapi2_each_deviation_of_a_client_assertion_is_refused() {
    let world = World::new().await;
    let good = |claims: &mut Value| claims["nbf"] = (START + 8).into();
    let faults: [Fault; 7] = [
        ("aud as a list", |claims| claims["aud"] = json!([ISSUER])),
        ("aud is PAR", |claims| claims["aud"] = format!("{ISSUER}/par").into()),
        ("aud is the token endpoint", |claims| claims["aud"] = format!("{ISSUER}/token").into()),
        ("no sub", |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("expired five minutes ago", |claims| claims["exp"] = (START - 300).into()),
        ("more than a minute ahead", |claims| claims["nbf"] = (START + 61).into()),
        ("of somebody else", |claims| claims["iss"] = "another".into()),
    ];
    for (fault, break_it) in faults {
        let answer = world.push(&world.assertion(break_it), &[]).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{fault}");
    }
    let weak = world.push(&world.assertion_by(&world.weak, |_| {}), &[]).await;
    assert_eq!(weak.error(), (401, "invalid_client".to_owned()), "RS256");
    assert_eq!(world.push(&world.assertion(good), &[]).await.status, 201);
    let without = world.push("", &[("client_assertion", ""), ("client_assertion_type", "")]).await;
    assert_eq!(without.status, 401);
}

#[tokio::test]
async fn fapi2_a_code_is_good_for_a_minute_and_no_token_comes_without_a_binding() {
    let world = World::new().await;

    let code = world.come_back().await["code"].clone();
    let unbound = world.redeem(&code, &world.assertion(|_| {}), false).await;
    assert!(unbound.status.is_client_error(), "{}", unbound.body);

    let code = world.come_back().await["code"].clone();
    world.issuer.clock.advance(std::time::Duration::from_secs(61));
    world.issuer.follow().await;
    let late = world.redeem(&code, &world.assertion(|_| {}), true).await;
    assert_eq!(late.error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn fapi2_a_resource_whose_tokens_are_rs256_is_out_of_reach() {
    const LEDGER: &str = "https://ledger.example";
    let issuer = Issuer::with(|config| {
        config.keys.algorithms = vec![Algorithm::Es256, Algorithm::Rs256];
    })
    .await;
    issuer.resource(LEDGER, |resource| resource.algorithm = Algorithm::Rs256).await;
    let secret =
        issuer.client("bank", |client| client.permissions[0].resource = LEDGER.into()).await;
    assert_eq!(issuer.token_as("bank", &secret, &[]).await.status, 200);

    let strict = |client: &mut Client| {
        client.fapi2 = true;
        Ok(())
    };
    let id = "bank".parse().unwrap();
    issuer.app.store.update_client(&id, &Actor::node().at(START), strict).await.unwrap();
    issuer.follow().await;

    assert!(issuer.app.store.client(&id).await.unwrap().fapi2);
    let refused = issuer.token_as("bank", &secret, &[]).await;
    assert_eq!(refused.error(), (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn fapi2_a_client_that_cannot_meet_the_profile_is_not_registered_for_it() {
    type Fault = (&'static str, fn(&mut Client, &mut SignIn));
    let issuer = Issuer::new().await;
    issuer.web("bank", strict).await;
    let bank = issuer.app.store.client(&"bank".parse().unwrap()).await.unwrap();
    let faults: [Fault; 10] = [
        ("private_key_jwt", |client, _| client.auth = ClientAuthentication::ClientSecretBasic),
        ("private_key_jwt", |client, _| client.auth = ClientAuthentication::None),
        ("private_key_jwt", |client, _| client.auth = ClientAuthentication::WorkloadIdentity),
        ("--require-dpop", |client, _| client.dpop_bound_access_tokens = false),
        ("audience", |client, _| client.token_endpoint_audience = true),
        ("push", |_, sign_in| sign_in.require_pushed_authorization_requests = false),
        ("code challenge", |_, sign_in| sign_in.pkce = Pkce::Optional),
        ("ES256", |_, sign_in| sign_in.id_token_signed_response_alg = Algorithm::Rs256),
        ("ES256", |_, sign_in| sign_in.userinfo_signed_response_alg = Some(Algorithm::Es384)),
        ("ES256", |_, sign_in| sign_in.request_object_signing_alg = Some(Algorithm::Rs256)),
    ];
    for (rule, break_it) in faults {
        let (mut client, mut sign_in) = (bare(&bank), bank.sign_in.clone().unwrap());
        assert_eq!(fapi2::check(&Client { sign_in: Some(sign_in.clone()), ..bare(&bank) }), Ok(()));
        break_it(&mut client, &mut sign_in);
        client.sign_in = Some(sign_in);
        let refused = fapi2::check(&client).unwrap_err().to_string();
        assert!(refused.contains(rule), "{rule}: {refused}");
        client.fapi2 = false;
        assert_eq!(fapi2::check(&client), Ok(()));
    }
}
