//! Where a receiver stands in the sequence of revocations (decision 0031), as a pure state machine: what a message proves,
//! and what to ask for next. It reads no clock and keeps no entries: those of a signed message are kept in any case.

use super::message::Position;

/// An older message proves nothing about now.
const PROVES_FOR: i64 = 60;
/// A node of the issuer may be so far behind another that was heard before. One that is further behind serves nobody.
const NODES_APART: i64 = 5;

/// What a message meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything is known that was revoked before it was issued.
    UpToDate,
    /// It was taken, and there is more.
    Behind,
    /// Something before it is missing. What it says is known nevertheless.
    Gap,
    /// It is of another sequence, or of an earlier state of this one: the issuer has another database, or restored it.
    /// What was known stays known, and all of the new sequence has to be asked for.
    Reset,
    /// It is too old to prove anything about now.
    Old,
    /// Some of its entries could not be kept: there is no room for them, or this version does not understand them.
    Incomplete,
}

impl Outcome {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::UpToDate, Self::Behind, Self::Gap, Self::Reset, Self::Old, Self::Incomplete];

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Behind => "behind",
            Self::Gap => "gap",
            Self::Reset => "reset",
            Self::Old => "old",
            Self::Incomplete => "incomplete",
        }
    }

    /// Whether something is missing that the feed has to be asked for.
    pub const fn is_missing_something(self) -> bool {
        matches!(self, Self::Behind | Self::Gap | Self::Reset | Self::Incomplete)
    }
}

/// Whether all entries of a message were kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    All,
    Some,
}

#[derive(Debug, Default)]
pub(crate) struct Follower {
    feed: Option<String>,
    /// Everything up to here is known.
    mine: u64,
    /// The `iat` of the message by which that became so.
    mine_since: i64,
    /// The sequence goes at least so far, as was first heard in this second.
    heard: (u64, i64),
    /// The newest `iat` that was heard of this sequence.
    newest: i64,
    /// The latest `iat` at which nothing was missing.
    up_to_date_at: Option<i64>,
    resets: u64,
}

impl Follower {
    /// From here on the feed has to be asked.
    pub(crate) fn ask_from(&self) -> u64 {
        self.mine
    }

    /// Everything that was revoked before this second is known.
    pub(crate) fn up_to_date_at(&self) -> Option<i64> {
        self.up_to_date_at
    }

    /// How often another sequence, or an earlier state of this one, began.
    pub(crate) fn resets(&self) -> u64 {
        self.resets
    }

    /// Whether taking a message that stands there would change nothing.
    #[cfg(feature = "remote")]
    pub(crate) fn has(&self, at: &Position, issued_at: i64) -> bool {
        self.feed.as_ref() == Some(&at.feed)
            && at.seq <= self.mine
            && at.head == self.mine
            && self.up_to_date_at.is_some_and(|known| issued_at <= known)
    }

    /// Takes a message whose signature holds and that is not from the future.
    pub(crate) fn take(
        &mut self,
        at: &Position,
        kept: Kept,
        (issued_at, now): (i64, i64),
    ) -> Outcome {
        let is_fresh = issued_at >= now.saturating_sub(PROVES_FOR);
        if self.feed.as_ref().is_some_and(|feed| *feed != at.feed) {
            // A relay may repeat messages of the former sequence: only a newer one begins another.
            return if is_fresh && issued_at >= self.newest {
                self.begin_again(at, issued_at);
                self.advance(at, kept, (issued_at, is_fresh)).unwrap_or(Outcome::Reset)
            } else {
                Outcome::Old
            };
        }
        if is_fresh && at.head < self.mine {
            return self.behind_us(at, kept, issued_at);
        }
        self.feed.get_or_insert_with(|| at.feed.clone());
        self.newest = self.newest.max(issued_at);
        self.advance(at, kept, (issued_at, is_fresh)).unwrap_or(Outcome::Gap)
    }

    /// A head that went back: another node that has not heard yet, or a database that was restored.
    fn behind_us(&mut self, at: &Position, kept: Kept, issued_at: i64) -> Outcome {
        if issued_at <= self.mine_since.saturating_add(NODES_APART) || issued_at < self.newest {
            return Outcome::Old;
        }
        self.begin_again(at, issued_at);
        self.advance(at, kept, (issued_at, true)).unwrap_or(Outcome::Reset)
    }

    fn begin_again(&mut self, at: &Position, issued_at: i64) {
        self.feed = Some(at.feed.clone());
        (self.mine, self.mine_since, self.newest) = (0, issued_at, issued_at);
        self.heard = (0, issued_at);
        self.resets += 1;
    }

    /// Who repeats an earlier head, be it a node that is a moment behind, does not end what was asked for.
    fn hear(&mut self, head: u64, issued_at: i64) {
        let (furthest, since) = self.heard;
        if head > furthest || issued_at > since.saturating_add(NODES_APART) {
            self.heard = (head, issued_at);
        }
    }

    /// None if something before the message is missing.
    fn advance(
        &mut self,
        at: &Position,
        kept: Kept,
        (issued_at, is_fresh): (i64, bool),
    ) -> Option<Outcome> {
        self.hear(at.head, issued_at);
        if at.after > self.mine {
            return None;
        }
        if kept == Kept::Some {
            return Some(Outcome::Incomplete);
        }
        if at.seq > self.mine {
            self.mine = at.seq;
            self.mine_since = self.mine_since.max(issued_at);
        }
        if self.mine < self.heard.0 {
            return Some(Outcome::Behind);
        }
        if !is_fresh {
            return Some(Outcome::Old);
        }
        self.up_to_date_at = self.up_to_date_at.max(Some(issued_at));
        Some(Outcome::UpToDate)
    }
}

#[cfg(test)]
mod tests;
