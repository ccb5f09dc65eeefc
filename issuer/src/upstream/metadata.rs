//! What a provider says of itself (OpenID Connect Discovery §4), as far as signing in needs it.

use countersign_keys::json;
use countersign_verifier::key_source::{Fetch as _, FetchRequest};
use serde::Deserialize;
use url::{Host, Url};

use super::UpstreamError;
use crate::outbound::Outbound;

/// The members that matter here; no other has any effect.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: Url,
    /// Where the code is redeemed.
    pub token_endpoint: Url,
    /// Whether every answer names the issuer (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether claims can be asked for by name (OpenID Connect Core §5.5).
    #[serde(default)]
    pub claims_parameter_supported: bool,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Metadata {
    /// Asks the provider.
    pub(super) async fn fetch(outbound: &Outbound, issuer: &str) -> Result<Self, UpstreamError> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let bad = UpstreamError::BadAnswer("its metadata cannot be read");
        let url = Url::parse(&address).map_err(|_| bad.clone())?;
        let answer = outbound.get(FetchRequest::of(url)).await;
        let answer = answer.map_err(|_| UpstreamError::Unavailable("its metadata"))?;
        let text = std::str::from_utf8(&answer.body).ok().filter(|_| answer.status == 200);
        Self::read(text.ok_or(bad)?, issuer)
    }

    fn read(text: &str, issuer: &str) -> Result<Self, UpstreamError> {
        let bad = |what| UpstreamError::BadAnswer(what);
        json::check(text).map_err(|_| bad("its metadata cannot be read"))?;
        let metadata: Self =
            serde_json::from_str(text).map_err(|_| bad("its metadata cannot be read"))?;
        // Discovery §4.3: identical, byte for byte. So a template that leaves the tenant open names nobody.
        if metadata.issuer != issuer {
            return Err(bad("its metadata are of another issuer"));
        }
        if !is_safe(&metadata.authorization_endpoint) || !is_safe(&metadata.token_endpoint) {
            return Err(bad("its endpoints are not https"));
        }
        Ok(metadata)
    }

    /// RFC 8414 §2: `client_secret_basic` if nothing is said.
    pub(super) fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
    }
}

/// Codes and secrets go there: over TLS, or not beyond this machine.
fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(issuer: &str, token_endpoint: &str) -> String {
        format!(
            r#"{{"issuer":"{issuer}","authorization_endpoint":"https://a.example/auth","token_endpoint":"{token_endpoint}"}}"#
        )
    }

    #[test]
    fn metadata_are_of_the_very_issuer_and_lead_to_https() {
        let tenant = "https://login.microsoftonline.com/0f2b/v2.0";
        let good = Metadata::read(&document(tenant, "https://a.example/token"), tenant).unwrap();
        assert!(good.takes_basic() && !good.authorization_response_iss_parameter_supported);

        for (issuer, token_endpoint) in [
            ("https://login.microsoftonline.com/{tenantid}/v2.0", "https://a.example/token"),
            ("https://login.microsoftonline.com/0f2b/v2.0/", "https://a.example/token"),
            (tenant, "http://a.example/token"),
            (tenant, "not a URL"),
        ] {
            let read = Metadata::read(&document(issuer, token_endpoint), tenant);
            assert!(matches!(read, Err(UpstreamError::BadAnswer(_))), "{issuer} {token_endpoint}");
        }
        let twice =
            document(tenant, "https://a.example/token").replacen('{', r#"{"issuer":"x","#, 1);
        assert!(Metadata::read(&twice, tenant).is_err());
    }
}
