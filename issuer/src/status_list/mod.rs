//! Token status lists (draft-ietf-oauth-status-list, decision 0037), for verifiers that know nothing else: a token of a resource
//! that wants it names a place in a list, and the list says by one bit whether the token was revoked. A resource that does not ask
//! pays nothing. The feed says the same sooner.

mod endpoint;
mod list;

pub use endpoint::endpoint;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::app::App;
use crate::config::IssuerUrl;
use crate::issue::Issued;
use crate::policy::Permitted;
use crate::random;
use crate::revocation::KeptMarks;
use crate::store::{StatusToken, Store, StoreError};
use list::Made;

/// Where they are, below the issuer's URL.
const PATH: &str = "/status-lists";

/// How many places a list has.
const PLACES: usize = 1 << 16;

/// So many are given before the next list begins: places are drawn by chance, and soon found.
const FILLED: usize = PLACES / 2;

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which list.
    pub list: i64,
    /// Where in it.
    pub idx: u32,
}

impl Place {
    /// The address of its list.
    pub fn uri(self, issuer: &IssuerUrl) -> String {
        uri(issuer, self.list)
    }
}

fn uri(issuer: &IssuerUrl, list: i64) -> String {
    issuer.endpoint(&format!("{PATH}/{list}"))
}

/// So many lists are made at a time, each with a page of its rows in memory.
const AT_A_TIME: usize = 2;

/// The list that this process fills, and those that it made.
pub struct StatusLists {
    open: tokio::sync::Mutex<Option<Open>>,
    kept: Mutex<HashMap<i64, Kept>>,
    turns: Semaphore,
}

/// A list that is there. Whoever makes it holds it: who wants the same one waits, and nobody else.
type Kept = Arc<tokio::sync::Mutex<Option<Arc<Made>>>>;

/// A list with the places that were given.
struct Open {
    list: i64,
    given: Vec<bool>,
    count: usize,
}

impl Default for StatusLists {
    fn default() -> Self {
        let (open, kept) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { open, kept, turns: Semaphore::new(AT_A_TIME) }
    }
}

impl StatusLists {
    /// A list that somebody asked for lately.
    fn kept(&self, list: i64) -> Option<Kept> {
        self.all().get(&list).cloned()
    }

    /// One that was not asked for before, and is there.
    fn keep(&self, list: i64) -> Kept {
        Arc::clone(self.all().entry(list).or_default())
    }

    /// It is not there any more.
    fn end(&self, list: i64) {
        self.all().remove(&list);
    }

    /// Lets go of those that serve nobody at `now` (monotonic).
    pub fn forget(&self, now: Duration) {
        let serves =
            |made: &Option<Arc<Made>>| made.as_ref().is_some_and(|made| made.may_serve(now));
        let mut all = self.all();
        // One that is held is made just now.
        all.retain(|_, kept| kept.try_lock().map_or(true, |made| serves(&made)));
        if all.is_empty() {
            all.shrink_to_fit();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<i64, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place that no other token has, drawn by chance: what is next to it says nothing.
    async fn place(&self, store: &Store) -> Result<Place, StoreError> {
        let mut open = self.open.lock().await;
        let list = match open.as_mut() {
            Some(list) if list.count < FILLED => list,
            _ => {
                let list = store.open_status_list().await?;
                open.insert(Open { list, given: vec![false; PLACES], count: 0 })
            }
        };
        loop {
            let idx = u16::from_be_bytes(random::bytes());
            if let Some(given) = list.given.get_mut(usize::from(idx)).filter(|given| !**given) {
                *given = true;
                list.count += 1;
                return Ok(Place { list: list.list, idx: idx.into() });
            }
        }
    }
}

/// Gives a token that will be made a place, if its resource asks for one.
///
/// # Errors
///
/// If the database does not answer.
pub async fn placed(app: &App, permitted: Permitted) -> Result<Permitted, StoreError> {
    if !permitted.resource.status_list {
        return Ok(permitted);
    }
    let place = app.status_lists.place(&app.store).await?;
    Ok(Permitted { status: Some(place), ..permitted })
}

/// Writes down which token has the place, before the token leaves.
///
/// # Errors
///
/// If the database does not answer.
pub async fn record(app: &App, issued: &Issued) -> Result<(), StoreError> {
    let Some(token) = issued.status_token() else { return Ok(()) };
    app.store.record_status_token(token).await
}

/// What is kept of a token.
///
/// # Errors
///
/// If it cannot be written: an empty row would say that the token is not good.
pub(crate) fn token(
    place: Place,
    marks: &KeptMarks,
    expires_at: i64,
) -> serde_json::Result<StatusToken> {
    let marks = serde_json::to_string(marks)?;
    Ok(StatusToken { list: place.list, idx: place.idx.into(), marks, expires_at })
}
