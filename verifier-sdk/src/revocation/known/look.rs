//! One look at the map: by which of its names a token is revoked, as the table of decision 0031 has it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::entry::Kind;
use super::super::filter::Filter;
use super::super::fingerprint::{Half, Points};
use super::{Marks, Parts, table_of};
use crate::claims::Claim;

/// One look at the map, for one token.
pub(super) struct Look<'k> {
    pub(super) points: &'k Points,
    pub(super) parts: &'k Parts,
    pub(super) kinds: u8,
    pub(super) issued_at: i64,
}

/// Where to look for the names of a token, and for what. One of longer chains is looked up name by name.
struct Probes<'k> {
    all: [(&'k AtomicU64, u64); PROBES],
    count: usize,
    /// The first half of the user.
    user: u64,
}

const PROBES: usize = 16;
static NOTHING: AtomicU64 = AtomicU64::new(0);
/// Each name may be there.
const ANY: u32 = u32::MAX;

/// Of which claims names are. The user comes first, since of a user at a client it is the beginning.
static NAMED: [(Claim, Kind); 7] = [
    (Claim::Sub, Kind::User),
    (Claim::Jti, Kind::Token),
    (Claim::AncestorJti, Kind::Token),
    (Claim::Sid, Kind::Session),
    (Claim::GrantId, Kind::Grant),
    (Claim::OriginClientId, Kind::Client),
    (Claim::Act, Kind::Client),
];

/// A name of a token: of one text, or of a user at a client.
struct Name<'t> {
    kind: Kind,
    texts: [&'t [u8]; 2],
}

impl Look<'_> {
    /// First where to look for each name, then one word of memory for each, and only then the answers: so the processor waits
    /// for memory once, and not once for each name. Mostly there is nothing to answer. All names go through one small piece of
    /// code: after a signature the processor has to fetch that from afar too, and cannot do so in advance.
    pub(super) fn judge(&self, token: &Marks<'_>) -> Option<Kind> {
        let mut probes = Probes { all: [(&NOTHING, u64::MAX); PROBES], count: 0, user: 0 };
        self.each_name(token, &NAMED, &mut probes);
        let found = match probes.answers() {
            0 => None,
            bits => self.find(token, bits),
        };
        if self.has(Kind::Scope) { found.or_else(|| self.by_scope(token)) } else { found }
    }

    /// In the order of `names`.
    #[inline(never)]
    fn each_name<'k>(
        &'k self,
        token: &Marks<'_>,
        named: &[(Claim, Kind)],
        probes: &mut Probes<'k>,
    ) {
        for (claim, kind) in named {
            for text in token.claims.each(*claim) {
                self.ask(probes, *kind, text);
            }
        }
        let kid = token.kid.map(|kid| (Kind::Key, kid.as_str()));
        let own = token.client.map(|client| (Kind::Client, client));
        for (kind, text) in [own, kid].into_iter().flatten() {
            self.ask(probes, kind, text.as_bytes());
        }
    }

    #[inline(never)]
    fn ask<'k>(&'k self, probes: &mut Probes<'k>, kind: Kind, text: &[u8]) {
        let with_another =
            matches!(kind, Kind::User | Kind::Client) && self.has(Kind::UserAtClient);
        if !with_another && !self.has(kind) {
            return;
        }
        let first = self.points.text(Half::First, text);
        if self.has(kind) {
            probes.push(self.probe(kind, first));
        }
        match kind {
            Kind::User => probes.user = first,
            Kind::Client if with_another => {
                let pair = self.points.joined(Half::First, [probes.user, first, 0]);
                probes.push(self.probe(Kind::UserAtClient, pair));
            }
            _ => {}
        }
    }

    /// The first of the names of which there is an entry that means this token; a bit says of which there may be one.
    #[cold]
    fn find(&self, token: &Marks<'_>, bits: u32) -> Option<Kind> {
        let may_be = |place: usize| bits == ANY || bits >> place & 1 != 0;
        let mut names = self.names(token).enumerate();
        let found = names.find(|(place, name)| may_be(*place) && self.is_there(name));
        found.map(|(_, name)| name.kind)
    }

    /// What of the token can be revoked, of the kinds of which there are entries.
    fn names<'t>(&self, token: &Marks<'t>) -> impl Iterator<Item = Name<'t>> {
        let claims = token.claims;
        let user = user(token);
        let of = |(claim, kind)| claims.each(claim).map(move |text| (kind, text));
        let own = token.client.map(|client| (Kind::Client, client.as_bytes()));
        let kid = token.kid.map(|kid| (Kind::Key, kid.as_str().as_bytes()));
        let all = NAMED.into_iter().flat_map(of).chain(own).chain(kid);
        let all = all.flat_map(move |(kind, text)| {
            let at_client = (Kind::UserAtClient, [user, text]);
            [Some((kind, [text, b""])), (kind == Kind::Client).then_some(at_client)]
        });
        let all = all.flatten().filter(|(kind, _)| self.has(*kind));
        all.map(|(kind, texts)| Name { kind, texts })
    }

    /// Whether an entry of exactly this name is there, and means this token.
    fn is_there(&self, name: &Name<'_>) -> bool {
        self.is_meant(name.kind, |half| {
            let [one, other] = name.texts.map(|text| self.points.text(half, text));
            match name.kind {
                Kind::UserAtClient => self.points.joined(half, [one, other, 0]),
                _ => one,
            }
        })
    }

    #[inline]
    fn probe(&self, kind: Kind, first: u64) -> (&AtomicU64, u64) {
        let word = self.parts.filters.get(kind as usize).and_then(|filter| filter.word(first));
        (word.unwrap_or(&NOTHING), Filter::bits(first))
    }

    /// An entry may name the user, a client, or both.
    #[cold]
    fn by_scope(&self, token: &Marks<'_>) -> Option<Kind> {
        let user = self.part(user(token));
        let anybody = self.part(b"");
        clients(token).chain([&b""[..]]).find_map(|client| {
            let client = self.part(client);
            let is_meant = |scope: &str| {
                let scope = self.part(scope.as_bytes());
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

    fn part<'n>(&'n self, text: &'n [u8]) -> Part<'n> {
        Part { text, first: self.points.text(Half::First, text), points: self.points }
    }

    fn joined<const N: usize>(&self, half: Half, names: [&Part<'_>; N]) -> u64 {
        let mut halves = [0; 3];
        for (place, name) in halves.iter_mut().zip(names) {
            *place = name.half(half);
        }
        self.points.joined(half, halves)
    }

    #[inline]
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds & 1 << kind as u8 != 0
    }

    pub(super) fn is_meant(&self, kind: Kind, half: impl Fn(Half) -> u64) -> bool {
        let first = half(Half::First);
        if !is_set(self.probe(kind, first)) {
            return false;
        }
        let table = self.parts.tables.get(table_of(kind, first));
        let verdict = table.and_then(|table| table.find(first, half));
        verdict.is_some_and(|verdict| {
            verdict.issued_until == u32::MAX || self.issued_at <= i64::from(verdict.issued_until)
        })
    }
}

impl<'k> Probes<'k> {
    /// Of more than there are places only the number is kept.
    #[inline]
    fn push(&mut self, probe: (&'k AtomicU64, u64)) {
        if let Some(place) = self.all.get_mut(self.count) {
            *place = probe;
        }
        self.count += 1;
    }

    /// A bit for each that may be there.
    #[inline]
    fn answers(&self) -> u32 {
        let probes = self.all.iter().take(self.count).enumerate();
        let named =
            probes.fold(0, |named, (place, probe)| named | u32::from(is_set(*probe)) << place);
        if self.count > PROBES { ANY } else { named }
    }
}

#[inline]
fn is_set((word, bits): (&AtomicU64, u64)) -> bool {
    word.load(Ordering::Acquire) & bits == bits
}

/// A text that stands in several names: its first half is computed once.
struct Part<'n> {
    text: &'n [u8],
    first: u64,
    points: &'n Points,
}

impl Part<'_> {
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

fn user<'t>(token: &Marks<'t>) -> &'t [u8] {
    token.claims.each(Claim::Sub).next().unwrap_or_default()
}

/// The client that holds the token, and each other through whose hands it went.
fn clients<'t>(token: &Marks<'t>) -> impl Iterator<Item = &'t [u8]> {
    let (claims, holder) = (token.claims, token.client.map(str::as_bytes));
    holder.into_iter().chain(claims.each(Claim::OriginClientId)).chain(claims.each(Claim::Act))
}
