//! The life of a serving process: bind, open, answer, drain, finish what is in flight.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{ClientCertificates, Listener, Room, Tls, TlsError, bind, serve};
use crate::app::App;
use crate::bootstrap::StartError;
use crate::clock::Clock;
use crate::config::Config;
use crate::{router, tasks};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] io::Error),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store or the keys cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A server that answers.
pub struct Running {
    /// The state of the node.
    pub app: Arc<App>,
    /// The addresses of the public listener, with the ports that were really taken.
    pub addresses: Vec<SocketAddr>,
    /// The addresses of the management listener.
    pub management: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    rooms: Vec<Room>,
}

/// What a process leaves unfinished that is asked twice to stop.
#[derive(Debug, thiserror::Error)]
#[error(
    "stopped at once, as asked a second time; connections cut off: {connections}; client secrets whose last use was not written: {secret_uses}; nothing else is lost"
)]
pub struct Unfinished {
    /// Connections that had a request in flight, as far as those without one were closed already.
    pub connections: usize,
    /// Uses of secrets that only this process knew.
    pub secret_uses: usize,
}

/// Binds the listeners, opens the issuer and begins to answer.
///
/// # Errors
///
/// If anything is in the way; nothing keeps running then.
pub async fn start(config: Config, clock: Clock) -> Result<Running, RunError> {
    let tls = config.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    let mut sockets = Vec::new();
    for (address, certificates) in public_addresses(&config) {
        sockets.push((bind(address).await?, certificates));
    }
    let mut management_sockets = Vec::new();
    for address in &config.management_listen {
        management_sockets.push(bind(*address).await?);
    }
    let addresses =
        sockets.iter().map(|(socket, _)| socket.local_addr()).collect::<Result<_, _>>()?;
    let management =
        management_sockets.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    let app = Arc::new(Box::pin(App::open(config, clock)).await?);
    tasks::spawn(&app, tls.clone());
    let (stop, stopped) = watch::channel(false);
    let mut rooms = Vec::new();
    let mut listeners = JoinSet::new();
    for (socket, client_certificates) in sockets {
        let router = router::public(Arc::clone(&app));
        let room = new_room(&mut rooms);
        let listener = Listener { socket, router, tls: tls.clone(), client_certificates, room };
        listeners.spawn(serve(listener, Arc::clone(&app), stopped.clone()));
    }
    for socket in management_sockets {
        let router = router::management(Arc::clone(&app));
        let room = new_room(&mut rooms);
        let client_certificates = ClientCertificates::Never;
        let listener = Listener { socket, router, tls: None, client_certificates, room };
        listeners.spawn(serve(listener, Arc::clone(&app), stopped.clone()));
    }
    Ok(Running { app, addresses, management, stop, listeners, rooms })
}

/// Every public address once; one that stands in both lists asks for certificates.
fn public_addresses(config: &Config) -> Vec<(SocketAddr, ClientCertificates)> {
    let asks = |address: &SocketAddr| address.port() != 0 && config.mtls.listen.contains(address);
    let never = config.listen.iter().filter(|address| !asks(address));
    let asked = config.mtls.listen.iter();
    never
        .map(|address| (*address, ClientCertificates::Never))
        .chain(asked.map(|address| (*address, ClientCertificates::Asked)))
        .collect()
}

/// Each listener has room of its own: whoever fills one does not shut out the monitoring at the other.
fn new_room(rooms: &mut Vec<Room>) -> Room {
    let room = Room::of_this_process();
    rooms.push(room.clone());
    room
}

impl Running {
    /// What would be lost if the process ended now; to be asked while it stops.
    pub fn unfinished(&self) -> impl Fn() -> Unfinished + use<> {
        let (app, rooms) = (Arc::clone(&self.app), self.rooms.clone());
        move || Unfinished {
            connections: rooms.iter().map(Room::taken).sum(),
            secret_uses: app.secret_uses.unwritten(),
        }
    }

    /// Stops accepting, finishes the requests in flight within `grace`, and writes what is unwritten.
    /// `true` if all of them were finished.
    pub async fn stop(mut self, grace: Duration) -> bool {
        self.app.drain();
        self.app.feed.close();
        // Nobody listens any more only if every listener is gone already.
        let _ = self.stop.send(true);
        let finished = async { while self.listeners.join_next().await.is_some() {} };
        let all = tokio::time::timeout(grace, finished).await.is_ok();
        // A mail on its way may arrive; one that waits for a better server is asked for again by its person.
        let mails = tokio::time::timeout(grace, self.app.mailer.close()).await;
        if mails.is_err() {
            tracing::warn!("stopped while mails were being sent");
        }
        self.app.audit.settle(self.app.clock.now());
        tasks::write_secret_uses(&self.app).await;
        tasks::write_observations(&self.app).await;
        self.app.store.close().await;
        all
    }
}

/// How the process was asked to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopRequest {
    /// By an orchestrator (`SIGTERM`): load balancers are told first.
    Terminate,
    /// By a person at the terminal (`SIGINT`): at once.
    Interrupt,
}

/// The signals that the process obeys.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on they are listened to.
    ///
    /// # Errors
    ///
    /// If the signal handlers cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next request to stop; `SIGHUP` meanwhile opens the audit log anew.
    pub async fn stop_requested(&mut self, app: &App) -> StopRequest {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return StopRequest::Terminate,
                _ = self.interrupt.recv() => return StopRequest::Interrupt,
                _ = self.hangup.recv() => match app.audit.reopen() {
                    Ok(()) => tracing::info!("the audit log was opened anew"),
                    Err(error) => tracing::error!(%error, "the audit log was not opened anew"),
                },
            }
        }
    }
}
