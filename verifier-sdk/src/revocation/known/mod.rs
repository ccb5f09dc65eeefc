//! What is known to be revoked: an exact map in memory. Readers take no lock: one atomic load, and for each name of the
//! token a word of a filter, which for most tokens is all. One writer at a time adds; an event costs what one entry costs,
//! however many there are, but that a filter is built anew whenever its kind has grown by half.

mod look;

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_keys::Kid;

use super::entry::{Entry, Kind};
use super::filter::Filter;
use super::fingerprint::{Half, Points};
use super::table::{Row, Table, Verdict};
use crate::claims::{Claim, StandardClaims};
use look::Look;

/// So many of the 61 bits of a name, the highest, choose the table among those of its kind.
pub(super) const TABLE_BITS: u32 = 5;
const TABLES_OF_A_KIND: usize = 1 << TABLE_BITS;
const KINDS: usize = Kind::ALL.len();
const TABLES: usize = TABLES_OF_A_KIND * KINDS;
/// A filter has room for at least so many names.
const LEAST_ROOM: usize = 32;
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
    /// A bit for each kind of which there are entries.
    kinds: AtomicU8,
    /// How often something became known.
    told: AtomicU64,
    parts: ArcSwap<Parts>,
    entries: [AtomicUsize; KINDS],
    capacity: usize,
    writer: Mutex<Writer>,
}

/// Each kind has its own, so that no user is ever taken for a session.
#[derive(Clone)]
struct Parts {
    filters: [Filter; KINDS],
    /// Those of one kind after those of another.
    tables: [Arc<Table>; TABLES],
}

struct Writer {
    /// How many places of each table are used, also by what has expired,
    used: [usize; TABLES],
    /// and how many names are in each filter.
    filtered: [usize; KINDS],
    /// The table that is looked through next, and since when it waits.
    next: usize,
    waiting_since: Duration,
}

impl Known {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let writer = Writer {
            used: [0; TABLES],
            filtered: [0; KINDS],
            next: 0,
            waiting_since: Duration::ZERO,
        };
        Self {
            points: Points::drawn(),
            kinds: AtomicU8::new(0),
            told: AtomicU64::new(0),
            parts: ArcSwap::from_pointee(Parts::none()),
            entries: Default::default(),
            capacity,
            writer: Mutex::new(writer),
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// A number that is another one once anything more is known to be revoked. Read before a token is judged, it says later
    /// whether the verdict still stands.
    #[inline]
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::Acquire)
    }

    /// By what the token is revoked, if it is.
    #[inline]
    pub(crate) fn judge(&self, token: &Marks<'_>) -> Option<Kind> {
        let kinds = self.kinds.load(Ordering::Acquire);
        if kinds == 0 {
            return None;
        }
        let issued_at = token.claims.issued_at().unwrap_or_default();
        Look { points: &self.points, parts: &self.parts.load(), kinds, issued_at }.judge(token)
    }

    /// Whether a key is withdrawn that signed something at this second.
    pub(crate) fn is_withdrawn(&self, kid: &Kid, issued_at: Option<i64>) -> bool {
        let kinds = self.kinds.load(Ordering::Acquire);
        let issued_at = issued_at.unwrap_or_default();
        let look = Look { points: &self.points, parts: &self.parts.load(), kinds, issued_at };
        look.has(Kind::Key)
            && look.is_meant(Kind::Key, |half| self.points.text(half, kid.as_str().as_bytes()))
    }

    /// Adds an entry, or makes it later if it is here. `now` is Unix time in seconds.
    pub(crate) fn add(&self, entry: &Entry<'_>, now: i64) -> Result<(), Full> {
        let row = self.row(entry);
        let now = second(now);
        if is_over(row.verdict, now) {
            return Ok(());
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let added = self.add_row((entry.kind, &row), &mut writer, now);
        // Whoever reads this number sees what it counts.
        self.told.fetch_add(1, Ordering::Release);
        added
    }

    fn add_row(
        &self,
        (kind, row): (Kind, &Row),
        writer: &mut Writer,
        now: u32,
    ) -> Result<(), Full> {
        let chosen = table_of(kind, row.first);
        let parts = self.parts.load();
        let table = parts.tables.get(chosen).ok_or(Full)?;
        if table.extend(row) {
            return Ok(());
        }
        if self.len() >= self.capacity {
            return Err(Full);
        }
        let count = self.entries.get(kind as usize);
        count.map(|count| count.fetch_add(1, Ordering::Relaxed));
        self.kinds.fetch_or(1 << kind as u8, Ordering::Release);
        if writer.used.get(chosen).is_none_or(|used| *used >= table.room()) {
            self.copy(writer, (chosen, table), 1, now);
        }
        let parts = self.parts.load();
        if let (Some(table), Some(used)) = (parts.tables.get(chosen), writer.used.get_mut(chosen)) {
            table.add(row);
            *used += 1;
        }
        let place = (parts.filters.get(kind as usize), writer.filtered.get_mut(kind as usize));
        if let (Some(filter), Some(filtered)) = place {
            *filtered += 1;
            if *filtered <= filter.room() {
                filter.add(row.first);
            } else {
                *filtered = self.filter_anew(kind as usize);
            }
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
            self.sweep_table(&mut writer, chosen, now);
            if writer.next.is_multiple_of(TABLES_OF_A_KIND) {
                self.sweep_filter(&mut writer, chosen / TABLES_OF_A_KIND);
            }
        }
    }

    fn sweep_table(&self, writer: &mut Writer, chosen: usize, now: u32) {
        let used = writer.used.get(chosen).copied().unwrap_or_default();
        let parts = self.parts.load();
        let Some(table) = parts.tables.get(chosen).filter(|_| used > 0) else { return };
        let over = table.rows().filter(|row| is_over(row.verdict, now)).count();
        if over * 4 >= used {
            self.copy(writer, (chosen, table), 0, now);
        }
    }

    fn sweep_filter(&self, writer: &mut Writer, kind: usize) {
        let live = self.entries.get(kind).map_or(0, |count| count.load(Ordering::Relaxed));
        let room = self.parts.load().filters.get(kind).map_or(0, Filter::room);
        let is_wide = room > LEAST_ROOM || live == 0;
        if let Some(filtered) = writer.filtered.get_mut(kind)
            && is_wide
            && live * 4 < room
        {
            *filtered = self.filter_anew(kind);
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
        let mut parts = Parts::clone(&self.parts.load());
        if let Some(place) = parts.tables.get_mut(chosen) {
            *place = Arc::new(copy);
        }
        self.parts.store(Arc::new(parts));
        if let Some(used) = writer.used.get_mut(chosen) {
            *used = live;
        }
        let kind = chosen / TABLES_OF_A_KIND;
        let Some(count) = self.entries.get(kind).filter(|_| !gone.is_empty()) else { return };
        if count.fetch_sub(gone.len(), Ordering::Relaxed) == gone.len() {
            self.kinds.fetch_and(!(1 << kind), Ordering::Release);
        }
    }

    /// Makes a filter of the names of a kind, with half as much room again; how many they are.
    fn filter_anew(&self, kind: usize) -> usize {
        let mut parts = Parts::clone(&self.parts.load());
        let live = self.entries.get(kind).map_or(0, |count| count.load(Ordering::Relaxed));
        let room = if live == 0 { 0 } else { LEAST_ROOM.max(live + live / 2) };
        let filter = Filter::with_room(room);
        let tables = parts.tables.iter().skip(kind * TABLES_OF_A_KIND).take(TABLES_OF_A_KIND);
        let rows = tables.flat_map(|table| table.rows());
        let filtered = rows.map(|row| filter.add(row.first)).count();
        if let Some(place) = parts.filters.get_mut(kind) {
            *place = filter;
        }
        self.parts.store(Arc::new(parts));
        filtered
    }

    fn row(&self, entry: &Entry<'_>) -> Row {
        let half = |half| {
            let text = |text: &str| self.points.text(half, text.as_bytes());
            let [one, two, three] = &entry.names;
            match entry.kind {
                Kind::UserAtClient => self.points.joined(half, [text(one), text(two), 0]),
                Kind::Scope => self.points.joined(half, [text(one), text(two), text(three)]),
                _ => text(one),
            }
        };
        let clamped = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        Row {
            first: half(Half::First),
            second: half(Half::Second),
            verdict: Verdict {
                issued_until: entry.issued_until.map_or(u32::MAX, clamped),
                expires_at: clamped(entry.expires_at),
            },
        }
    }
}

impl Parts {
    fn none() -> Self {
        let (filter, table) = (Filter::default(), Arc::default());
        Self {
            filters: std::array::from_fn(|_| filter.clone()),
            tables: std::array::from_fn(|_| Arc::clone(&table)),
        }
    }
}

fn table_of(kind: Kind, first: u64) -> usize {
    let of_kind = usize::try_from(first >> (61 - TABLE_BITS)).unwrap_or_default();
    kind as usize * TABLES_OF_A_KIND + of_kind
}

fn second(now: i64) -> u32 {
    u32::try_from(now.max(0)).unwrap_or(u32::MAX)
}

fn is_over(verdict: Verdict, now: u32) -> bool {
    verdict.expires_at.saturating_add(KEPT_AFTER_EXPIRY) < now
}

#[cfg(test)]
mod tests;
