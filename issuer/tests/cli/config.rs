//! `config`, and what the environment may say.

use serde_json::json;

use crate::Desk;

#[test]
fn the_example_configuration_is_valid() {
    let desk = Desk::new();

    let example = desk.output("config example");
    std::fs::write(desk.path("countersign.toml"), &example.stdout).unwrap();
    let checked = desk.json("config check");

    let nothing: Vec<String> = Vec::new();
    assert_eq!((&checked["valid"], &checked["warnings"]), (&json!(true), &json!(nothing)));
}

#[test]
fn a_master_key_in_the_environment_needs_no_file_and_is_shown_by_no_command() {
    let desk = Desk::new();
    let key = "5a".repeat(32);
    let run = |arguments: &str, key: &str| {
        let mut command = desk.command(arguments);
        let output = command.env("COUNTERSIGN_MASTER_KEY", key).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&printed).into_owned())
    };

    let made = run("keys list --json", &key);
    let examined = run("doctor", &key);
    let other = run("keys rotate", &"5b".repeat(32));
    let without = desk.failure("keys rotate");
    let rotating = run("keys list", &format!("{},{key}", "5b".repeat(32)));
    let rotated = run("keys rotate", &"5b".repeat(32));

    assert_eq!(made.0, 0, "{}", made.1);
    assert!(!desk.path("data/master.key").exists());
    assert!(examined.1.contains("in the environment (1)"), "{}", examined.1);
    assert!(other.0 == 1 && other.1.contains("not among those configured"), "{}", other.1);
    assert_eq!((without.0, &without.1["error"]), (1, &json!("master_key_missing")));
    assert_eq!((rotating.0, rotated.0), (0, 0), "{}", rotated.1);
    for (_, printed) in [made, examined, other, rotating, rotated] {
        assert!(!printed.contains("5a5a") && !printed.contains("5b5b"), "{printed}");
    }
}

#[test]
fn a_variable_that_is_no_text_is_not_as_if_it_were_absent() {
    use std::os::unix::ffi::OsStrExt as _;
    let desk = Desk::new();
    let bytes = std::ffi::OsStr::from_bytes(b"canary\xff");

    for name in ["COUNTERSIGN_MASTER_KEY", "COUNTERSIGN_DATA_DIR", "COUNTERSIGN_CONFIG"] {
        let output = desk.command("keys list").env(name, bytes).output().unwrap();

        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said.contains(name) && !said.contains("canary"), "{said}");
        assert!(!desk.path("data").exists(), "{name}");
    }
}

#[test]
fn a_master_key_that_cannot_be_had_stops_what_needs_it_and_nothing_else() {
    for lost in [None, Some("not a key")] {
        let desk = Desk::new();
        desk.json("client create orders --grant client_credentials");
        let file = desk.path("data/master.key");
        match lost {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }

        let disabled = desk.json("client update orders --disable");
        let (_, rotated) = desk.failure("keys rotate");
        let (_, served) = desk.failure("serve");

        assert_eq!(disabled["enabled"], false);
        let code = if lost.is_none() { "master_key_missing" } else { "master_key_unusable" };
        assert_eq!((&rotated["error"], &served["error"]), (&json!(code), &json!(code)));
        assert_eq!(file.exists(), lost.is_some(), "a new master key would hide the loss");
    }
}
