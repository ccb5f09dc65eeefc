//! Keeps in the stream what is revoked, so that a verifier can read it while no node answers. From its first message on the
//! stream has all that lives, without a gap: each begins where one before it ended, and the first at 0. A node goes on from
//! where what stands in the stream has its first gap, and not from what it remembers, so that nothing is lost with a node or with
//! a server of the bus; that other nodes do the same costs nothing, as what says the same has the same id. Now and then it is all
//! read again; if it does not begin well, or is too long, all that lives is told anew, and what stood before is let go.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::position::{Position, whole_to};
use super::stream::{Keeping, Stream, StreamError};
use super::{Link, Sides};
use crate::feed::message::{self, Message};
use crate::random;
use crate::revocation::FORGIVEN_SECONDS;
use crate::store::{REVOCATION_PAGE, RevocationPage};

/// For a bus that was away.
const AWAY_SECONDS: i64 = 3_600;
/// How often it is looked what stands there.
const LOOK: Duration = Duration::from_mins(10);
/// So many messages are worth reading, beside ten for each page that must be.
const WORTH_READING: u64 = 1_000;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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
        let mut kept = 0;
        let mut look_at = Instant::now();
        let mut told_anew = String::new();
        loop {
            if look_at <= Instant::now() {
                (kept, told_anew) = self.look(kept).await?;
                // Another node may have kept more than this one has heard of.
                kept = kept.min(app.revocations.head());
                look_at = Instant::now() + LOOK;
            }
            // Only a database that was restored knows less than before: all of it is told anew.
            if kept > *head.borrow_and_update() {
                kept = 0;
            }
            kept = self.keep_since(kept, &told_anew).await?;
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

    /// Reads what stands there, if all was up to a number before. Returns up to which it is now, and what begins the ids from now
    /// on if something was let go or is lost: of that, none may be taken for what is kept later.
    async fn look(&self, kept: i64) -> Result<(i64, String), StreamError> {
        let newest = self.stream.newest().await?.map_or(0, |newest| newest.number);
        let messages = self.stream.messages().await?;
        let page = u64::try_from(REVOCATION_PAGE).unwrap_or(u64::MAX);
        let lives = u64::try_from(self.sides.app.revocations.len()).unwrap_or(u64::MAX);
        if messages <= WORTH_READING + 10 * (lives / page) {
            let said = self.read_to(newest).await?;
            // Where nothing stands there is nothing to let go.
            if said.first().is_none_or(|first| self.begins_well(*first)) {
                let mut said: Vec<Position> = said.into_iter().flatten().collect();
                let whole = whole_to(&mut said);
                let is_lost = whole < kept || said.iter().any(|position| position.seq > whole);
                return Ok((whole, if is_lost { random::jti() } else { String::new() }));
            }
        }
        let told_anew = random::jti();
        let kept = self.keep_since(0, &told_anew).await?;
        // What another node keeps meanwhile stays, wherever it comes to stand.
        self.stream.forget_before(newest.saturating_add(1)).await?;
        Ok((kept, told_anew))
    }

    /// Where the messages up to this one stand; none for what this issuer did not say.
    async fn read_to(&self, newest: u64) -> Result<Vec<Option<Position>>, StreamError> {
        let (mut said, mut number) = (Vec::new(), 0);
        while number < newest
            && let Some(next) = self.stream.from(number + 1).await?
        {
            number = next.number;
            said.push(Position::of(&self.sides.app, &next.message));
        }
        Ok(said)
    }

    /// Whether the first message begins at 0, and will for long.
    fn begins_well(&self, first: Option<Position>) -> bool {
        let half = i64::try_from(self.keeping.max_age.as_secs() / 2).unwrap_or(i64::MAX);
        let since = self.sides.app.clock.now().saturating_sub(half);
        first.is_some_and(|first| first.after == 0 && first.issued_at > since)
    }
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
}
