//! Server-sent events, as far as the feed needs them: a line at a time, bounded in size. What is no event of ours is left
//! out.

use super::feed::FeedError;
use super::message::MAX_MESSAGE_BYTES;

/// A message and its name.
const MAX_LINE_BYTES: usize = MAX_MESSAGE_BYTES + 64;
/// The events that carry a message.
const EVENT: &[u8] = b"set";

/// What came, up to the next whole event.
#[derive(Default)]
pub(super) struct Events {
    buffer: Vec<u8>,
    /// So much of the buffer has no end of a line.
    searched: usize,
    is_ours: bool,
    data: Option<String>,
}

impl Events {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if it is whole.
    pub(super) fn next(&mut self) -> Result<Option<String>, FeedError> {
        while let Some(line) = self.line()? {
            if line.is_empty() {
                let (data, is_ours) = (self.data.take(), std::mem::take(&mut self.is_ours));
                if let (Some(data), true) = (data, is_ours) {
                    return Ok(Some(data));
                }
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match name {
                b"event" => self.is_ours = value == EVENT,
                // A message is one line.
                b"data" if self.data.is_some() => return Err(FeedError::WrongType),
                b"data" => {
                    let text = str::from_utf8(value).map_err(|_| FeedError::WrongType)?;
                    self.data = Some(text.to_owned());
                }
                // `id` is in the message too, and signed there; comments are nothing.
                _ => {}
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, FeedError> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return if self.searched > MAX_LINE_BYTES {
                Err(FeedError::TooLarge)
            } else {
                Ok(None)
            };
        };
        let rest = self.buffer.split_off(self.searched + end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        self.searched = 0;
        line.pop();
        line.pop_if(|byte| *byte == b'\r');
        if line.len() > MAX_LINE_BYTES { Err(FeedError::TooLarge) } else { Ok(Some(line)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &[u8] = b": hello\nid: 1\nevent: set\ndata: one\n\nevent: other\ndata: no\n\n\
        data: nameless\n\nevent:set\r\ndata:two\r\n\r\nevent: set\n\nid: 3\nevent: set\ndata: three\n\n";

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_messages_come_out(cuts in proptest::collection::vec(1..20_usize, 1..80)) {
            let (mut events, mut rest, mut messages) = (Events::default(), STREAM, Vec::new());
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                let (part, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                events.push(part);
                while let Some(message) = events.next().unwrap() {
                    messages.push(message);
                }
            }
            prop_assert_eq!(messages, ["one", "two", "three"]);
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut events = Events::default();
        let refused = (0..200).find_map(|_| {
            events.push(&[b'a'; 16 * 1024]);
            events.next().err()
        });

        assert_eq!(refused, Some(FeedError::TooLarge));
        assert!(events.buffer.len() < 2 * MAX_LINE_BYTES);
    }

    #[test]
    fn a_message_in_several_lines_or_other_bytes_is_none() {
        for stream in [&b"event: set\ndata: a\ndata: b\n\n"[..], b"event: set\ndata: \xff\n\n"] {
            let mut events = Events::default();
            events.push(stream);
            assert_eq!(events.next(), Err(FeedError::WrongType));
        }
    }
}
