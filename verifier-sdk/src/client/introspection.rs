//! Asking the issuer whether a token is still good (RFC 7662), with the client's own authentication.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::TokenSource;
use crate::discovery::{self, Kept};
use crate::http_client;
use crate::key_source::{BoxFuture, HttpFetch};
use crate::revocation::{Introspect, IntrospectionError};

/// A request waits for the answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Introspection at the endpoint that the issuer's metadata announce, as this client. Given to
/// [`VerifierBuilder::introspection`](crate::VerifierBuilder::introspection).
pub struct Introspection {
    tokens: TokenSource,
    endpoint: Kept<Url>,
}

/// The members that matter here; no other has any effect.
#[derive(Deserialize)]
struct Metadata {
    introspection_endpoint: String,
    #[serde(default)]
    mtls_endpoint_aliases: Option<Aliases>,
}

/// RFC 8705 §5.
#[derive(Deserialize)]
struct Aliases {
    #[serde(default)]
    introspection_endpoint: Option<String>,
}

impl Introspection {
    /// As the client of these tokens.
    pub fn by(tokens: TokenSource) -> Self {
        Self { tokens, endpoint: Kept::default() }
    }

    async fn ask(&self, token: &str) -> Result<String, IntrospectionError> {
        let client = self.tokens.client();
        let now = client.clock.monotonic();
        let endpoint = self.endpoint.get(now, self.discover()).await?;
        let mut form =
            vec![("token", token.to_owned()), ("token_type_hint", "access_token".to_owned())];
        let mut headers = HeaderMap::new();
        let identity = (client.client_id.as_str(), client.issuer.as_str(), client.clock.wall());
        let proved = client.authentication.apply(identity, &mut form, &mut headers).await;
        proved.map_err(|_| IntrospectionError)?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let post = client.http.post((*endpoint).clone()).headers(headers).body(body);
        let answer = post.timeout(TIMEOUT).send().await.map_err(|_| IntrospectionError)?;
        if answer.status() != StatusCode::OK {
            tracing::warn!(status = answer.status().as_u16(), "introspection is refused");
            return Err(IntrospectionError);
        }
        let body = http_client::capped(answer).await.map_err(|_| IntrospectionError)?;
        String::from_utf8(body).map_err(|_| IntrospectionError)
    }

    async fn discover(&self) -> Result<Url, IntrospectionError> {
        let client = self.tokens.client();
        let fetch = HttpFetch::with_client(client.http.clone());
        let document = discovery::ask(&fetch, &client.issuer).await;
        let document = document.map_err(|_| IntrospectionError)?;
        let metadata: Metadata =
            discovery::read(&document, &client.issuer).map_err(|_| IntrospectionError)?;
        let alias = metadata.mtls_endpoint_aliases.and_then(|one| one.introspection_endpoint);
        let url = match alias {
            Some(alias) if client.shows_certificate => alias,
            _ => metadata.introspection_endpoint,
        };
        discovery::endpoint(&client.issuer, &url).ok_or(IntrospectionError)
    }
}

impl Introspect for Introspection {
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<String, IntrospectionError>> {
        Box::pin(self.ask(token))
    }
}

impl std::fmt::Debug for Introspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspection").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
