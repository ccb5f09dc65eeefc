//! Where sessions are kept on the server, if not in the cookie; and the memory of sessions that have ended before
//! their time, which both ways need. In this process by default: give a store of your own (a table, a cache) to
//! an application with several processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::key_source::BoxFuture;

/// The most that is kept in memory.
const CAPACITY: usize = 100_000;

/// The store cannot be reached: answered with 503, and nobody is signed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the session store is not available")]
pub struct StoreError;

/// Keeps sessions on the server. Names are hashes and values are sealed, so whoever reads the store gets neither
/// sessions nor tokens. Times are Unix seconds.
pub trait SessionStore: Send + Sync + 'static {
    /// The value of that name, unless it is gone.
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>>;

    /// Keeps a value until `until`, in place of an earlier one of that name.
    fn save<'a>(
        &'a self,
        name: &'a str,
        value: String,
        until: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Forgets it.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Remembers what has ended: a session that was signed out here, a session at the issuer, all sessions of a user up to a
/// time. Without it a copy of a cookie would outlive its session.
pub trait EndedSessions: Send + Sync + 'static {
    /// Sessions of that name that began at `before` or earlier have ended. May be forgotten after `until`, when they are
    /// too old anyway.
    fn end<'a>(
        &'a self,
        name: &'a str,
        before: i64,
        until: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The latest `before` of any of these names.
    fn ended_before<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Option<i64>, StoreError>>;
}

/// Both in the memory of this process, up to 100,000 entries each; then those that end first go first.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sessions: Mutex<Bounded<String>>,
    ended: Mutex<Bounded<i64>>,
}

/// A map whose entries end, and which drops those that end first when it is full.
#[derive(Debug)]
struct Bounded<V> {
    entries: HashMap<String, (V, i64)>,
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<V> Bounded<V> {
    fn insert(&mut self, name: &str, value: V, until: i64) {
        if self.entries.len() >= CAPACITY && !self.entries.contains_key(name) {
            self.make_room();
        }
        self.entries.insert(name.to_owned(), (value, until));
    }

    /// The tenth that ends first goes; there is no clock here to say which have ended.
    fn make_room(&mut self) {
        let mut ends: Vec<_> = self.entries.values().map(|(_, until)| *until).collect();
        let (_, tenth, _) = ends.select_nth_unstable(CAPACITY / 10);
        let tenth = *tenth;
        self.entries.retain(|_, (_, until)| *until > tenth);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl SessionStore for MemoryStore {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        ready(lock(&self.sessions).entries.get(name).map(|(value, _)| value.clone()))
    }

    fn save<'a>(
        &'a self,
        name: &'a str,
        value: String,
        until: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        lock(&self.sessions).insert(name, value, until);
        ready(())
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        lock(&self.sessions).entries.remove(name);
        ready(())
    }
}

impl EndedSessions for MemoryStore {
    fn end<'a>(
        &'a self,
        name: &'a str,
        before: i64,
        until: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut ended = lock(&self.ended);
        let before = ended.entries.get(name).map_or(before, |(earlier, _)| before.max(*earlier));
        ended.insert(name, before, until);
        ready(())
    }

    fn ended_before<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        let ended = lock(&self.ended);
        ready(names.iter().filter_map(|name| ended.entries.get(name)).map(|(at, _)| *at).max())
    }
}

impl<S: SessionStore + ?Sized> SessionStore for Arc<S> {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        (**self).load(name)
    }

    fn save<'a>(
        &'a self,
        name: &'a str,
        value: String,
        until: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        (**self).save(name, value, until)
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        (**self).remove(name)
    }
}

impl<S: EndedSessions + ?Sized> EndedSessions for Arc<S> {
    fn end<'a>(
        &'a self,
        name: &'a str,
        before: i64,
        until: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        (**self).end(name, before, until)
    }

    fn ended_before<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        (**self).ended_before(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_38_memory_is_bounded_and_what_ends_first_goes_first() {
        let mut map = Bounded::default();

        (0..=CAPACITY).for_each(|n| map.insert(&n.to_string(), n, i64::try_from(n).unwrap()));

        assert!(map.entries.len() <= CAPACITY);
        assert!(!map.entries.contains_key("0"));
        assert!(map.entries.contains_key(&CAPACITY.to_string()));
    }
}
