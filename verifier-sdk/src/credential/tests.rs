//! Exactly one credential per request, and cookies only from this site.

use http::Request;

use super::*;

/// Method, headers, outcome.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a Result<String, CredentialError>);

fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
    let uri = "/pay?access_token=from-the-query";
    let request = Request::builder().method(method).uri(uri);
    let request = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn find(method: &str, headers: &[(&str, &str)]) -> Result<String, CredentialError> {
    let carriers = Carriers::bearer().or_cookie("__Host-token").unwrap().or_form();
    bearer(carriers.find(&parts(method, headers), None))
}

fn bearer(found: Result<Credential, CredentialError>) -> Result<String, CredentialError> {
    found.map(|credential| {
        assert_eq!(credential.scheme, Scheme::Bearer);
        credential.token
    })
}

#[test]
fn the_scheme_is_case_insensitive_and_spaces_do_not_matter() {
    for value in ["Bearer abc", "bearer abc", "BEARER   abc", "Bearer abc "] {
        assert_eq!(find("GET", &[("authorization", value)]), Ok("abc".into()), "{value}");
    }
}

#[test]
fn other_schemes_are_no_credential() {
    for value in ["Basic abc", "DPoPabc", "Bearerabc", "abc"] {
        assert_eq!(find("GET", &[("authorization", value)]), Err(CredentialError::Missing));
    }
}

#[test]
fn a_token_with_a_proof_says_so_by_its_scheme_in_any_case() {
    for value in ["DPoP abc", "dpop abc", "DPOP  abc"] {
        let found = Carriers::bearer().find(&parts("GET", &[("authorization", value)]), None);
        assert_eq!(found, Ok(Credential { token: "abc".to_owned(), scheme: Scheme::Dpop }));
    }
    let both = [("authorization", "Bearer a"), ("authorization", "DPoP a")];
    assert_eq!(find("GET", &both), Err(CredentialError::Several));
}

#[test]
fn an_empty_or_split_bearer_is_malformed() {
    for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a\tb"] {
        assert_eq!(find("GET", &[("authorization", value)]), Err(CredentialError::Malformed));
    }
}

#[test]
fn r20_the_query_string_is_never_read() {
    assert_eq!(find("GET", &[]), Err(CredentialError::Missing));
}

#[test]
fn row_32_two_credentials_are_refused_wherever_they_are() {
    let carriers = Carriers::bearer().or_cookie("__Host-token").unwrap().or_form();
    let two_headers = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
    let header_and_cookie = [("authorization", "Bearer a"), ("cookie", "__Host-token=b")];
    let two_cookies = [("cookie", "__Host-token=a; __Host-token=b")];
    let header = [("authorization", "Bearer a")];
    let form = b"access_token=b".as_slice();

    for headers in [two_headers.as_slice(), &header_and_cookie, &two_cookies] {
        assert_eq!(find("GET", headers), Err(CredentialError::Several), "{headers:?}");
    }
    let header_and_form = carriers.find(&parts("POST", &header), Some(form));
    assert_eq!(header_and_form, Err(CredentialError::Several));
}

#[test]
fn a_cookie_that_is_not_ours_is_ignored() {
    let headers = [("cookie", "token=x; __Host-tokens=y; other=__Host-token=z")];

    assert_eq!(find("GET", &headers), Err(CredentialError::Missing));
}

#[test]
fn s5_cookies_of_others_never_disturb() {
    let foreign = ("cookie", "x=é; __Host-tokené=1; é; =; __Host-token");
    let ok = Ok("abc".to_owned());

    assert_eq!(find("GET", &[foreign]), Err(CredentialError::Missing));
    assert_eq!(find("GET", &[foreign, ("authorization", "Bearer abc")]), ok);
    assert_eq!(find("GET", &[("cookie", "x=é; __Host-token=abc; y=ü")]), ok);
    let ours = [("cookie", "__Host-token=é")];
    assert_eq!(find("GET", &ours), Err(CredentialError::Malformed));
}

#[test]
fn s5_a_cleared_cookie_counts_as_absent() {
    let cleared = ("cookie", "__Host-token=; __Host-token= ");

    assert_eq!(find("GET", &[cleared]), Err(CredentialError::Missing));
    assert_eq!(find("POST", &[cleared, ("authorization", "Bearer abc")]), Ok("abc".into()));
    assert_eq!(find("GET", &[cleared, ("cookie", "__Host-token=abc")]), Ok("abc".into()));
}

#[test]
fn row_33_only_host_cookies_can_be_configured() {
    for name in ["token", "__Secure-token", "__Host-", "__host-token", "__Host-a=b", "__Host-a;b"] {
        assert_eq!(Carriers::bearer().or_cookie(name).unwrap_err(), CookieNameError, "{name}");
    }
}

#[test]
fn row_33_unsafe_cookie_requests_must_come_from_this_origin() {
    let cookie = ("cookie", "__Host-token=abc");
    let host = ("host", "api.example");
    let ok = Ok("abc".to_owned());
    let cross = Err(CredentialError::CrossSite);
    let rows: &[Row<'_>] = &[
        ("GET", &[], &ok),
        ("GET", &[("sec-fetch-site", "cross-site")], &ok),
        ("GET", &[("upgrade", "websocket"), ("origin", "https://evil.example")], &cross),
        ("POST", &[], &cross),
        ("POST", &[("sec-fetch-site", "same-origin")], &ok),
        ("POST", &[("sec-fetch-site", "same-site")], &cross),
        ("POST", &[("sec-fetch-site", "cross-site"), ("origin", "https://api.example")], &cross),
        ("POST", &[("origin", "https://api.example")], &ok),
        ("POST", &[("origin", "https://api.example.evil")], &cross),
        ("DELETE", &[("origin", "null")], &cross),
    ];

    for (method, headers, expected) in rows {
        let headers: Vec<_> = [cookie, host].into_iter().chain(headers.iter().copied()).collect();
        assert_eq!(&find(method, &headers), *expected, "{method} {headers:?}");
    }
}

#[test]
fn a_trusted_origin_may_send_cookies_across_sites() {
    let carriers =
        Carriers::bearer().or_cookie("__Host-token").unwrap().trust_origin("https://app.example");
    let headers = [
        ("cookie", "__Host-token=abc"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://app.example"),
    ];

    assert_eq!(bearer(carriers.find(&parts("POST", &headers), None)), Ok("abc".into()));
}

#[test]
fn a_bearer_needs_no_origin() {
    let headers = [("authorization", "Bearer abc"), ("sec-fetch-site", "cross-site")];

    assert_eq!(find("POST", &headers), Ok("abc".into()));
}

#[test]
fn a_form_is_wanted_only_where_rfc_6750_allows_it() {
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let carriers = Carriers::bearer().or_form();

    assert!(carriers.wants_form(&parts("POST", &[form])));
    assert!(!carriers.wants_form(&parts("GET", &[form])));
    assert!(!carriers.wants_form(&parts("POST", &[("content-type", "multipart/form-data")])));
    assert!(!Carriers::bearer().wants_form(&parts("POST", &[form])));
}

#[test]
fn a_form_carries_the_token_once() {
    let carriers = Carriers::bearer().or_form();
    let body = |text: &str| bearer(carriers.find(&parts("POST", &[]), Some(text.as_bytes())));

    assert_eq!(body("a=1&access_token=abc&b=2"), Ok("abc".into()));
    assert_eq!(body("access_token=a&access_token=b"), Err(CredentialError::Several));
    assert_eq!(body("access_token="), Err(CredentialError::Malformed));
    assert_eq!(body("a=1"), Err(CredentialError::Missing));
}
