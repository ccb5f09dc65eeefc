//! The source as middleware of `reqwest`: each request to one origin carries a token.

use http::header::WWW_AUTHENTICATE;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use url::{Origin, Url};

use super::{AccessToken, TokenRequest, TokenSource};

/// Puts tokens on the requests of a `reqwest_middleware` client. A request with a [`TokenRequest`] as extension gets that token
/// instead: for whoever called. A token that is refused is asked for anew, and a proof that lacks a nonce is made again, once,
/// if the body can be sent again.
#[derive(Clone, Debug)]
pub struct TokenMiddleware {
    source: TokenSource,
    request: TokenRequest,
    /// None if it was not a URL: then nothing gets a token.
    origin: Option<Origin>,
}

/// What a service says of the token that it was shown.
#[derive(PartialEq, Eq)]
enum Verdict {
    Taken,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// RFC 9449 §9.
    NonceWanted,
}

impl TokenMiddleware {
    /// For requests to the origin of this URL. Others pass without a token: whoever is sent one can use it.
    pub fn new(source: TokenSource, request: TokenRequest, url: &str) -> Self {
        let origin = Url::parse(url).ok().map(|url| url.origin());
        Self { source, request, origin }
    }

    async fn authorize(&self, wanted: &TokenRequest, request: &mut Request) -> Result<AccessToken> {
        let token = self.source.token(wanted).await.map_err(Error::middleware)?;
        let (method, url) = (request.method().clone(), request.url().clone());
        let authorized = token.authorize(&method, &url, request.headers_mut());
        authorized.map_err(Error::middleware)?;
        Ok(token)
    }
}

#[async_trait::async_trait]
impl Middleware for TokenMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        if self.origin != Some(request.url().origin()) {
            return next.run(request, extensions).await;
        }
        let wanted = extensions.get::<TokenRequest>().unwrap_or(&self.request).clone();
        let (again, url) = (request.try_clone(), request.url().clone());
        let token = self.authorize(&wanted, &mut request).await?;
        let response = next.clone().run(request, extensions).await?;
        let learn = |response: &Response| {
            token.prover().is_some_and(|prover| prover.learn(&url, response.headers()))
        };
        let learnt = learn(&response);
        let verdict = verdict(&response);
        if verdict == Verdict::InvalidToken {
            self.source.forget(&wanted, &token);
        }
        let is_hopeless = verdict == Verdict::Taken || (verdict == Verdict::NonceWanted && !learnt);
        let Some(mut again) = again.filter(|_| !is_hopeless) else { return Ok(response) };
        self.authorize(&wanted, &mut again).await?;
        let response = next.run(again, extensions).await?;
        learn(&response);
        Ok(response)
    }
}

fn verdict(response: &Response) -> Verdict {
    if response.status() != StatusCode::UNAUTHORIZED {
        return Verdict::Taken;
    }
    let challenges = response.headers().get_all(WWW_AUTHENTICATE);
    let says = |error: &str| {
        challenges.iter().any(|value| value.to_str().is_ok_and(|text| text.contains(error)))
    };
    if says(r#"error="use_dpop_nonce""#) {
        Verdict::NonceWanted
    } else if says(r#"error="invalid_token""#) {
        Verdict::InvalidToken
    } else {
        Verdict::Taken
    }
}
