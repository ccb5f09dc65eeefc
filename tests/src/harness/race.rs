//! Races: many requests that are let go at one moment, over connections that are open already, so that they are at the
//! issuer at the same time.

use super::Reply;
use reqwest::{RequestBuilder, Response};
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// How many uses of one thing race.
pub const RACERS: usize = 64;

/// Sends all requests at one moment; the answers in their order.
pub async fn race(requests: Vec<RequestBuilder>) -> Vec<Response> {
    let start = Arc::new(Barrier::new(requests.len()));
    let mut racers = JoinSet::new();
    for (position, request) in requests.into_iter().enumerate() {
        let start = Arc::clone(&start);
        racers.spawn(async move {
            start.wait().await;
            (position, request.send().await.expect("an answer"))
        });
    }
    let mut answers = racers.join_all().await;
    answers.sort_by_key(|(position, _)| *position);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The same, for requests that are answered in JSON.
pub async fn race_replies(requests: Vec<RequestBuilder>) -> Vec<Reply> {
    let mut replies = Vec::new();
    for answer in race(requests).await {
        replies.push(Reply::read(answer).await);
    }
    replies
}

/// The same, but nobody reads the answers: each request is given up after its own fraction of a millisecond or a few,
/// when the issuer has begun with it, has done it, or has not seen it.
pub async fn race_and_give_up(requests: Vec<RequestBuilder>) {
    let mut racers = JoinSet::new();
    for (position, request) in requests.into_iter().enumerate() {
        let patience = std::time::Duration::from_micros(200 * position as u64);
        racers.spawn(tokio::time::timeout(patience, request.send()));
    }
    racers.join_all().await;
}
