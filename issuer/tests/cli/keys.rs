//! `keys`: rotate, withdraw, import.

use serde_json::{Value, json};

use crate::Desk;

fn states(keys: &Value, algorithm: &str) -> Vec<String> {
    let keys = keys["keys"].as_array().unwrap().iter();
    let ring = keys.filter(|key| key["algorithm"] == algorithm);
    let mut states: Vec<_> = ring.map(|key| key["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states
}

#[test]
fn keys_rotate_withdraw_and_import() {
    let desk = Desk::new();
    let before = desk.json("keys list");

    let rotated = desk.json("keys rotate");
    let again = desk.json("keys rotate");
    let active = before["keys"][0]["kid"].as_str().unwrap();
    let withdrawn = desk.json(&format!("keys withdraw {active}"));
    let key = countersign_keys::SigningKey::generate(
        countersign_keys::Algorithm::Es256,
        countersign_keys::signing_key::KeySize::Default,
    )
    .unwrap();
    std::fs::write(desk.path("key.pem"), key.to_pem().unwrap().as_bytes()).unwrap();
    let imported = desk.json("keys import key.pem");
    desk.json(&format!("keys withdraw {}", key.kid()));
    let (code, refused) = desk.failure("keys import key.pem");
    let last = desk.json("keys list");
    let (_, gone) = desk.failure(&format!("keys withdraw {}", key.kid()));

    assert_eq!(states(&before, "ES256"), ["active"]);
    assert_eq!(states(&rotated, "ES256"), ["active", "pending", "pending"]);
    assert_eq!(again["rotated"], json!([]), "it is asked for already");
    assert_eq!(states(&withdrawn, "ES256"), ["active", "pending"], "the successor took over");
    assert_eq!(imported["imported"], key.kid().as_ref());
    assert_eq!((code, &refused["error"]), (1, &json!("key_withdrawn")));
    assert!(refused["hint"].as_str().unwrap().contains("make a new key"), "{refused}");
    assert_eq!(gone["error"], "not_found");
    assert_eq!(states(&imported, "ES256"), ["active", "pending", "pending"]);
    assert_eq!(states(&last, "ES256"), ["active", "pending"], "one is always published");
}
