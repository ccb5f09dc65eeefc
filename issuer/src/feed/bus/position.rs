//! Where the messages on the bus stand in the sequence, and up to which number those in the stream say all. Others may write
//! there: what this issuer did not sign stands nowhere.

use countersign_verifier::claims::Claim;
use serde::Deserialize;

use crate::app::App;
use crate::inbound;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) after: i64,
    pub(super) seq: i64,
    pub(super) issued_at: i64,
    pub(super) jwks_changed: bool,
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
    #[serde(default)]
    jwks_changed: bool,
}

impl Position {
    /// Where a message stands, if this issuer signed it about this sequence.
    pub(super) fn of(app: &App, message: &str) -> Option<Self> {
        let claims = inbound::feed_message(app, message)?;
        Self::read(claims.object(Claim::Events)?, claims.issued_at()?, app.feed.id())
    }

    fn read(events: &str, issued_at: i64, feed: &str) -> Option<Self> {
        let Events { told } = serde_json::from_str(events).ok()?;
        let Told { feed: of, after, seq, jwks_changed } = told;
        (of == feed).then_some(Self { after, seq, issued_at, jwks_changed })
    }
}

/// Up to which number messages say all, in whatever order they stand: each counts that begins where another ended, or earlier.
/// That somebody repeated a later one here, or one that says that nothing is new, fills no gap.
pub(super) fn whole_to(said: &mut [Position]) -> i64 {
    said.sort_unstable_by_key(|position| position.after);
    let reached = |whole: i64, next: &Position| {
        if next.after <= whole { whole.max(next.seq) } else { whole }
    };
    said.iter().fold(0, reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position((after, seq): &(i64, i64)) -> Position {
        Position { after: *after, seq: *seq, issued_at: 5, jwks_changed: false }
    }

    #[test]
    fn a_stream_is_whole_up_to_its_first_gap_whatever_stands_behind_it() {
        for (said, whole) in [
            (&[][..], 0),
            (&[(0, 2), (2, 3)], 3),
            // Nodes that tell the same, one of them more of it at once.
            (&[(0, 1), (0, 2), (1, 3), (2, 4)], 4),
            // While all is told anew, another node keeps what is new.
            (&[(0, 2), (6, 7), (2, 6)], 7),
            // The message between is lost.
            (&[(0, 2), (4, 5)], 2),
            // What is told when nothing is new, by whoever repeats it.
            (&[(0, 2), (9, 9)], 2),
            (&[(9, 9)], 0),
        ] {
            let mut positions: Vec<Position> = said.iter().map(position).collect();
            assert_eq!(whole_to(&mut positions), whole, "{said:?}");
        }
    }

    #[test]
    fn a_message_of_another_sequence_stands_nowhere() {
        let events =
            r#"{"urn:countersign:event:revocations":{"feed":"f","after":1,"seq":3,"head":3}}"#;

        assert_eq!(Position::read(events, 5, "f"), Some(position(&(1, 3))));
        assert_eq!(Position::read(events, 5, "g"), None);
        assert_eq!(Position::read("{}", 5, "f"), None);
    }
}
