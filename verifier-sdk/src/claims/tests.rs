//! Reading claims: what is absent, what is malformed, and what the text says.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

fn parse(payload: &str) -> Result<StandardClaims, ClaimError> {
    StandardClaims::parse_unverified(payload.to_owned())
}

fn refusal(payload: &str) -> ClaimError {
    parse(payload).expect_err(payload)
}

#[test]
fn every_kind_of_claim_is_read() {
    let claims = parse(
        r#"{"iss":"https://a","aud":["x","y"],"exp":1700000000,"scope":"a b  c","roles":["r 1"],
            "act":{"sub":"app","act":{"sub":"deeper"}},"cnf":{"jkt":"k"},"own":{"a":[1,{"b":null}]}}"#,
    )
    .unwrap();

    assert_eq!(claims.issuer(), Some("https://a"));
    assert_eq!(claims.audiences().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(claims.expires_at(), Some(1_700_000_000));
    assert_eq!(claims.list(Claim::Scope).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(claims.list(Claim::Roles).collect::<Vec<_>>(), ["r 1"]);
    assert_eq!(claims.actor(), Some("app"));
    assert_eq!(claims.actors().collect::<Vec<_>>(), ["app", "deeper"]);
    assert!(claims.has(Claim::Cnf));
    assert!(!claims.has(Claim::Sub));
}

#[test]
fn scopes_as_an_array_are_not_split() {
    let claims = parse(r#"{"scope":["a b","c"]}"#).unwrap();

    assert_eq!(claims.list(Claim::Scope).collect::<Vec<_>>(), ["a b", "c"]);
}

#[test]
fn escapes_are_resolved_once_and_for_names_too() {
    let claims = parse(r#"{"\u0069ss":"https:\/\/a\u00e9","sub":"plain","jti":"\""}"#).unwrap();

    assert_eq!(claims.issuer(), Some("https://aé"));
    assert_eq!(claims.subject(), Some("plain"));
    assert_eq!(claims.token_id(), Some("\""));
}

#[test]
fn the_payload_is_kept_as_it_was_signed() {
    let payload = r#"{"iss":"\u0061","x":1}"#;

    assert_eq!(parse(payload).unwrap().payload(), payload);
}

#[test]
fn cve_2026_25537_a_claim_of_the_wrong_type_is_never_absent() {
    for value in ["null", "1", "true", "[\"a\"]", "{}"] {
        let payload = format!(r#"{{"iss":{value}}}"#);
        assert_eq!(refusal(&payload), ClaimError::WrongType(Claim::Iss), "{value}");
    }
    for value in ["null", "\"1\"", "true", "[1]", "{}"] {
        let payload = format!(r#"{{"nbf":{value}}}"#);
        assert_eq!(refusal(&payload), ClaimError::WrongType(Claim::Nbf), "{value}");
    }
    for value in ["null", "1", "{}", "[1]", "[null]", "[[\"a\"]]"] {
        let payload = format!(r#"{{"aud":{value}}}"#);
        assert_eq!(refusal(&payload), ClaimError::WrongType(Claim::Aud), "{value}");
    }
}

#[test]
fn row_13_dates_are_whole_seconds_below_two_to_the_fifty_third() {
    for (value, seconds) in
        [("0", 0), ("1.9", 1), ("1e3", 1000), ("9007199254740991", 9_007_199_254_740_991)]
    {
        let claims = parse(&format!(r#"{{"exp":{value}}}"#)).unwrap();
        assert_eq!(claims.expires_at(), Some(seconds), "{value}");
    }
    for value in ["-1", "-0.5", "9007199254740992", "1e300", "18446744073709551616"] {
        let payload = format!(r#"{{"exp":{value}}}"#);
        assert_eq!(refusal(&payload), ClaimError::BadValue(Claim::Exp), "{value}");
    }
    assert_eq!(refusal(r#"{"exp":1e400}"#), ClaimError::Malformed);
}

#[test]
fn row_9_duplicates_are_refused_also_among_unknown_members() {
    for payload in [r#"{"sub":"a","sub":"a"}"#, r#"{"sub":"a","s\u0075b":"b"}"#, r#"{"x":1,"x":1}"#]
    {
        assert_eq!(refusal(payload), ClaimError::Duplicate, "{payload}");
    }
    for payload in [
        r#"{"x":{"a":1,"a":1}}"#,
        r#"{"cnf":{"a":1,"a":1}}"#,
        r#"{"act":{"sub":"a","x":[{"b":1,"b":1}]}}"#,
    ] {
        assert_eq!(refusal(payload), ClaimError::Malformed, "{payload}");
    }
}

#[test]
fn an_actor_without_a_name_is_refused_at_any_depth() {
    for (payload, expected) in [
        (r#"{"act":{}}"#, ClaimError::WrongType(Claim::Act)),
        (r#"{"act":{"sub":1}}"#, ClaimError::WrongType(Claim::Act)),
        (r#"{"act":{"sub":""}}"#, ClaimError::BadValue(Claim::Act)),
        (r#"{"act":{"sub":"a","act":{}}}"#, ClaimError::WrongType(Claim::Act)),
        (r#"{"act":{"sub":"a","act":null}}"#, ClaimError::WrongType(Claim::Act)),
        (r#"{"act":{"sub":"a","act":{"sub":""}}}"#, ClaimError::BadValue(Claim::Act)),
        (r#"{"act":{"sub":"a","act":{"sub":"b\u0000"}}}"#, ClaimError::BadValue(Claim::Act)),
        (r#"{"may_act":"a"}"#, ClaimError::WrongType(Claim::MayAct)),
    ] {
        assert_eq!(refusal(payload), expected, "{payload}");
    }
}

#[test]
fn row_12_control_characters_are_refused() {
    for (payload, claim) in [
        (r#"{"sub":"a\u0000"}"#, Claim::Sub),
        (r#"{"aud":["a","b\n"]}"#, Claim::Aud),
        (r#"{"scope":"a\tb"}"#, Claim::Scope),
        (r#"{"act":{"sub":"\u007f"}}"#, Claim::Act),
    ] {
        assert_eq!(refusal(payload), ClaimError::BadValue(claim), "{payload}");
    }
}

#[test]
fn j14_what_is_not_one_shallow_object_is_refused() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(17), "]".repeat(17));
    for payload in ["", "[]", "null", "\"a\"", "{} {}", "{\"a\":1,}", "\u{feff}{}", deep.as_str()] {
        assert_eq!(refusal(payload), ClaimError::Malformed, "{payload}");
    }
}

#[test]
fn debug_shows_names_and_no_values() {
    let claims = parse(r#"{"iss":"secret-issuer","sub":"secret-subject"}"#).unwrap();

    assert_eq!(format!("{claims:?}"), r#"["iss", "sub"]"#);
}

/// JSON values of every type, known and unknown names among the members.
fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}|[a-z \"\\\\/\u{0}-\u{1f}]{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let object = prop::collection::btree_map("[a-z]{1,3}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Json::from),
            object.prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn payload() -> impl Strategy<Value = Json> {
    let names = prop::sample::select(Claim::ALL).prop_map(|claim| claim.name().to_owned());
    let name = prop_oneof![3 => names, 1 => "[a-z]{1,4}"];
    prop::collection::btree_map(name, json(), 0..8)
        .prop_map(|members| Json::Object(members.into_iter().collect()))
}

proptest! {
    #[test]
    fn what_is_read_is_what_another_parser_reads(payload in payload()) {
        let text = payload.to_string();
        let Ok(claims) = parse(&text) else { return Ok(()) };

        prop_assert_eq!(claims.payload(), text);
        for claim in Claim::ALL {
            let other = payload.get(claim.name());
            prop_assert_eq!(claims.has(*claim), other.is_some());
            if *claim != Claim::Act {
                prop_assert_eq!(claims.text(*claim), other.and_then(Json::as_str));
            }
            if let Some(Json::Array(items)) = other {
                let items: Vec<_> = items.iter().filter_map(Json::as_str).filter(|s| !s.is_empty()).collect();
                prop_assert_eq!(claims.list(*claim).collect::<Vec<_>>(), items);
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\{\\}\\[\\]\",:a-z0-9\\\\u\\-. ]{0,64}|\\PC{0,64}") {
        let _ = parse(&text);
        let _ = parse(&format!(r#"{{"sub":"{text}","x":{text}}}"#));
    }
}
