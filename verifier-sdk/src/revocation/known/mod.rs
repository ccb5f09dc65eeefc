//! What is known to be revoked: an exact map in memory. Readers take no lock: one atomic load, and for each name of the
//! token a word of tags, which for most tokens is all. One writer at a time adds; an event costs what one entry costs,
//! however many there are.

mod look;

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_keys::Kid;

use super::entry::{Entry, Kind};
use super::fingerprint::{Half, Points};
use super::table::{Row, Table, Verdict};
use crate::claims::{Claim, StandardClaims};
use look::Look;

/// Of 61 bits the six highest choose the table.
const TABLES: usize = 64;
const TABLE_SHIFT: u32 = 55;
/// The clocks of two services may disagree by as much (`VerifierBuilder::skew`), and so long after its `exp` a token may
/// still be accepted.
const KEPT_AFTER_EXPIRY: u32 = 120;
/// In this time all tables are looked through for what has expired.
const SWEEP: Duration = Duration::from_mins(1);

/// There is no room for another entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// What of a token can be revoked.
#[derive(Clone, Copy)]
pub(crate) struct Marks<'t> {
    pub(crate) claims: &'t StandardClaims,
    /// The client that holds it.
    pub(crate) client: Option<&'t str>,
    /// The claim that has its scopes.
    pub(crate) scope: Claim,
    /// The key that signed it.
    pub(crate) kid: Option<&'t Kid>,
}

pub(crate) struct Known {
    points: Points,
    tables: ArcSwap<[Arc<Table>; TABLES]>,
    /// A bit for each kind of which there are entries.
    kinds: AtomicU8,
    entries: [AtomicUsize; Kind::ALL.len()],
    capacity: usize,
    writer: Mutex<Writer>,
}

struct Writer {
    /// How many places of each table are used, also by what has expired.
    used: [usize; TABLES],
    /// The table that is looked through next, and since when it waits.
    next: usize,
    waiting_since: Duration,
}

impl Known {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let writer = Writer { used: [0; TABLES], next: 0, waiting_since: Duration::ZERO };
        Self {
            points: Points::drawn(),
            tables: ArcSwap::from_pointee(std::array::from_fn(|_| Arc::default())),
            kinds: AtomicU8::new(0),
            entries: Default::default(),
            capacity,
            writer: Mutex::new(writer),
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// By what the token is revoked, if it is.
    pub(crate) fn judge(&self, token: &Marks<'_>) -> Option<Kind> {
        let kinds = self.kinds.load(Ordering::Acquire);
        if kinds == 0 {
            return None;
        }
        let tables = self.tables.load();
        let issued_at = token.claims.issued_at().unwrap_or_default();
        Look { known: self, tables: &tables, kinds, issued_at }.judge(token)
    }

    /// Whether a key is withdrawn that signed something at this second.
    pub(crate) fn is_withdrawn(&self, kid: &Kid, issued_at: Option<i64>) -> bool {
        let kinds = self.kinds.load(Ordering::Acquire);
        let (tables, issued_at) = (self.tables.load(), issued_at.unwrap_or_default());
        let look = Look { known: self, tables: &tables, kinds, issued_at };
        look.has(Kind::Key) && look.is_meant(Kind::Key, |half| look.text(half, kid.as_str()))
    }

    /// Adds an entry, or makes it later if it is here. `now` is Unix time in seconds.
    pub(crate) fn add(&self, entry: &Entry<'_>, now: i64) -> Result<(), Full> {
        let row = self.row(entry);
        let now = second(now);
        if is_over(row.verdict, now) {
            return Ok(());
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = table_of(row.first);
        let tables = self.tables.load();
        let Some(table) = tables.get(chosen) else { return Err(Full) };
        if table.extend(&row) {
            return Ok(());
        }
        if self.len() >= self.capacity {
            return Err(Full);
        }
        let count = self.entries.get(usize::from(row.kind));
        count.map(|count| count.fetch_add(1, Ordering::Relaxed));
        self.kinds.fetch_or(1 << row.kind, Ordering::Release);
        if writer.used.get(chosen).is_none_or(|used| *used >= table.room()) {
            self.copy(&mut writer, (chosen, table), 1, now);
        }
        if let (Some(table), Some(used)) =
            (self.tables.load().get(chosen), writer.used.get_mut(chosen))
        {
            table.add(&row);
            *used += 1;
        }
        Ok(())
    }

    /// Gives back what has expired: a part of it each time, all of it in a minute. `time` is monotonic.
    pub(crate) fn sweep(&self, now: i64, time: Duration) {
        let now = second(now);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let each = SWEEP / u32::try_from(TABLES).unwrap_or(1);
        let due = time.saturating_sub(writer.waiting_since).as_nanos() / each.as_nanos();
        if due == 0 {
            return;
        }
        writer.waiting_since = time;
        for _ in 0..due.min(TABLES as u128) {
            let chosen = writer.next;
            writer.next = (chosen + 1) % TABLES;
            let used = writer.used.get(chosen).copied().unwrap_or_default();
            let tables = self.tables.load();
            let Some(table) = tables.get(chosen).filter(|_| used > 0) else { continue };
            let over = table.rows().filter(|row| is_over(row.verdict, now)).count();
            if over * 4 >= used {
                self.copy(&mut writer, (chosen, table), 0, now);
            }
        }
    }

    /// Copies what has not expired into a table of its own, with half as much room again, and room for `more`.
    fn copy(&self, writer: &mut Writer, (chosen, table): (usize, &Table), more: usize, now: u32) {
        let (gone, rows): (Vec<Row>, Vec<Row>) =
            table.rows().partition(|row| is_over(row.verdict, now));
        let live = rows.len();
        let copy = Table::with_capacity((live + more) * 2);
        for row in &rows {
            copy.add(row);
        }
        let mut tables = (**self.tables.load()).clone();
        if let Some(place) = tables.get_mut(chosen) {
            *place = Arc::new(copy);
        }
        self.tables.store(Arc::new(tables));
        if let Some(used) = writer.used.get_mut(chosen) {
            *used = live;
        }
        for row in &gone {
            let count = self.entries.get(usize::from(row.kind));
            if count.is_some_and(|count| count.fetch_sub(1, Ordering::Relaxed) == 1) {
                self.kinds.fetch_and(!(1 << row.kind), Ordering::Release);
            }
        }
    }

    fn row(&self, entry: &Entry<'_>) -> Row {
        let half = |half| {
            let [one, two, three] = &entry.names;
            let text = |text: &str| self.points.text(half, text);
            let name = match entry.kind {
                Kind::UserAtClient => self.points.joined(half, [text(one), text(two), 0]),
                Kind::Scope => self.points.joined(half, [text(one), text(two), text(three)]),
                _ => text(one),
            };
            self.points.of_kind(half, entry.kind as u8, name)
        };
        let clamped = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        Row {
            first: half(Half::First),
            second: half(Half::Second),
            kind: entry.kind as u8,
            verdict: Verdict {
                issued_until: entry.issued_until.map_or(u32::MAX, clamped),
                expires_at: clamped(entry.expires_at),
            },
        }
    }
}

fn table_of(first: u64) -> usize {
    usize::try_from(first >> TABLE_SHIFT).unwrap_or_default()
}

fn second(now: i64) -> u32 {
    u32::try_from(now.max(0)).unwrap_or(u32::MAX)
}

fn is_over(verdict: Verdict, now: u32) -> bool {
    verdict.expires_at.saturating_add(KEPT_AFTER_EXPIRY) < now
}

#[cfg(test)]
mod tests;
