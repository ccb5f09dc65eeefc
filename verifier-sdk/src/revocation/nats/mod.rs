//! The feed over NATS, on a connection of the service (decision 0035). The issuer's nodes tell what is new on one subject
//! ([`NatsNames::live`]), which is listened to, and answer on another ([`NatsNames::ask`]) what is missing. Where none of them
//! does, what they kept in a stream of JetStream is read ([`stored`]), so that a verifier which starts while the issuer is away
//! refuses what was revoked; that nothing was revoked since, nobody can tell it then, and the feed is late.
//!
//! Whoever may publish on these subjects can waste time, and nothing else: messages are signed.

mod live;
mod names;
mod question;
mod replay;
pub mod stored;

pub use async_nats;
pub use names::NatsNames;

use std::fmt;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use tokio::time::sleep;

use super::feed::{Feed, FeedError, Messages};
use super::lock;
use crate::key_source::BoxFuture;
use live::Live;
use question::Question;
use replay::Replay;

/// What a node answers that knows nothing for certain at the moment.
pub const NOT_NOW: &str = "not now";

/// For so long a question waits for a connection that was lost.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(100);

/// The feed of an issuer that has `[feed.nats]`, as a way for [`VerifierBuilder::feed`](crate::VerifierBuilder::feed). Which
/// servers, by which credentials and with which TLS is said to [`async_nats`], once for all that the service does there:
///
/// ```no_run
/// use countersign_verifier::Verifier;
/// use countersign_verifier::revocation::nats::{NatsFeed, async_nats::ConnectOptions};
///
/// # async fn build(password: String) -> Result<(), Box<dyn std::error::Error>> {
/// let bus = ConnectOptions::with_user_and_password("payments".to_owned(), password)
///     .require_tls(true)
///     .retry_on_initial_connect()
///     .connect("tls://nats.example:4222")
///     .await?;
/// let verifier = Verifier::builder("https://issuer.example")
///     .audience("https://payments.example")
///     .feed(NatsFeed::new(bus, "https://issuer.example"))
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
///
/// The service must be allowed to subscribe to [`NatsNames::live`] and to its inbox (`_INBOX.>`), and to publish on
/// [`NatsNames::ask`] and [`NatsNames::stored`].
pub struct NatsFeed {
    client: Client,
    names: NatsNames,
    asking: tokio::sync::Mutex<Asking>,
    early: Mutex<Early>,
}

/// Who is asked, and how far that went.
#[derive(Default)]
struct Asking {
    question: Question,
    replay: Replay,
}

/// Who listens already while it is asked, so that nothing is missed between an answer and what comes after it.
#[derive(Default)]
struct Early {
    ready: Option<Live>,
    alive: Weak<()>,
}

impl NatsFeed {
    /// The feed of this issuer, where its configuration gives it no other name.
    pub fn new(client: Client, issuer: &str) -> Self {
        Self::named(client, NatsNames::of(issuer))
    }

    /// The feed that has these names: those of `feed.nats.name`.
    pub fn named(client: Client, names: NatsNames) -> Self {
        Self { client, names, asking: tokio::sync::Mutex::default(), early: Mutex::default() }
    }

    async fn connected(&self) -> Result<(), FeedError> {
        let connected = async {
            while self.client.connection_state() != State::Connected {
                sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, connected).await.map_err(|_| FeedError::Connect)
    }

    async fn listen_early(&self) -> Result<(), FeedError> {
        if lock(&self.early).alive.strong_count() > 0 {
            return Ok(());
        }
        let live = Live::begin(&self.client, &self.names).await?;
        *lock(&self.early) = Early { alive: live.alive(), ready: Some(live) };
        Ok(())
    }

    async fn answer(&self, after: u64) -> Result<String, FeedError> {
        self.connected().await?;
        self.listen_early().await?;
        let mut asking = self.asking.lock().await;
        let Asking { question, replay } = &mut *asking;
        match question.ask(&self.client, &self.names, after).await? {
            Some(answer) => Ok(answer),
            None => replay.next(&self.client, &self.names, after).await,
        }
    }

    async fn stream(&self) -> Result<Box<dyn Messages>, FeedError> {
        self.listen_early().await?;
        let ready = lock(&self.early).ready.take();
        let live = match ready {
            Some(live) => live,
            None => Live::begin(&self.client, &self.names).await?,
        };
        Ok(Box::new(live))
    }
}

impl Feed for NatsFeed {
    fn ask(&self, after: u64) -> BoxFuture<'_, Result<String, FeedError>> {
        Box::pin(self.answer(after))
    }

    fn listen(&self, _after: u64) -> BoxFuture<'_, Result<Box<dyn Messages>, FeedError>> {
        Box::pin(self.stream())
    }

    fn is_shared(&self) -> bool {
        true
    }
}

impl fmt::Debug for NatsFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsFeed").field("names", &self.names).finish_non_exhaustive()
    }
}
