//! No change of a good token survives, and no input makes the reader panic or disagree with itself.

use countersign_keys::{Algorithm, Kid, UnverifiedJws, json};
use proptest::prelude::*;
use serde_json::Value;

use crate::forge::{all_algorithms, base64url, good_token, key, token};

/// A character of a token, or one that is close to it.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        prop::char::range('A', 'Z'),
        prop::char::range('a', 'z'),
        "[0-9._=+/\\- \n\"{}]".prop_map(|text| text.chars().next().unwrap()),
        any::<char>()
    ]
}

fn is_refused(algorithm: Algorithm, changed: &str) -> bool {
    let verified =
        UnverifiedJws::parse(changed).and_then(|jws| jws.verify(key(algorithm).verifying_key()));
    verified.is_err()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_change_of_one_character_is_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        put in character(),
        change in 0..4_u8,
    ) {
        let algorithm = *which.get(&all_algorithms());
        let good = good_token(algorithm);
        let mut changed: Vec<char> = good.chars().collect();
        let at = at.index(changed.len());
        match change {
            0 => changed[at] = put,
            1 => changed.insert(at, put),
            2 => drop(changed.remove(at)),
            _ => changed.truncate(at),
        }
        let changed: String = changed.into_iter().collect();

        prop_assert!(changed == good || is_refused(algorithm, &changed), "{changed:?}");
    }

    #[test]
    fn parts_of_different_tokens_do_not_mix(part in 0..3_usize) {
        let one = good_token(Algorithm::Es256);
        let other = token(r#"{"alg":"ES256"}"#, "{}", key(Algorithm::Es256));
        let mut parts: Vec<_> = one.split('.').collect();
        parts[part] = other.split('.').nth(part).unwrap();

        prop_assert!(is_refused(Algorithm::Es256, &parts.join(".")));
    }

    #[test]
    fn cve_2026_34986_no_input_panics(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = UnverifiedJws::parse(&text);
        let anything = format!("{}.{}.{}", base64url(&bytes), base64url(&text), base64url(&bytes));
        let _ = UnverifiedJws::parse(&anything);
    }

    /// A header that we accept is strict JSON, and says to `serde_json` what it says to us.
    #[test]
    fn accepted_headers_mean_the_same_to_serde_json(
        members in prop::collection::vec(
            (r#"alg|kid|typ|x|\\u0061lg|[a-c"\\]{1,3}"#, r#""ES256"|"RS256"|"[a-z\\u0-9"]{0,6}"|[0-9.e+-]{1,4}|\[\]|\{"a":1\}|null"#),
            0..5,
        ),
    ) {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let header = format!("{{{}}}", members.join(","));
        let token = format!("{}.e30.AAAA", base64url(&header));

        if let Ok(jws) = UnverifiedJws::parse(&token) {
            prop_assert!(json::check(&header).is_ok(), "{header}");
            let theirs: Value = serde_json::from_str(&header).unwrap();
            prop_assert_eq!(theirs["alg"].as_str(), Some(jws.algorithm().name()));
            prop_assert_eq!(theirs["typ"].as_str(), jws.typ());
            prop_assert_eq!(theirs["kid"].as_str(), jws.kid().map(Kid::as_str));
        }
    }
}
