//! `countersign token request`: gets a token by client credentials, as a client does (RFC 6749 §4.4).

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::super::Session;
use super::super::output::cause_of;
use super::{TokenError, from_standard_input};

/// What to ask for.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Request {
    /// The client.
    #[arg(long)]
    client_id: String,
    /// A file with the client's secret; without it the secret is read from standard input.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// The resource that the token is for, if the client may use several.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// The scopes, separated by spaces; without it all that the client may have.
    #[arg(long)]
    scope: Option<String>,
    /// The issuer; without it the one of the configuration.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

impl Request {
    /// Performs the grant; the token response as the issuer sent it.
    ///
    /// # Errors
    ///
    /// If the secret cannot be read, the issuer cannot be reached, or it refuses.
    pub(super) async fn run(&self, session: &Session) -> Result<Value, TokenError> {
        let issuer = self.issuer.as_deref().unwrap_or(session.config.issuer.as_str());
        let secret = self.secret(session)?;
        let client = http_client()?;
        let endpoint = token_endpoint(&client, issuer).await?;
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.resource.as_deref().map(|resource| ("resource", resource)));
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(form).finish();
        let response = client
            .post(endpoint.clone())
            .basic_auth(&self.client_id, Some(secret.trim_end()))
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let (status, answer) = read_json(response, endpoint.as_str()).await?;
        if status == 200 {
            return Ok(answer);
        }
        let text =
            |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(TokenError::Refused {
            status,
            error: text("error"),
            description: text("error_description"),
        })
    }

    fn secret(&self, session: &Session) -> Result<Zeroizing<String>, TokenError> {
        match &self.client_secret_file {
            Some(path) => std::fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| {
                TokenError::Unreadable { what: path.display().to_string(), cause }
            }),
            None => from_standard_input("the client's secret", session),
        }
    }
}

fn http_client() -> Result<reqwest::Client, TokenError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10));
    client
        .build()
        .map_err(|error| TokenError::Issuer { url: "https".to_owned(), cause: error.to_string() })
}

/// RFC 8414 §3: only metadata that names the same issuer says where its token endpoint is.
async fn token_endpoint(client: &reqwest::Client, issuer: &str) -> Result<Url, TokenError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        token_endpoint: String,
    }
    let url = format!("{issuer}/.well-known/openid-configuration");
    let failed = |cause: &str| TokenError::Issuer { url: url.clone(), cause: cause.to_owned() };
    if !Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        return Err(failed("the issuer is not an http or https URL"));
    }
    let (status, metadata) = read_json(client.get(&url), &url).await?;
    if status != 200 {
        return Err(failed(&format!("status {status}")));
    }
    let metadata: Metadata =
        serde_json::from_value(metadata).map_err(|_| failed("this is not an issuer's metadata"))?;
    if metadata.issuer != issuer {
        return Err(failed(&format!("the issuer there calls itself {}", metadata.issuer)));
    }
    Url::parse(&metadata.token_endpoint).map_err(|_| failed("token_endpoint is not a URL"))
}

async fn read_json(
    request: reqwest::RequestBuilder,
    url: &str,
) -> Result<(u16, Value), TokenError> {
    let failed = |cause: String| TokenError::Issuer { url: url.to_owned(), cause };
    let response = request.send().await.map_err(|error| failed(cause_of(&error)))?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| failed(cause_of(&error)))?;
    let value =
        serde_json::from_slice(&body).map_err(|_| failed("the answer is not JSON".to_owned()))?;
    Ok((status, value))
}
