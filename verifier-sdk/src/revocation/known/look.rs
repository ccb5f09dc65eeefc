//! One look at the map: by which of its names a token is revoked, as the table of decision 0031 has it.

use super::super::entry::Kind;
use super::super::filter::Probe;
use super::super::name::{Name, Secrets};
use super::{Marks, Parts};
use crate::claims::Claim;

/// One look at the map, for one token.
pub(super) struct Look<'k> {
    secrets: &'k Secrets,
    parts: &'k Parts,
    /// By which kinds of names it is asked.
    kinds: Kinds,
    probes: [Probe; PROBES],
    /// May be more: of longer chains each name may be there.
    count: usize,
}

const PROBES: usize = 16;

/// A bit for each kind of which there are entries.
#[derive(Clone, Copy)]
pub(super) struct Kinds(pub(super) u8);

/// Of which claims names are.
static NAMED: [(Claim, Kind); 7] = [
    (Claim::Sub, Kind::User),
    (Claim::Jti, Kind::Token),
    (Claim::AncestorJti, Kind::Token),
    (Claim::Sid, Kind::Session),
    (Claim::GrantId, Kind::Grant),
    (Claim::OriginClientId, Kind::Client),
    (Claim::Act, Kind::Client),
];

impl<'k> Look<'k> {
    #[inline]
    pub(super) fn new(secrets: &'k Secrets, parts: &'k Parts, kinds: Kinds) -> Self {
        let probes = [Probe::default(); PROBES];
        Self { secrets, parts, kinds: kinds.asked(), probes, count: 0 }
    }

    /// First where each name would be, then one word of memory for each: so the processor waits for memory once, and not once
    /// for each name. Mostly none is there.
    pub(super) fn judge(mut self, token: &Marks<'_>) -> Option<Kind> {
        names(token).for_each(|(kind, text)| self.ask(kind, text));
        let asked = self.probes.iter().take(self.count);
        let may_be = asked
            .fold(self.count > PROBES, |may_be, probe| may_be | self.parts.filter.may_hold(*probe));
        if may_be { self.find(token) } else { None }
    }

    /// Not inlined: after a signature the processor has to fetch code from afar too, so it is the same for all names.
    #[inline(never)]
    fn ask(&mut self, kind: Kind, text: &[u8]) {
        if !self.kinds.has(kind) {
            return;
        }
        let probe = self.probe(kind, self.secrets.text(text));
        if let Some(place) = self.probes.get_mut(self.count) {
            *place = probe;
        }
        self.count += 1;
    }

    #[inline]
    fn probe(&self, kind: Kind, name: Name) -> Probe {
        self.parts.filter.probe(self.secrets.place(kind, name))
    }

    /// The first of the names of which there is an entry that means this token.
    #[cold]
    fn find(&self, token: &Marks<'_>) -> Option<Kind> {
        let asked = names(token).filter(|(kind, _)| self.kinds.has(*kind));
        let mut asked = asked.map(|(kind, text)| (kind, self.secrets.text(text)));
        asked.find_map(|(kind, name)| {
            let may_be = self.parts.filter.may_hold(self.probe(kind, name));
            if may_be { self.by_name(token, kind, name) } else { None }
        })
    }

    /// By the name itself, or by a part of what it has.
    fn by_name(&self, token: &Marks<'_>, kind: Kind, name: Name) -> Option<Kind> {
        if self.is_meant(token, kind, name) {
            return Some(kind);
        }
        let whole = (kind, name);
        match kind {
            Kind::User => self.by_client(token, whole).or_else(|| {
                let mut clients = self.clients(token).chain([self.nobody()]);
                clients.find_map(|client| self.by_scope(token, whole, [name, client]))
            }),
            Kind::Client => self.by_scope(token, whole, [self.nobody(), name]),
            _ => None,
        }
    }

    fn by_client(&self, token: &Marks<'_>, user: (Kind, Name)) -> Option<Kind> {
        let is_meant = |client| {
            let name = self.secrets.part(user, [user.1, client]);
            self.is_meant(token, Kind::UserAtClient, name)
        };
        self.clients(token).any(is_meant).then_some(Kind::UserAtClient)
    }

    /// Of a user, a client, or one at the other.
    fn by_scope(&self, token: &Marks<'_>, whole: (Kind, Name), names: [Name; 2]) -> Option<Kind> {
        let [user, client] = names;
        let is_meant = |scope: &str| {
            let scope = self.secrets.text(scope.as_bytes());
            self.is_meant(token, Kind::Scope, self.secrets.part(whole, [user, client, scope]))
        };
        token.claims.list(token.scope).any(is_meant).then_some(Kind::Scope)
    }

    fn is_meant(&self, token: &Marks<'_>, kind: Kind, name: Name) -> bool {
        let place = self.secrets.place(kind, name);
        self.parts.is_meant((kind, place), name, token.claims.issued_at())
    }

    /// The client that holds the token, and each other through whose hands it went.
    fn clients(&self, token: &Marks<'_>) -> impl Iterator<Item = Name> {
        let (claims, holder) = (token.claims, token.client.map(str::as_bytes));
        let others = claims.each(Claim::OriginClientId).chain(claims.each(Claim::Act));
        holder.into_iter().chain(others).map(|client| self.secrets.text(client))
    }

    fn nobody(&self) -> Name {
        self.secrets.text(b"")
    }
}

impl Kinds {
    #[inline]
    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Those by whose names a token is asked for: of a part, by that of the whole.
    #[inline]
    pub(super) const fn asked(self) -> Self {
        let (of_user, of_both) = (self.has(Kind::UserAtClient), self.has(Kind::Scope));
        let (user, client) = ((of_user || of_both) as u8, of_both as u8);
        Self(self.0 | user << Kind::User as u8 | client << Kind::Client as u8)
    }
}

/// What a token is asked for by.
#[inline]
fn names<'t>(token: &Marks<'t>) -> impl Iterator<Item = (Kind, &'t [u8])> {
    let claims = token.claims;
    let of = move |(claim, kind)| claims.each(claim).map(move |text| (kind, text));
    let client = token.client.map(|client| (Kind::Client, client.as_bytes()));
    let kid = token.kid.map(|kid| (Kind::Key, kid.as_str().as_bytes()));
    NAMED.into_iter().flat_map(of).chain(client).chain(kid)
}
