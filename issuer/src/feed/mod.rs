//! What verifiers are told of revocations and keys, and how it travels (decision 0031): signed messages about the one
//! sequence of the store, in a stream or one by one. All subscribers of a node share one signature, and so do those who ask
//! for the same page (`pages`); how many there are and how far one may fall behind is bounded. Who follows is an app with the scope `feed:read` for the resource `{issuer}/feed`.

mod endpoint;
mod message;
mod pages;
mod publish;
mod subscription;

pub use endpoint::endpoint;
pub use publish::spawn;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, watch};

use crate::config::IssuerUrl;
use message::Message;
use pages::Pages;

/// Where it is.
pub const PATH: &str = "/feed";

/// What an app must have to follow it.
pub const SCOPE: &str = "feed:read";

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
    keys_changed_at: AtomicI64,
    keys_news: Notify,
    pages: Pages,
}

impl Feed {
    /// The feed of the sequence with this name.
    pub fn new(id: String, max_subscribers: u32) -> Self {
        Self {
            id: id.into(),
            live: Mutex::new(Some(broadcast::Sender::new(BACKLOG))),
            subscribers: watch::Sender::new(0),
            max_subscribers: max_subscribers as usize,
            keys_changed_at: AtomicI64::new(i64::MIN),
            keys_news: Notify::new(),
            pages: Pages::default(),
        }
    }

    /// The name of the sequence: another database has another.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Verifiers have to fetch the keys: at `now` (Unix seconds) they became others.
    pub fn keys_changed(&self, now: i64) {
        self.keys_changed_at.store(now, Ordering::Relaxed);
        self.keys_news.notify_one();
    }

    /// How many listen.
    pub fn subscribers(&self) -> usize {
        *self.subscribers.borrow()
    }

    /// Waits until somebody listens.
    pub async fn has_subscribers(&self) {
        // The sender lives as long as `self`.
        let _ = self.subscribers.subscribe().wait_for(|subscribers| *subscribers > 0).await;
    }

    /// Ends the streams: the node stops, and verifiers go on at another.
    pub fn close(&self) {
        *self.live() = None;
    }

    fn keys_are_news(&self, now: i64) -> bool {
        now.saturating_sub(self.keys_changed_at.load(Ordering::Relaxed)) < KEYS_NEWS_SECONDS
    }

    fn live(&self) -> MutexGuard<'_, Option<broadcast::Sender<Arc<Message>>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
