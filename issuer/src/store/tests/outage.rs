//! A network that swallows everything: the worst way to lose a PostgreSQL, for nothing breaks.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const NO_LIMIT: i64 = i64::MAX / 2;

/// A network in which only so many more answers of the server arrive. A connection that has lost one stays open and
/// silent for ever, also when the network is well again.
#[derive(Clone)]
struct Network(Arc<AtomicI64>);

impl Network {
    fn falls_silent_after(&self, answers: i64) {
        self.0.store(answers, Ordering::SeqCst);
    }

    fn heals(&self) {
        self.0.store(NO_LIMIT, Ordering::SeqCst);
    }

    /// Relays connections to `target`.
    async fn relay(&self, target: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = self.clone();
        tokio::spawn(async move {
            while let Ok((inbound, _)) = listener.accept().await {
                let outbound = TcpStream::connect(&target).await.unwrap();
                let (mut from_client, to_client) = inbound.into_split();
                let (from_server, mut to_server) = outbound.into_split();
                tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
                tokio::spawn(network.clone().answers(from_server, to_client));
            }
        });
        address
    }

    async fn answers(self, mut from_server: OwnedReadHalf, mut to_client: OwnedWriteHalf) {
        let mut answer = vec![0; 64 * 1024];
        loop {
            let size = from_server.read(&mut answer).await.unwrap_or(0);
            if size == 0 {
                return;
            }
            if self.0.fetch_sub(1, Ordering::SeqCst) <= 0 {
                return pending().await;
            }
            if to_client.write_all(&answer[..size]).await.is_err() {
                return;
            }
        }
    }
}

/// A store with one connection that goes through a network.
async fn behind(network: &Network, server: &str) -> Store {
    let mut database = Database::postgres(server).await;
    let mut url = url::Url::parse(database.config.database.url.as_ref().unwrap().expose()).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let address = network.relay(target).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(address.port())).unwrap();
    database.config.database.url = Some(Secret::new(url.to_string()));
    database.config.database.max_connections = 1;
    database.open().await
}

/// The network falls silent after so many answers: whatever the one connection is about to do then, its query, the
/// check of its return, or connecting, the store gives it up.
async fn lost_and_found(server: &str, answers: i64) {
    let network = Network(Arc::new(AtomicI64::new(NO_LIMIT)));
    let store = behind(&network, server).await;
    store.heartbeat().await.unwrap();

    network.falls_silent_after(answers);
    let lost = loop {
        if let Err(error) = store.heartbeat().await {
            break error;
        }
    };
    network.heals();
    let first = store.heartbeat().await;
    let recovered = if first.is_ok() { first } else { store.heartbeat().await };

    assert!(lost.is_retryable(), "{lost:?}");
    assert_eq!(recovered.unwrap().generation, Generation(0), "after {answers} answers");
}

#[test]
fn a_node_gives_up_on_a_silent_database_in_time_and_recovers_by_itself() {
    let Some(server) = postgres_url() else {
        eprintln!("SKIPPED on PostgreSQL: COUNTERSIGN_TEST_POSTGRES_URL is not set");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();

    runtime.block_on(join_all((0..6).map(|answers| lost_and_found(&server, answers))));
}

/// The same for a write that shares a transaction: nobody knows whether it was committed when the network fell silent,
/// and it is never done twice.
async fn written_at_most_once(server: &str, answers: i64) {
    let network = Network(Arc::new(AtomicI64::new(NO_LIMIT)));
    let store = behind(&network, server).await;
    store.heartbeat().await.unwrap();
    let mut jti = 0_u8;
    let mut consume = async || {
        jti += 1;
        (jti, store.consume_assertion_jti(&id("orders"), &[jti; 32], NOW + 60).await)
    };

    network.falls_silent_after(answers);
    let (jti, lost) = loop {
        if let (jti, Err(error)) = consume().await {
            break (jti, error);
        }
    };
    network.heals();
    let consume = async || store.consume_assertion_jti(&id("orders"), &[jti; 32], NOW + 60).await;
    let recovered = match consume().await {
        Ok(_) => consume().await,
        // One more connection was silent.
        Err(_) => consume().await.and(consume().await),
    };

    assert!(lost.is_retryable(), "{lost:?}");
    assert!(!recovered.unwrap(), "after {answers} answers");
}

#[test]
fn a_write_that_is_lost_with_its_database_is_not_done_twice() {
    let Some(server) = postgres_url() else {
        eprintln!("SKIPPED on PostgreSQL: COUNTERSIGN_TEST_POSTGRES_URL is not set");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();

    runtime.block_on(join_all((0..6).map(|answers| written_at_most_once(&server, answers))));
}

/// What a change has begun is undone, and its connection is free again, although it was never told to end.
#[test]
fn a_change_that_is_dropped_is_undone_and_holds_no_connection() {
    both(|mut database| async move {
        database.config.database.max_connections = 1;
        let store = database.open().await;
        let act = act();

        for _ in 0..3 {
            drop(store.begin(&act).await.unwrap());
        }

        assert_eq!(store.heartbeat().await.unwrap().generation, Generation(0));
    });
}

#[tokio::test]
async fn a_start_on_a_silent_database_gives_up_in_time() {
    // The system takes connections for it, and nobody ever says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Config::default();
    let url = format!("postgres://u@{}/d", silent.local_addr().unwrap());
    config.database.url = Some(Secret::new(url));

    let opened = Store::open(&config).await.unwrap_err();
    let attached = Store::attach(&config).await.unwrap_err();

    assert!(opened.is_retryable() && attached.is_retryable(), "{opened:?} {attached:?}");
}
