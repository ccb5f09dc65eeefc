//! One who listens: first what it has missed, then what comes. Its place is free when it has gone; it goes when its token
//! is no longer good, with the message that says so, when it is too slow, and when the node stops.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::broadcast;

use super::message::{self, Message};
use crate::app::App;
use crate::app_caller::AppCaller;
use crate::error::OAuthError;

/// A subscriber, as a stream of frames.
pub(super) struct Subscription {
    place: Place,
    /// By which right.
    caller: Arc<AppCaller>,
    messages: broadcast::Receiver<Arc<Message>>,
    /// It knows everything up to this number, and has not been told all that is there.
    missing_after: Option<i64>,
    /// What it was sent last is the last.
    has_ended: bool,
}

/// A place among those who listen.
struct Place(Arc<App>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.feed.subscribers.send_modify(|subscribers| *subscribers -= 1);
    }
}

impl Place {
    fn take(app: &Arc<App>) -> Option<Self> {
        let feed = &app.feed;
        let has_room = |subscribers: &mut usize| {
            let has_room = *subscribers < feed.max_subscribers;
            *subscribers += usize::from(has_room);
            has_room
        };
        feed.subscribers.send_if_modified(has_room).then(|| Self(Arc::clone(app)))
    }
}

impl Subscription {
    /// Takes a place, for a verifier that knows everything up to a number.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` if all places are taken, or the node stops.
    pub(super) fn begin(
        app: &Arc<App>,
        caller: Arc<AppCaller>,
        after: i64,
    ) -> Result<Self, OAuthError> {
        let messages = app.feed.listen();
        let messages = messages.ok_or_else(|| OAuthError::unavailable("the node stops"))?;
        let place = Place::take(app)
            .ok_or_else(|| OAuthError::unavailable("as many listen to the feed as may"))?;
        Ok(Self { place, caller, messages, missing_after: Some(after), has_ended: false })
    }

    /// What goes over the wire.
    pub(super) fn frames(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut subscription| async move {
            let frame = subscription.next().await?;
            Some((Ok(frame), subscription))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        let message = match self.missing_after {
            Some(after) => self.missed(after).await?,
            None => match self.messages.recv().await {
                Ok(message) => message,
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.place.0.metrics.feed.cut_off();
                    return None;
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            },
        };
        // Seen each time: with the heartbeat in five seconds at the latest. What ended its token it still hears: the tokens of
        // all may be from the same stolen key, and every verifier has to know of that before it comes again.
        let app = &self.place.0;
        self.has_ended = !self.caller.is_good(app) && message.seq >= app.revocations.head();
        Some(message.frame())
    }

    /// What comes meanwhile is among what is missing.
    async fn missed(&mut self, after: i64) -> Option<Arc<Message>> {
        let app = &self.place.0;
        self.messages = self.messages.resubscribe();
        match message::shared(app, after).await {
            Ok(message) => {
                self.missing_after = (message.seq < message.head).then_some(message.seq);
                Some(message)
            }
            Err(error) => {
                tracing::warn!(
                    cause = error.cause.as_ref(),
                    "a verifier was not told what it missed"
                );
                None
            }
        }
    }
}
