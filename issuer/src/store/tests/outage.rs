//! A network that swallows everything: the worst way to lose a PostgreSQL, for nothing breaks.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::*;

/// Relays connections to `target`; those that are open when `stalled` is set never move again.
async fn relay(target: String, stalled: watch::Receiver<bool>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut inbound, _)) = listener.accept().await {
            let (target, mut stalled) = (target.clone(), stalled.clone());
            tokio::spawn(async move {
                let mut outbound = TcpStream::connect(target).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut inbound, &mut outbound) => return,
                    _ = stalled.wait_for(|stalled| *stalled) => {}
                }
                // Both sockets stay open and silent.
                let _never = Arc::new(Semaphore::new(0)).acquire_owned().await;
            });
        }
    });
    address
}

#[test]
fn a_node_gives_up_on_a_silent_database_in_time_and_recovers_by_itself() {
    let Some(server) = postgres_url() else {
        eprintln!("SKIPPED on PostgreSQL: COUNTERSIGN_TEST_POSTGRES_URL is not set");
        return;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut database = Database::postgres(&server).await;
        let mut url =
            url::Url::parse(database.config.database.url.as_ref().unwrap().expose()).unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let (stall, stalled) = watch::channel(false);
        let address = relay(target, stalled).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(address.port())).unwrap();
        database.config.database.url = Some(Secret::new(url.to_string()));
        database.config.database.max_connections = 1;
        let store = database.open().await;
        store.heartbeat().await.unwrap();

        stall.send_replace(true);
        let lost = store.heartbeat().await.unwrap_err();
        stall.send_replace(false);
        let mut beats = 0;
        let recovered = loop {
            beats += 1;
            match store.heartbeat().await {
                Ok(generation) => break generation,
                Err(error) => assert!(error.is_retryable() && beats < 4, "{error:?}"),
            }
        };

        assert!(lost.is_retryable(), "{lost:?}");
        assert_eq!(recovered, Generation(0));
    });
}
