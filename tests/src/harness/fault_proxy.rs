//! A loopback TCP relay that can be cut: live connections break and new ones are closed at once, as when a database dies.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The relay; dropped, it is gone.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    connected: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Relays every connection to `target` (`host:port`).
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound address");
        let connected = Arc::new(watch::Sender::new(true));
        let task = tokio::spawn(accept(listener, target.to_owned(), Arc::clone(&connected)));
        Self { address, connected, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks what is connected and refuses what comes.
    pub fn cut(&self) {
        self.connected.send_replace(false);
    }

    /// Relays again.
    pub fn heal(&self) {
        self.connected.send_replace(true);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, target: String, connected: Arc<watch::Sender<bool>>) {
    while let Ok((mut inbound, _)) = listener.accept().await {
        let mut state = connected.subscribe();
        let target = target.clone();
        tokio::spawn(async move {
            if !*state.borrow_and_update() {
                return;
            }
            let Ok(mut outbound) = TcpStream::connect(target).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut inbound, &mut outbound) => {}
                _ = state.wait_for(|connected| !connected) => {}
            }
        });
    }
}
