//! What this node knows to be revoked: a map in memory that the door of inbound tokens asks, without the database. It
//! follows the sequence in the store (decision 0031): at once for what this process revokes, else by the heartbeat and by
//! what wakes it earlier (`follow`). Verifiers are told by `feed`.

mod entry;
mod follow;
mod kept;
mod known;

pub use entry::{Entry, FORGIVEN_SECONDS, FURTHEST_AHEAD_SECONDS, Revoked};
pub use follow::spawn;
pub use kept::KeptMarks;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use countersign_verifier::claims::{Claim, StandardClaims};
use tokio::sync::{Notify, watch};

use entry::IdKind;
use known::Known;

/// So many of the newest entries stay as they are told: a verifier that was away for a moment costs no query.
const RECENT: usize = 1_000;

/// An entry with its number in the sequence.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Its number.
    pub seq: i64,
    /// Unix seconds after which it decides nothing.
    pub expires_at: i64,
    /// The entry, in JSON.
    pub text: Arc<str>,
}

/// For whom a token is: what levels are about.
#[derive(Clone, Debug, Default)]
pub struct Holder<'t> {
    /// Its `sub`.
    pub sub: &'t str,
    /// The client that has it, the one that the first of its chain was issued to, and those that act.
    pub clients: Vec<&'t str>,
    /// Its scopes.
    pub scopes: Vec<&'t str>,
}

/// What of a token an entry can match.
#[derive(Clone, Debug)]
pub struct Marks<'t> {
    jti: &'t str,
    ancestors: Vec<&'t str>,
    grant_id: Option<&'t str>,
    session_id: Option<&'t str>,
    kid: &'t str,
    holder: Holder<'t>,
    issued_at: i64,
}

impl<'t> Marks<'t> {
    /// Those of an access token of this issuer, which this key signed.
    pub fn of(claims: &'t StandardClaims, kid: &'t str) -> Self {
        let clients = [Claim::ClientId, Claim::OriginClientId];
        let clients = clients.into_iter().filter_map(|claim| claims.text(claim));
        Self {
            jti: claims.token_id().unwrap_or_default(),
            ancestors: claims.list(Claim::AncestorJti).collect(),
            grant_id: claims.text(Claim::GrantId),
            session_id: claims.text(Claim::Sid),
            kid,
            holder: Holder {
                sub: claims.subject().unwrap_or_default(),
                clients: clients.chain(claims.actors()).collect(),
                scopes: claims.list(Claim::Scope).collect(),
            },
            // Without it, it may be of any age.
            issued_at: claims.issued_at().unwrap_or_default(),
        }
    }

    fn ids(&self) -> impl Iterator<Item = (IdKind, &str)> {
        let tokens = self.ancestors.iter().copied().chain([self.jti]);
        let others = [
            (IdKind::Grant, self.grant_id),
            (IdKind::Session, self.session_id),
            (IdKind::Key, Some(self.kid)),
        ];
        let others = others.into_iter().filter_map(|(kind, id)| Some((kind, id?)));
        tokens.map(|jti| (IdKind::Token, jti)).chain(others)
    }
}

/// What is revoked, as far as this node has heard.
pub struct Revocations {
    known: RwLock<Known>,
    recent: Mutex<Recent>,
    head: watch::Sender<i64>,
    /// The newest number that this process gave.
    newest_here: AtomicI64,
    behind: Notify,
}

/// The newest entries.
#[derive(Default)]
struct Recent {
    entries: VecDeque<Numbered>,
    /// The entries are all that live above this number.
    after: i64,
}

impl Default for Revocations {
    fn default() -> Self {
        let (known, recent) = (RwLock::default(), Mutex::default());
        let (head, newest_here) = (watch::Sender::new(0), AtomicI64::new(0));
        Self { known, recent, head, newest_here, behind: Notify::new() }
    }
}

impl Revocations {
    /// The node knows everything up to this number.
    pub fn head(&self) -> i64 {
        *self.head.borrow()
    }

    /// Tells when the head moves on.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Whether this process revoked something above this number.
    pub fn has_revoked_after(&self, number: i64) -> bool {
        self.newest_here.load(Ordering::Relaxed) > number
    }

    /// Others revoked something that this node has not heard of yet.
    pub fn fall_behind(&self) {
        self.behind.notify_one();
    }

    /// Waits until there is something that this node has not heard of yet.
    pub async fn fell_behind(&self) {
        self.behind.notified().await;
    }

    /// Whether a token is no longer good.
    pub fn match_any(&self, marks: &Marks<'_>) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).match_any(marks)
    }

    /// The last second (Unix) at which nothing that was issued to these is good any more.
    pub fn level<'h>(&self, holder: impl FnOnce() -> Holder<'h>) -> Option<i64> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).level(holder)
    }

    /// How many entries are in force.
    pub fn len(&self) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets go of what is over at `now` (Unix seconds).
    pub fn forget(&self, now: i64) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).forget(now);
    }

    /// This process revoked something just now: it is in force here before anybody is answered.
    pub fn revoked_here(&self, entries: &[Numbered]) {
        self.learn(entries);
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        self.newest_here.fetch_max(last.seq, Ordering::Relaxed);
        let mut recent = self.recent();
        if first.seq == self.head() + 1 {
            self.move_on(&mut recent, last.seq, entries);
        } else {
            self.fall_behind();
        }
    }

    /// These are all entries that live from the head to this number.
    pub fn follow_to(&self, seq: i64, entries: &[Numbered]) {
        self.learn(entries);
        let mut recent = self.recent();
        if seq > self.head() {
            self.move_on(&mut recent, seq, entries);
        }
    }

    /// The database is older than what this node has heard: it was restored. What was heard stays in force.
    pub fn restart(&self) {
        let mut recent = self.recent();
        *recent = Recent::default();
        self.newest_here.store(0, Ordering::Relaxed);
        self.head.send_replace(0);
    }

    /// The live entries above a number and the number up to which they are all, if they are among the newest.
    pub fn recent_after(&self, after: i64) -> Option<(i64, Vec<Numbered>)> {
        let recent = self.recent();
        let entries = recent.entries.iter().filter(|entry| entry.seq > after).cloned();
        (after >= recent.after).then(|| (self.head(), entries.collect()))
    }

    fn learn(&self, entries: &[Numbered]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            let is_understood =
                serde_json::from_str(&entry.text).is_ok_and(|entry| known.learn(&entry));
            if !is_understood {
                tracing::error!(
                    seq = entry.seq,
                    "a revocation is not understood: a later release wrote it"
                );
            }
        }
    }

    /// Under the lock of the newest entries, so that these and the head always agree.
    fn move_on(&self, recent: &mut Recent, seq: i64, entries: &[Numbered]) {
        let head = self.head();
        recent.push(entries.iter().filter(|entry| entry.seq > head && entry.seq <= seq));
        self.head.send_replace(seq);
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn push<'e>(&mut self, entries: impl Iterator<Item = &'e Numbered>) {
        self.entries.extend(entries.cloned());
        while self.entries.len() > RECENT {
            self.after = self.entries.pop_front().map_or(self.after, |entry| entry.seq);
        }
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations").field("head", &self.head()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64) -> Numbered {
        let text = format!(r#"{{"jti":"t{seq}","exp":9000}}"#);
        Numbered { seq, expires_at: 9_000, text: text.into() }
    }

    fn is_revoked(revocations: &Revocations, jti: &str) -> bool {
        let marks = Marks {
            jti,
            ancestors: Vec::new(),
            grant_id: None,
            session_id: None,
            kid: "k1",
            holder: Holder::default(),
            issued_at: 0,
        };
        revocations.match_any(&marks)
    }

    #[test]
    fn what_is_revoked_here_is_in_force_at_once_and_told_when_all_before_it_is_known() {
        let revocations = Revocations::default();

        revocations.revoked_here(&[entry(1)]);
        revocations.revoked_here(&[entry(3)]);

        assert!(is_revoked(&revocations, "t1") && is_revoked(&revocations, "t3"));
        assert_eq!(revocations.head(), 1);
        revocations.follow_to(3, &[entry(2), entry(3)]);
        let (head, recent) = revocations.recent_after(0).unwrap();
        let numbers: Vec<i64> = recent.iter().map(|entry| entry.seq).collect();
        assert_eq!((head, numbers), (3, vec![1, 2, 3]));
    }

    #[test]
    fn what_this_process_revoked_is_told_from_what_others_did() {
        let revocations = Revocations::default();

        revocations.follow_to(1, &[entry(1)]);
        assert!(!revocations.has_revoked_after(0));
        revocations.revoked_here(&[entry(2)]);
        revocations.follow_to(3, &[entry(3)]);
        assert!(revocations.has_revoked_after(1) && !revocations.has_revoked_after(2));
        revocations.restart();
        assert!(!revocations.has_revoked_after(0));
    }

    #[test]
    fn what_comes_twice_counts_once_and_the_oldest_are_left_to_the_database() {
        let revocations = Revocations::default();
        let all: Vec<Numbered> = (1..=1_500).map(entry).collect();

        revocations.follow_to(1_500, &all);
        revocations.follow_to(1_400, &all);

        assert_eq!(revocations.len(), 1_500);
        assert!(revocations.recent_after(499).is_none());
        assert_eq!(revocations.recent_after(500).unwrap().1.len(), 1_000);
        assert_eq!(revocations.recent_after(1_499).unwrap().1.len(), 1);
    }

    #[test]
    fn a_restored_database_takes_back_no_revocation() {
        let revocations = Revocations::default();
        revocations.follow_to(2, &[entry(1), entry(2)]);

        revocations.restart();
        revocations.follow_to(1, &[entry(1)]);

        assert_eq!(revocations.head(), 1);
        assert!(is_revoked(&revocations, "t2"));
    }
}
