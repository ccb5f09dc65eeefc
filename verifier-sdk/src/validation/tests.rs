//! Claim checks at their edges.

use super::*;

const NOW: i64 = 1_700_000_000;

fn ours() -> Vec<String> {
    vec!["https://payments.example".to_owned()]
}

fn check(
    payload: &serde_json::Value,
    change: impl FnOnce(&mut Expectations<'_>),
) -> Result<(), ClaimError> {
    let ours = ours();
    let mut expected = Expectations {
        issuer: Some("https://issuer.example"),
        subject: None,
        audience: AudienceRule::Contains(&ours),
        required: &[],
        max_lifetime: 3600,
        skew: 30,
    };
    change(&mut expected);
    validate(&StandardClaims::parse_unverified(payload.to_string()).unwrap(), &expected, NOW)
}

fn with(member: &str, value: impl Into<serde_json::Value>) -> serde_json::Value {
    let mut payload = serde_json::json!({
        "iss": "https://issuer.example",
        "aud": "https://payments.example",
        "sub": "orders",
        "iat": NOW - 10,
        "exp": NOW + 300,
    });
    payload[member] = value.into();
    payload
}

#[test]
fn j29_expiry_holds_to_the_second_with_skew() {
    let mut old = with("iat", NOW - 100);
    old["exp"] = (NOW - 29).into();
    assert_eq!(check(&old, |_| ()), Ok(()));
    old["exp"] = (NOW - 30).into();
    assert_eq!(check(&old, |_| ()), Err(ClaimError::Expired));
    old["exp"] = NOW.into();
    assert_eq!(check(&old, |e| e.skew = 0), Err(ClaimError::Expired));
}

#[test]
fn j29_beginnings_hold_to_the_second_with_skew() {
    for (claim, error) in [("nbf", ClaimError::NotYetValid), ("iat", ClaimError::IssuedInFuture)] {
        assert_eq!(check(&with(claim, NOW + 30), |_| ()), Ok(()), "{claim}");
        assert_eq!(check(&with(claim, NOW + 31), |_| ()), Err(error), "{claim}");
    }
}

#[test]
fn a_token_must_end_after_it_begins() {
    let mut payload = with("nbf", NOW + 20);
    payload["exp"] = (NOW + 20).into();

    assert_eq!(check(&payload, |_| ()), Err(ClaimError::EmptyLifetime));
}

#[test]
fn the_lifetime_is_bounded_with_and_without_iat() {
    assert_eq!(check(&with("exp", NOW - 10 + 3600), |_| ()), Ok(()));
    assert_eq!(check(&with("exp", NOW - 10 + 3601), |_| ()), Err(ClaimError::LifetimeTooLong));
    let mut payload = with("exp", NOW + 3630);
    payload.as_object_mut().unwrap().remove("iat");
    assert_eq!(check(&payload, |_| ()), Ok(()));
    payload["exp"] = (NOW + 3631).into();
    assert_eq!(check(&payload, |_| ()), Err(ClaimError::LifetimeTooLong));
}

#[test]
fn row_11_the_issuer_is_equal_or_wrong() {
    for issuer in ["https://issuer.example/", "https://ISSUER.example", "https://issuer.exampl", ""]
    {
        assert_eq!(check(&with("iss", issuer), |_| ()), Err(ClaimError::WrongIssuer), "{issuer}");
    }
}

#[test]
fn r30_cve_2024_5798_one_element_of_aud_must_be_ours() {
    let many: Vec<String> =
        (0..999).map(|n| format!("https://{n}.example")).chain(ours()).collect();
    let rows: [(serde_json::Value, Result<(), ClaimError>); 6] = [
        ("https://payments.example".into(), Ok(())),
        (many.into(), Ok(())),
        (serde_json::json!([]), Err(ClaimError::WrongAudience)),
        ("".into(), Err(ClaimError::WrongAudience)),
        ("https://payments.example/".into(), Err(ClaimError::WrongAudience)),
        ("https://payments.example https://other.example".into(), Err(ClaimError::WrongAudience)),
    ];

    for (audience, expected) in rows {
        assert_eq!(check(&with("aud", audience.clone()), |_| ()), expected, "{audience}");
    }
}

#[test]
fn cve_2025_27371_an_assertion_has_one_audience_as_a_string() {
    let rule =
        AudienceRule::SingleString(&["https://issuer.example", "https://issuer.example/token"]);
    let check = |audience: serde_json::Value| check(&with("aud", audience), |e| e.audience = rule);

    assert_eq!(check("https://issuer.example/token".into()), Ok(()));
    assert_eq!(
        check(serde_json::json!(["https://issuer.example"])),
        Err(ClaimError::WrongAudience)
    );
    assert_eq!(check("https://other.example".into()), Err(ClaimError::WrongAudience));
}

#[test]
fn the_subject_is_compared_if_one_is_expected() {
    assert_eq!(check(&with("sub", "orders"), |e| e.subject = Some("orders")), Ok(()));
    assert_eq!(
        check(&with("sub", "admin"), |e| e.subject = Some("orders")),
        Err(ClaimError::WrongSubject)
    );
}

#[test]
fn j26_required_claims_must_be_there_and_not_empty() {
    let required = |payload| check(&payload, |e| e.required = &[Claim::Sub, Claim::Jti]);

    assert_eq!(required(with("jti", "1")), Ok(()));
    assert_eq!(required(with("jti", "")), Err(ClaimError::Missing(Claim::Jti)));
    assert_eq!(required(with("x", 1)), Err(ClaimError::Missing(Claim::Jti)));
}

#[test]
fn extreme_dates_do_not_overflow() {
    let payload = with("exp", 9_007_199_254_740_991_i64);

    assert_eq!(check(&payload, |e| e.max_lifetime = i64::MAX), Ok(()));
    assert_eq!(check(&payload, |e| (e.max_lifetime, e.skew) = (i64::MAX, i64::MAX)), Ok(()));
}
