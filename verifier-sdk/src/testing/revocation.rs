//! Revocations of `TestIssuer`: entries, messages of the feed, and who is told at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_keys::SigningKey;
use serde_json::{Map, Value, json};

use super::{TestIssuer, TestToken};
use crate::Verifier;
use crate::revocation::{EVENT, Revocations, feed_of};

/// How long an entry matters unless it says so: longer than a token of a test lives.
const LIFETIME: i64 = 3600;

/// The sequence of an issuer's revocations.
#[derive(Default)]
pub(super) struct TestFeed(Mutex<Sequence>);

#[derive(Default)]
struct Sequence {
    /// In order; the first one has the number 1.
    entries: Vec<Value>,
    told: Vec<(Revocations, Arc<SigningKey>)>,
}

impl TestFeed {
    /// The second up to which tokens with these claims are revoked.
    pub(super) fn level(&self, claims: &Map<String, Value>) -> Option<i64> {
        let is_meant = |entry: &&Value| {
            let is_level = entry.get("iat").is_some();
            let fits = |name| entry.get(name).is_none_or(|value| claims.get(name) == Some(value));
            is_level && fits("sub") && fits("client_id")
        };
        let sequence = self.lock();
        let levels = sequence.entries.iter().filter(is_meant);
        levels.filter_map(|entry| entry.get("iat")?.as_i64()).max()
    }

    fn lock(&self) -> MutexGuard<'_, Sequence> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TestIssuer {
    /// Revokes one token, and what came from it by exchange.
    pub fn revoke_jti(&self, jti: &str) {
        self.revoke(json!({ "jti": jti }));
    }

    /// Revokes what came from one code or one family of refresh tokens.
    pub fn revoke_grant(&self, grant_id: &str) {
        self.revoke(json!({ "grant_id": grant_id }));
    }

    /// Ends a session.
    pub fn revoke_session(&self, sid: &str) {
        self.revoke(json!({ "sid": sid }));
    }

    /// Revokes all tokens of a user up to now.
    pub fn revoke_user(&self, user: &str) {
        self.revoke(json!({ "sub": user, "iat": self.now() }));
    }

    /// Revokes all tokens of a client up to now.
    pub fn revoke_client(&self, client_id: &str) {
        self.revoke(json!({ "client_id": client_id, "iat": self.now() }));
    }

    /// Revokes all tokens of a user at a client up to now.
    pub fn revoke_user_at(&self, user: &str, client_id: &str) {
        self.revoke(json!({ "sub": user, "client_id": client_id, "iat": self.now() }));
    }

    /// Withdraws the key: whatever it signed is not good any more.
    pub fn withdraw_key(&self) {
        self.revoke(json!({ "kid": self.key().kid().as_str() }));
    }

    /// Revokes by any entry (decision 0031); without an `exp` it matters for an hour. Verifiers that were made by this
    /// issuer know at once.
    pub fn revoke(&self, entry: Value) {
        self.revoke_all([entry]);
    }

    /// The same with several, told in one message.
    pub fn revoke_all(&self, entries: impl IntoIterator<Item = Value>) {
        let expires_at = json!(self.now() + LIFETIME);
        let mut sequence = self.feed.lock();
        for mut entry in entries {
            if let Some(members) = entry.as_object_mut() {
                members.entry("exp").or_insert_with(|| expires_at.clone());
            }
            sequence.entries.push(entry);
        }
        let told = sequence.told.clone();
        drop(sequence);
        for (revocations, key) in &told {
            self.tell_one(revocations, key);
        }
    }

    /// Tells a verifier that was built with [`FeedSource::Pushed`](crate::revocation::FeedSource::Pushed) what was revoked so far, and
    /// from now on what will be.
    pub fn tell<C>(&self, verifier: &Verifier<C>) {
        verifier.revocations().inspect(|revocations| self.subscribe(revocations));
    }

    pub(super) fn subscribe(&self, revocations: &Revocations) {
        let key = self.shared_key();
        self.tell_one(revocations, &key);
        self.feed.lock().told.push((revocations.clone(), key));
    }

    /// The message with all entries above `after`, as the feed gives it: a heartbeat if there are none.
    pub fn feed_message(&self, after: u64) -> TestToken<'_> {
        let sequence = self.feed.lock();
        let known = usize::try_from(after).unwrap_or(usize::MAX);
        let revoked = sequence.entries.get(known..).unwrap_or_default().to_vec();
        let head = u64::try_from(sequence.entries.len()).unwrap_or_default();
        self.feed_message_of(json!({
            "feed": "test", "after": after.min(head), "seq": head, "head": head, "revoked": revoked,
        }))
    }

    /// The message that tells this, whether it is true or not.
    pub fn feed_message_of(&self, told: impl Into<Value>) -> TestToken<'_> {
        TestToken::new(self)
            .header("typ", "secevent+jwt")
            .without("exp")
            .audience(&feed_of(self.issuer()))
            .claim("events", json!({ EVENT: told.into() }))
    }

    /// Signed by the key that the verifier knows, also after a rotation.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    fn tell_one(&self, revocations: &Revocations, key: &Arc<SigningKey>) {
        let message = self.feed_message(revocations.ask_from()).signed_by(key);
        match revocations.try_take(&message) {
            // What a withdrawn key signs is not believed any more, and there is no other here.
            Err(crate::VerifyError::Revoked) => {}
            taken => {
                taken.expect("the issuer and the verifier have the same clock and key");
            }
        }
    }
}
