//! Hostile tokens with the code that each must be refused with: run them against your own service.

use serde_json::{Value, json};

use super::{Attack, TestIssuer, TestToken};

/// One token that must be refused.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HostileToken {
    /// What is wrong with it.
    pub name: String,
    /// The compact serialization, or what pretends to be one.
    pub token: String,
    /// `code()` of the refusal by a verifier with defaults.
    pub code: &'static str,
}

/// All attacks, and every claim missing, of every wrong type, and out of bounds.
///
/// `issuer` should have an ES256 key, as [`TestIssuer::new`] makes.
pub fn corpus(issuer: &TestIssuer, audience: &str) -> Vec<HostileToken> {
    let good = issuer.app_token("orders").audience(audience).scope("orders:read").roles(&["clerk"]);
    let mut corpus: Vec<_> = Attack::ALL
        .iter()
        .map(|attack| HostileToken {
            name: format!("{attack:?}"),
            token: good.hostile(*attack),
            code: attack.expected_code(),
        })
        .collect();
    corpus.extend(missing_claims(&good));
    corpus.extend(wrong_types(&good));
    corpus.extend(wrong_values(&good));
    corpus.extend(odd_payloads(&good));
    corpus
}

fn missing_claims(good: &TestToken<'_>) -> Vec<HostileToken> {
    ["iss", "aud", "exp", "sub", "client_id", "iat", "jti", "idtyp"]
        .map(|claim| HostileToken {
            name: format!("without {claim}"),
            token: good.clone().without(claim).mint(),
            code: "claim_missing",
        })
        .into()
}

/// Each claim as each JSON type that it must not have (CVE-2026-25537).
fn wrong_types(good: &TestToken<'_>) -> Vec<HostileToken> {
    let texts = ["iss", "sub", "jti", "client_id", "idtyp", "sid", "acr"];
    let lists = ["aud", "scope", "roles", "groups", "amr"];
    let dates = ["exp", "nbf", "iat", "auth_time"];
    let objects = ["act", "cnf"];
    let not_text = [json!(null), json!(1), json!(true), json!(["a"]), json!({})];
    let not_list = [json!(null), json!(1), json!(true), json!([1]), json!([null]), json!({})];
    let not_date = [json!(null), json!("1"), json!(true), json!([1]), json!({})];
    let not_object = [json!(null), json!("a"), json!(1), json!([]), json!(true)];
    let groups: [(&[&str], &[Value]); 4] =
        [(&texts, &not_text), (&lists, &not_list), (&dates, &not_date), (&objects, &not_object)];
    let mut corpus = Vec::new();
    for (claims, values) in groups {
        for claim in claims {
            corpus.extend(values.iter().map(|value| HostileToken {
                name: format!("{claim} is {value}"),
                token: good.clone().claim(claim, value.clone()).mint(),
                code: "claim_wrong_type",
            }));
        }
    }
    corpus
}

fn wrong_values(good: &TestToken<'_>) -> Vec<HostileToken> {
    let now = good.issuer.now();
    let rows: Vec<(&str, Value, &'static str)> = vec![
        ("iss", json!("https://issuer.example/"), "wrong_issuer"),
        ("iss", json!("https://other.example"), "wrong_issuer"),
        ("iss", json!("https://issuer.example\u{0}"), "claim_bad_value"),
        ("aud", json!("https://other.example"), "wrong_audience"),
        ("aud", json!([]), "wrong_audience"),
        ("aud", json!(""), "wrong_audience"),
        ("sub", json!("orders\u{0}"), "claim_bad_value"),
        ("sub", json!(""), "claim_missing"),
        ("jti", json!(""), "claim_missing"),
        ("jti", json!("a\nb"), "claim_bad_value"),
        ("exp", json!(now - 31), "expired"),
        ("exp", json!(-1), "claim_bad_value"),
        ("exp", json!(1.0e18), "claim_bad_value"),
        ("exp", json!(u64::MAX), "claim_bad_value"),
        ("exp", json!(now + 86_401), "lifetime_too_long"),
        ("nbf", json!(now + 31), "not_yet_valid"),
        ("nbf", json!(now + 3600), "not_yet_valid"),
        ("iat", json!(now + 31), "issued_in_future"),
        ("idtyp", json!("admin"), "unknown_identity"),
        ("idtyp", json!("user"), "unknown_identity"),
        ("sub", json!("somebody"), "unknown_identity"),
        ("cnf", json!({ "jkt": "x" }), "bound_to_key"),
        ("act", json!({}), "claim_wrong_type"),
        ("act", json!({ "sub": 1 }), "claim_wrong_type"),
    ];
    rows.into_iter()
        .map(|(claim, value, code)| HostileToken {
            name: format!("{claim} is {value}"),
            token: good.clone().claim(claim, value).mint(),
            code,
        })
        .collect()
}

fn odd_payloads(good: &TestToken<'_>) -> Vec<HostileToken> {
    let payload = good.payload_json();
    let with = |member: &str| payload.replacen('{', &format!("{{{member},"), 1);
    let deep = format!(r#""x":{}{}"#, "[".repeat(4000), "]".repeat(4000));
    let rows: Vec<(&str, String, &'static str)> = vec![
        ("sub twice", with(r#""sub":"admin""#), "claims_duplicate"),
        ("sub twice, once escaped", with(r#""\u0073ub":"admin""#), "claims_duplicate"),
        ("own claim twice", with(r#""role":1,"role":2"#), "claims_duplicate"),
        ("duplicate inside a claim", with(r#""x":{"a":1,"a":2}"#), "claims_malformed"),
        ("nested 4,000 deep", with(&deep), "claims_malformed"),
        (
            "seventeen levels",
            with(&format!(r#""x":{}1{}"#, "[".repeat(16), "]".repeat(16))),
            "claims_malformed",
        ),
        ("exp is 1e400", with(r#""nbf":1e400"#), "claims_malformed"),
        ("an array", format!("[{payload}]"), "claims_malformed"),
        ("two objects", format!("{payload}{payload}"), "claims_malformed"),
        ("a byte order mark", format!("\u{feff}{payload}"), "claims_malformed"),
        ("empty", "{}".to_owned(), "claim_missing"),
    ];
    rows.into_iter()
        .map(|(name, payload, code)| HostileToken {
            name: name.to_owned(),
            token: good.with_payload(&payload),
            code,
        })
        .collect()
}
