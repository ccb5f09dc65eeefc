//! Where messages of the feed come from.

use super::Revocations;
#[cfg(feature = "remote")]
use super::feed::{CustomFeed, Feed};
#[cfg(feature = "feed")]
use crate::client::TokenSource;

/// Where a verifier learns of revocations; given to [`VerifierBuilder::feed`](crate::VerifierBuilder::feed).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FeedSource {
    /// The service hands messages in itself, by [`Revocations::take`].
    Pushed,
    /// What another verifier of the same issuer knows; made by `From`.
    Shared(Revocations),
    /// A way of the service's own; made by `From`.
    #[cfg(feature = "remote")]
    Custom(CustomFeed),
    /// Where the issuer's metadata say, with the tokens of this client; made by `From`. It needs the scope `feed:read` for the
    /// resource `{issuer}/feed`.
    #[cfg(feature = "feed")]
    Issuer(TokenSource),
}

impl From<Revocations> for FeedSource {
    fn from(revocations: Revocations) -> Self {
        Self::Shared(revocations)
    }
}

#[cfg(feature = "remote")]
impl<F: Feed> From<F> for FeedSource {
    fn from(feed: F) -> Self {
        Self::Custom(CustomFeed(std::sync::Arc::new(feed)))
    }
}

#[cfg(feature = "feed")]
impl From<TokenSource> for FeedSource {
    fn from(tokens: TokenSource) -> Self {
        Self::Issuer(tokens)
    }
}
