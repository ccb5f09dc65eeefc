//! What runs beside the requests: the heartbeat that follows changes of other nodes and tries a failed audit log
//! again, sign-outs that clients have to hear of, signals to receivers, the rotation of keys, the batches of secret uses, the sweep of what has expired, the reload of certificates.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::logout::deliver_due;
use crate::server::Tls;
use crate::signing::{Rotation, Turn, reopen_rings};
use crate::store::{Actor, EXPIRING, Expiring, StoreError};
use crate::{feed, revocation, signals};

/// Twice this is less than the second within which every node follows a change.
const HEARTBEAT: Duration = Duration::from_millis(400);
const ROTATION_CHECK: Duration = Duration::from_secs(1);

/// Rings that were refused are read again after so many checks.
const REFUSED_RINGS_CHECKS: u32 = 15;
const BATCH: Duration = Duration::from_mins(1);

/// Retired keys are written down after so many batches.
const OBSERVATION_BATCHES: u32 = 10;

const CERTIFICATE_CHECK: Duration = Duration::from_secs(2);

/// How many expired rows one sweep removes at most, so that it never holds the database for long.
const SWEEP_LIMIT: i64 = 500;

/// Records outlive their expiry by this: the clock of another node may be behind.
const SWEEP_DELAY_SECONDS: i64 = 600;

/// Starts all of them; they end with the runtime.
pub fn spawn(app: &Arc<App>, tls: Option<Arc<Tls>>) {
    tokio::spawn(heartbeats(Arc::clone(app)));
    tokio::spawn(rotations(Arc::clone(app)));
    tokio::spawn(batches(Arc::clone(app)));
    tokio::spawn(logout_deliveries(Arc::clone(app)));
    revocation::spawn(app);
    feed::spawn(app);
    signals::spawn(app);
    if let Some(tls) = tls {
        tokio::spawn(certificates(tls));
    }
}

async fn heartbeats(app: Arc<App>) {
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let before = app.clock.elapsed();
        match heartbeat(&app).await {
            Ok(()) => app.freshness.seen(before),
            Err(error) => {
                app.metrics.store_failed();
                tracing::warn!(%error, "the heartbeat failed: changes are not followed");
            }
        }
        app.audit.settle(app.clock.now());
    }
}

/// Follows what changed since the last heartbeat.
///
/// # Errors
///
/// If the database does not answer.
pub async fn heartbeat(app: &App) -> Result<(), StoreError> {
    let heartbeat = app.store.heartbeat().await?;
    let overdue = heartbeat.logout_due_at.map_or(-1, |due_at| app.clock.now() - due_at);
    app.metrics.logout_deliveries_overdue(overdue.max(0));
    if overdue >= 0 {
        app.logout_is_due.notify_one();
    }
    let overdue = heartbeat.signal_due_at.map_or(-1, |due_at| app.clock.now() - due_at);
    app.metrics.signals.overdue(overdue.max(0));
    if overdue >= 0 {
        app.store.signals().wake_push();
    }
    if heartbeat.generation != app.registry.load().generation() {
        follow(app).await?;
    }
    // Last: whoever is told that a key was withdrawn is told so by another.
    if heartbeat.newest_revocation != app.revocations.head() {
        app.store.follow_revocations(app.clock.now()).await?;
    }
    Ok(())
}

/// Tells clients of sessions that ended, when the heartbeat sees that one is due.
async fn logout_deliveries(app: Arc<App>) {
    loop {
        app.logout_is_due.notified().await;
        if let Err(error) = deliver_due(&app).await {
            tracing::warn!(%error, "clients are not told of sign-outs");
        }
    }
}

async fn follow(app: &App) -> Result<(), StoreError> {
    let registry = app.registry.load_full();
    let changes = app.store.changes_since(registry.generation()).await?;
    if changes.rings_changed {
        follow_rings(app).await?;
    }
    app.registry.store(Arc::new(registry.apply(changes)));
    Ok(())
}

/// Rows that do not open are refused and reported, and tried again; the rest is in force at once. One
/// at a time: who read earlier must not swap later.
async fn follow_rings(app: &App) -> Result<(), StoreError> {
    let _alone = app.following_rings.lock().await;
    let rows = app.store.load_rings().await?;
    let (rings, refused) = reopen_rings(&rows, &app.masters, app.keychain.live().rings());
    let before = app.keychain.live().jwks.body().clone();
    app.keychain.swap(rings, app.clock.elapsed());
    if app.keychain.live().jwks.body() != &before {
        app.feed.keys_changed(app.clock.now());
    }
    app.rings_refused.store(!refused.is_empty(), Ordering::Relaxed);
    for error in refused {
        app.metrics.key_row_refused();
        tracing::error!(%error, "a key row was refused; this node goes on with what it opened before");
    }
    Ok(())
}

async fn rotations(app: Arc<App>) {
    let actor = Actor::node();
    let mut since_refusal = 0;
    let mut ticks = interval(ROTATION_CHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !app.freshness.is_fresh(app.clock.elapsed()) {
            continue;
        }
        if app.rings_refused.load(Ordering::Relaxed) {
            since_refusal += 1;
            if since_refusal % REFUSED_RINGS_CHECKS == 0
                && let Err(error) = follow_rings(&app).await
            {
                tracing::warn!(%error, "the refused rings could not be read again");
            }
        } else {
            rotate_if_due(&app, &actor).await;
        }
    }
}

/// Turns each ring for which something is due. Nothing is due nearly always, and then nothing is asked
/// of the database.
async fn rotate_if_due(app: &App, actor: &Actor) {
    let act = actor.at(app.clock.now());
    let live = app.keychain.live();
    let mut turned = false;
    for ring in live.rings() {
        let planned = app.keychain.planned(ring, app.clock.elapsed());
        let rotation =
            Rotation { config: &app.config, store: &app.store, masters: &app.masters, act: &act };
        match rotation.turn(&planned, ring.version).await {
            Ok(turn) => turned |= turn != Turn::None,
            Err(error) => {
                app.metrics.rotation_failed();
                tracing::error!(%error, algorithm = %ring.algorithm, "a rotation was put off");
            }
        }
    }
    if turned && let Err(error) = follow_rings(app).await {
        tracing::warn!(%error, "the turned rings will be read with the next heartbeat");
    }
}

async fn batches(app: Arc<App>) {
    let mut batches = 0;
    let mut ticks = interval(BATCH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    // What an earlier process left.
    sweep(&app).await;
    loop {
        ticks.tick().await;
        write_secret_uses(&app).await;
        app.revocations.forget(app.clock.now());
        app.status_lists.forget(app.clock.elapsed());
        batches += 1;
        if batches % OBSERVATION_BATCHES == 0 {
            write_observations(&app).await;
        }
        if app.store.next_expiry() < app.clock.now() - SWEEP_DELAY_SECONDS {
            sweep(&app).await;
        }
    }
}

/// Removes what has expired, in small batches, so that the database is never held for long; returns how many rows.
pub async fn sweep(app: &App) -> u64 {
    let expiries = match app.store.expiries().await {
        Ok(expiries) => expiries,
        Err(error) => {
            tracing::warn!(%error, "expired rows were not looked for");
            return 0;
        }
    };
    let before = app.clock.now() - SWEEP_DELAY_SECONDS;
    let mut swept = 0;
    for (rows, oldest) in EXPIRING.iter().zip(expiries) {
        if oldest.is_some_and(|oldest| oldest < before) {
            swept += sweep_table(app, rows, before).await;
        }
    }
    swept
}

async fn sweep_table(app: &App, rows: &'static Expiring, before: i64) -> u64 {
    let mut swept = 0;
    loop {
        let removed = match app.store.sweep(rows, before, SWEEP_LIMIT).await {
            Ok(removed) => removed,
            Err(error) => {
                tracing::warn!(%error, table = rows.table, "expired rows were not swept");
                return swept;
            }
        };
        app.metrics.sweep.removed(rows.table, removed);
        swept += removed;
        if removed < SWEEP_LIMIT.cast_unsigned() {
            return swept;
        }
        tokio::task::yield_now().await;
    }
}

/// For how many seconds the oldest row of each table has been waiting to be removed, as of now.
///
/// # Errors
///
/// If the database does not answer.
pub async fn sweep_lags(app: &App) -> Result<Vec<i64>, StoreError> {
    let expiries = app.store.expiries().await?;
    let before = app.clock.now() - SWEEP_DELAY_SECONDS;
    Ok(expiries.into_iter().map(|oldest| oldest.map_or(0, |at| (before - at).max(0))).collect())
}

/// Writes what is not yet written of the uses of secrets.
pub async fn write_secret_uses(app: &App) {
    let uses = app.secret_uses.take();
    if uses.is_empty() {
        return;
    }
    if let Err(error) = app.store.record_secret_use(&uses).await {
        tracing::warn!(%error, "the last uses of secrets were not written");
        app.secret_uses.put_back(uses);
    }
}

/// Writes down for how long the retired keys have been retired, so that a restart does not begin at zero.
pub async fn write_observations(app: &App) {
    let seen = app.keychain.retirements(app.clock.elapsed());
    if let Err(error) = app.store.record_observations(&seen).await {
        tracing::warn!(%error, "how long keys have been retired was not written down");
    }
}

async fn certificates(tls: Arc<Tls>) {
    let mut ticks = interval(CERTIFICATE_CHECK);
    loop {
        ticks.tick().await;
        match tls.reload_if_changed() {
            Ok(true) => tracing::info!("the TLS certificate was read again"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the former TLS certificate stays in use"),
        }
    }
}
