//! Which node tells what all of them know: the one that revoked it, or the one that told the last time; the others tell it too
//! if they do not hear it at once. Nobody is chosen, and nothing is agreed: where two tell the same, one of them gives way the next time.

use bytes::Bytes;

use super::position::Position;

/// Who tells the same does it within so many seconds.
const SAME_MOMENT: i64 = 5;

/// How it stands between this node and the others.
#[derive(Debug)]
pub(super) struct Turns {
    /// Whether this node need not wait for others.
    is_first: bool,
    /// The newest that another told,
    heard: Option<Position>,
    /// and what this one told last.
    told: Option<(Position, Bytes)>,
}

impl Turns {
    /// Those of a node that has not heard of another.
    pub(super) fn new() -> Self {
        Self { is_first: true, heard: None, told: None }
    }

    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Another node told this.
    pub(super) fn hear(&mut self, position: Position, token: &[u8]) {
        let told = self.told.take_if(|(told, _)| says(&position, told));
        // Of two who told the same at the same time, both find the same one.
        if told.is_some_and(|(_, own)| token < &*own) {
            self.is_first = false;
        }
        let is_newer = |heard: Position| position.seq > heard.seq || position.jwks_changed;
        if self.heard.is_none_or(is_newer) {
            self.heard = Some(position);
        }
    }

    /// Whether another node has told what this one is about to tell; then it is that one's turn.
    pub(super) fn gives_way(&mut self, message: &Position) -> bool {
        let is_told = self.heard.is_some_and(|heard| says(&heard, message));
        self.is_first &= !is_told;
        is_told
    }

    /// This node told it.
    pub(super) fn told(&mut self, message: Position, token: Bytes) {
        self.is_first = true;
        self.told = Some((message, token));
    }
}

/// Whether who heard one message need not hear the other.
fn says(heard: &Position, other: &Position) -> bool {
    heard.after <= other.after
        && heard.seq >= other.seq
        && (heard.jwks_changed || !other.jwks_changed)
        && heard.issued_at.saturating_add(SAME_MOMENT) >= other.issued_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(after: i64, seq: i64) -> Position {
        Position { after, seq, issued_at: 100, jwks_changed: false }
    }

    fn tell(turns: &mut Turns, message: Position, token: &'static str) {
        turns.told(message, token.into());
    }

    #[test]
    fn who_hears_it_before_telling_it_gives_way_and_who_told_it_is_the_first() {
        let mut turns = Turns::new();
        turns.hear(news(4, 5), b"a");

        assert!(turns.is_first() && turns.gives_way(&news(4, 5)) && !turns.is_first());
        assert!(!turns.gives_way(&news(5, 6)));

        tell(&mut turns, news(5, 6), "b");
        assert!(turns.is_first());
    }

    #[test]
    fn of_two_who_told_the_same_at_once_one_goes_on() {
        let (mut one, mut other) = (Turns::new(), Turns::new());
        tell(&mut one, news(4, 5), "one");
        tell(&mut other, news(4, 5), "other");

        one.hear(news(4, 5), b"other");
        other.hear(news(4, 5), b"one");

        assert!(one.is_first() && !other.is_first());
    }

    #[test]
    fn what_does_not_say_all_of_it_now_is_not_enough() {
        let keys = Position { jwks_changed: true, ..news(5, 5) };
        for (heard, told, is_enough) in [
            (news(3, 6), news(4, 5), true),
            (news(4, 5), news(4, 6), false),
            (news(5, 6), news(4, 6), false),
            // A heartbeat.
            (news(6, 6), news(4, 6), false),
            (news(4, 5), keys, false),
            (keys, keys, true),
            (Position { issued_at: 94, ..keys }, keys, false),
            (Position { issued_at: 94, ..news(4, 5) }, news(4, 5), false),
        ] {
            let mut turns = Turns::new();
            turns.hear(heard, b"a");
            assert_eq!(turns.gives_way(&told), is_enough, "{heard:?} {told:?}");
        }
    }
}
