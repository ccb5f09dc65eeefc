//! Encrypted tokens with foreign libraries: they open what the issuer encrypts, and the SDK opens and verifies what they do.

use countersign_keys::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::Verifier;
use countersign_verifier::jwe::DecryptionKeys;
use end_to_end::harness::{Deployment, Node, READ, foreign_encryption};
use josekit::jwk::Jwk;
use serde_json::{Value, json};

/// A private key of the service, as josekit makes it, by the name of its curve or none.
fn service_key(algorithm: KeyManagement, curve: Option<&str>) -> Value {
    let jwk = match (algorithm, curve) {
        (KeyManagement::RsaOaep256, _) => Jwk::generate_rsa_key(2048),
        (_, Some("P-384")) => Jwk::generate_ec_key(josekit::jwk::P_384),
        _ => Jwk::generate_ec_key(josekit::jwk::P_256),
    };
    let mut jwk = jwk.expect("a key");
    jwk.set_key_use("enc");
    jwk.set_algorithm(algorithm.name());
    jwk.set_key_id(format!("service-{}", curve.unwrap_or("rsa")));
    json!(jwk.as_ref())
}

fn decryption_key(jwk: &Value) -> DecryptionKey {
    DecryptionKey::from_jwk(&jwk.to_string()).expect("a good key")
}

/// What a foreign library is given: a token that the issuer encrypted, and what is inside.
async fn wish(
    deployment: &Deployment,
    node: &Node,
    (algorithm, encryption, curve): (KeyManagement, ContentEncryption, Option<&str>),
) -> Value {
    let jwk = service_key(algorithm, curve);
    let public = json!({ "keys": [decryption_key(&jwk).encryption_key().to_jwk()] });
    let name = format!("{}-{}-{}", algorithm.name(), encryption.name(), curve.unwrap_or_default());
    let file = deployment.path("").join("encryption.json");
    std::fs::write(&file, public.to_string()).expect("the folder can be written");
    let resource = format!("https://{}.example", name.to_lowercase().replace('+', "-"));
    let file = file.to_str().expect("a path");
    let create = ["resource", "create", &resource, "--scope", READ, "--encryption-jwks-file", file];
    deployment.cli(&[&create[..], &["--encryption-enc", encryption.name()]].concat()).await;
    let id = name.replace('+', "-");
    let mut app = deployment.app_of(&id, &["--resource", &resource, "--scope", READ]).await;
    app.resource.clone_from(&resource);
    node.knows(&app).await;

    let encrypted = node.token(&app).await;

    let opened = countersign_keys::jwe::EncryptedToken::parse_within(&encrypted, 16 * 1024);
    let signed = opened.and_then(|token| token.open_token(&decryption_key(&jwk)));
    json!({
        "key": jwk, "alg": algorithm.name(), "enc": encryption.name(), "resource": resource,
        "signed": signed.expect("it opens"), "encrypted": encrypted,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn jose_jwcrypto_and_joserfc_open_what_we_encrypt_and_the_sdk_what_they_encrypt() {
    let deployment = Deployment::sqlite();
    let node = deployment.start().await;
    let mut wishes = Vec::new();
    for encryption in ContentEncryption::ALL {
        wishes.push(wish(&deployment, &node, (KeyManagement::RsaOaep256, encryption, None)).await);
        for algorithm in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA256Kw] {
            for curve in ["P-256", "P-384"] {
                let kind = (algorithm, encryption, Some(curve));
                wishes.push(wish(&deployment, &node, kind).await);
            }
        }
    }
    let jwks = node.text(&format!("{}/jwks", node.url)).await;
    let allowed = [Algorithm::Es256, Algorithm::Rs256];
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &allowed).expect("a key set");

    for library in ["jose", "jwcrypto", "joserfc"] {
        let answers = foreign_encryption(library, &json!(wishes)).await;
        let answers = answers.unwrap_or_else(|error| panic!("{library}: {error}"));
        for (wish, answer) in wishes.iter().zip(answers.as_array().expect("a list")) {
            let about = format!("{library}, {}, {}", wish["alg"], wish["enc"]);
            assert_eq!((&answer["opened"], &answer["cty"]), (&wish["signed"], &json!("JWT")));
            let verifier = Verifier::builder(&deployment.issuer)
                .audience(wish["resource"].as_str().expect("a name"))
                .decryption_keys(DecryptionKeys::new([decryption_key(&wish["key"])]).required())
                .build_with(keys.clone())
                .expect("a verifier");
            let theirs = answer["encrypted"].as_str().expect("a token");
            assert_ne!(wish["encrypted"], theirs, "{about}");
            verifier.try_verify(theirs).unwrap_or_else(|error| panic!("{about}: {error}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_registers_what_can_be_encrypted_and_refuses_the_rest() {
    let deployment = Deployment::sqlite();
    let file = |name: &str, content: &Value| {
        let file = deployment.path(name);
        std::fs::write(&file, content.to_string()).expect("the folder can be written");
        file.to_str().expect("a path").to_owned()
    };
    let jwk = service_key(KeyManagement::EcdhEs, Some("P-256"));
    let good = json!({ "keys": [decryption_key(&jwk).encryption_key().to_jwk()] });
    let (good, private) =
        (file("good.json", &good), file("private.json", &json!({ "keys": [jwk] })));
    let none = file("none.json", &json!({ "keys": [] }));
    let web = ["--redirect-uri", "https://web.example/cb", "--scope", "openid"];
    let with = |more: &[&'static str], file: &str| {
        let arguments = [&web[..], more].concat().iter().map(|one| (*one).to_owned()).collect();
        [arguments, vec!["--encryption-jwks-file".to_owned(), file.to_owned()]].concat()
    };
    let create = async |id: &str, arguments: Vec<String>| {
        let grants = ["client", "create", id, "--grant", "authorization_code"];
        let arguments = arguments.iter().map(String::as_str);
        let all: Vec<&str> = grants.into_iter().chain(arguments).collect();
        deployment.try_cli_with(&all, "").await
    };
    let id_token: &[&str] = &["--id-token-encryption-alg", "ECDH-ES"];
    let userinfo: &[&str] = &["--userinfo-encryption-alg", "ECDH-ES"];
    let signed: &[&str] = &["--userinfo-encryption-alg", "ECDH-ES", "--userinfo-alg", "RS256"];

    let made = create("good", with(id_token, &good)).await.expect("a client");
    assert_eq!(made["sign_in"]["id_token_encrypted_response_alg"], "ECDH-ES");
    assert!(create("signed", with(signed, &good)).await.is_ok());
    for (id, arguments) in [
        ("unsigned", with(userinfo, &good)),
        ("private", with(id_token, &private)),
        ("none", with(id_token, &none)),
        ("absent", with(id_token, "/nowhere.json")),
        ("rsa", with(&["--id-token-encryption-alg", "RSA-OAEP-256"], &good)),
        ("old", with(&["--id-token-encryption-alg", "RSA1_5"], &good)),
        ("enc", with(&["--id-token-encryption-enc", "A256GCM"], &good)),
    ] {
        assert!(create(id, arguments).await.is_err(), "{id}");
    }
    let small = ["resource", "create", "https://small.example", "--max-token-bytes", "512"];
    let small = [&small[..], &["--scope", READ, "--encryption-jwks-file", &good]].concat();
    deployment.cli(&small).await;
    let wants = ["client", "create", "wants", "--grant", "client_credentials"];
    let wants = [&wants[..], &["--resource", "https://small.example", "--scope", READ]].concat();
    assert!(deployment.try_cli_with(&wants, "").await.is_err(), "its tokens would be too large");
}
