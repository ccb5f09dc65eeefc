//! `token`: get one, and explain one.

use serde_json::{Value, json};

use crate::Desk;

/// A token of an issuer on this desk, without a server: signed with the key that its database holds.
fn token(desk: &Desk) -> String {
    let config = countersign::config::Config {
        data_dir: desk.path("data"),
        ..countersign::config::Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = countersign::clock::Clock::system();
        let app = countersign::app::App::open(config, clock.clone()).await.unwrap();
        let claims = json!({
            "iss": "http://localhost:8080", "aud": "https://payments.example", "sub": "orders",
            "client_id": "orders", "idtyp": "app", "scope": "payments:read", "jti": "1",
            "iat": clock.now(), "exp": clock.now() + 60,
        });
        let es256 = countersign_keys::Algorithm::Es256;
        app.keychain
            .live()
            .sign(
                countersign::signing::TokenType::AccessToken,
                es256,
                claims.to_string().as_bytes(),
            )
            .unwrap()
    })
}

#[test]
fn a_token_is_explained_by_the_database_when_no_server_runs() {
    let desk = Desk::new();
    // Nothing is ever asked for at a port that a test does not own.
    std::fs::write(
        desk.path("countersign.toml"),
        "listen = ['127.0.0.1:9']\nissuer = 'http://localhost:8080'",
    )
    .unwrap();
    let token = token(&desk);

    let good = desk.json(&format!("token explain {token}"));
    let printed = desk.output(&format!("token explain {token}"));
    let (start, end) = token.split_at(token.len() - 20);
    let forged = format!("{start}{}{}", if end.starts_with('A') { 'B' } else { 'A' }, &end[1..]);
    let refused = desk.output(&format!("token explain {forged} --json"));
    let elsewhere = desk.failure(&format!("token explain {token} --issuer http://localhost:9"));
    let fresh = Desk::new();
    fresh.failure("token explain abc --issuer http://localhost:9");

    assert_eq!(
        (&good["valid"], good["keys_from"].as_str().unwrap()),
        (&json!(true), "the database of the configuration")
    );
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(
        printed.ends_with("The token is good, by the keys of the database of the configuration.\n"),
        "{printed}"
    );
    assert_eq!(refused.status.code(), Some(1));
    let refused: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(refused["valid"], false);
    let failed =
        refused["checks"].as_array().unwrap().iter().find(|check| check["outcome"] == "failed");
    assert!(failed.is_some(), "{refused}");
    assert_eq!(elsewhere.1["error"], "verifier");
    assert!(elsewhere.1["hint"].as_str().unwrap().contains("--issuer"), "{}", elsewhere.1);
    assert!(!fresh.path("data").exists(), "an explanation makes nothing");
}

#[test]
fn a_request_that_reaches_nobody_says_so_in_words() {
    let desk = Desk::new();
    std::fs::write(desk.path("secret"), "s").unwrap();

    let ask = "token request --client-id orders --client-secret-file secret --issuer";
    let (_, refused) = desk.failure(&format!("{ask} http://localhost:9"));
    let (_, no_url) = desk.failure(&format!("{ask} ftp://localhost"));

    assert!(refused["message"].as_str().unwrap().contains("refused"), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("whether the issuer runs"), "{refused}");
    assert!(no_url["message"].as_str().unwrap().contains("not an http or https URL"), "{no_url}");
}
