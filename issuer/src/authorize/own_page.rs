//! Opening a page of the issuer's own that only its user may see. It is a request like that of a client, so that the same
//! steps lead to it, but it is never read from a browser, and what it is answered with is the page instead of a code.

use super::{AuthorizationRequest, RedirectTarget, Target};
use crate::app::App;
use crate::page::Brand;
use crate::protocol::ClaimsRequest;
use crate::protocol::prompt::Prompt;
use crate::registry::{Client, ClientAuthentication, ClientId, ClientKeys, ConsentPolicy, SignIn};

impl AuthorizationRequest {
    /// A request for the page at `path`, by somebody who signed in at most `max_age` seconds ago if that matters.
    pub fn own_page(app: &App, path: &str, max_age: Option<i64>) -> Self {
        Self {
            client_id: ClientId::of_the_issuer().to_string(),
            target: Target::Redirect(RedirectTarget::own_page(&app.config.issuer, path)),
            scopes: Vec::new(),
            resources: Vec::new(),
            nonce: None,
            code_challenge: None,
            dpop_jkt: None,
            prompt: Prompt::default(),
            max_age,
            acr_values: Vec::new(),
            login_hint: None,
            subject: None,
            ui_locales: None,
            claims: ClaimsRequest::default(),
            object: None,
            pushed: None,
            received_at: app.clock.now(),
        }
    }

    /// Whether it is for a page of the issuer's own.
    pub fn is_own_page(&self) -> bool {
        self.client_id == ClientId::of_the_issuer().as_str()
    }
}

/// The issuer as a client of itself: without grants, so that it never gets a token.
pub fn own_client(brand: &Brand) -> Client {
    let sign_in = SignIn {
        consent: ConsentPolicy::Skip,
        logo_uri: brand.logo.as_ref().map(|logo| logo.url().clone()),
        brand_color: brand.color.map(|color| color.to_string()),
        ..SignIn::default()
    };
    Client {
        id: ClientId::of_the_issuer(),
        name: Some(brand.name.clone()),
        grants: Vec::new(),
        auth: ClientAuthentication::None,
        secrets: Vec::new(),
        keys: ClientKeys::None,
        token_endpoint_audience: false,
        dpop_bound_access_tokens: false,
        fapi2: false,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: false,
        permissions: Vec::new(),
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: Some(sign_in),
        enabled: true,
    }
}
