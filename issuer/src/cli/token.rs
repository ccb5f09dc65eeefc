//! `countersign token`: get a token as a client would, and explain what a verifier thinks of one.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_keys::{JwkSet, UnverifiedJws};
use countersign_verifier::{BuildError, CheckReport, Keys, Outcome, Start, Verifier};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

/// Get or explain a token.
#[derive(Subcommand, Clone, Debug)]
pub(super) enum Token {
    /// Ask the issuer for a token by client credentials, as a client does.
    Request(Request),
    /// Say of each check of a verifier whether a token passes it. Nothing is kept or logged.
    Explain(Explain),
}

/// What to ask for.
#[derive(Args, Clone, Debug)]
pub(super) struct Request {
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

/// What to explain.
#[derive(Args, Clone, Debug)]
pub(super) struct Explain {
    /// The token, or `-` to read it from standard input (a token in the arguments is seen by others).
    token: String,
    /// The issuer that is expected; without it the one of the configuration.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The audience that is expected; without it the token's own, which then proves nothing.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// A file with the key set; without it the issuer is asked.
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
}

/// Why there is no token, or no explanation.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// A file or standard input cannot be read.
    #[error("{what} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        what: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The issuer cannot be reached or does not speak the protocol.
    #[error("{url}: {cause}")]
    Issuer {
        /// What was asked.
        url: String,
        /// Why.
        cause: String,
    },
    /// The issuer refused.
    #[error("the issuer answered {status} {error}: {description}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The code of RFC 6749 §5.2.
        error: String,
        /// The issuer's text.
        description: String,
    },
    /// The key set cannot be used.
    #[error("the key set cannot be used: {0}")]
    KeySet(#[from] countersign_keys::error::JwkSetError),
    /// The verifier cannot be built.
    #[error(transparent)]
    Verifier(#[from] BuildError),
}

impl Request {
    /// Performs the grant; the token response as the issuer sent it.
    ///
    /// # Errors
    ///
    /// If the secret cannot be read, the issuer cannot be reached, or it refuses.
    pub(super) async fn run(&self, configured_issuer: &str) -> Result<Value, TokenError> {
        let issuer = self.issuer.as_deref().unwrap_or(configured_issuer);
        let secret = self.secret()?;
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

    fn secret(&self) -> Result<Zeroizing<String>, TokenError> {
        match &self.client_secret_file {
            Some(path) => std::fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| {
                TokenError::Unreadable { what: path.display().to_string(), cause }
            }),
            None => from_standard_input(),
        }
    }
}

impl Explain {
    /// Runs the checks of the SDK, in its order.
    ///
    /// # Errors
    ///
    /// If the token or the keys cannot be had; a token that fails is not an error here.
    pub(super) async fn run(
        &self,
        configured_issuer: &str,
    ) -> Result<Vec<CheckReport>, TokenError> {
        let token = match self.token.as_str() {
            "-" => from_standard_input()?,
            token => Zeroizing::new(token.to_owned()),
        };
        let token = token.trim();
        let issuer = self.issuer.as_deref().unwrap_or(configured_issuer);
        let audience = self.audience.clone().unwrap_or_else(|| own_audience(token));
        let builder = Verifier::builder(issuer).audience(&audience);
        let builder = builder
            .algorithms(countersign_keys::algorithm::ALGORITHMS.iter().map(|row| row.algorithm));
        let verifier = match self.fixed_keys()? {
            Some(keys) => builder.keys(Keys::Fixed(keys)).build().await?,
            None => builder.start(Start::FailFast).build().await?,
        };
        Ok(verifier.explain(token))
    }

    fn fixed_keys(&self) -> Result<Option<JwkSet>, TokenError> {
        let Some(path) = &self.jwks_file else { return Ok(None) };
        let json = std::fs::read(path)
            .map_err(|cause| TokenError::Unreadable { what: path.display().to_string(), cause })?;
        let all: Vec<_> =
            countersign_keys::algorithm::ALGORITHMS.iter().map(|row| row.algorithm).collect();
        Ok(Some(JwkSet::parse(&json, &all)?.0))
    }
}

/// Whether every check that was made passed.
pub(super) fn holds(reports: &[CheckReport]) -> bool {
    reports.iter().all(|report| report.outcome == Outcome::Passed)
}

/// The explanation for scripts.
pub(super) fn explanation_json(reports: &[CheckReport]) -> Value {
    let checks: Vec<Value> = reports
        .iter()
        .map(|report| {
            json!({
                "check": report.check,
                "outcome": outcome(report.outcome),
                "code": report.code,
                "detail": report.detail,
            })
        })
        .collect();
    json!({ "valid": holds(reports), "checks": checks })
}

/// The explanation for people.
pub(super) fn explanation_text(reports: &[CheckReport]) -> String {
    let mut text = String::new();
    for report in reports {
        let line = format!("{:8} {:18} {}", outcome(report.outcome), report.check, report.detail);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(if holds(reports) { "The token is good.\n" } else { "The token is refused.\n" });
    text
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
        _ => "skipped",
    }
}

/// The first `aud` of a token that nobody has verified.
fn own_audience(token: &str) -> String {
    #[derive(Deserialize)]
    struct Audience {
        aud: Value,
    }
    let payload =
        UnverifiedJws::parse(token).ok().and_then(|jws| jws.danger_unverified_payload().ok());
    let claims = payload.and_then(|payload| serde_json::from_slice::<Audience>(&payload).ok());
    let audience = claims.and_then(|claims| match claims.aud {
        Value::String(one) => Some(one),
        Value::Array(many) => many.first().and_then(Value::as_str).map(str::to_owned),
        _ => None,
    });
    audience.filter(|audience| !audience.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

fn from_standard_input() -> Result<Zeroizing<String>, TokenError> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|cause| TokenError::Unreadable { what: "standard input".to_owned(), cause })?;
    Ok(text)
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
    let response = request.send().await.map_err(|error| failed(error.without_url().to_string()))?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| failed(error.without_url().to_string()))?;
    let value =
        serde_json::from_slice(&body).map_err(|_| failed("the answer is not JSON".to_owned()))?;
    Ok((status, value))
}
