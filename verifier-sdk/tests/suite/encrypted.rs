//! Encrypted tokens at a verifier: opened by the right key and then judged as any other, and refused in every other case.

use countersign_keys::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use countersign_verifier::jwe::DecryptionKeys;
use countersign_verifier::testing::{Attack, TestClock, TestIssuer, TestToken};
use countersign_verifier::{AuthenticationRequest, RelyingParty, TokenCache, Verifier};

use super::{AUDIENCE, CLIENT, ISSUER, NOW, code};

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER).clock(TestClock::at(NOW))
}

fn key(algorithm: KeyManagement) -> DecryptionKey {
    DecryptionKey::generate(algorithm).unwrap()
}

fn token(issuer: &TestIssuer) -> TestToken<'_> {
    issuer.app_token("orders").audience(AUDIENCE)
}

fn verifier(issuer: &TestIssuer, keys: DecryptionKeys) -> Verifier {
    Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .clock(TestClock::at(NOW))
        .decryption_keys(keys)
        .build_with(issuer.jwk_set())
        .unwrap()
}

#[test]
fn a_token_is_opened_by_the_key_that_it_names_and_verified() {
    let issuer = issuer();
    for algorithm in KeyManagement::ALL {
        let (old, new) = (key(algorithm), key(algorithm));
        let to_old = token(&issuer).encrypted_to(old.encryption_key());
        let to_new = token(&issuer).encrypted_to(new.encryption_key());
        let plain = token(&issuer).mint();

        let verifier = verifier(&issuer, DecryptionKeys::new([old, new]));

        for token in [to_old, to_new, plain] {
            assert_eq!(verifier.try_verify(&token).unwrap().client_id(), "orders");
        }
    }
}

#[test]
fn without_its_key_a_token_is_refused_with_the_cause() {
    let issuer = issuer();
    let encrypted = token(&issuer).encrypted_to(key(KeyManagement::EcdhEs).encryption_key());

    assert_eq!(code(issuer.verifier(AUDIENCE).try_verify(&encrypted)), "token_encrypted");
    let keys = DecryptionKeys::new([key(KeyManagement::EcdhEs)]);
    assert_eq!(code(verifier(&issuer, keys).try_verify(&encrypted)), "unknown_decryption_key");
}

#[test]
fn where_encryption_is_required_a_plain_token_is_refused() {
    let issuer = issuer();
    let key = key(KeyManagement::EcdhEs);
    let encrypted = token(&issuer).encrypted_to(key.encryption_key());

    let verifier = verifier(&issuer, DecryptionKeys::new([key]).required());

    assert!(verifier.try_verify(&encrypted).is_ok());
    assert_eq!(code(verifier.try_verify(&token(&issuer).mint())), "token_not_encrypted");
}

#[test]
fn j16_what_is_inside_must_be_a_good_signed_token() {
    let issuer = issuer();
    let key = key(KeyManagement::EcdhEs);
    let public = key.encryption_key().clone();
    let verifier = verifier(&issuer, DecryptionKeys::new([key]));
    let encrypted = |inside: &str| public.encrypt(inside, ContentEncryption::A256Gcm).unwrap();

    for attack in Attack::ALL.iter().filter(|attack| **attack != Attack::TooLong) {
        let hostile = token(&issuer).hostile(*attack);
        assert_eq!(code(verifier.try_verify(&encrypted(&hostile))), attack.expected_code());
    }
    // A claims set that nobody signed, and a token in a token in a token.
    let claims = token(&issuer).payload_json();
    assert_eq!(code(verifier.try_verify(&encrypted(&claims))), "invalid_base64url");
    let twice = encrypted(&token(&issuer).encrypted_to(&public));
    assert_eq!(code(verifier.try_verify(&twice)), "token_encrypted");
}

#[test]
fn every_refusal_looks_the_same_from_outside() {
    let issuer = issuer();
    let key = key(KeyManagement::RsaOaep256);
    let good = token(&issuer).encrypted_to(key.encryption_key());
    let verifier = verifier(&issuer, DecryptionKeys::new([key]));
    let (head, tail) = good.split_at(good.len() - 3);
    let altered_tag = format!("{head}{}", if tail == "AAA" { "BBB" } else { "AAA" });
    let (header, rest) = good.split_once('.').unwrap();
    let altered_key =
        format!("{header}.{}{}", if rest.starts_with('A') { 'B' } else { 'A' }, &rest[1..]);

    let one = verifier.try_verify(&altered_tag).unwrap_err();
    let other = verifier.try_verify(&altered_key).unwrap_err();

    assert_eq!(one, other);
    assert_eq!(one.status(), 401);
    assert_eq!(verifier.challenges(&one), verifier.challenges(&other));
}

#[test]
fn a_remembered_verdict_is_of_the_encrypted_token() {
    let issuer = issuer();
    let key = key(KeyManagement::EcdhEs);
    let encrypted = token(&issuer).encrypted_to(key.encryption_key());
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .clock(TestClock::at(NOW))
        .token_cache(TokenCache::default())
        .decryption_keys(DecryptionKeys::new([key]).required())
        .build_with(issuer.jwk_set())
        .unwrap();

    assert!(verifier.try_verify(&encrypted).is_ok());
    assert!(verifier.try_verify(&encrypted).is_ok());
    assert_eq!(verifier.metrics().cache_hits, Some(1));
}

#[test]
fn keys_that_cannot_be_told_apart_are_refused_when_the_verifier_is_built() {
    let pem = include_str!("../../../keys/tests/vectors/openssl/p256_pkcs8.pem");
    let key = || DecryptionKey::from_pem(pem, KeyManagement::EcdhEs, None).unwrap();
    let build = |keys| {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).decryption_keys(keys);
        builder.build_with(issuer().jwk_set())
    };

    assert!(build(DecryptionKeys::new([key(), key()])).is_err());
    assert!(build(DecryptionKeys::new([])).is_err());
    assert!(build(DecryptionKeys::new([key()])).is_ok());
}

#[tokio::test]
async fn an_id_token_is_opened_too() {
    let issuer = issuer();
    let key = key(KeyManagement::EcdhEsA256Kw);
    let encrypted = issuer.id_token("ada", CLIENT).encrypted_to(key.encryption_key());
    let client = RelyingParty::builder(ISSUER, CLIENT)
        .clock(TestClock::at(NOW))
        .decryption_keys(DecryptionKeys::new([key]))
        .build_with(issuer.jwk_set())
        .unwrap();

    let id_token = client.verify_id_token(&encrypted, &AuthenticationRequest::new()).await.unwrap();

    assert_eq!(id_token.subject(), "ada");
}

#[test]
fn an_explanation_opens_the_token_or_says_why_not() {
    let issuer = issuer();
    let key = key(KeyManagement::EcdhEs);
    let encrypted = token(&issuer).encrypted_to(key.encryption_key());
    let verifier = verifier(&issuer, DecryptionKeys::new([key]));

    let good = verifier.explain(&encrypted);
    let bad = issuer.verifier(AUDIENCE).explain(&encrypted);

    assert!(good.iter().all(|line| line.code.is_none()), "{good:?}");
    assert_eq!(bad[0].code, Some("token_encrypted"));
}
