//! Checks of what is stored: the schema, the keys and whether they open, the rings, the registry, and the clock beside the newest rows.

use countersign_keys::MasterKeys;
use countersign_keys::ring::KeyState;
use uuid::Uuid;

use super::super::Session;
use super::super::output::date;
use super::{Failure, Finding, Outcome, registry};
use crate::signing::open_rings;
use crate::store::{RingRows, SealedCredential, Store, StoreError};

/// Two machines may differ by this many seconds.
const TOLERATED_CLOCK_DIFFERENCE: i64 = 30;

pub(super) async fn examine(session: &Session) -> Vec<Finding> {
    let store = match database(session).await {
        (finding, None) => return vec![finding],
        (finding, Some(store)) => (finding, store),
    };
    let (finding, store) = store;
    let mut findings = vec![finding];
    match store.load_rings().await {
        Ok(rings) => {
            findings.push(keys(session, &rings));
            findings.extend(resealing(session, &rings));
            findings.extend(resealing_credentials(session, &store).await);
            findings.extend(active_keys(session, &rings));
            findings.push(clock(session, &store, &rings).await);
        }
        Err(error) => findings.push(Finding::from_failure("signing keys", Failure::from(error))),
    }
    findings.extend(registry::examine(session, &store).await);
    findings
}

async fn database(session: &Session) -> (Finding, Option<Store>) {
    let check = "database";
    match Store::attach(&session.config).await {
        Ok(None) => {
            (Finding::skipped(check, "there is none yet; `countersign serve` makes it"), None)
        }
        Ok(Some(store)) => {
            (Finding::ok(check, "it answers, and its schema is up to date"), Some(store))
        }
        Err(error) => (unusable(check, error), None),
    }
}

fn unusable(check: &'static str, error: StoreError) -> Finding {
    let hint = match &error {
        StoreError::Corrupt(_) => "restore it from a backup",
        StoreError::Newer { .. } => "start the release that made it, or a later one",
        StoreError::Gap { .. } => "start on an empty database, or on a backup of a release",
        StoreError::Older { .. } => {
            let hint =
                "the next start of `countersign serve` brings it up to date; then look again";
            return Finding::new(check, Outcome::Warning, error).hint(hint);
        }
        _ => "look at `database.url` or the data folder, the network and the disk",
    };
    Finding::failed(check, error).hint(hint)
}

/// Every sealed key opens under the configured master keys.
fn keys(session: &Session, rings: &[RingRows]) -> Finding {
    let count: usize = rings.iter().map(|ring| ring.keys.len()).sum();
    if count == 0 {
        return Finding::skipped("signing keys", "there are none yet");
    }
    let masters = match session.master_keys() {
        Ok(masters) => masters,
        Err(failure) => {
            return Finding::from_failure("signing keys", failure)
                .hint("put the master key back; without it the signing keys are lost");
        }
    };
    match open_rings(rings, &masters) {
        Ok(_) => Finding::ok("signing keys", format!("all {count} open")),
        Err(error) => Finding::from_failure("signing keys", error.into()),
    }
}

/// Keys that still need an older master key.
fn resealing(session: &Session, rings: &[RingRows]) -> Option<Finding> {
    let masters: MasterKeys = session.master_keys().ok()?;
    let old =
        rings.iter().flat_map(|ring| &ring.keys).filter(|key| masters.needs_reseal(&key.sealed));
    match old.count() {
        0 => None,
        count => {
            let detail =
                format!("{count} signing keys are sealed under an older master key; keep its file");
            Some(Finding::new("signing keys", Outcome::Warning, detail))
        }
    }
}

/// Credentials that still need an older master key.
async fn resealing_credentials(session: &Session, store: &Store) -> Option<Finding> {
    let prefix = session.master_keys().ok()?.prefix();
    for kind in SealedCredential::ALL {
        if !store.sealed_otherwise(kind, &prefix, (Uuid::nil(), 1)).await.ok()?.is_empty() {
            let detail = "credentials of users are sealed under another master key than the first; \
                 keep its file, and restart a node with both";
            return Some(Finding::new("credentials", Outcome::Warning, detail.to_owned()));
        }
    }
    None
}

/// Every algorithm of the configuration has a key that signs.
fn active_keys(session: &Session, rings: &[RingRows]) -> Vec<Finding> {
    let has_active = |algorithm| {
        let ring = rings.iter().find(|ring| ring.algorithm == algorithm);
        ring.is_some_and(|ring| ring.keys.iter().any(|key| key.state == KeyState::Active))
    };
    let check = |algorithm| {
        if has_active(algorithm) {
            Finding::ok("rings", format!("{algorithm} has a key that signs"))
        } else {
            Finding::skipped(
                "rings",
                format!("{algorithm} has no key yet; the next start makes one"),
            )
        }
    };
    session.config.keys.algorithms.iter().copied().map(check).collect()
}

/// Nothing that is stored comes from the future.
async fn clock(session: &Session, store: &Store, rings: &[RingRows]) -> Finding {
    let now = session.clock.now();
    let keys = rings.iter().flat_map(|ring| &ring.keys).map(|key| key.since);
    let newest_change =
        store.audit_events(1).await.ok().and_then(|events| Some(events.first()?.at));
    let newest = keys.chain(newest_change).max().unwrap_or(now);
    if newest > now + TOLERATED_CLOCK_DIFFERENCE {
        let detail =
            format!("it is {} here, but something was stored at {}", date(now), date(newest));
        return Finding::failed("clock", detail)
            .hint("set the clocks of all nodes, for example with NTP");
    }
    Finding::ok("clock", date(now))
}
