//! What is known to be revoked: an exact map in memory. Readers take no lock: one atomic load, and for each name of the
//! token a word of a filter, which for most tokens is all. One writer at a time adds; an event costs what one entry costs,
//! however many there are, but that the filter is built anew whenever they have grown by half.

mod look;

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_keys::Kid;

use super::entry::{Entry, Kind};
use super::filter::Filter;
use super::name::{Name, Secrets};
use super::table::{Row, Table, Verdict};
use crate::claims::{Claim, StandardClaims};
use look::{Kinds, Look};

/// So many bits of the place of a name, the highest, choose the table among those of its kind.
pub(super) const TABLE_BITS: u32 = 5;
const TABLES_OF_A_KIND: usize = 1 << TABLE_BITS;
const KINDS: usize = Kind::ALL.len();
const TABLES: usize = TABLES_OF_A_KIND * KINDS;
/// The filter has room for at least so many names.
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
    secrets: Secrets,
    /// A bit for each kind of which there are entries.
    kinds: AtomicU8,
    /// How often something became known.
    told: AtomicU64,
    parts: ArcSwap<Parts>,
    entries: [AtomicUsize; KINDS],
    capacity: usize,
    writer: Mutex<Writer>,
}

#[derive(Clone)]
struct Parts {
    filter: Filter,
    /// Those of one kind after those of another: each kind has its own, so that no user is ever taken for a session.
    tables: [Arc<Table>; TABLES],
}

struct Writer {
    /// How many places of each table are used, also by what has expired,
    used: [usize; TABLES],
    /// and how many names are in the filter.
    filtered: usize,
    /// The table that is looked through next, and since when it waits.
    next: usize,
    waiting_since: Duration,
}

impl Known {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let writer =
            Writer { used: [0; TABLES], filtered: 0, next: 0, waiting_since: Duration::ZERO };
        Self {
            secrets: Secrets::drawn(),
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
        match self.kinds.load(Ordering::Acquire) {
            0 => None,
            kinds => Look::new(&self.secrets, &self.parts.load(), Kinds(kinds)).judge(token),
        }
    }

    /// Whether a key is withdrawn that signed something at this second.
    pub(crate) fn is_withdrawn(&self, kid: &Kid, issued_at: Option<i64>) -> bool {
        if !Kinds(self.kinds.load(Ordering::Acquire)).has(Kind::Key) {
            return false;
        }
        let name = self.secrets.text(kid.as_str().as_bytes());
        let place = (Kind::Key, self.secrets.place(Kind::Key, name));
        self.parts.load().is_meant(place, name, issued_at)
    }

    /// Adds an entry, or makes it later if it is here. `now` is Unix time in seconds.
    pub(crate) fn add(&self, entry: &Entry<'_>, now: i64) -> Result<(), Full> {
        let row = self.row(entry);
        let place = (entry.kind, self.secrets.place(entry.kind, row.name));
        let now = second(now);
        if is_over(row.verdict, now) {
            return Ok(());
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let added = self.add_row(place, &row, &mut writer, now);
        // Whoever reads this number sees what it counts.
        self.told.fetch_add(1, Ordering::Release);
        added
    }

    fn add_row(
        &self,
        (kind, at): (Kind, u64),
        row: &Row,
        writer: &mut Writer,
        now: u32,
    ) -> Result<(), Full> {
        let chosen = table_of(kind, at);
        let parts = self.parts.load();
        let table = parts.tables.get(chosen).ok_or(Full)?;
        if table.extend(at, row) {
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
            table.add(at, row);
            *used += 1;
        }
        writer.filtered += 1;
        if writer.filtered <= parts.filter.room() {
            parts.filter.add(self.secrets.clue(kind, row.name));
        } else {
            self.filter_anew(writer);
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
            if writer.next == 0 {
                self.sweep_filter(&mut writer);
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

    fn sweep_filter(&self, writer: &mut Writer) {
        let (live, room) = (self.len(), self.parts.load().filter.room());
        if live * 4 < room && (room > LEAST_ROOM || live == 0) {
            self.filter_anew(writer);
        }
    }

    /// Copies what has not expired into a table of its own, with half as much room again, and room for `more`.
    fn copy(&self, writer: &mut Writer, (chosen, table): (usize, &Table), more: usize, now: u32) {
        let (gone, rows): (Vec<Row>, Vec<Row>) =
            table.rows().partition(|row| is_over(row.verdict, now));
        let live = rows.len();
        let copy = Table::with_capacity((live + more) * 2);
        for row in &rows {
            copy.add(self.secrets.place(kind_of(chosen), row.name), row);
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

    /// Makes a filter of all names, with half as much room again.
    fn filter_anew(&self, writer: &mut Writer) {
        let mut parts = Parts::clone(&self.parts.load());
        let live = self.len();
        let room = if live == 0 { 0 } else { LEAST_ROOM.max(live + live / 2) };
        parts.filter = Filter::with_room(room);
        writer.filtered = 0;
        for (chosen, table) in parts.tables.iter().enumerate() {
            for row in table.rows() {
                parts.filter.add(self.secrets.clue(kind_of(chosen), row.name));
                writer.filtered += 1;
            }
        }
        self.parts.store(Arc::new(parts));
    }

    fn row(&self, entry: &Entry<'_>) -> Row {
        let secrets = &self.secrets;
        let [one, two, three] = entry.names.each_ref().map(|text| secrets.text(text.as_bytes()));
        let has_user = !entry.names[0].is_empty();
        let whole = if has_user { (Kind::User, one) } else { (Kind::Client, two) };
        let name = match entry.kind {
            Kind::UserAtClient => secrets.part(whole, [one, two]),
            Kind::Scope => secrets.part(whole, [one, two, three]),
            _ => one,
        };
        let clamped = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        Row {
            name,
            verdict: Verdict {
                issued_until: entry.issued_until.map_or(u32::MAX, clamped),
                expires_at: clamped(entry.expires_at),
            },
        }
    }
}

impl Parts {
    fn none() -> Self {
        let table = Arc::default();
        Self { filter: Filter::default(), tables: std::array::from_fn(|_| Arc::clone(&table)) }
    }

    /// Whether there is an entry of exactly this name that means a token of this second.
    fn is_meant(&self, (kind, at): (Kind, u64), name: Name, issued_at: Option<i64>) -> bool {
        let table = self.tables.get(table_of(kind, at));
        let verdict = table.and_then(|table| table.find(at, name));
        verdict.is_some_and(|verdict| {
            let all = verdict.issued_until == u32::MAX;
            all || issued_at.unwrap_or_default() <= i64::from(verdict.issued_until)
        })
    }
}

fn table_of(kind: Kind, at: u64) -> usize {
    let of_kind = usize::try_from(at >> (u64::BITS - TABLE_BITS)).unwrap_or_default();
    kind as usize * TABLES_OF_A_KIND + of_kind
}

fn kind_of(table: usize) -> Kind {
    Kind::ALL.get(table / TABLES_OF_A_KIND).copied().unwrap_or(Kind::Token)
}

fn second(now: i64) -> u32 {
    u32::try_from(now.max(0)).unwrap_or(u32::MAX)
}

fn is_over(verdict: Verdict, now: u32) -> bool {
    verdict.expires_at.saturating_add(KEPT_AFTER_EXPIRY) < now
}

#[cfg(test)]
mod tests;
