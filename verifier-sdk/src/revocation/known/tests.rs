use std::borrow::Cow;
use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_700_000_000;
const SECONDS: Duration = Duration::from_secs(1);

fn entry(kind: Kind, names: &[&str], issued_until: Option<u64>, expires_in: i64) -> Entry<'static> {
    let mut names = names.iter().map(|name| Cow::Owned((*name).to_owned()));
    let names = std::array::from_fn(|_| names.next().unwrap_or_default());
    let expires_at = u64::try_from(NOW + expires_in).unwrap();
    Entry { kind, names, issued_until, expires_at }
}

fn claims(json: &serde_json::Value) -> StandardClaims {
    StandardClaims::parse_unverified(json.to_string()).unwrap()
}

fn judge(known: &Known, token: &serde_json::Value) -> Option<Kind> {
    let claims = claims(token);
    let client = claims.text(Claim::ClientId);
    known.judge(&Marks { claims: &claims, client, scope: Claim::Scope, kid: None })
}

/// Of all tables and filters.
fn room(known: &Known) -> usize {
    let parts = known.parts.load();
    let tables = parts.tables.iter().map(|table| table.room());
    tables.sum::<usize>() + parts.filter.room()
}

fn token() -> serde_json::Value {
    serde_json::json!({
        "jti": "t3", "ancestor_jti": ["t1", "t2"], "grant_id": "g", "sid": "s", "sub": "ada",
        "client_id": "payments", "origin_client_id": "web",
        "act": { "sub": "payments", "act": { "sub": "gateway" } }, "scope": "a b", "iat": NOW,
    })
}

#[test]
fn each_kind_of_entry_matches_what_decision_0031_says() {
    let level = Some(u64::try_from(NOW).unwrap());
    let rows: [(Kind, &[&str], _); 16] = [
        (Kind::Token, &["t3"], None),
        (Kind::Token, &["t1"], None),
        (Kind::Grant, &["g"], None),
        (Kind::Session, &["s"], None),
        (Kind::User, &["ada"], level),
        (Kind::Client, &["payments"], level),
        (Kind::Client, &["web"], level),
        (Kind::Client, &["gateway"], level),
        (Kind::UserAtClient, &["ada", "payments"], level),
        (Kind::UserAtClient, &["ada", "web"], level),
        (Kind::UserAtClient, &["ada", "gateway"], level),
        (Kind::Scope, &["ada", "payments", "b"], level),
        (Kind::Scope, &["ada", "web", "a"], level),
        (Kind::Scope, &["ada", "", "a"], level),
        (Kind::Scope, &["", "web", "a"], level),
        (Kind::Scope, &["", "gateway", "b"], level),
    ];

    for (kind, names, issued_until) in rows {
        let known = Known::with_capacity(10);
        known.add(&entry(kind, names, issued_until, 60), NOW).unwrap();
        assert_eq!(judge(&known, &token()), Some(kind), "{names:?}");
    }
}

#[test]
fn what_only_looks_alike_does_not_match() {
    let level = Some(u64::try_from(NOW).unwrap());
    let before = Some(u64::try_from(NOW).unwrap() - 1);
    let rows: [(Kind, &[&str], _); 15] = [
        (Kind::Token, &["s"], None),
        (Kind::Session, &["t3"], None),
        (Kind::Grant, &["ada"], None),
        (Kind::User, &["payments"], level),
        (Kind::Client, &["ada"], level),
        (Kind::User, &["ada"], before),
        (Kind::Client, &["web"], before),
        (Kind::UserAtClient, &["payments", "ada"], level),
        (Kind::UserAtClient, &["bob", "payments"], level),
        (Kind::UserAtClient, &["ada", "payments"], before),
        (Kind::Scope, &["ada", "payments", "c"], level),
        (Kind::Scope, &["ada", "other", "a"], level),
        (Kind::Scope, &["bob", "", "a"], level),
        (Kind::Scope, &["", "other", "a"], level),
        (Kind::Scope, &["", "", "a"], level),
    ];

    let known = Known::with_capacity(100);
    for (kind, names, issued_until) in rows {
        known.add(&entry(kind, names, issued_until, 60), NOW).unwrap();
    }
    assert_eq!(judge(&known, &token()), None);
}

#[test]
fn a_token_without_a_second_of_issue_is_before_every_level() {
    let known = Known::with_capacity(10);
    known.add(&entry(Kind::User, &["ada"], Some(1), 60), NOW).unwrap();

    assert_eq!(judge(&known, &serde_json::json!({ "sub": "ada" })), Some(Kind::User));
}

#[test]
fn an_entry_is_kept_as_long_as_a_token_may_be_accepted_and_then_its_memory_is_given_back() {
    let known = Known::with_capacity(10_000);
    for number in 0..5000 {
        known.add(&entry(Kind::Token, &[&number.to_string()], None, 60), NOW).unwrap();
    }
    known.add(&entry(Kind::Token, &["long"], None, 6000), NOW).unwrap();
    let jti = |jti: &str| judge(&known, &serde_json::json!({ "jti": jti })).is_some();

    known.sweep(NOW + 180, SECONDS * 60);
    assert!(jti("7") && jti("long"));

    known.sweep(NOW + 181, SECONDS * 120);
    assert!(!jti("7") && jti("long"));
    assert_eq!(known.len(), 1);
    assert!(room(&known) < 100, "{}", room(&known));

    known.sweep(NOW + 6121, SECONDS * 180);
    assert_eq!((known.len(), known.kinds.load(Ordering::Relaxed)), (0, 0));
    assert_eq!(room(&known), 0);
}

#[test]
fn what_has_expired_is_not_kept_at_all() {
    let known = Known::with_capacity(10);

    known.add(&entry(Kind::Token, &["t3"], None, -121), NOW).unwrap();

    assert_eq!(known.len(), 0);
}

#[test]
fn a_full_map_takes_no_more_but_still_makes_entries_later() {
    let known = Known::with_capacity(2);
    let level = |issued_until| entry(Kind::User, &["ada"], Some(issued_until), 60);
    known.add(&level(5), NOW).unwrap();
    known.add(&entry(Kind::Token, &["t1"], None, 60), NOW).unwrap();

    assert_eq!(known.add(&entry(Kind::Token, &["t2"], None, 60), NOW), Err(Full));
    assert_eq!(known.add(&level(9), NOW), Ok(()));

    assert_eq!(judge(&known, &serde_json::json!({ "sub": "ada", "iat": 9 })), Some(Kind::User));
    assert_eq!(judge(&known, &serde_json::json!({ "sub": "ada", "iat": 10 })), None);
}

#[test]
fn readers_see_an_entry_from_the_moment_it_was_added_on() {
    let known = Known::with_capacity(100_000);
    let added = AtomicUsize::new(0);
    let jti = |number: usize| serde_json::json!({ "jti": number.to_string() });

    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..20_000 {
                let name = number.to_string();
                known.add(&entry(Kind::Token, &[&name], None, 60), NOW).unwrap();
                added.store(number + 1, Ordering::Release);
            }
        });
        scope.spawn(|| {
            let mut seen = 0;
            while seen < 20_000 {
                seen = added.load(Ordering::Acquire);
                for number in [0, seen / 2, seen.saturating_sub(1)] {
                    assert!(seen == 0 || judge(&known, &jti(number)).is_some(), "{number}");
                }
            }
        });
    });

    assert_eq!(known.len(), 20_000);
}

#[test]
fn what_is_told_changes_the_number_of_what_is_known_and_nothing_else_does() {
    let known = Known::with_capacity(1);
    let before = known.told();
    known.sweep(NOW, SECONDS * 60);
    known.add(&entry(Kind::User, &["ada"], Some(1), -121), NOW).unwrap();
    assert_eq!(known.told(), before);

    known.add(&entry(Kind::User, &["ada"], Some(1), 60), NOW).unwrap();
    let first = known.told();
    known.add(&entry(Kind::User, &["ada"], Some(2), 60), NOW).unwrap();

    assert!(before < first && first < known.told());
}

#[test]
fn a_token_of_a_long_chain_is_looked_up_whole() {
    let ancestors: Vec<String> = (0..40).map(|number| format!("a{number}")).collect();
    let actors = (0..12).rev().fold(serde_json::Value::Null, |act, number| match act {
        serde_json::Value::Null => serde_json::json!({ "sub": format!("c{number}") }),
        act => serde_json::json!({ "sub": format!("c{number}"), "act": act }),
    });
    let token =
        serde_json::json!({ "jti": "t", "ancestor_jti": ancestors, "sub": "ada", "act": actors });
    let level = Some(1);
    let rows: [(Kind, &[&str], _); 4] = [
        (Kind::Token, &["a39"], None),
        (Kind::Client, &["c11"], level),
        (Kind::UserAtClient, &["ada", "c11"], level),
        (Kind::User, &["ada"], level),
    ];

    for (kind, names, issued_until) in rows {
        let known = Known::with_capacity(10);
        for other in [Kind::Token, Kind::User, Kind::Client, Kind::UserAtClient] {
            known.add(&entry(other, &["other", "other"], level, 60), NOW).unwrap();
        }
        assert_eq!(judge(&known, &token), None);
        known.add(&entry(kind, names, issued_until, 60), NOW).unwrap();
        assert_eq!(judge(&known, &token), Some(kind), "{names:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_map_knows_what_a_simple_one_knows(
        acts in proptest::collection::vec((0..40_u8, 0..4_u8, 0..600_i64, 0..30_i64), 1..300),
    ) {
        let known = Known::with_capacity(1000);
        let mut simple: HashMap<String, Vec<(u64, i64)>> = HashMap::new();
        let mut passed = 0;
        for (name, level, expires_in, pause) in acts {
            let name = name.to_string();
            let (level, expires_at) = (u64::from(level), passed + expires_in);
            passed += pause;
            let seconds = u32::try_from(passed).unwrap();
            known.sweep(NOW + passed, SECONDS * seconds);
            known.add(&entry(Kind::User, &[&name], Some(level), expires_at), NOW + passed).unwrap();
            simple.entry(name).or_default().push((level, expires_at));
            for (name, told) in &simple {
                let at = |iat| judge(&known, &serde_json::json!({ "sub": name, "iat": iat }));
                let alive = told.iter().filter(|(_, expires_at)| expires_at + 120 >= passed);
                // What is alive is known, and nothing later than what was ever told.
                prop_assert!(alive.map(|(level, _)| *level).max().is_none_or(|one| at(one).is_some()));
                let latest = told.iter().map(|(level, _)| *level).max().unwrap_or_default();
                prop_assert!(at(latest + 1).is_none());
            }
        }
    }

    /// Few names, so that many entries meet many tokens.
    #[test]
    fn a_token_is_revoked_by_the_map_exactly_if_an_entry_names_it(
        entries in proptest::collection::vec((0..8_usize, [0..5_u8, 0..5, 0..5], 0..9_u64), 0..12),
        tokens in proptest::collection::vec(([0..5_u8, 0..5, 0..5, 0..5, 0..5], 0..10_u64), 1..12),
    ) {
        let known = Known::with_capacity(100);
        let letter = |number: u8| ["a", "b", "c", "d", "e"][usize::from(number)];
        let entries = entries.into_iter().map(|(kind, names, level)| {
            (Kind::ALL[kind], names.map(letter), level)
        });
        let entries: Vec<_> = entries.collect();
        for (kind, names, level) in &entries {
            let is_level = !matches!(kind, Kind::Token | Kind::Grant | Kind::Session | Kind::Key);
            let issued_until = is_level.then_some(*level);
            known.add(&entry(*kind, names, issued_until, 60), NOW).unwrap();
        }
        for (names, iat) in tokens {
            let [one, two, three, four, five] = names.map(letter);
            let token = serde_json::json!({
                "jti": one, "ancestor_jti": [two], "sid": three, "grant_id": four, "sub": five,
                "client_id": two, "origin_client_id": three, "act": { "sub": four },
                "scope": format!("{one} {five}"), "iat": iat,
            });
            let clients = [two, three, four];
            let is_meant = |(kind, [name, other, scope], level): &(Kind, [&str; 3], u64)| match kind {
                Kind::Token => [one, two].contains(name),
                Kind::Session => *name == three,
                Kind::Grant => *name == four,
                Kind::User => *name == five && iat <= *level,
                Kind::Client => clients.contains(name) && iat <= *level,
                Kind::UserAtClient => *name == five && clients.contains(other) && iat <= *level,
                Kind::Scope => {
                    *name == five && clients.contains(other) && [one, five].contains(scope)
                        && iat <= *level
                }
                Kind::Key => false,
            };
            prop_assert_eq!(judge(&known, &token).is_some(), entries.iter().any(is_meant));
        }
    }
}
