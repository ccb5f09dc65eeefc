//! Signing in with a password beside the bare hash: Argon2id at the default cost, on both cores, in turn. The bare one hashes
//! in memory that it keeps, as the issuer does while somebody waits. A sign-in is the login page and `POST /login`: the form
//! is opened, the account looked up, the password hashed and compared, the session written.

use crate::figure::{Figure, median};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use end_to_end::harness::{Deployment, Node, Person, WebClient};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

const WINDOWS: usize = 3;
const WINDOW: Duration = Duration::from_secs(4);
const CORES: usize = 2;
/// Enough that a hash always waits.
const PEOPLE: usize = 6;
/// The default of the issuer.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

pub(crate) async fn measure() {
    for (name, deployment) in
        [("SQLite", Deployment::sqlite()), ("PostgreSQL", Deployment::postgres().await)]
    {
        let node = Arc::new(deployment.start().await);
        let web = Arc::new(deployment.web("web", &[]).await);
        for person in 0..PEOPLE {
            deployment.person(&format!("user{person}")).await;
        }
        node.knows_web(&web).await;
        let (mut bare, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..WINDOWS {
            bare.push(hashes().await);
            whole.push(sign_ins(&node, &web).await);
        }
        let ratio = median(whole.iter().zip(&bare).map(|(whole, bare)| whole / bare).collect());
        Figure::new(&format!("password, bare Argon2id beside {name}"), median(bare), "1/s").print();
        let of = format!("password, sign-ins, {name}");
        Figure::new(&of, median(whole), "1/s").print();
        Figure::new(&format!("{of} / bare Argon2id"), ratio, "ratio").at_least(0.9).print();
    }
}

/// Hashes a second on all cores.
async fn hashes() -> f64 {
    let began = Instant::now();
    let mut threads = JoinSet::new();
    for _ in 0..CORES {
        threads.spawn(
            async move { spawn_blocking(move || hash_since(began)).await.expect("a count") },
        );
    }
    let count: u32 = threads.join_all().await.into_iter().sum();
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Hashes until the window that began then is over.
fn hash_since(began: Instant) -> u32 {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).expect("the default cost");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut memory = vec![Block::default(); MEMORY_KIB as usize];
    let mut count = 0;
    while began.elapsed() < WINDOW {
        let mut hash = [0; 32];
        let hashed = argon2.hash_password_into_with_memory(
            b"password",
            b"16 bytes of salt",
            &mut hash,
            &mut memory,
        );
        hashed.expect("a hash");
        count += 1;
    }
    count
}

/// Sign-ins a second; the pages are asked for in between, as a browser does.
async fn sign_ins(node: &Arc<Node>, web: &Arc<WebClient>) -> f64 {
    let began = Instant::now();
    let mut people = JoinSet::new();
    for person in 0..PEOPLE {
        let (node, web) = (Arc::clone(node), Arc::clone(web));
        people.spawn(async move {
            let mut count = 0;
            while began.elapsed() < WINDOW {
                Person::signed_in(&node, &web, &format!("user{person}")).await;
                count += 1;
            }
            count
        });
    }
    let count: u32 = people.join_all().await.into_iter().sum();
    f64::from(count) / began.elapsed().as_secs_f64()
}
