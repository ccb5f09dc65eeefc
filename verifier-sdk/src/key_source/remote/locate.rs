//! Where the key set is: configured, or from the issuer's metadata, which is asked again once a day
//! and after every failure.

use std::time::Duration;

use url::Url;

use super::super::{FetchError, FetchRequest};
use super::Source;
use super::attempt::{Failure, accept};
use super::core::{Core, lock};
use crate::discovery;

const ASK_AGAIN: Duration = Duration::from_hours(24);

pub(super) struct Location {
    url: Url,
    found_at: Duration,
}

impl Core {
    pub(super) async fn jwks_url(&self, no_cache: bool) -> Result<Url, Failure> {
        let issuer = match &self.source {
            Source::JwksUrl(url) => return Ok(url.clone()),
            Source::Discovery { issuer } => issuer,
        };
        let now = self.clock.monotonic();
        if let Some(location) = &*lock(&self.location)
            && now.saturating_sub(location.found_at) < ASK_AGAIN
        {
            return Ok(location.url.clone());
        }
        let url = self.discover(issuer, no_cache).await?;
        *lock(&self.location) = Some(Location { url: url.clone(), found_at: now });
        Ok(url)
    }

    /// OpenID Connect's place first, then that of RFC 8414, if the first one does not exist.
    async fn discover(&self, issuer: &str, no_cache: bool) -> Result<Url, Failure> {
        let mut failure = Failure::from(FetchError::Metadata);
        for url in discovery::locations(issuer).ok_or(FetchError::Metadata)? {
            super::super::fetch::check_url(&url, self.plain_http)?;
            let request = FetchRequest { no_cache, ..FetchRequest::of(url) };
            match accept(self.fetch.get(request).await?) {
                Ok(response) => {
                    return Ok(discovery::jwks_uri(&response.body, issuer, self.plain_http)?);
                }
                Err(missing) if missing.error == FetchError::Status(404) => failure = missing,
                Err(other) => return Err(other),
            }
        }
        Err(failure)
    }
}
