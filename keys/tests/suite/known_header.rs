//! Known headers make reading faster and change nothing else: every text is read as without them.

use countersign_keys::jws::{KnownHeader, MAX_TOKEN_BYTES};
use countersign_keys::{Algorithm, UnverifiedJws, VerifyingKey};
use proptest::prelude::*;

use crate::forge::{PAYLOAD, all_algorithms, good_token, key, token};

fn known() -> Vec<&'static KnownHeader> {
    let keys = all_algorithms().into_iter().map(|algorithm| key(algorithm).verifying_key());
    keys.map(VerifyingKey::access_token_header).collect()
}

/// What both readers say of a token, in full.
fn readings(token: &str, max_bytes: usize) -> [String; 2] {
    let strict = UnverifiedJws::parse_within(token, max_bytes);
    let known = UnverifiedJws::parse_known(token, max_bytes, known());
    [format!("{strict:?}"), format!("{known:?}")]
}

/// A token of a good key whose header is the usual one, or says the same or something else in another form.
fn any_token() -> impl Strategy<Value = String> {
    let forms = prop::sample::select(vec![
        r#"{"alg":"ALG","typ":"at+jwt","kid":"KID"}"#,
        r#"{"typ":"at+jwt","alg":"ALG","kid":"KID"}"#,
        r#"{"alg":"ALG","kid":"KID","typ":"at+jwt"}"#,
        r#"{"alg":"ALG","typ":"at+jwt","kid":"KID" }"#,
        r#"{"alg":"ALG","typ":"at+jwt","kid":"KID","kid":"KID"}"#,
        r#"{"alg":"ALG","typ":"at+jwt","kid":"KID","crit":[]}"#,
        r#"{"alg":"ALG","typ":"AT+JWT","kid":"KID"}"#,
        r#"{"alg":"none","typ":"at+jwt","kid":"KID"}"#,
        r#"{"alg":"ALG","typ":"at+jwt","kid":"KIDx"}"#,
        r#"{"alg":"ALG","typ":"at+jwt"}"#,
    ]);
    (prop::sample::select(all_algorithms()), forms).prop_map(|(algorithm, form)| {
        let key = key(algorithm);
        token(form.replace("ALG", algorithm.name()).replace("KID", key.kid()), PAYLOAD, key)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_text_is_read_as_without_known_headers(
        token in any_token(),
        at in any::<prop::sample::Index>(),
        put in "[A-Za-z0-9._=+/ -]|\\PC",
        change in 0..5_u8,
        cap in prop_oneof![Just(MAX_TOKEN_BYTES), 0..2000_usize],
    ) {
        let mut characters: Vec<_> = token.chars().map(String::from).collect();
        let at = at.index(characters.len());
        match change {
            0 => {}
            1 => characters[at] = put,
            2 => characters.insert(at, put),
            3 => drop(characters.remove(at)),
            _ => characters.truncate(at),
        }

        let [strict, known] = readings(&characters.concat(), cap);

        prop_assert_eq!(strict, known);
    }
}

#[test]
fn other_parts_after_a_known_header_are_read_as_strictly() {
    let good = good_token(Algorithm::Rs256);
    let header = good.split('.').next().unwrap();

    for rest in
        ["", ".", "..", ".e30", ".e30.", "..AAAA", ".e30.AAAA", ".e30.AB", ".e3.AAAA", ".e30.A.A"]
    {
        let [strict, known] = readings(&format!("{header}{rest}"), MAX_TOKEN_BYTES);
        assert_eq!(strict, known, "{rest:?}");
    }
}
