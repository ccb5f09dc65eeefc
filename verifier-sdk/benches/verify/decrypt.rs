//! Decryption of a token beside its bare primitives.

use std::hint::black_box;

use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::KeyWrap as _;
use aws_lc_rs::{aead, agreement, cipher, hmac, kdf, key_wrap, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::Algorithm;
use countersign_keys::jwe::{ContentEncryption, DecryptionKey, EncryptedToken, KeyManagement};
use countersign_verifier::testing::TestIssuer;
use serde_json::json;

use crate::{
    Contender, ISSUER, OURS, access_token, interleaved, nanos, print, quiet, ratio, round,
};

/// Each algorithm with each encryption.
pub(crate) fn measure() {
    for algorithm in KeyManagement::ALL {
        for encryption in ContentEncryption::ALL {
            decrypt(algorithm, encryption);
        }
    }
}

fn decrypt(algorithm: KeyManagement, encryption: ContentEncryption) {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Es256);
    let jwk = private_jwk(algorithm);
    let key = DecryptionKey::from_jwk(&jwk.to_string()).unwrap();
    let token = key.encryption_key().encrypt(&access_token(&issuer).mint(), encryption).unwrap();
    let bare = bare_decryption(&jwk, &token);
    let ours = || {
        let encrypted = EncryptedToken::parse_within(black_box(&token), 16 * 1024).unwrap();
        assert!(encrypted.open_token(&key).is_ok());
    };
    let contenders: Vec<Contender<'_>> =
        vec![("bare", Box::new(bare)), ("countersign", Box::new(ours))];
    let rounds = interleaved(&contenders, 4);
    print(&json!({
        "bench": "decrypt", "algorithm": algorithm.name(), "encryption": encryption.name(),
        "token_bytes": token.len(), "bare_ns": nanos(quiet(&rounds[0])),
        "ns": nanos(quiet(&rounds[OURS])),
        "countersign_divided_by_bare": round(ratio(&rounds[OURS], &rounds[0])),
    }));
}

fn private_jwk(algorithm: KeyManagement) -> serde_json::Value {
    let mut jwk = match algorithm {
        KeyManagement::RsaOaep256 => josekit::jwk::Jwk::generate_rsa_key(2048).unwrap(),
        _ => josekit::jwk::Jwk::generate_ec_key(josekit::jwk::P_256).unwrap(),
    };
    jwk.set_algorithm(algorithm.name());
    json!(jwk.as_ref())
}

fn member(object: &serde_json::Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(object[name].as_str().unwrap()).unwrap()
}

/// aws-lc-rs alone, with the keys and the decoded parts at hand.
fn bare_decryption(jwk: &serde_json::Value, token: &str) -> impl Fn() + use<> {
    let texts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let parts: Vec<Vec<u8>> =
        texts.iter().map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let header: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
    let content_key = bare_content_key(jwk, &header, parts[1].clone());
    move || {
        let key = content_key();
        let mut content = parts[3].clone();
        let aad = texts[0].as_bytes();
        if header["enc"] == "A256GCM" {
            content.extend_from_slice(&parts[4]);
            let key = aead::RandomizedNonceKey::new(&aead::AES_256_GCM, &key).unwrap();
            let nonce = aead::Nonce::try_assume_unique_for_key(&parts[2]).unwrap();
            black_box(key.open_in_place(nonce, aead::Aad::from(aad), &mut content).unwrap());
        } else {
            let mac = hmac::Key::new(hmac::HMAC_SHA256, &key[..16]);
            let mut tag = hmac::Context::with_key(&mac);
            let bits = (aad.len() as u64 * 8).to_be_bytes();
            for part in [aad, &parts[2], &content, &bits] {
                tag.update(part);
            }
            assert_eq!(&tag.sign().as_ref()[..16], &*parts[4]);
            let key = cipher::UnboundCipherKey::new(&cipher::AES_128, &key[16..]).unwrap();
            let key = cipher::PaddedBlockDecryptingKey::cbc_pkcs7(key).unwrap();
            let vector = FixedLength::try_from(&*parts[2]).unwrap();
            let vector = cipher::DecryptionContext::Iv128(vector);
            black_box(key.decrypt(&mut content, vector).unwrap());
        }
    }
}

fn bare_content_key(
    jwk: &serde_json::Value,
    header: &serde_json::Value,
    encrypted: Vec<u8>,
) -> Box<dyn Fn() -> [u8; 32]> {
    if header["alg"] == "RSA-OAEP-256" {
        let pair = josekit::jwk::alg::rsa::RsaKeyPair::from_jwk(
            &josekit::jwk::Jwk::from_map(jwk.as_object().unwrap().clone()).unwrap(),
        );
        let key = rsa::PrivateDecryptingKey::from_pkcs8(&pair.unwrap().to_der_private_key());
        let key = rsa::OaepPrivateDecryptingKey::new(key.unwrap()).unwrap();
        return Box::new(move || {
            let mut opened = [0; 256];
            let oaep = &rsa::OAEP_SHA256_MGF1SHA256;
            let opened = key.decrypt(oaep, &encrypted, &mut opened, None).unwrap();
            opened.try_into().unwrap()
        });
    }
    let curve = &agreement::ECDH_P256;
    let key = agreement::PrivateKey::from_private_key(curve, &member(jwk, "d")).unwrap();
    let epk = &header["epk"];
    let point = [vec![4], member(epk, "x"), member(epk, "y")].concat();
    let wraps = header["alg"] != "ECDH-ES";
    let purpose = header[if wraps { "alg" } else { "enc" }].as_str().unwrap().as_bytes();
    let size = u32::try_from(purpose.len()).unwrap().to_be_bytes();
    let info = [&size[..], purpose, &[0; 8], &256_u32.to_be_bytes()].concat();
    Box::new(move || {
        let mut agreed = [0; 32];
        let theirs = agreement::UnparsedPublicKey::new(curve, &point);
        agreement::agree(&key, theirs, (), |secret| {
            let sha256 =
                kdf::get_sskdf_digest_algorithm(kdf::SskdfDigestAlgorithmId::Sha256).unwrap();
            kdf::sskdf_digest(sha256, secret, &info, &mut agreed).map_err(|_| ())
        })
        .unwrap();
        if !wraps {
            return agreed;
        }
        let mut unwrapped = [0; 40];
        let key = key_wrap::AesKek::new(&key_wrap::AES_256, &agreed).unwrap();
        (*key.unwrap(&encrypted, &mut unwrapped).unwrap()).try_into().unwrap()
    })
}
