//! The feed on a bus, NATS, for fleets that have one (decision 0035): every node tells there what is new (`live`), unless another did (`turns`), keeps it
//! in a stream of JetStream (`keep`, `position`, `stream`), and answers what a verifier is missing (`answer`). A bus that is
//! away changes nothing for anybody else: it is reported, and what it missed is told when it is back.

mod answer;
mod keep;
mod live;
mod position;
mod stream;
mod turns;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use countersign_verifier::revocation::nats::NatsNames;
use tokio::sync::watch;

use crate::app::App;
use crate::config::NatsSettings;

/// A connection that answers nothing for twice as long is made anew.
const PING: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Questions that wait; a verifier that gets no answer asks again.
const QUESTIONS: usize = 4_096;
const READ_BUFFER: u16 = 16 * 1024;

/// The bus, as this node sees it.
pub(crate) struct Bus {
    link: watch::Sender<Link>,
    is_kept: AtomicBool,
    /// What was reported last, so that it is not said again and again.
    reported: Mutex<String>,
}

/// The connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Link {
    is_up: bool,
    /// How often it was made.
    made: u64,
}

impl Default for Bus {
    fn default() -> Self {
        Self { link: watch::Sender::default(), is_kept: true.into(), reported: Mutex::default() }
    }
}

impl Bus {
    /// What is wrong with it, for whoever asks how the node is.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        if !self.link.borrow().is_up {
            Some("the bus of the feed is away; the log says why")
        } else if !self.is_kept.load(Ordering::Relaxed) {
            Some("the bus of the feed keeps nothing; the log says why")
        } else {
            None
        }
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    fn link_changed(&self, is_up: bool) {
        let was_up = self.link.borrow().is_up;
        self.link.send_modify(|link| {
            link.is_up = is_up;
            link.made += u64::from(is_up);
        });
        match (was_up, is_up) {
            (false, true) => tracing::info!("the bus of the feed is there"),
            (true, false) => {
                tracing::warn!("the bus of the feed is away: who listens there alone is late");
            }
            _ => {}
        }
        if is_up {
            self.reported.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// For an event that was lost among others.
    fn is_seen(&self, is_up: bool) {
        let was_up = self.link.borrow().is_up;
        if is_up && !was_up {
            self.link_changed(true);
        }
    }

    /// What the client or the server says is wrong, once.
    fn says(&self, problem: String) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if *reported != problem {
            tracing::warn!(problem, "the bus of the feed reports a problem");
            *reported = problem;
        }
    }

    fn kept(&self) {
        if !self.is_kept.swap(true, Ordering::Relaxed) {
            tracing::info!("the bus of the feed keeps what is revoked again");
        }
    }

    fn not_kept(&self, error: &stream::StreamError) {
        if self.is_kept.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                %error,
                "the bus of the feed does not keep what is revoked: it is tried again and again"
            );
        }
    }
}

/// What the tasks share.
#[derive(Clone)]
struct Sides {
    app: Arc<App>,
    bus: Arc<Bus>,
    client: Client,
    names: NatsNames,
}

/// Starts the tasks, if a bus is configured; they end with the runtime.
pub(super) fn spawn(app: &Arc<App>) {
    if let (Some(bus), Some(settings)) = (&app.feed.bus, &app.config.feed.nats) {
        tokio::spawn(begin(Arc::clone(app), Arc::clone(bus), (**settings).clone()));
    }
}

async fn begin(app: Arc<App>, bus: Arc<Bus>, settings: NatsSettings) {
    let client = match connect(&bus, &settings).await {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the bus of the feed cannot be used");
            return;
        }
    };
    let names = settings.names(&app.config.issuer);
    let sides = Sides { app, bus, client, names };
    tokio::spawn(live::tell(sides.clone()));
    tokio::spawn(keep::keep(sides.clone()));
    tokio::spawn(answer::answer(sides));
}

/// Returns at once, and connects for as long as it takes.
async fn connect(bus: &Arc<Bus>, settings: &NatsSettings) -> io::Result<Client> {
    let seen = Arc::clone(bus);
    let refused = || io::Error::other("the credentials are not those of a file");
    let mut options: ConnectOptions = settings
        .sign_in()
        .ok_or_else(refused)?
        .name("countersign")
        .retry_on_initial_connect()
        .ping_interval(PING)
        .subscription_capacity(QUESTIONS)
        .read_buffer_capacity(READ_BUFFER)
        .no_echo()
        .reconnect_delay_callback(|attempts| {
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            Duration::from_millis(50).saturating_mul(attempts).min(LONGEST_PAUSE)
        })
        .event_callback(move |event| {
            match event {
                Event::Connected => seen.link_changed(true),
                Event::Disconnected | Event::Closed => seen.link_changed(false),
                Event::ServerError(error) => seen.says(error.to_string()),
                Event::ClientError(error) => seen.says(error.to_string()),
                _ => {}
            }
            std::future::ready(())
        });
    if let Some(authority) = &settings.certificate_authority_file {
        options = options.add_root_certificates(authority.clone());
    }
    options.connect(settings.addresses()).await.map_err(io::Error::other)
}
