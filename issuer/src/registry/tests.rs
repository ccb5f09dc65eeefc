//! The rules of names, and that a snapshot is complete after its changes.

use super::*;

fn client(id: &str) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        name: None,
        grants: vec!["client_credentials".to_owned()],
        auth: ClientAuthentication::ClientSecretBasic,
        secrets: Vec::new(),
        keys: ClientKeys::None,
        token_endpoint_audience: false,
        dpop_bound_access_tokens: false,
        fapi2: false,
        certificate_subject: None,
        tls_client_certificate_bound_access_tokens: false,
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: Vec::new(),
        sign_in: None,
        permissions: Vec::new(),
        enabled: true,
    }
}

#[test]
fn r32_a_client_id_never_looks_like_a_user_id() {
    let shapes = [
        "0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77",
        "0190A6E2-7C1B-7C3A-9B1E-2F6F3C1D5A77",
        "0190a6e27c1b7c3a9b1e2f6f3c1d5a77",
    ];

    let refused = shapes.map(|shape| ClientId::parse(shape).unwrap_err().to_string());

    assert!(refused.iter().all(|words| words.contains("UUID")), "{refused:?}");
}

#[test]
fn a_client_id_is_1_to_64_unreserved_characters() {
    let longest = "x".repeat(64);
    let too_long = "x".repeat(65);

    for good in ["orders", "a", "A.b_c~d-1", &longest] {
        assert_eq!(ClientId::parse(good).unwrap().as_str(), good);
    }

    for bad in ["", "a b", "a/b", "a:b", "ä", "a\0", "a%20", &too_long] {
        assert!(ClientId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_scope_token_has_the_alphabet_of_rfc_6749() {
    for byte in 0..=127_u8 {
        let token = char::from(byte).to_string();
        let legal = (0x21..=0x7E).contains(&byte) && byte != b'"' && byte != b'\\';
        assert_eq!(parse_scope_token(&token).is_ok(), legal, "{byte:#x}");
    }
    assert!(parse_scope_token("").is_err());
    assert!(parse_scope_token("é").is_err());
    assert_eq!(parse_scope_tokens(" a  b a ").unwrap(), ["a", "b"]);
}

#[test]
fn a_resource_identifier_is_an_absolute_uri_without_a_fragment() {
    for good in ["https://payments.example", "http://localhost:9090/", "urn:example:api", "api://x"]
    {
        assert_eq!(parse_resource_identifier(good).unwrap(), good);
    }
    for bad in ["", "payments", "/payments", "https://a.example/#x", "https://a b", "https://u:p@a"]
    {
        assert!(parse_resource_identifier(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_username_is_one_user_in_every_spelling() {
    assert_eq!(username_key("Ada"), username_key("aDA"));
    assert!(parse_username("0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77").is_err());
    assert!(parse_username("a da").is_err());
    assert!(parse_email("ada@example.com").is_ok());
    assert!(parse_email("ada").is_err());
}

#[test]
fn a_message_never_carries_control_characters() {
    let message = parse_role("a\u{1b}[31m\n").unwrap_err().to_string();

    assert!(!message.chars().any(char::is_control), "{message:?}");
}

#[test]
fn changes_replace_add_and_remove() {
    let before = Registry::default().apply(Changes {
        generation: Generation(3),
        clients: vec![client("orders"), client("stock")],
        resources: vec![Resource::new("https://a.example", Vec::new()).unwrap()],
        ..Changes::default()
    });

    let after = before.apply(Changes {
        generation: Generation(5),
        clients: vec![Client { enabled: false, ..client("orders") }],
        deleted_clients: vec![ClientId::parse("stock").unwrap()],
        deleted_resources: vec!["https://a.example".to_owned()],
        ..Changes::default()
    });

    assert_eq!(after.generation(), Generation(5));
    assert!(!after.client("orders").unwrap().enabled);
    assert!(after.client("stock").is_none() && after.resource("https://a.example").is_none());
    assert!(before.client("stock").is_some(), "a snapshot never changes");
}
