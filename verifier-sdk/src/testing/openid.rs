//! ID tokens and logout tokens of `TestIssuer`, good and hostile.

use countersign_keys::jws::token_hash;
use serde_json::{Value, json};

use super::{Attack, HostileToken, TestIssuer, TestToken};

/// The event of a logout token (OpenID Connect Back-Channel Logout §2.4).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

impl TestIssuer {
    /// A good ID token about a user who signed in just now, for this client. Add the `nonce` as a claim.
    pub fn id_token(&self, user: &str, client_id: &str) -> TestToken<'_> {
        TestToken::new(self)
            .header("typ", "JWT")
            .without("jti")
            .audience(client_id)
            .claim("sub", user)
            .claim("auth_time", self.now())
    }

    /// A good logout token about all sessions of a user at this client.
    pub fn logout_token(&self, user: &str, client_id: &str) -> TestToken<'_> {
        TestToken::new(self)
            .header("typ", "logout+jwt")
            .audience(client_id)
            .expires_in(120)
            .claim("sub", user)
            .claim("events", json!({ LOGOUT_EVENT: {} }))
    }
}

impl TestToken<'_> {
    /// Names the access token that this ID token comes with, by `at_hash`.
    pub fn for_access_token(self, access_token: &str) -> Self {
        let hash = token_hash(self.issuer.key().algorithm(), access_token);
        self.claim("at_hash", hash)
    }
}

/// ID tokens that a client must refuse, with the code of each. `request_nonce` is the nonce that it sent.
pub fn id_token_corpus(
    issuer: &TestIssuer,
    client_id: &str,
    request_nonce: &str,
) -> Vec<HostileToken> {
    let good = issuer.id_token("ada", client_id).claim("nonce", request_nonce);
    let now = issuer.now();
    let mut corpus = attacks(&good);
    corpus.push(row("an access token's type", &good.clone().header("typ", "at+jwt"), "wrong_type"));
    corpus.extend(missing(&good, &["iss", "sub", "aud", "exp", "iat"]));
    corpus.push(row("without nonce", &good.clone().without("nonce"), "wrong_nonce"));
    corpus.extend(wrong_types(
        &good,
        &["iss", "sub", "azp", "nonce", "at_hash", "acr", "sid"],
        &["aud", "amr"],
        &["exp", "iat", "nbf", "auth_time"],
    ));
    let long = "a".repeat(256);
    let values: Vec<(&str, Value, &'static str)> = vec![
        ("iss", json!("https://other.example"), "wrong_issuer"),
        ("iss", json!(format!("{}/", issuer.issuer())), "wrong_issuer"),
        ("aud", json!("other"), "wrong_audience"),
        ("aud", json!([]), "wrong_audience"),
        ("aud", json!([client_id, "other"]), "untrusted_audience"),
        ("azp", json!("other"), "wrong_authorized_party"),
        ("sub", json!(""), "claim_missing"),
        ("sub", json!(long), "claim_bad_value"),
        ("sub", json!("ada\u{0}"), "claim_bad_value"),
        ("sub", json!("áda"), "claim_bad_value"),
        ("exp", json!(now - 31), "expired"),
        ("exp", json!(now + 86_401), "lifetime_too_long"),
        ("iat", json!(now + 31), "issued_in_future"),
        ("nbf", json!(now + 31), "not_yet_valid"),
        ("nonce", json!(""), "wrong_nonce"),
        ("nonce", json!("another"), "wrong_nonce"),
        ("events", json!({ LOGOUT_EVENT: {} }), "wrong_events"),
    ];
    corpus.extend(with_values(&good, values));
    corpus
}

/// Logout tokens that a client must refuse, with the code of each.
pub fn logout_token_corpus(issuer: &TestIssuer, client_id: &str) -> Vec<HostileToken> {
    let good = issuer.logout_token("ada", client_id);
    let now = issuer.now();
    let mut corpus = attacks(&good);
    corpus.push(row("an ID token's type", &good.clone().header("typ", "JWT"), "wrong_type"));
    corpus.push(row("no type", &good.clone().without_header("typ"), "wrong_type"));
    corpus.extend(missing(&good, &["iss", "aud", "exp", "iat", "jti", "events"]));
    corpus.push(row("nobody named", &good.clone().without("sub"), "nobody_named"));
    corpus.extend(wrong_types(
        &good,
        &["iss", "sub", "sid", "jti"],
        &["aud"],
        &["exp", "iat", "nbf"],
    ));
    let values: Vec<(&str, Value, &'static str)> = vec![
        ("iss", json!("https://other.example"), "wrong_issuer"),
        ("aud", json!("other"), "wrong_audience"),
        ("exp", json!(now - 31), "expired"),
        ("exp", json!(now + 3601), "lifetime_too_long"),
        ("iat", json!(now + 31), "issued_in_future"),
        ("jti", json!(""), "claim_missing"),
        ("sub", json!(""), "nobody_named"),
        ("nonce", json!("any"), "nonce_not_allowed"),
        ("events", json!({}), "wrong_events"),
        ("events", json!({ LOGOUT_EVENT: true }), "wrong_events"),
        ("events", json!({ LOGOUT_EVENT: null }), "wrong_events"),
        ("events", json!({ "http://schemas.openid.net/event/other": {} }), "wrong_events"),
        ("events", json!([LOGOUT_EVENT]), "claim_wrong_type"),
        ("events", json!(LOGOUT_EVENT), "claim_wrong_type"),
        ("events", json!(null), "claim_wrong_type"),
    ];
    corpus.extend(with_values(&good, values));
    corpus
}

fn row(name: &str, token: &TestToken<'_>, code: &'static str) -> HostileToken {
    HostileToken { name: name.to_owned(), token: token.mint(), code }
}

/// The attacks on form, key and signature; those on the type depend on the kind of token.
fn attacks(good: &TestToken<'_>) -> Vec<HostileToken> {
    let of_types = [Attack::OtherType, Attack::NoType];
    let attacks = Attack::ALL.iter().filter(|attack| !of_types.contains(attack));
    attacks
        .map(|attack| HostileToken {
            name: format!("{attack:?}"),
            token: good.hostile(*attack),
            code: attack.expected_code(),
        })
        .collect()
}

fn missing(good: &TestToken<'_>, claims: &[&str]) -> Vec<HostileToken> {
    let without = |claim: &&str| {
        row(&format!("without {claim}"), &good.clone().without(claim), "claim_missing")
    };
    claims.iter().map(without).collect()
}

fn wrong_types(
    good: &TestToken<'_>,
    texts: &[&str],
    lists: &[&str],
    dates: &[&str],
) -> Vec<HostileToken> {
    let not_text = [json!(null), json!(1), json!(true), json!(["a"]), json!({})];
    let not_list = [json!(null), json!(1), json!(true), json!([1]), json!({})];
    let not_date = [json!(null), json!("1"), json!(true), json!([1]), json!({})];
    let groups: [(&[&str], &[Value]); 3] =
        [(texts, &not_text), (lists, &not_list), (dates, &not_date)];
    let rows = groups.into_iter().flat_map(|(claims, values)| {
        claims.iter().flat_map(move |claim| {
            values.iter().map(move |value| (*claim, value.clone(), "claim_wrong_type"))
        })
    });
    with_values(good, rows.collect())
}

fn with_values(good: &TestToken<'_>, rows: Vec<(&str, Value, &'static str)>) -> Vec<HostileToken> {
    let with = |(claim, value, code): (&str, Value, &'static str)| {
        row(&format!("{claim} is {value}"), &good.clone().claim(claim, value), code)
    };
    rows.into_iter().map(with).collect()
}
