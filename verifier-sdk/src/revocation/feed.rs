//! The small trait through which the feed is reached, so that a service can bring its own way: a bus, a relay of its own.
//! Messages are signed, so no way is trusted with more than to deliver.

use std::sync::Arc;
use std::time::Duration;

use crate::key_source::BoxFuture;

/// A way to the issuer's feed. Given to [`VerifierBuilder::feed`](crate::VerifierBuilder::feed), it is listened to for as
/// long as the verifier lives, and asked for what is missing.
pub trait Feed: Send + Sync + 'static {
    /// One message that begins after this number: what is missing, or the newest heartbeat. Must come back within ten
    /// seconds or so, also when it fails.
    fn ask(&self, after: u64) -> BoxFuture<'_, Result<String, FeedError>>;

    /// The messages from here on, as they come. `after` is for a way that can resume there; what another one leaves out is
    /// asked for.
    fn listen(&self, after: u64) -> BoxFuture<'_, Result<Box<dyn Messages>, FeedError>>;

    /// Whether others than the issuer may write where this reads, as on a bus. What is refused says nothing about the way
    /// then: it is passed over, and what comes next may be the issuer's.
    fn is_shared(&self) -> bool {
        false
    }
}

/// Messages as they come.
pub trait Messages: Send {
    /// The next one. What is read of it must not get lost if the future is dropped; it is asked for again then.
    fn next(&mut self) -> BoxFuture<'_, Result<String, FeedError>>;
}

/// Why there is no message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The issuer's metadata have no feed.
    #[error("the issuer announces no feed of revocations")]
    NotAnnounced,
    /// The issuer's metadata cannot be had.
    #[error("the issuer's metadata cannot be had")]
    Metadata,
    /// There is no token to ask with, or it was not accepted.
    #[error("no token for the feed, or it was not accepted")]
    Unauthorized,
    /// No connection.
    #[error("cannot connect")]
    Connect,
    /// Too slow.
    #[error("timed out")]
    Timeout,
    /// For 15 seconds there was no message.
    #[error("the feed is silent")]
    Silent,
    /// The connection broke, or ended.
    #[error("the feed broke off")]
    Broken,
    /// A message, or a line, over a mebibyte.
    #[error("a message is too large")]
    TooLarge,
    /// A redirect, which is never followed.
    #[error("the answer is a redirect")]
    Redirect,
    /// Another status than 200.
    #[error("the answer has status {status}")]
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, if it was sent.
        retry_after: Option<Duration>,
    },
    /// Something else than messages.
    #[error("the answer is of another type")]
    WrongType,
    /// What came was refused: see the metrics.
    #[error("the messages are refused")]
    Refused,
    /// What was asked for did not come.
    #[error("the feed does not give what is missing")]
    NoProgress,
    /// There is a way, and nobody of the issuer at its end.
    #[error("nobody answers for the issuer")]
    Unanswered,
}

impl FeedError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnnounced => "feed_not_announced",
            Self::Metadata => "feed_metadata",
            Self::Unauthorized => "feed_unauthorized",
            Self::Connect => "feed_connect",
            Self::Timeout => "feed_timeout",
            Self::Silent => "feed_silent",
            Self::Broken => "feed_broken",
            Self::TooLarge => "feed_too_large",
            Self::Redirect => "feed_redirect",
            Self::Status { .. } => "feed_status",
            Self::WrongType => "feed_wrong_type",
            Self::Refused => "feed_refused",
            Self::NoProgress => "feed_no_progress",
            Self::Unanswered => "feed_unanswered",
        }
    }

    /// Not before this it is worth asking again.
    pub(super) fn retry_after(&self) -> Duration {
        const NOT_ANNOUNCED: Duration = Duration::from_mins(5);
        const LONGEST: Duration = Duration::from_mins(1);
        match self {
            Self::NotAnnounced => NOT_ANNOUNCED,
            Self::Status { retry_after: Some(retry_after), .. } => (*retry_after).min(LONGEST),
            _ => Duration::ZERO,
        }
    }
}

/// A [`Feed`] of the service.
#[derive(Clone)]
pub struct CustomFeed(pub(crate) Arc<dyn Feed>);

impl std::fmt::Debug for CustomFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomFeed")
    }
}
