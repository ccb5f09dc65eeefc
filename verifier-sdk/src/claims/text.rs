//! Strings of a payload as spans, so that claims own their text without copying each string.

use std::ops::Range;

/// A range: of the payload, of the unescaped strings kept behind it, or of the items of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Payloads are capped at 16 KiB, so 32 bits are plenty; beyond that the span is empty.
    pub(super) fn between(start: usize, end: usize) -> Self {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Self { start, end },
            _ => Self { start: 0, end: 0 },
        }
    }

    /// The range behind a text of this length, if it is there.
    pub(super) fn beyond(self, length: usize) -> Option<Range<usize>> {
        let start = (self.start as usize).checked_sub(length)?;
        Some(start..(self.end as usize).checked_sub(length)?)
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Turns the strings met while reading a payload into spans.
pub(super) struct Spans<'p> {
    payload: &'p str,
    unescaped: &'p mut String,
}

impl<'p> Spans<'p> {
    pub(super) fn of(payload: &'p str, unescaped: &'p mut String) -> Self {
        Self { payload, unescaped }
    }

    /// A string that was met as it is: `text` must be a part of the payload.
    pub(super) fn borrowed(&mut self, text: &'p str) -> Span {
        let start = text.as_ptr().addr().wrapping_sub(self.payload.as_ptr().addr());
        let there = self.payload.get(start..start.wrapping_add(text.len()));
        if there.is_some_and(|there| std::ptr::eq(there, text)) {
            Span::between(start, start + text.len())
        } else {
            self.copied(text)
        }
    }

    /// A string that had escapes and exists only unescaped.
    pub(super) fn copied(&mut self, text: &str) -> Span {
        let start = self.payload.len() + self.unescaped.len();
        self.unescaped.push_str(text);
        Span::between(start, start + text.len())
    }
}
