//! What a first start without any configuration offers: a client to try things with, the example
//! service, and the lines to paste next. A configured server does none of this.

use std::sync::Arc;

use countersign_keys::Algorithm;

use super::example_service::{ExampleService, SCOPE};
use crate::app::App;
use crate::random;
use crate::registry::{
    Client, ClientAuthentication, ClientId, ClientKeys, InvalidValue, Permission, Resource,
    StoredSecret,
};
use crate::store::{Actor, StoreError};
use crate::tasks;

/// The client that is made to try things with.
const DEMO_CLIENT: &str = "demo";

/// Why nothing was made to try things with.
#[derive(Debug, thiserror::Error)]
pub(super) enum WelcomeError {
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The names break a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
}

/// Makes the demo client, if there is no client at all yet, and returns its secret.
///
/// # Errors
///
/// If the store refuses it.
pub(super) async fn make_demo_client(
    app: &App,
    audience: &str,
) -> Result<Option<String>, WelcomeError> {
    if app.registry.load().clients().next().is_some() {
        return Ok(None);
    }
    let act = Actor::node().at(app.clock.now());
    let resource = Resource {
        identifier: audience.to_owned(),
        name: Some("the example service".to_owned()),
        scopes: vec![SCOPE.to_owned()],
        algorithm: Algorithm::Es256,
        token_lifetime: 600,
        max_token_bytes: 2048,
        required_binding: None,
        encryption: None,
        status_list: false,
        enabled: true,
    };
    app.store.create_resource(&resource, &act).await?;
    let secret = random::client_secret();
    let stored = StoredSecret {
        id: random::jti(),
        digest: app.secret_hasher.digest(DEMO_CLIENT, &secret).to_bytes(),
        created_at: act.at,
        expires_at: None,
        last_used_at: None,
    };
    let client = Client {
        id: ClientId::parse(DEMO_CLIENT)?,
        name: Some("made by the first start, to try things with".to_owned()),
        grants: vec!["client_credentials".to_owned()],
        auth: ClientAuthentication::ClientSecretBasic,
        secrets: vec![stored],
        keys: ClientKeys::None,
        token_endpoint_audience: false,
        dpop_bound_access_tokens: false,
        fapi2: false,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: false,
        permissions: vec![Permission {
            resource: audience.to_owned(),
            scopes: vec![SCOPE.to_owned()],
            roles: Vec::new(),
        }],
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: None,
        enabled: true,
    };
    app.store.create_client(&client, &act).await?;
    tasks::heartbeat(app).await?;
    Ok(Some(secret.to_string()))
}

/// Prepares a first start: the demo client, the example service, and what to paste next.
///
/// # Errors
///
/// If the demo client cannot be made.
pub(super) async fn welcome(app: &Arc<App>) -> Result<String, WelcomeError> {
    let issuer = app.config.issuer.as_str().to_owned();
    let service = ExampleService {
        listen: ([127, 0, 0, 1], 8081).into(),
        issuer: issuer.clone(),
        audience: "http://localhost:8081".to_owned(),
        jwks_url: None,
    };
    let secret = make_demo_client(app, &service.audience).await?;
    let audience = service.audience.clone();
    let example = match crate::server::bind(service.listen).await {
        Ok(socket) => {
            tokio::spawn(service.run_on(socket));
            format!("The example service listens on {audience}.")
        }
        Err(error) => format!("The example service does not run: {error}."),
    };
    let credential = match &secret {
        Some(secret) => format!("{DEMO_CLIENT}:{secret}"),
        None => format!("{DEMO_CLIENT}:SECRET"),
    };
    let about = match secret {
        Some(_) => {
            format!("A client to try things with: {DEMO_CLIENT}. Its secret is shown this once.")
        }
        None => format!("For a new secret: countersign client secret add {DEMO_CLIENT}"),
    };
    Ok(format!(
        "{example}\n{about}\n\nPaste next:\n\n  \
         TOKEN=$(curl -s -u {credential} -d grant_type=client_credentials {issuer}/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n  \
         curl -H \"Authorization: Bearer $TOKEN\" {audience}/hello\n\n\
         This server was started without any configuration. `countersign config example` shows what there is to set.\n"
    ))
}
