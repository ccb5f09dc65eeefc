//! What verifiers are told of revocations and keys, and how it travels (decision 0031): signed messages about the one
//! sequence of the store, in a stream or one by one, and on a bus (`bus`). All who listen at a node share one signature, and so
//! do those who ask for the same page (`pages`); how many there are and how far one may fall behind is bounded. Who follows is
//! an app with the scope `feed:read` for the resource `{issuer}/feed`.

mod bus;
mod endpoint;
mod message;
mod pages;
mod publish;
mod subscription;

pub use endpoint::endpoint;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use crate::app::App;
use crate::config::{FeedSettings, IssuerUrl};
use bus::Bus;
use message::Message;
use pages::Pages;

/// Where it is.
pub const PATH: &str = "/feed";

/// What an app must have to follow it.
pub const SCOPE: &str = "feed:read";

/// Verifiers know by it that nothing was withheld from them.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Whoever is so many messages behind is cut off, and comes again.
const BACKLOG: usize = 64;

/// For so long after a change of the keys whoever begins to listen is told of it.
const KEYS_NEWS_SECONDS: i64 = 600;

/// The identifier of the resource.
pub fn resource(issuer: &IssuerUrl) -> String {
    issuer.endpoint(PATH)
}

/// The feed of one node.
pub struct Feed {
    id: Box<str>,
    /// None once the node stops.
    live: Mutex<Option<broadcast::Sender<Arc<Message>>>>,
    subscribers: watch::Sender<usize>,
    max_subscribers: usize,
    /// Unix seconds.
    keys_changed_at: watch::Sender<i64>,
    pages: Pages,
    /// None unless one is configured.
    bus: Option<Arc<Bus>>,
}

/// Starts the tasks; they end with the runtime.
pub fn spawn(app: &Arc<App>) {
    publish::spawn(app);
    bus::spawn(app);
}

impl Feed {
    /// The feed of the sequence with this name.
    pub fn new(id: String, settings: &FeedSettings) -> Self {
        Self {
            id: id.into(),
            live: Mutex::new(Some(broadcast::Sender::new(BACKLOG))),
            subscribers: watch::Sender::new(0),
            max_subscribers: settings.max_subscribers as usize,
            keys_changed_at: watch::Sender::new(i64::MIN),
            pages: Pages::default(),
            bus: settings.nats.as_ref().map(|_| Arc::default()),
        }
    }

    /// The name of the sequence: another database has another.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Verifiers have to fetch the keys: at `now` (Unix seconds) they became others.
    pub fn keys_changed(&self, now: i64) {
        self.keys_changed_at.send_replace(now);
    }

    /// How many listen.
    pub fn subscribers(&self) -> usize {
        *self.subscribers.borrow()
    }

    /// What is wrong with the bus, if one is configured.
    pub fn bus_trouble(&self) -> Option<&'static str> {
        self.bus.as_ref()?.trouble()
    }

    /// Waits until somebody listens; on a bus always somebody may.
    pub async fn has_subscribers(&self) {
        if self.bus.is_some() {
            return;
        }
        // The sender lives as long as `self`.
        let _ = self.subscribers.subscribe().wait_for(|subscribers| *subscribers > 0).await;
    }

    /// Ends the streams: the node stops, and verifiers go on at another.
    pub fn close(&self) {
        *self.live() = None;
    }

    /// When the keys changed (Unix seconds), if whoever comes has to be told.
    fn keys_news(&self, now: i64) -> Option<i64> {
        let changed_at = *self.keys_changed_at.borrow();
        (now.saturating_sub(changed_at) < KEYS_NEWS_SECONDS).then_some(changed_at)
    }

    /// What is told from now on; none once the node stops.
    fn listen(&self) -> Option<broadcast::Receiver<Arc<Message>>> {
        self.live().as_ref().map(broadcast::Sender::subscribe)
    }

    fn is_heard(&self) -> bool {
        self.live().as_ref().is_some_and(|live| live.receiver_count() > 0)
    }

    fn live(&self) -> MutexGuard<'_, Option<broadcast::Sender<Arc<Message>>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
