//! When each client secret was last used: remembered here, written in batches once a minute, so that
//! operators can see which of two secrets may go. A token request never waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::registry::ClientId;
use crate::store::SecretUse;

/// Uses since the last batch, by the id of the secret.
#[derive(Default)]
pub struct SecretUses(Mutex<HashMap<String, SecretUse>>);

impl SecretUses {
    /// Notes a use at `now` (Unix seconds).
    pub fn note(&self, client_id: &ClientId, secret_id: &str, now: i64) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = uses.get_mut(secret_id) {
            noted.used_at = now;
            return;
        }
        let noted = SecretUse {
            client_id: client_id.clone(),
            secret_id: secret_id.to_owned(),
            used_at: now,
        };
        uses.insert(secret_id.to_owned(), noted);
    }

    /// Of how many secrets a use is not written yet.
    pub fn unwritten(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes what is to be written.
    pub fn take(&self) -> Vec<SecretUse> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *uses).into_values().collect()
    }

    /// Puts back what could not be written, unless it was used again since.
    pub fn put_back(&self, unwritten: Vec<SecretUse>) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for noted in unwritten {
            uses.entry(noted.secret_id.clone()).or_insert(noted);
        }
    }
}
