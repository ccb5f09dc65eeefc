//! Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8): a logout token is
//! posted to each that registered an address for it. Most hear of it before the browser comes back; who is slow, away or
//! cut off by a crash is told from the queue (`store::LogoutDelivery`), again and again, for a day. A client may hear of
//! the same end twice: each attempt is a token of its own, and a session that has ended stays ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderMap;

use crate::app::App;
use crate::issue::logout_token;
use crate::registry::SignIn;
use crate::retry::wait_after;
use crate::store::{EndedSession, LogoutDelivery, StoreError};

/// For so long the browser waits at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// For so long a client may take to answer; less than a row of the queue is claimed for.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Seconds after the end of the session at which no more attempt is made: the client's own session is over by then.
const GIVE_UP_AFTER_SECONDS: i64 = 86_400;

/// How many clients are told at a time from the queue.
const BATCH: i64 = 16;

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The client has heard.
    Delivered,
    /// It has not; it will be tried again.
    Failed,
    /// It never will.
    GivenUp,
}

impl DeliveryOutcome {
    /// Every outcome, for metrics.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::GivenUp];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}

/// Tells the clients of sessions that just ended, all at once, and waits a moment for them. What takes longer goes on
/// without the browser.
pub async fn tell_clients(app: &Arc<App>, ended: impl IntoIterator<Item = EndedSession>) {
    let deliveries = ended.into_iter().flat_map(|session| session.deliveries);
    let under_way: Vec<_> = deliveries.map(|delivery| spawn(app, delivery)).collect();
    if !under_way.is_empty() && tokio::time::timeout(PATIENCE, join_all(under_way)).await.is_err() {
        tracing::info!("the browser goes on before every client has heard of the sign-out");
    }
}

/// Tells whoever is due by the queue, until nobody is; returns how many attempts were made.
///
/// # Errors
///
/// If the database does not answer.
pub async fn deliver_due(app: &Arc<App>) -> Result<usize, StoreError> {
    let mut attempts = 0;
    loop {
        let claimed = app.store.claim_logout_deliveries(app.clock.now(), BATCH).await?;
        if claimed.is_empty() {
            return Ok(attempts);
        }
        attempts += claimed.len();
        join_all(claimed.into_iter().map(|delivery| spawn(app, delivery))).await;
    }
}

fn spawn(app: &Arc<App>, delivery: LogoutDelivery) -> tokio::task::JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::spawn(async move { attempt(&app, &delivery).await })
}

/// One attempt, and what follows from it.
async fn attempt(app: &App, delivery: &LogoutDelivery) {
    let told = tokio::time::timeout(ATTEMPT_TIMEOUT, tell(app, delivery)).await;
    let outcome = match told.unwrap_or_else(|_| Err("it does not answer".to_owned())) {
        Ok(()) => DeliveryOutcome::Delivered,
        Err(cause) => failed(app, delivery, &cause),
    };
    app.metrics.logout_delivery(outcome);
    let settled = match outcome {
        DeliveryOutcome::Failed => {
            let until = app.clock.now() + wait_after(delivery.attempts - 1);
            app.store.put_off_logout_delivery(delivery, until).await
        }
        DeliveryOutcome::Delivered | DeliveryOutcome::GivenUp => {
            app.store.finish_logout_delivery(delivery).await
        }
    };
    if let Err(error) = settled {
        tracing::warn!(%error, "a delivered sign-out could not be noted: it will be delivered again");
    }
}

/// §2.5: posts the logout token. A client that was deleted, or no longer wants to hear, is told nothing.
async fn tell(app: &App, delivery: &LogoutDelivery) -> Result<(), String> {
    let client = app.registry.load().client(&delivery.client_id).cloned();
    let sign_in = client.as_deref().and_then(|client| client.sign_in.as_ref());
    let wants = |sign_in: &SignIn| sign_in.backchannel_logout_uri.clone();
    let (Some(client), Some(sign_in)) = (&client, sign_in) else { return Ok(()) };
    let Some(uri) = wants(sign_in) else { return Ok(()) };
    let token = logout_token(app, (client, sign_in), delivery);
    let token = token.map_err(|error| error.cause.into_owned())?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", &token)
        .finish();
    let answer = app.outbound.post_form(&uri, form, HeaderMap::new()).await;
    match answer {
        // §2.8: 200; and 204, which frameworks make of it.
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answers {}", answer.status())),
        Err(error) => Err(error.to_string()),
    }
}

fn failed(app: &App, delivery: &LogoutDelivery, cause: &str) -> DeliveryOutcome {
    let (client_id, attempts) = (&delivery.client_id, delivery.attempts);
    let next = app.clock.now() + wait_after(attempts - 1);
    if next - delivery.ended_at > GIVE_UP_AFTER_SECONDS {
        tracing::error!(client_id, attempts, cause, "a client never heard of a sign-out");
        return DeliveryOutcome::GivenUp;
    }
    tracing::warn!(client_id, attempts, cause, "a client did not hear of a sign-out yet");
    DeliveryOutcome::Failed
}
