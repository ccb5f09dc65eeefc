//! Connections of one kind, and the line of those that wait for one. A connection comes from sqlx's pool, and while it is
//! in use again and again it is handed on as it is: sqlx would ping it each time that it comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Error};
use tokio::time::{Instant, timeout};

/// A connection that was used within this time is taken to be alive.
pub(super) const FRESH: Duration = Duration::from_secs(1);

const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// After this long a connection goes back to sqlx, which closes those that are idle or old.
const WARM: Duration = Duration::from_mins(1);

/// How long a connection that goes back may take to show that it is alive. Then it is dropped, its socket closed without
/// a farewell, and its place is free: a network that swallows everything would keep the place until the process ends.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether what is at the other end may fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A server, by a network.
    Remote,
    /// A file.
    Local,
}

/// The line. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections: AnyPool,
    peer: Peer,
    warm: Mutex<Vec<Warm>>,
    /// Who waits is served by sqlx, in order; nothing is kept from them.
    waiting: AtomicUsize,
}

/// A connection that nobody uses for the moment.
#[derive(Debug)]
struct Warm {
    connection: PoolConnection<Any>,
    taken: Instant,
    idle_since: Instant,
}

impl Line {
    pub(super) fn new(connections: AnyPool, peer: Peer) -> Self {
        let (warm, waiting) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(Shared { connections, peer, warm, waiting }))
    }

    /// A connection, until it is dropped.
    pub(super) async fn lease(&self) -> Result<Lease, Error> {
        let _waiting = Waiting::on(&self.0);
        while let Some(warm) = self.pop() {
            let is_fresh = self.0.peer == Peer::Local || warm.idle_since.elapsed() < FRESH;
            let mut lease = self.leased(warm.connection, warm.taken);
            if is_fresh || responds(&mut lease).await {
                return Ok(lease);
            }
            lease.broken();
        }
        let connection = self.0.connections.acquire().await?;
        Ok(self.leased(connection, Instant::now()))
    }

    /// Closes the connections, after what is under way.
    pub(super) async fn close(&self) {
        while let Some(mut warm) = self.pop() {
            give_back(&mut warm.connection);
        }
        self.0.connections.close().await;
    }

    fn leased(&self, connection: PoolConnection<Any>, taken: Instant) -> Lease {
        Lease { connection: Some(connection), line: self.clone(), taken, is_sound: false }
    }

    fn pop(&self) -> Option<Warm> {
        self.warm().pop()
    }

    fn warm(&self) -> MutexGuard<'_, Vec<Warm>> {
        self.0.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection, unless somebody waits for one, and lets go of those that were kept for long.
    fn keep(&self, connection: PoolConnection<Any>, taken: Instant) {
        let now = Instant::now();
        let mut warm = self.warm();
        warm.push(Warm { connection, taken, idle_since: now });
        let is_wanted = self.0.waiting.load(Ordering::SeqCst) > 0 || self.0.connections.is_closed();
        let gone = warm.extract_if(.., |kept| is_wanted || now - kept.taken > WARM);
        for mut kept in gone {
            give_back(&mut kept.connection);
        }
    }
}

impl Drop for Shared {
    /// By whoever was last, perhaps after the runtime has ended: nothing can be given back any more.
    fn drop(&mut self) {
        let warm = self.warm.get_mut().unwrap_or_else(PoisonError::into_inner);
        for kept in warm.drain(..) {
            drop(kept.connection.detach());
        }
    }
}

/// Counts one who waits, for as long as it does.
struct Waiting<'l>(&'l AtomicUsize);

impl<'l> Waiting<'l> {
    fn on(shared: &'l Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        Self(&shared.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A connection that is in use.
#[derive(Debug)]
pub(super) struct Lease {
    /// There until it is dropped.
    connection: Option<PoolConnection<Any>>,
    line: Line,
    taken: Instant,
    is_sound: bool,
}

impl Lease {
    /// What was begun on it is done: it can be handed on as it is. Without this word it goes back to sqlx, which looks.
    pub(super) fn sound(&mut self) {
        self.is_sound = true;
    }

    /// It is not used again. A server undoes what a closed connection has begun.
    pub(super) fn broken(&mut self) {
        self.is_sound = false;
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
        self.connection = None;
    }
}

/// Whether a server is still there. A network that swallows everything must not keep a connection for ever.
pub(super) async fn responds(connection: &mut AnyConnection) -> bool {
    matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(())))
}

#[expect(clippy::expect_used, reason = "a lease that can be named has not been dropped or broken")]
impl std::ops::Deref for Lease {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection.as_ref().expect("a connection")
    }
}

#[expect(clippy::expect_used, reason = "a lease that can be named has not been dropped or broken")]
impl std::ops::DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect("a connection")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.is_sound {
            self.line.keep(connection, self.taken);
        } else {
            give_back(&mut connection);
        }
    }
}

/// What sqlx does when a connection is dropped, with an end: dropping the unfinished return drops the connection. The
/// method is public and left out of sqlx's documentation; its own drop calls nothing else.
fn give_back(connection: &mut PoolConnection<Any>) {
    tokio::spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
}
