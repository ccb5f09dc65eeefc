//! What clients were promised: the codes that were accepted, and the refresh tokens that followed from each.

use end_to_end::harness::eventually;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A code, and the newest of the refresh tokens that followed from it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    code: String,
    current: String,
}

impl Line {
    pub(crate) fn new(code: &str, first: String) -> Self {
        Self { code: code.to_owned(), current: first }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The newest token that was handed out.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    pub(crate) fn moves_on(&mut self, token: String) {
        self.current = token;
    }
}

/// All that was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    lines: HashMap<String, Line>,
    acts: usize,
}

impl Ledger {
    /// The last act of a line was answered.
    pub(crate) fn acknowledged(&self, line: Line) {
        let mut entries = self.entries();
        entries.acts += 1;
        entries.lines.insert(line.code.clone(), line);
    }

    pub(crate) async fn reaches(&self, acts: usize, limit: Duration) {
        let what = format!("{acts} acknowledged acts");
        eventually(&what, limit, || async { (self.entries().acts >= acts).then_some(()) }).await;
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.entries().lines.values().cloned().collect()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().expect("no worker fails while it writes")
    }
}
