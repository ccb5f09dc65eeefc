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

impl Look<'_> {
    pub(super) fn judge(&self, token: &Marks<'_>) -> Option<Kind> {
        let claims = token.claims;
        let named = [
            (Kind::Token, claims.token_id()),
            (Kind::User, claims.subject()),
            (Kind::Session, claims.text(Claim::Sid)),
            (Kind::Grant, claims.text(Claim::GrantId)),
            (Kind::Key, token.kid.map(Kid::as_str)),
        ];
        // Each name is looked for before the first answer is needed, so that the processor waits for memory once.
        let found = named.map(|(kind, name)| {
            name.is_some_and(|name| self.has(kind) && self.is_known(kind, name))
        });
        if let Some(((kind, _), _)) = named.iter().zip(found).find(|(_, found)| *found) {
            return Some(*kind);
        }
        if self.has(Kind::Token)
            && claims.has(Claim::AncestorJti)
            && claims.list(Claim::AncestorJti).any(|jti| self.is_known(Kind::Token, jti))
        {
            return Some(Kind::Token);
        }
        self.by_client(token)
    }

    fn is_known(&self, kind: Kind, name: &str) -> bool {
        self.is_meant(kind, |half| self.text(half, name))
    }

    /// By one of the clients through whose hands it went, alone or for the user; by a scope of theirs.
    fn by_client(&self, token: &Marks<'_>) -> Option<Kind> {
        if ![Kind::Client, Kind::UserAtClient, Kind::Scope].iter().any(|kind| self.has(*kind)) {
            return None;
        }
        let user = self.name(token.claims.subject().unwrap_or_default());
        let found = clients(token).find_map(|client| {
            let client = self.name(client);
            let alone = |half| client.half(half);
            let pair = |half| self.joined(half, [&user, &client]);
            let is_meant = |kind, half: &dyn Fn(Half) -> u64| {
                (self.has(kind) && self.is_meant(kind, half)).then_some(kind)
            };
            is_meant(Kind::Client, &alone).or_else(|| is_meant(Kind::UserAtClient, &pair))
        });
        found.or_else(|| self.by_scope(token, &user))
    }

    /// An entry may name the user, a client, or both.
    fn by_scope(&self, token: &Marks<'_>, user: &Name<'_>) -> Option<Kind> {
        if !self.has(Kind::Scope) {
            return None;
        }
        let anybody = self.name("");
        clients(token).chain([""]).find_map(|client| {
            let client = self.name(client);
            let is_meant = |scope| {
                let scope = self.name(scope);
                let names = [[user, &client, &scope], [&anybody, &client, &scope]];
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
