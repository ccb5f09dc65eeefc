//! The entries that are in force, as an exact map: one look for each id of a token, and one for each pair of its user and
//! a client that had a part in it. Ids are kept as keyed hashes of 128 bits: short, and nobody can make two collide.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};

use super::entry::{Entry, Meant};
use super::{Holder, Marks};

/// What is in force.
pub(super) struct Known {
    hashers: [RandomState; 2],
    ids: HashMap<u128, i64>,
    levels: HashMap<u128, Vec<Level>>,
    /// Unix seconds of the first that is over.
    first_over: i64,
}

/// Nothing that was issued until then is good.
struct Level {
    scope: Option<Box<str>>,
    iat: i64,
    exp: i64,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            ids: HashMap::new(),
            levels: HashMap::new(),
            first_over: i64::MAX,
        }
    }
}

impl Known {
    /// Takes an entry in, once more or for the first time; false if it says nothing that is understood.
    pub(super) fn learn(&mut self, entry: &Entry) -> bool {
        let exp = entry.expires_at();
        match entry.meant() {
            None => return false,
            Some(Meant::Id(kind, id)) => {
                let kept = self.ids.entry(self.key((kind, id))).or_insert(exp);
                *kept = exp.max(*kept);
            }
            Some(Meant::Level { sub, client_id, scope, iat }) => {
                let levels = self.levels.entry(self.key((sub, client_id))).or_default();
                match levels.iter_mut().find(|level| level.scope.as_deref() == scope) {
                    // Of several the latest counts.
                    Some(level) => {
                        level.iat = iat.max(level.iat);
                        level.exp = exp.max(level.exp);
                    }
                    None => levels.push(Level { scope: scope.map(Into::into), iat, exp }),
                }
            }
        }
        self.first_over = self.first_over.min(exp);
        true
    }

    /// Whether a token is no longer good.
    pub(super) fn match_any(&self, marks: &Marks<'_>) -> bool {
        let is_named =
            !self.ids.is_empty() && marks.ids().any(|id| self.ids.contains_key(&self.key(id)));
        is_named || self.level_of(&marks.holder).is_some_and(|level| marks.issued_at <= level)
    }

    /// The last second (Unix) at which nothing that was issued to these is good any more.
    pub(super) fn level<'h>(&self, holder: impl FnOnce() -> Holder<'h>) -> Option<i64> {
        if self.levels.is_empty() { None } else { self.level_of(&holder()) }
    }

    fn level_of(&self, holder: &Holder<'_>) -> Option<i64> {
        if self.levels.is_empty() {
            return None;
        }
        let clients = || [None].into_iter().chain(holder.clients.iter().copied().map(Some));
        let of_user = clients().map(|client| (Some(holder.sub), client));
        let of_client = clients().skip(1).map(|client| (None, client));
        let levels = of_user.chain(of_client).filter_map(|pair| self.levels.get(&self.key(pair)));
        let is_meant = |level: &&Level| {
            level.scope.as_deref().is_none_or(|scope| holder.scopes.contains(&scope))
        };
        levels.flatten().filter(is_meant).map(|level| level.iat).max()
    }

    /// Lets go of what is over at `now` (Unix seconds), and of the memory that it took.
    pub(super) fn forget(&mut self, now: i64) {
        if now <= self.first_over {
            return;
        }
        self.ids.retain(|_, exp| now <= *exp);
        self.levels.retain(|_, levels| {
            levels.retain(|level| now <= level.exp);
            !levels.is_empty()
        });
        self.ids.shrink_to(self.ids.len().saturating_mul(2));
        self.levels.shrink_to(self.levels.len().saturating_mul(2));
        let levels = self.levels.values().flatten().map(|level| level.exp);
        self.first_over = self.ids.values().copied().chain(levels).min().unwrap_or(i64::MAX);
    }

    /// How many entries are in force.
    pub(super) fn len(&self) -> usize {
        self.ids.len() + self.levels.values().map(Vec::len).sum::<usize>()
    }

    fn key(&self, of: impl Hash) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(&of));
        u128::from(high) << 64 | u128::from(low)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::revocation::Revoked;

    const NOW: i64 = 1_000;
    const ADA: Uuid = Uuid::from_u128(9);
    const SUB: &str = "00000000-0000-0000-0000-000000000009";

    fn known(revoked: &[Revoked]) -> Known {
        let mut known = Known::default();
        for one in revoked {
            assert!(known.learn(&one.entry(NOW, 600)));
        }
        known
    }

    fn marks<'m>(clients: &'m [&'m str], scopes: &'m [&'m str]) -> Marks<'m> {
        Marks {
            jti: "t3",
            ancestors: vec!["t1", "t2"],
            grant_id: Some("00000000-0000-0000-0000-000000000007"),
            session_id: Some("00000000-0000-0000-0000-000000000008"),
            kid: "k1",
            holder: Holder { sub: SUB, clients: clients.to_vec(), scopes: scopes.to_vec() },
            issued_at: NOW,
        }
    }

    fn at_client(client_id: &str, scope: Option<&str>) -> Revoked {
        let (client_id, scope) = (client_id.to_owned(), scope.map(str::to_owned));
        Revoked::UserAtClient { user_id: ADA, client_id, scope }
    }

    #[test]
    fn each_kind_of_entry_matches_what_it_names() {
        let token = |jti: &str| Revoked::Token { jti: jti.to_owned(), expires_at: NOW + 60 };
        let kid = |text: &str| countersign_keys::Kid::try_from(text).unwrap();
        let mut key = marks(&["web"], &["a"]);
        key.kid = "k2";
        for (revoked, is_matched) in [
            (token("t3"), true),
            (token("t1"), true),
            (token("t4"), false),
            (Revoked::Grant(Uuid::from_u128(7)), true),
            (Revoked::Session(Uuid::from_u128(8)), true),
            // The id of a session is none of a grant.
            (Revoked::Grant(Uuid::from_u128(8)), false),
            (Revoked::Key(kid("k1")), true),
            (Revoked::Key(kid("k2")), false),
            (Revoked::User(SUB.to_owned()), true),
            (Revoked::User("crm:9".to_owned()), false),
            (at_client("orders", None), true),
            (at_client("ledger", None), false),
            (at_client("web", Some("a")), true),
            (at_client("web", Some("b")), false),
            (Revoked::Client("orders".to_owned()), true),
            (Revoked::Client("ledger".to_owned()), false),
            // A user is no client.
            (Revoked::Client(SUB.to_owned()), false),
        ] {
            let known = known(std::slice::from_ref(&revoked));

            assert_eq!(
                known.match_any(&marks(&["web", "orders"], &["a"])),
                is_matched,
                "{revoked:?}"
            );
        }
    }

    #[test]
    fn of_several_levels_the_latest_counts_and_what_was_issued_later_is_good() {
        let mut known = known(&[Revoked::User(SUB.to_owned())]);
        known.learn(&Revoked::User(SUB.to_owned()).entry(NOW + 100, 600));
        known.learn(&Revoked::User(SUB.to_owned()).entry(NOW + 50, 600));
        let mut token = marks(&["web"], &[]);

        assert_eq!(known.level(|| token.holder.clone()), Some(NOW + 102));
        token.issued_at = NOW + 102;
        assert!(known.match_any(&token));
        token.issued_at += 1;
        assert!(!known.match_any(&token));
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn what_is_over_is_forgotten_with_its_memory() {
        let mut known = Known::default();
        for number in 0..10_000 {
            known.learn(&Revoked::Grant(Uuid::from_u128(number)).entry(NOW, 600));
        }
        known.learn(&Revoked::Grant(Uuid::from_u128(7)).entry(NOW + 1_000, 600));
        known.learn(&Revoked::User(SUB.to_owned()).entry(NOW, 600));
        let exp = Revoked::Grant(Uuid::nil()).entry(NOW, 600).expires_at();

        known.forget(exp);
        assert_eq!(known.len(), 10_001);
        known.forget(exp + 10);

        assert_eq!(known.len(), 1);
        assert!(known.ids.capacity() < 100);
        assert!(known.match_any(&marks(&[], &[])));
    }
}
