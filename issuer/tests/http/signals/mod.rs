//! Shared signals (OpenID Shared Signals Framework 1.0): what receivers may do, what they hear, and of whom.

mod endpoint;
mod events;
mod leases;
mod management;
mod poll;
mod privacy;
mod push;

use axum::body::Body;
use countersign::registry::{Client, ClientId};
use countersign::store::Actor;
use countersign_keys::{Algorithm, JwkSet, UnverifiedJws};
use http::{Method, Request, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Answer, Issuer, START};
use crate::people::Browser;

pub(crate) const SSF: &str = "https://issuer.example/ssf";
pub(crate) const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
pub(crate) const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
pub(crate) const VERIFICATION: &str =
    "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// A receiver: a client with a token for its streams.
pub(crate) struct Receiver<'i> {
    issuer: &'i Issuer,
    pub(crate) token: String,
}

/// An issuer that may call this machine, with a user.
pub(crate) async fn issuer() -> (Issuer, Uuid) {
    let issuer =
        Issuer::with(|config| config.outbound.allow = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let scopes = ["ssf.read", "ssf.manage", "ssf.everyone"].map(str::to_owned);
    issuer.resource(SSF, |resource| resource.scopes = scopes.to_vec()).await;
    let ada = issuer.user("ada").await;
    (issuer, ada)
}

impl Issuer {
    /// A client through which people sign in and which hears of them; its secret too.
    pub(crate) async fn receiver(&self, id: &str) -> (Receiver<'_>, String) {
        let scopes = &["ssf.read", "ssf.manage"];
        let secret = self
            .web(id, |client, _| {
                client.grants.push("client_credentials".to_owned());
                SSF.clone_into(&mut client.permissions[0].resource);
                client.permissions[0].scopes = scopes.map(str::to_owned).to_vec();
            })
            .await;
        (self.receiver_by(id, &secret).await, secret)
    }

    /// A client for itself alone, with these scopes.
    pub(crate) async fn watcher(&self, id: &str, scopes: &[&str]) -> Receiver<'_> {
        let secret = self
            .client(id, |client| {
                SSF.clone_into(&mut client.permissions[0].resource);
                client.permissions[0].scopes = scopes.iter().copied().map(str::to_owned).collect();
            })
            .await;
        self.receiver_by(id, &secret).await
    }

    pub(crate) async fn receiver_by(&self, id: &str, secret: &str) -> Receiver<'_> {
        let token = self.token_as(id, secret, &[]).await.json();
        let token = token["access_token"].as_str().unwrap().to_owned();
        Receiver { issuer: self, token }
    }

    /// The claims of a security event token, whose signature and type hold.
    pub(crate) async fn heard(&self, token: &str) -> Value {
        let jwks = self.get("/jwks").await.body;
        let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[Algorithm::Es256]).unwrap();
        let signed = UnverifiedJws::parse(token).unwrap();
        assert!(signed.has_typ("secevent+jwt"));
        let key = keys.iter().find(|key| Some(key.kid()) == signed.kid()).unwrap();
        serde_json::from_slice(signed.verify(key).unwrap().as_bytes()).unwrap()
    }
}

impl Receiver<'_> {
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.issuer.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    /// Makes a stream that is polled, of all that there is; its id.
    pub(crate) async fn stream(&self) -> String {
        self.stream_by(&json!({ "method": "urn:ietf:rfc:8936" })).await
    }

    pub(crate) async fn stream_by(&self, delivery: &Value) -> String {
        let wish = json!({
            "delivery": delivery,
            "events_requested": [SESSION_REVOKED, CREDENTIAL_CHANGE, risc("account-disabled"),
                risc("account-enabled"), risc("account-purged")],
        });
        let made = self.post("/ssf/streams", &wish).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["stream_id"].as_str().unwrap().to_owned()
    }

    /// What a stream has to say now, by the names in the tokens; nothing is acknowledged.
    pub(crate) async fn poll(&self, stream: &str) -> Vec<Value> {
        let told = self.ask(stream, &json!({ "returnImmediately": true })).await;
        let mut heard = Vec::new();
        for (jti, token) in told["sets"].as_object().unwrap() {
            let claims = self.issuer.heard(token.as_str().unwrap()).await;
            assert_eq!(claims["jti"], *jti);
            heard.push(claims);
        }
        heard
    }

    pub(crate) async fn ask(&self, stream: &str, wish: &Value) -> Value {
        let told = self.post(&format!("/ssf/poll/{stream}"), wish).await;
        assert_eq!(told.status, 200, "{}", told.body);
        told.json()
    }

    pub(crate) async fn set_status(&self, stream: &str, status: &str) {
        let wish = json!({ "stream_id": stream, "status": status });
        assert_eq!(self.post("/ssf/status", &wish).await.status, 200);
    }
}

pub(crate) fn risc(name: &str) -> String {
    format!("https://schemas.openid.net/secevent/risc/event-type/{name}")
}

/// The event types of what was heard, in the order of the list of supported ones.
pub(crate) fn types(heard: &[Value]) -> Vec<String> {
    let mut types: Vec<String> = heard
        .iter()
        .flat_map(|claims| claims["events"].as_object().unwrap().keys().cloned())
        .collect();
    types.sort();
    types
}

/// Signs in; returns the claims of the ID token.
pub(crate) async fn sign_in(issuer: &Issuer, client: &str, secret: &str) -> (Value, Value) {
    let browser = Browser::new(issuer);
    let code = browser.code(client, &[]).await;
    let tokens = issuer.redeem(client, secret, &code).await.json();
    (crate::people::payload(&tokens["id_token"]), tokens)
}

/// The operator changes a client; whoever does not follow has not heard of it.
pub(crate) async fn edit_client(issuer: &Issuer, id: &str, edit: impl FnOnce(&mut Client) + Send) {
    let (id, act) = (ClientId::parse(id).unwrap(), Actor::command_line().at(START));
    let edit = |client: &mut Client| {
        edit(client);
        Ok(())
    };
    drop(issuer.app.store.update_client(&id, &act, edit).await.unwrap());
}
