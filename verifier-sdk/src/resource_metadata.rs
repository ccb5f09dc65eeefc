//! Protected resource metadata (RFC 9728): tells a client that got 401 which issuer to ask and for
//! which scopes. The document; serving it is `axum`.

use serde::Serialize;
use url::Url;

/// The metadata of one protected resource.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct ResourceMetadata {
    /// The resource identifier: an https URL without fragment (RFC 9728 §1.2).
    pub resource: String,
    /// The issuers whose tokens are accepted.
    pub authorization_servers: Vec<String>,
    /// Scopes that clients may ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// How the token may be sent; never `query`.
    pub bearer_methods_supported: Vec<&'static str>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    #[serde(skip)]
    url: Url,
}

/// The resource identifier is not an absolute http(s) URL without fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the resource identifier must be an absolute URL without fragment")]
pub struct ResourceIdentifierError;

impl ResourceMetadata {
    /// For a resource whose identifier (its audience) is a URL.
    pub fn new(
        resource: &str,
        issuers: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, ResourceIdentifierError> {
        let mut url = Url::parse(resource).map_err(|_| ResourceIdentifierError)?;
        if !matches!(url.scheme(), "https" | "http") || url.fragment().is_some() {
            return Err(ResourceIdentifierError);
        }
        // RFC 9728 §3.1: inserted between host and path.
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-protected-resource{path}"));
        Ok(Self {
            resource: resource.to_owned(),
            authorization_servers: issuers.into_iter().map(Into::into).collect(),
            scopes_supported: Vec::new(),
            bearer_methods_supported: vec!["header"],
            resource_name: None,
            url,
        })
    }

    /// Names the scopes that clients may ask for.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes_supported = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Names the resource for people.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.resource_name = Some(name.to_owned());
        self
    }

    /// Where the document is, for challenges.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The path at which to serve the document.
    pub fn path(&self) -> &str {
        self.url.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_goes_before_the_path() {
        let metadata = |resource| ResourceMetadata::new(resource, ["https://issuer.example"]);

        let root = metadata("https://payments.example").unwrap();
        assert_eq!(root.url(), "https://payments.example/.well-known/oauth-protected-resource");
        let nested = metadata("https://api.example/pay/v1?x=1").unwrap();
        assert_eq!(
            nested.url(),
            "https://api.example/.well-known/oauth-protected-resource/pay/v1?x=1"
        );
    }

    #[test]
    fn only_urls_without_fragment_are_resources() {
        for resource in ["payments", "urn:payments", "https://payments.example/#a", ""] {
            let refused = ResourceMetadata::new(resource, ["https://issuer.example"]);
            assert_eq!(refused.unwrap_err(), ResourceIdentifierError, "{resource}");
        }
    }

    #[test]
    fn the_document_is_as_rfc_9728_has_it() {
        let metadata =
            ResourceMetadata::new("https://payments.example", ["https://issuer.example"])
                .unwrap()
                .scopes(["payments:read"])
                .name("Payments");

        let json = serde_json::to_value(&metadata).unwrap();

        let expected = serde_json::json!({
            "resource": "https://payments.example",
            "authorization_servers": ["https://issuer.example"],
            "scopes_supported": ["payments:read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Payments",
        });
        assert_eq!(json, expected);
    }
}
