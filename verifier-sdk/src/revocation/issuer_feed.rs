//! The feed where the issuer's metadata say it is: one message for a question, or a stream of server-sent events, with an
//! access token of the service for exactly that.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::core::feed_of;
use super::feed::{Feed, FeedError, Messages};
use super::message::MAX_MESSAGE_BYTES;
use super::sse::Events;
use crate::client::{AccessToken, TokenError, TokenRequest, TokenSource};
use crate::discovery::{self, Kept};
use crate::key_source::{BoxFuture, HttpFetch};

const SCOPE: &str = "feed:read";
const MESSAGE: &str = "application/secevent+jwt";
const STREAM: &str = "text/event-stream";
/// One question.
const TIMEOUT: Duration = Duration::from_secs(10);
/// One stream; then another one, with a new token.
const STREAM_TIMEOUT: Duration = Duration::from_hours(12);

/// The way to the feed of one issuer.
pub(crate) struct IssuerFeed {
    tokens: TokenSource,
    request: TokenRequest,
    endpoint: Kept<Url>,
}

/// The member that matters here; no other has any effect.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    revocation_feed_endpoint: Option<String>,
}

struct Stream {
    response: reqwest::Response,
    events: Events,
}

impl IssuerFeed {
    pub(crate) fn new(tokens: TokenSource) -> Self {
        let request = TokenRequest::for_resource(&feed_of(tokens.issuer())).scope(SCOPE);
        Self { tokens, request, endpoint: Kept::default() }
    }

    async fn discover(&self) -> Result<Url, FeedError> {
        let issuer = self.tokens.issuer();
        let fetch = HttpFetch::with_client(self.tokens.http().clone());
        let document = discovery::ask(&fetch, issuer).await.map_err(|_| FeedError::Metadata)?;
        let metadata: Metadata =
            discovery::read(&document, issuer).map_err(|_| FeedError::Metadata)?;
        let announced = metadata.revocation_feed_endpoint.ok_or(FeedError::NotAnnounced)?;
        discovery::endpoint(issuer, &announced).ok_or(FeedError::Metadata)
    }

    async fn get(
        &self,
        after: u64,
        (accept, patience): (&'static str, Duration),
    ) -> Result<reqwest::Response, FeedError> {
        let now = self.tokens.clock().monotonic();
        let mut url = (*self.endpoint.get(now, self.discover()).await?).clone();
        let target = url.clone();
        url.query_pairs_mut().append_pair("after", &after.to_string());
        let token = self.tokens.token(&self.request).await.map_err(|error| no_token(&error))?;
        let mut headers = HeaderMap::new();
        token
            .authorize(&Method::GET, &target, &mut headers)
            .map_err(|_| FeedError::Unauthorized)?;
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let request = self.tokens.http().get(url).headers(headers).timeout(patience);
        let response = request.send().await.map_err(|error| cause(&error))?;
        self.accept(response, &token, accept)
    }

    fn accept(
        &self,
        response: reqwest::Response,
        token: &AccessToken,
        accept: &str,
    ) -> Result<reqwest::Response, FeedError> {
        let headers = response.headers();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        match response.status() {
            StatusCode::OK => {
                let media_type = text(CONTENT_TYPE).and_then(|value| value.split(';').next());
                let is_it = media_type.is_some_and(|one| one.trim().eq_ignore_ascii_case(accept));
                if is_it { Ok(response) } else { Err(FeedError::WrongType) }
            }
            StatusCode::UNAUTHORIZED => {
                // The next one may be better.
                self.tokens.forget(&self.request, token);
                Err(FeedError::Unauthorized)
            }
            status if status.is_redirection() => Err(FeedError::Redirect),
            status => {
                let seconds = text(RETRY_AFTER).and_then(|value| value.trim().parse().ok());
                let retry_after = seconds.map(Duration::from_secs);
                Err(FeedError::Status { status: status.as_u16(), retry_after })
            }
        }
    }

    async fn message(&self, after: u64) -> Result<String, FeedError> {
        let mut response = self.get(after, (MESSAGE, TIMEOUT)).await?;
        let mut message = Vec::new();
        while let Some(chunk) = chunk(&mut response).await? {
            if message.len() + chunk.len() > MAX_MESSAGE_BYTES {
                return Err(FeedError::TooLarge);
            }
            message.extend_from_slice(&chunk);
        }
        String::from_utf8(message).map_err(|_| FeedError::WrongType)
    }

    async fn stream(&self, after: u64) -> Result<Box<dyn Messages>, FeedError> {
        let response = self.get(after, (STREAM, STREAM_TIMEOUT)).await?;
        Ok(Box::new(Stream { response, events: Events::default() }))
    }
}

impl Feed for IssuerFeed {
    fn ask(&self, after: u64) -> BoxFuture<'_, Result<String, FeedError>> {
        Box::pin(self.message(after))
    }

    fn listen(&self, after: u64) -> BoxFuture<'_, Result<Box<dyn Messages>, FeedError>> {
        Box::pin(self.stream(after))
    }
}

impl Messages for Stream {
    fn next(&mut self) -> BoxFuture<'_, Result<String, FeedError>> {
        Box::pin(async {
            loop {
                if let Some(message) = self.events.next()? {
                    return Ok(message);
                }
                let chunk = chunk(&mut self.response).await?.ok_or(FeedError::Broken)?;
                self.events.push(&chunk);
            }
        })
    }
}

async fn chunk(response: &mut reqwest::Response) -> Result<Option<Bytes>, FeedError> {
    response.chunk().await.map_err(|error| cause(&error))
}

fn no_token(error: &TokenError) -> FeedError {
    tracing::warn!(%error, code = error.code(), "no token for the feed of revocations");
    match error {
        TokenError::Unavailable { retry_after, .. } => {
            FeedError::Status { status: 503, retry_after: Some(*retry_after) }
        }
        _ => FeedError::Unauthorized,
    }
}

fn cause(error: &reqwest::Error) -> FeedError {
    if error.is_timeout() {
        FeedError::Timeout
    } else if error.is_connect() {
        FeedError::Connect
    } else {
        FeedError::Broken
    }
}
