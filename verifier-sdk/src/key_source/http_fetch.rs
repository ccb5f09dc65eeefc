//! `Fetch` over reqwest and rustls: no redirects, no proxies from the environment, capped in time
//! and size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CACHE_CONTROL, IF_NONE_MATCH};

use super::{BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse, MAX_DOCUMENT_BYTES};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The default way of fetching documents.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: reqwest::Client,
}

impl HttpFetch {
    /// A client with the limits of the SDK. Fails if the TLS roots cannot be loaded.
    pub fn build() -> Result<Self, FetchError> {
        Self::with_timeouts(CONNECT_TIMEOUT, ATTEMPT_TIMEOUT)
    }

    /// The same with other patience: to connect, and for a whole attempt.
    pub fn with_timeouts(connect: Duration, attempt: Duration) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(connect)
            .timeout(attempt)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("countersign-verifier/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| FetchError::Connect)?;
        Ok(Self { client })
    }

    /// Uses a client made elsewhere (a private CA, a proxy). It must not follow redirects and must
    /// have a timeout; the cap on the size is applied here.
    pub fn with_client(client: reqwest::Client) -> Self {
        Self { client }
    }

    async fn perform(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let mut builder = self.client.get(request.url).header(ACCEPT, "application/json");
        if let Some(etag) = request.if_none_match {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        if request.no_cache {
            builder = builder.header(CACHE_CONTROL, "no-cache");
        }
        let mut response = builder.send().await.map_err(|error| cause(&error))?;
        let body = if response.status() == http::StatusCode::OK {
            capped_body(&mut response).await?
        } else {
            Bytes::new()
        };
        Ok(FetchResponse::from_parts(response.status(), response.headers(), body))
    }
}

impl Fetch for HttpFetch {
    fn get(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        Box::pin(self.perform(request))
    }
}

async fn capped_body(response: &mut reqwest::Response) -> Result<Bytes, FetchError> {
    if response.content_length().is_some_and(|length| length > MAX_DOCUMENT_BYTES as u64) {
        return Err(FetchError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn cause(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        FetchError::Timeout
    } else if error.is_connect() {
        FetchError::Connect
    } else {
        FetchError::Broken
    }
}
