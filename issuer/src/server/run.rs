//! The life of a serving process: bind, open, answer, drain, finish what is in flight.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Listener, Tls, TlsError, bind, serve};
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
}

/// Binds the listeners, opens the issuer and begins to answer.
///
/// # Errors
///
/// If anything is in the way; nothing keeps running then.
pub async fn start(config: Config, clock: Clock) -> Result<Running, RunError> {
    let tls = config.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    let mut sockets = Vec::new();
    for address in &config.listen {
        sockets.push(bind(*address).await?);
    }
    let mut management_sockets = Vec::new();
    for address in &config.management_listen {
        management_sockets.push(bind(*address).await?);
    }
    let addresses = sockets.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    let management =
        management_sockets.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    let app = Arc::new(App::open(config, clock).await?);
    tasks::spawn(&app, tls.clone());
    let (stop, stopped) = watch::channel(false);
    let mut listeners = JoinSet::new();
    for socket in sockets {
        let router = router::public(Arc::clone(&app));
        let listener = Listener { socket, router, tls: tls.clone() };
        listeners.spawn(serve(listener, Arc::clone(&app), stopped.clone()));
    }
    for socket in management_sockets {
        let router = router::management(Arc::clone(&app));
        let listener = Listener { socket, router, tls: None };
        listeners.spawn(serve(listener, Arc::clone(&app), stopped.clone()));
    }
    Ok(Running { app, addresses, management, stop, listeners })
}

impl Running {
    /// Stops accepting, finishes the requests in flight within `grace`, and writes what is unwritten.
    /// `true` if all of them were finished.
    pub async fn stop(mut self, grace: Duration) -> bool {
        self.app.drain();
        // Nobody listens any more only if every listener is gone already.
        let _ = self.stop.send(true);
        let finished = async { while self.listeners.join_next().await.is_some() {} };
        let all = tokio::time::timeout(grace, finished).await.is_ok();
        tasks::write_secret_uses(&self.app).await;
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

/// Waits for a request to stop; `SIGHUP` meanwhile opens the audit log anew.
///
/// # Errors
///
/// If the signal handlers cannot be installed.
pub fn stop_requested(app: Arc<App>) -> io::Result<impl Future<Output = StopRequest>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return StopRequest::Terminate,
                _ = interrupt.recv() => return StopRequest::Interrupt,
                _ = hangup.recv() => match app.audit.reopen() {
                    Ok(()) => tracing::info!("the audit log was opened anew"),
                    Err(error) => tracing::error!(%error, "the audit log was not opened anew"),
                },
            }
        }
    })
}
