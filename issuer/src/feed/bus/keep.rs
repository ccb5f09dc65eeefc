//! Keeps in the stream what is revoked, so that a verifier can read it while no node answers. From its first message on the
//! stream has all that lives, without a gap: each begins where one before it ended, and the first at 0. A node goes on from
//! where the stream stands, and not from what it remembers, so that nothing is lost with a node or with a server of the bus;
//! that other nodes do the same costs nothing, as what says the same has the same id. Now and then all that lives is told anew
//! in fewer messages, and those before are let go.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::claims::Claim;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::stream::{Keeping, Stream, StreamError};
use super::{Link, Sides};
use crate::feed::message::{self, Message};
use crate::inbound;
use crate::random;
use crate::revocation::FORGIVEN_SECONDS;
use crate::store::{REVOCATION_PAGE, RevocationPage};

/// For a bus that was away.
const AWAY_SECONDS: i64 = 3_600;
/// How often it is looked whether to tell anew.
const LOOK: Duration = Duration::from_mins(10);
/// So many messages are worth reading, beside ten for each page that must be.
const WORTH_READING: u64 = 1_000;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where a message in the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    after: i64,
    seq: i64,
    issued_at: i64,
}

#[derive(Deserialize)]
struct Events {
    #[serde(rename = "urn:countersign:event:revocations")]
    told: Told,
}

#[derive(Deserialize)]
struct Told {
    feed: String,
    after: i64,
    seq: i64,
}

struct Keeper<'b> {
    sides: &'b Sides,
    stream: Stream<'b>,
    keeping: Keeping,
}

pub(super) async fn keep(sides: Sides) {
    let settings = sides.app.config.feed.nats.as_ref();
    let longest = i64::from(sides.app.config.keys.max_token_lifetime_seconds);
    let max_age = longest + FORGIVEN_SECONDS + AWAY_SECONDS;
    let keeping = Keeping {
        max_age: Duration::from_secs(max_age.unsigned_abs()),
        replicas: settings.and_then(|settings| settings.replicas).unwrap_or(1),
    };
    let stream = Stream { client: &sides.client, names: &sides.names };
    let keeper = Keeper { sides: &sides, stream, keeping };
    let mut link = sides.bus.link();
    let mut pause = FIRST_PAUSE;
    loop {
        // The sender lives as long as the app.
        let Ok(began) = link.wait_for(|link| link.is_up).await.map(|link| *link) else { return };
        match keeper.keep_up(&mut link, began, &mut pause).await {
            // Another connection: another server, maybe.
            Ok(()) => {}
            Err(_) if *link.borrow() != began => {}
            Err(error) => {
                sides.bus.not_kept(&error);
                sides.app.metrics.bus.failed();
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

impl Keeper<'_> {
    /// Keeps what is revoked until the connection is another.
    async fn keep_up(
        &self,
        link: &mut watch::Receiver<Link>,
        began: Link,
        pause: &mut Duration,
    ) -> Result<(), StreamError> {
        let app = &self.sides.app;
        let mut head = app.revocations.watch();
        self.stream.open(&self.keeping).await?;
        // Another node may have kept more than this one has heard of.
        let mut kept = self.position().await?.min(app.revocations.head());
        let mut look_at = Instant::now();
        let mut told_anew = String::new();
        loop {
            // Only a database that was restored knows less than before: all of it is told anew.
            if kept > *head.borrow_and_update() {
                kept = 0;
            }
            kept = self.keep_since(kept, &told_anew).await?;
            if look_at <= Instant::now() {
                told_anew = self.tell_anew_if_due().await?;
                look_at = Instant::now() + LOOK;
            }
            self.sides.bus.kept();
            app.metrics.bus.kept(kept);
            *pause = FIRST_PAUSE;
            tokio::select! {
                _ = head.changed() => {}
                _ = link.wait_for(|link| *link != began) => return Ok(()),
                () = sleep_until(look_at) => {}
            }
        }
    }

    /// Up to which number the stream has all; 0 if it has nothing of this sequence.
    async fn position(&self) -> Result<i64, StreamError> {
        let newest = self.stream.newest().await?;
        let position = newest.and_then(|newest| self.of_ours(&newest.message));
        Ok(position.map_or(0, |position| position.seq))
    }

    /// Adds what lives after a number; returns up to which number it is all.
    async fn keep_since(&self, kept: i64, told_anew: &str) -> Result<i64, StreamError> {
        let app = &self.sides.app;
        let mut after = kept;
        while after < app.revocations.head() {
            let failed =
                |error: crate::error::OAuthError| StreamError::Message(error.cause.into_owned());
            let page = message::page(app, after).await.map_err(failed)?;
            let id = told_anew.to_owned() + &id(app.feed.id(), after, &page);
            let Message { seq, token, .. } =
                message::sign(app, (after, &page), false).map_err(failed)?;
            self.stream.keep(&id, token).await?;
            if seq <= after {
                break;
            }
            after = seq;
        }
        Ok(after)
    }

    /// Returns what begins the ids from now on, if something was let go: of that, none may be taken for what is kept later.
    async fn tell_anew_if_due(&self) -> Result<String, StreamError> {
        let messages = self.stream.messages().await?;
        let page = u64::try_from(REVOCATION_PAGE).unwrap_or(u64::MAX);
        let lives = u64::try_from(self.sides.app.revocations.len()).unwrap_or(u64::MAX);
        let is_worth_reading = messages <= WORTH_READING + 10 * (lives / page);
        if messages == 0 || (is_worth_reading && self.begins_well().await?) {
            return Ok(String::new());
        }
        // What another node keeps meanwhile stays, wherever it comes to stand.
        let before = self.stream.newest().await?.map_or(0, |newest| newest.number);
        let told_anew = random::jti();
        self.keep_since(0, &told_anew).await?;
        self.stream.forget_before(before.saturating_add(1)).await?;
        Ok(told_anew)
    }

    /// Whether the first message begins at 0, and will for long.
    async fn begins_well(&self) -> Result<bool, StreamError> {
        let first = self.stream.first().await?;
        let position = first.and_then(|first| self.of_ours(&first.message));
        let half = i64::try_from(self.keeping.max_age.as_secs() / 2).unwrap_or(i64::MAX);
        let since = self.sides.app.clock.now().saturating_sub(half);
        Ok(position.is_some_and(|position| position.after == 0 && position.issued_at > since))
    }

    /// Where it stands, if this issuer signed it about this sequence: others may write into the stream.
    fn of_ours(&self, message: &str) -> Option<Position> {
        let claims = inbound::feed_message(&self.sides.app, message)?;
        let events = claims.object(Claim::Events)?;
        read(events, claims.issued_at()?, self.sides.app.feed.id())
    }
}

fn read(events: &str, issued_at: i64, feed: &str) -> Option<Position> {
    let Events { told } = serde_json::from_str(events).ok()?;
    let Told { feed: of, after, seq } = told;
    (of == feed).then_some(Position { after, seq, issued_at })
}

/// The same on every node that says the same: JetStream keeps it once.
fn id(feed: &str, after: i64, page: &RevocationPage) -> String {
    let mut context = Context::new(&SHA256);
    context.update(format!("{feed} {after} {}", page.seq).as_bytes());
    for entry in &page.entries {
        context.update(entry.text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::Numbered;

    fn page(seq: i64, text: &str) -> RevocationPage {
        let entry = Numbered { seq, expires_at: 9_000, text: text.into() };
        RevocationPage { seq, head: seq, entries: vec![entry] }
    }

    #[test]
    fn what_says_the_same_has_one_id_and_nothing_else_has_it() {
        let same = id("f", 1, &page(2, "{}"));

        assert_eq!(same, id("f", 1, &page(2, "{}")));
        for other in [
            id("g", 1, &page(2, "{}")),
            id("f", 0, &page(2, "{}")),
            id("f", 1, &page(3, "{}")),
            id("f", 1, &page(2, "{ }")),
        ] {
            assert_ne!(same, other);
        }
    }

    #[test]
    fn a_message_of_another_sequence_stands_nowhere() {
        let events =
            r#"{"urn:countersign:event:revocations":{"feed":"f","after":1,"seq":3,"head":3}}"#;

        let position = Position { after: 1, seq: 3, issued_at: 5 };
        assert_eq!(read(events, 5, "f"), Some(position));
        assert_eq!(read(events, 5, "g"), None);
        assert_eq!(read("{}", 5, "f"), None);
    }
}
