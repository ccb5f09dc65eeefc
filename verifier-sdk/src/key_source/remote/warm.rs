//! Export and take-in of key sets that outlive the process.

use std::sync::Arc;
use std::time::Duration;

use super::super::{CacheDirectives, Snapshot, SnapshotError};
use super::RemoteKeys;
use super::cache::{CachedKeys, Confirmation, Times};

impl RemoteKeys {
    pub(crate) fn export(&self, issuer: &str) -> Option<Snapshot> {
        let cached = self.handle.core.cached.load_full()?;
        Some(Snapshot {
            issuer: issuer.to_owned(),
            jwks: String::from_utf8(cached.document.to_vec()).ok()?,
            etag: cached.etag.clone(),
            confirmed_at: cached.confirmed_wall,
            max_age: cached.directives.max_age.map(|max_age| max_age.as_secs()),
            stale_if_error: cached.directives.stale_if_error.map(|extra| extra.as_secs()),
        })
    }

    /// Takes a snapshot in, if it is still usable; says whether it was.
    pub(crate) fn warm(&self, snapshot: &Snapshot, issuer: &str) -> Result<bool, SnapshotError> {
        let core = &self.handle.core;
        let keys = snapshot.keys(issuer, &core.algorithms)?;
        let directives = CacheDirectives {
            max_age: snapshot.max_age.map(Duration::from_secs),
            stale_if_error: snapshot.stale_if_error.map(Duration::from_secs),
            age: Duration::ZERO,
        };
        // A snapshot from the future means that one of the clocks is wrong: do not trust its age.
        let Ok(age) = u64::try_from(core.clock.wall().saturating_sub(snapshot.confirmed_at)) else {
            return Ok(false);
        };
        let now = core.clock.monotonic();
        let confirmation = Confirmation {
            now,
            age: Duration::from_secs(age),
            max_stale: core.max_stale,
            jitter: 0,
        };
        let times = Times::of(&directives, confirmation);
        let usable = now < times.usable_until;
        if usable {
            let cached = CachedKeys {
                keys,
                document: snapshot.jwks.clone().into(),
                etag: snapshot.etag.clone(),
                epoch: 1,
                directives,
                confirmed_wall: snapshot.confirmed_at,
                times,
            };
            core.cached.store(Some(Arc::new(cached)));
        }
        Ok(usable)
    }
}
