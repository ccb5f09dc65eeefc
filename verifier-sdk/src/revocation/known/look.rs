//! One look at the map: by which of its names a token is revoked, as the table of decision 0031 has it.

use std::sync::Arc;

use countersign_keys::Kid;

use super::super::entry::Kind;
use super::super::fingerprint::{Half, Points};
use super::super::table::Table;
use super::{Known, Marks, TABLES, table_of};
use crate::claims::Claim;

/// One look at the map, for one token.
pub(super) struct Look<'k> {
    pub(super) known: &'k Known,
    pub(super) tables: &'k [Arc<Table>; TABLES],
    pub(super) kinds: u8,
    pub(super) issued_at: i64,
}

/// A name of the token, ready to be looked for: of one text, or of a user at a client.
#[derive(Clone, Copy)]
struct Probe<'t> {
    kind: Kind,
    texts: [&'t str; 2],
    first: u64,
}

/// All names of a token that have a place of their own; those of longer chains are looked for one by one.
struct Probes<'t> {
    all: [Probe<'t>; PROBES],
    count: usize,
}

const PROBES: usize = 16;

impl<'t> Probes<'t> {
    fn none() -> Self {
        Self { all: [Probe { kind: Kind::Token, texts: [""; 2], first: 0 }; PROBES], count: 0 }
    }

    /// Whether there was a place.
    fn push(&mut self, probe: Probe<'t>) -> bool {
        match self.all.get_mut(self.count) {
            Some(place) => {
                *place = probe;
                self.count += 1;
                true
            }
            None => false,
        }
    }
}

impl Look<'_> {
    /// First all names, then one word of memory for each, and only then the answers: so the processor waits for memory once,
    /// and not once for each name.
    pub(super) fn judge(&self, token: &Marks<'_>) -> Option<Kind> {
        let mut probes = Probes::none();
        let beyond = self.names(token).find(|probe| !probes.push(*probe) && self.is_there(probe));
        if let Some(probe) = beyond {
            return Some(probe.kind);
        }
        let probes = probes.all.get(..probes.count).unwrap_or_default();
        let mut words = [0; PROBES];
        for (word, probe) in words.iter_mut().zip(probes) {
            *word = self.table(probe.first).map_or(0, |table| table.tags_of(probe.first));
        }
        let may_be = |(probe, word): &(&Probe<'_>, u64)| Table::may_hold(*word, probe.first);
        let found = probes.iter().zip(words).find(|one| may_be(one) && self.is_there(one.0));
        found.map(|(probe, _)| probe.kind).or_else(|| self.by_scope(token))
    }

    /// What of the token can be revoked, of the kinds of which there are entries.
    fn names<'t>(&self, token: &Marks<'t>) -> impl Iterator<Item = Probe<'t>> {
        let claims = token.claims;
        let own = [
            (Kind::Token, claims.token_id()),
            (Kind::User, claims.subject()),
            (Kind::Session, claims.text(Claim::Sid)),
            (Kind::Grant, claims.text(Claim::GrantId)),
            (Kind::Key, token.kid.map(Kid::as_str)),
        ];
        let own = own.into_iter().filter_map(|(kind, name)| Some((kind, name?)));
        let ancestors = claims.list(Claim::AncestorJti).map(|jti| (Kind::Token, jti));
        let alone = own.chain(ancestors).filter(|(kind, _)| self.has(*kind)).map(|(kind, text)| {
            Probe { kind, texts: [text, ""], first: self.first(kind, self.text(Half::First, text)) }
        });
        let (of_client, of_pair) = (self.has(Kind::Client), self.has(Kind::UserAtClient));
        let user = claims.subject().unwrap_or_default();
        let user_half = if of_pair { self.text(Half::First, user) } else { 0 };
        let clients = clients(token).take_while(move |_| of_client || of_pair);
        let by_clients = clients.flat_map(move |client| {
            let half = self.text(Half::First, client);
            let alone = of_client.then(|| Probe {
                kind: Kind::Client,
                texts: [client, ""],
                first: self.first(Kind::Client, half),
            });
            let pair = of_pair.then(|| {
                let joined = self.known.points.joined(Half::First, [user_half, half, 0]);
                let first = self.first(Kind::UserAtClient, joined);
                Probe { kind: Kind::UserAtClient, texts: [user, client], first }
            });
            alone.into_iter().chain(pair)
        });
        alone.chain(by_clients)
    }

    /// Whether an entry of exactly this name is there, and means this token.
    fn is_there(&self, probe: &Probe<'_>) -> bool {
        self.is_meant(probe.kind, |half| {
            let [one, other] = probe.texts.map(|text| self.text(half, text));
            match probe.kind {
                Kind::UserAtClient => self.known.points.joined(half, [one, other, 0]),
                _ => one,
            }
        })
    }

    fn first(&self, kind: Kind, name: u64) -> u64 {
        self.known.points.of_kind(Half::First, kind as u8, name)
    }

    fn table(&self, first: u64) -> Option<&Table> {
        self.tables.get(table_of(first)).map(|table| &**table)
    }

    /// An entry may name the user, a client, or both.
    fn by_scope(&self, token: &Marks<'_>) -> Option<Kind> {
        if !self.has(Kind::Scope) {
            return None;
        }
        let user = self.name(token.claims.subject().unwrap_or_default());
        let anybody = self.name("");
        clients(token).chain([""]).find_map(|client| {
            let client = self.name(client);
            let is_meant = |scope| {
                let scope = self.name(scope);
                let names = [[&user, &client, &scope], [&anybody, &client, &scope]];
                let names = names
                    .into_iter()
                    .filter(|[user, client, _]| !(user.is_empty() && client.is_empty()));
                names
                    .into_iter()
                    .any(|names| self.is_meant(Kind::Scope, |half| self.joined(half, names)))
            };
            token.claims.list(token.scope).any(is_meant).then_some(Kind::Scope)
        })
    }

    fn name<'n>(&'n self, text: &'n str) -> Name<'n> {
        Name { text, first: self.text(Half::First, text), points: &self.known.points }
    }

    fn joined<const N: usize>(&self, half: Half, names: [&Name<'_>; N]) -> u64 {
        let mut halves = [0; 3];
        for (place, name) in halves.iter_mut().zip(names) {
            *place = name.half(half);
        }
        self.known.points.joined(half, halves)
    }

    pub(super) fn text(&self, half: Half, text: &str) -> u64 {
        self.known.points.text(half, text)
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds & 1 << kind as u8 != 0
    }

    pub(super) fn is_meant(&self, kind: Kind, name: impl Fn(Half) -> u64) -> bool {
        let half = |half| self.known.points.of_kind(half, kind as u8, name(half));
        let first = half(Half::First);
        let table = self.tables.get(table_of(first));
        let verdict = table.and_then(|table| table.find(first, half));
        verdict.is_some_and(|verdict| {
            verdict.issued_until == u32::MAX || self.issued_at <= i64::from(verdict.issued_until)
        })
    }
}

/// A text that stands in several names: its first half is computed once.
struct Name<'n> {
    text: &'n str,
    first: u64,
    points: &'n Points,
}

impl Name<'_> {
    fn half(&self, half: Half) -> u64 {
        match half {
            Half::First => self.first,
            Half::Second => self.points.text(half, self.text),
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// The client that holds the token, and each other through whose hands it went.
fn clients<'t>(token: &Marks<'t>) -> impl Iterator<Item = &'t str> {
    let (claims, holder) = (token.claims, token.client);
    let others = claims.text(Claim::OriginClientId).into_iter().chain(claims.actors());
    holder.into_iter().chain(others.filter(move |other| Some(*other) != holder))
}
