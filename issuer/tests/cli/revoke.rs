//! `countersign revoke`: what is named, why, and the record of it.

use serde_json::json;

use crate::Desk;

/// A user and a client, in a folder with keys.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.json_with("user create ada --password-stdin", "correct horse battery");
    desk.json(
        "client create web --grant authorization_code --redirect-uri https://web.example/cb \
         --scope openid --resource https://payments.example --scope payments:read",
    );
    desk
}

#[test]
fn whatever_can_be_named_can_be_revoked() {
    let desk = desk();
    let sid = "01910000-0000-7000-8000-000000000001";
    for (arguments, revoked) in [
        ("--jti -Xq".to_owned(), "token -Xq".to_owned()),
        (format!("--sid {sid}"), format!("session {sid}")),
        ("--user ada".to_owned(), "all that user ada has".to_owned()),
        ("--user crm:42".to_owned(), "all that user crm:42 has".to_owned()),
        ("--client web".to_owned(), "all that client web has".to_owned()),
        ("--user ada --client web".to_owned(), "what user ada gave to client web".to_owned()),
        (
            "--user ada --client web --scope payments:read --reason stolen".to_owned(),
            "scope payments:read of user ada at client web".to_owned(),
        ),
    ] {
        assert_eq!(desk.json(&format!("revoke {arguments}")), json!({ "revoked": revoked }));
    }
}

#[test]
fn a_key_that_is_revoked_is_withdrawn() {
    let desk = desk();
    let keys = desk.json("keys list");
    let kid = keys["keys"][0]["kid"].as_str().unwrap();

    let after = desk.json(&format!("revoke --kid {kid} --reason leaked"));

    assert_eq!(after["withdrawn"], kid);
    let left = after["keys"].as_array().unwrap();
    assert!(left.iter().all(|key| key["kid"] != kid) && !left.is_empty());
}

#[test]
fn a_database_that_was_restored_is_told_apart_from_what_it_was() {
    let desk = desk();
    let keys = desk.json("keys list");

    let restored = desk.json("restored");

    assert_eq!(restored["rotated"], json!(["ES256", "RS256"]));
    assert!(restored["keys"].as_array().unwrap().len() > keys["keys"].as_array().unwrap().len());
}

#[test]
fn nothing_is_revoked_by_mistake() {
    let desk = desk();
    for (arguments, code) in [
        ("", "usage"),
        ("--jti a --user ada", "usage"),
        ("--sid not-a-session", "usage"),
        ("--user ada --scope payments:read", "usage"),
        ("--client web --scope payments:read", "usage"),
        ("--scope payments:read", "usage"),
        ("--user nobody", "not_found"),
        ("--client nobody", "not_found"),
        ("--user ada --client nobody", "not_found"),
        ("--kid nothing", "not_found"),
    ] {
        assert_eq!(desk.failure(&format!("revoke {arguments}")).1["error"], code, "{arguments}");
    }
}

#[test]
fn a_service_that_only_asks_needs_no_grant() {
    let desk = desk();

    let made = desk.json("client create asker --introspects https://payments.example");
    let more = desk.json("client update asker --remove-introspects https://payments.example");
    let unknown = desk.failure("client create other --introspects https://nowhere.example");
    let public = desk.failure(
        "client create spa --grant authorization_code --redirect-uri https://spa.example/cb \
         --auth none --introspects https://payments.example",
    );

    assert_eq!(
        (&made["introspects"], &made["grants"]),
        (&json!(["https://payments.example"]), &json!([]))
    );
    assert!(made["client_secret"].is_string());
    assert_eq!(more["introspects"], json!([]));
    assert_eq!(unknown.1["error"], "not_found");
    assert_eq!(public.1["error"], "introspection_refused");
}
