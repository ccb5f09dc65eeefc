//! What a verifier does about revocations, and what it does when it cannot know of them.

use std::time::Duration;

/// The least bound on lag: the feed counts in whole seconds.
const LEAST: Duration = Duration::from_secs(2);
/// How late the feed may be before it is called late where it is not waited for.
const NOTICED: Duration = Duration::from_secs(30);

/// What happens to tokens that may have been revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Revocation {
    /// Nothing is asked about revocations: tokens are good until they expire.
    Off,
    /// What is known to be revoked is refused; while the feed is late, tokens are served, and health says so. The default
    /// where there is a feed.
    #[default]
    BestEffort,
    /// The same, and where nothing is known for longer than this, tokens are answered 503: what was revoked before is
    /// never accepted.
    Strict {
        /// How late the feed may be; two seconds at least.
        max_lag: Duration,
    },
}

impl Revocation {
    /// Beyond this the feed is late.
    pub(crate) const fn bound(self) -> Duration {
        match self {
            Self::Strict { max_lag } => max_lag,
            Self::Off | Self::BestEffort => NOTICED,
        }
    }

    pub(crate) const fn check(self) -> Result<(), &'static str> {
        match self {
            Self::Strict { max_lag } if max_lag.as_millis() < LEAST.as_millis() => {
                Err("the bound on the lag of revocations is at least 2 s")
            }
            _ => Ok(()),
        }
    }
}
