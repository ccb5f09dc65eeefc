//! What a story is told with: a deployment, its nodes, apps that ask for tokens, load, and a network that can be cut.

mod app;
mod browser;
mod certificate;
mod command;
mod database;
mod deployment;
pub mod environment;
mod fault_proxy;
mod foreign;
mod https;
mod judge;
mod load;
mod nats;
mod node;
pub mod person;
mod ports;
mod postgres_server;
mod process;
mod race;
mod web_client;

pub use app::{App, Reply};
pub use browser::browse;
pub use certificate::Certificate;
pub use command::run;
pub use database::Database;
pub use deployment::{Deployment, PASSWORD, PAYMENTS, READ};
pub use fault_proxy::FaultProxy;
pub use foreign::{
    foreign_client, foreign_cookies, foreign_device, foreign_dpop, foreign_encryption,
    foreign_mtls, foreign_sign_in, foreign_status_list,
};
pub use https::{HttpsServer, Shown};
pub use judge::{Expected, Judge};
pub use load::{Load, Outcome};
pub use nats::NatsServer;
pub use node::Node;
pub use person::Person;
pub use ports::free_port;
pub use postgres_server::PostgresServer;
pub use process::{Process, resident_kib};
pub use race::{RACERS, race, race_and_give_up, race_replies};
pub use web_client::WebClient;

use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Asks `condition` every 20 ms until it answers, at most for `limit`; panics with `what` after that.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
