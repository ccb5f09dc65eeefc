//! How a node hears of what others revoke sooner than by the next heartbeat, which it does anyway. PostgreSQL calls. A
//! SQLite file cannot; it is looked at while verifiers listen, and left alone otherwise.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::tasks;

/// How often the file is looked at while somebody listens.
const LOOK: Duration = Duration::from_millis(20);

/// After which time a lost connection is made anew; the heartbeat serves meanwhile.
const RETRY: Duration = Duration::from_secs(1);

/// Starts the tasks; they end with the runtime.
pub fn spawn(app: &Arc<App>) {
    tokio::spawn(catch_up(Arc::clone(app)));
    if app.store.can_call() {
        tokio::spawn(listen(Arc::clone(app)));
    } else {
        tokio::spawn(look(Arc::clone(app)));
    }
}

/// Keys are followed with the same look: who is told that one was withdrawn is told so by another.
async fn catch_up(app: Arc<App>) {
    loop {
        app.revocations.fell_behind().await;
        if let Err(error) = tasks::heartbeat(&app).await {
            tracing::warn!(%error, "revocations will be read with the next heartbeat");
        }
    }
}

async fn listen(app: Arc<App>) {
    loop {
        if let Err(error) = hear(&app).await {
            tracing::warn!(%error, "revocations of other nodes come by the heartbeat for now");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn hear(app: &App) -> Result<(), crate::store::StoreError> {
    let mut calls = app.store.revocation_calls().await?;
    // What was called before anybody listened.
    app.revocations.fall_behind();
    loop {
        if calls.next(app.feed.id()).await? > app.revocations.head() {
            app.revocations.fall_behind();
        }
    }
}

async fn look(app: Arc<App>) {
    loop {
        app.feed.has_subscribers().await;
        tokio::time::sleep(LOOK).await;
        // A database that is gone is reported by the heartbeat.
        if let Ok(newest) = app.store.newest_revocation().await
            && newest != app.revocations.head()
        {
            app.revocations.fall_behind();
        }
    }
}
