//! Import and export: PKCS#8, PKCS#1, SEC1, JWK, and what the OpenSSL command line makes.

use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, KeyError, SigningKey, VerifyingKey};
use serde_json::Value;

use crate::forge::{all_algorithms, key, pem_begin};

macro_rules! openssl {
    ($file:literal) => {
        include_str!(concat!("../vectors/openssl/", $file, ".pem"))
    };
}

/// The key signs, and the original public key accepts it.
fn is_same(original: &SigningKey, copy: &SigningKey) {
    let signature = copy.sign(b"message").unwrap();

    assert_eq!(copy.kid(), original.kid());
    assert_eq!(original.verifying_key().verify(b"message", signature.as_ref()), Ok(()));
}

#[test]
fn every_algorithm_goes_through_every_format_and_back() {
    for algorithm in all_algorithms() {
        let original = key(algorithm);

        let der = original.to_pkcs8_der().unwrap();
        is_same(original, &SigningKey::from_pkcs8_der(&der, algorithm).unwrap());
        let pem = original.to_pem().unwrap();
        assert!(pem.starts_with(&format!("{}\n", pem_begin("PRIVATE KEY"))));
        is_same(original, &SigningKey::from_pem(&pem, algorithm).unwrap());
        let jwk = original.to_private_jwk().unwrap();
        let copy = SigningKey::from_jwk(&jwk).unwrap();
        assert_eq!(copy.algorithm(), algorithm);
        is_same(original, &copy);
        match original.to_traditional_pem() {
            Ok(pem) => is_same(original, &SigningKey::from_pem(&pem, algorithm).unwrap()),
            Err(error) => assert_eq!(error, KeyError::NoSuchFormat, "{algorithm}"),
        }
    }
}

#[test]
fn traditional_formats_have_their_own_labels() {
    let label = |algorithm| {
        let pem = key(algorithm).to_traditional_pem().unwrap();
        pem.lines().next().unwrap().to_owned()
    };

    assert_eq!(label(Algorithm::Rs256), pem_begin("RSA PRIVATE KEY"));
    assert_eq!(label(Algorithm::Es384), pem_begin("EC PRIVATE KEY"));
}

#[test]
fn keys_that_openssl_made_are_the_same_in_every_format() {
    let families: [(Algorithm, &str, &[&str]); 4] = [
        (
            Algorithm::Rs256,
            openssl!("rsa_2048_public"),
            &[openssl!("rsa_2048_pkcs1"), openssl!("rsa_2048_pkcs8")],
        ),
        (
            Algorithm::Es256,
            openssl!("p256_public"),
            &[openssl!("p256_sec1"), openssl!("p256_sec1_with_parameters"), openssl!("p256_pkcs8")],
        ),
        (
            Algorithm::Es384,
            openssl!("p384_public"),
            &[openssl!("p384_sec1"), openssl!("p384_sec1_with_parameters"), openssl!("p384_pkcs8")],
        ),
        (Algorithm::Ed25519, openssl!("ed25519_public"), &[openssl!("ed25519_pkcs8")]),
    ];
    for (algorithm, public, privates) in families {
        let public = VerifyingKey::from_pem(public, algorithm).unwrap();
        for pem in privates {
            let private = SigningKey::from_pem(pem, algorithm).unwrap();
            let signature = private.sign(b"message").unwrap();
            assert_eq!(private.kid(), public.kid());
            assert_eq!(public.verify(b"message", signature.as_ref()), Ok(()));
        }
    }
}

#[test]
fn exports_are_what_openssl_wrote() {
    for (algorithm, pkcs8, traditional) in [
        (Algorithm::Rs256, openssl!("rsa_2048_pkcs8"), Some(openssl!("rsa_2048_pkcs1"))),
        (Algorithm::Es256, openssl!("p256_pkcs8"), Some(openssl!("p256_sec1"))),
        (Algorithm::Ed25519, openssl!("ed25519_pkcs8"), None),
    ] {
        let key = SigningKey::from_pem(pkcs8, algorithm).unwrap();
        assert_eq!(key.to_pem().unwrap().as_str(), pkcs8);
        if let Some(traditional) = traditional {
            assert_eq!(key.to_traditional_pem().unwrap().as_str(), traditional);
        }
    }
}

#[test]
fn a_key_of_another_type_is_refused() {
    let pems = [
        (Algorithm::Rs256, openssl!("rsa_2048_pkcs8")),
        (Algorithm::Es256, openssl!("p256_pkcs8")),
        (Algorithm::Es384, openssl!("p384_pkcs8")),
        (Algorithm::Ed25519, openssl!("ed25519_pkcs8")),
    ];
    for (own, pem) in pems {
        for (other, _) in pems.iter().filter(|(other, _)| *other != own) {
            assert_eq!(SigningKey::from_pem(pem, *other).unwrap_err(), KeyError::MalformedKey);
        }
    }
    let sec1_as_rsa = SigningKey::from_pem(openssl!("p256_sec1"), Algorithm::Rs256);
    assert_eq!(sec1_as_rsa.unwrap_err(), KeyError::AlgorithmMismatch);
    let wrong_curve = SigningKey::from_pem(openssl!("p256_sec1"), Algorithm::Es384);
    assert_eq!(wrong_curve.unwrap_err(), KeyError::MalformedKey);
    let public_as_private = SigningKey::from_pem(openssl!("p256_public"), Algorithm::Es256);
    assert_eq!(public_as_private.unwrap_err(), KeyError::UnsupportedPem);
    let private_as_public = VerifyingKey::from_pem(openssl!("p256_pkcs8"), Algorithm::Es256);
    assert_eq!(private_as_public.unwrap_err(), KeyError::UnsupportedPem);
}

#[test]
fn public_keys_in_unusual_shapes_are_refused() {
    for (pem, algorithm) in [
        (openssl!("p256_public"), Algorithm::Es384),
        (openssl!("p256_public"), Algorithm::Ed25519),
        (openssl!("x25519_public"), Algorithm::Ed25519),
        (openssl!("rsa_pss_public"), Algorithm::Ps256),
        (openssl!("ed25519_public"), Algorithm::Rs256),
    ] {
        assert_eq!(
            VerifyingKey::from_pem(pem, algorithm).unwrap_err(),
            KeyError::AlgorithmMismatch
        );
    }
    let compressed = VerifyingKey::from_pem(openssl!("p256_public_compressed"), Algorithm::Es256);
    assert_eq!(compressed.unwrap_err(), KeyError::InvalidPoint);
}

#[test]
fn encrypted_weak_and_broken_private_keys_are_refused() {
    let error = |pem: &str, algorithm| SigningKey::from_pem(pem, algorithm).unwrap_err();

    assert_eq!(error(openssl!("p256_encrypted"), Algorithm::Es256), KeyError::UnsupportedPem);
    assert!(SigningKey::from_pem(openssl!("rsa_1024_pkcs8"), Algorithm::Rs256).is_err());
    assert_eq!(error(openssl!("rsa_exponent_3_pkcs8"), Algorithm::Rs256), KeyError::RsaExponent);
    assert!(SigningKey::from_pem(openssl!("rsa_pss_pkcs8"), Algorithm::Ps256).is_err());
    assert_eq!(error("", Algorithm::Es256), KeyError::MalformedKey);
    let cut = &openssl!("p256_pkcs8")[..150];
    assert_eq!(error(cut, Algorithm::Es256), KeyError::MalformedKey);
    assert_eq!(
        SigningKey::from_pkcs8_der(&[], Algorithm::Rs256).unwrap_err(),
        KeyError::MalformedKey
    );
}

#[test]
fn rustsec_2022_0093_a_private_key_with_a_foreign_public_key_is_refused() {
    for algorithm in all_algorithms() {
        let mut jwk: Value =
            serde_json::from_str(&key(algorithm).to_private_jwk().unwrap()).unwrap();
        let size = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => KeySize::Rsa2048,
            _ => KeySize::Default,
        };
        let other = SigningKey::generate(algorithm, size).unwrap();
        let other: Value = serde_json::to_value(other.verifying_key()).unwrap();
        for member in ["x", "y", "n"] {
            if let Some(value) = other.get(member) {
                jwk[member] = value.clone();
            }
        }

        let refused = SigningKey::from_jwk(&jwk.to_string());

        assert_eq!(refused.unwrap_err(), KeyError::InconsistentKey, "{algorithm}");
    }
}

#[test]
fn a_private_jwk_must_have_all_its_members() {
    for algorithm in all_algorithms() {
        let jwk: Value = serde_json::from_str(&key(algorithm).to_private_jwk().unwrap()).unwrap();
        for member in ["d", "x", "y", "n", "e", "p", "q", "dp", "dq", "qi"] {
            let mut cut = jwk.clone();
            if cut.as_object_mut().unwrap().remove(member).is_some() {
                let error = SigningKey::from_jwk(&cut.to_string()).unwrap_err();
                assert_eq!(error, KeyError::MissingMember(member), "{algorithm}");
            }
        }
    }
}

#[test]
fn rsa_keys_come_in_three_sizes() {
    for (size, bytes) in [(KeySize::Rsa3072, 384), (KeySize::Rsa4096, 512)] {
        let key = SigningKey::generate(Algorithm::Rs256, size).unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(signature.as_ref().len(), bytes);
        assert_eq!(key.verifying_key().verify(b"message", signature.as_ref()), Ok(()));
    }
}

#[test]
fn a_signing_key_shows_nothing_of_itself() {
    for algorithm in all_algorithms() {
        let key = key(algorithm);
        let jwk: Value = serde_json::from_str(&key.to_private_jwk().unwrap()).unwrap();
        let shown = format!("{key:?}");

        assert!(shown.contains(key.kid().as_str()));
        assert!(!shown.contains(jwk["d"].as_str().unwrap()));
    }
}
