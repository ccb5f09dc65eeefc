//! josekit opens what is encrypted here, and what josekit encrypts is opened here.

use countersign_keys::jwe::{ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement};
use countersign_verifier::Verifier;
use countersign_verifier::jwe::DecryptionKeys;
use countersign_verifier::testing::TestIssuer;
use josekit::jwe::{ECDH_ES, ECDH_ES_A256KW, JweDecrypter, JweEncrypter, JweHeader, RSA_OAEP_256};
use josekit::jwk::Jwk;

use super::{AUDIENCE, ISSUER};

/// A private key that josekit made.
fn their_key(algorithm: KeyManagement) -> Jwk {
    let mut jwk = match algorithm {
        KeyManagement::RsaOaep256 => Jwk::generate_rsa_key(2048).unwrap(),
        _ => Jwk::generate_ec_key(josekit::jwk::P_256).unwrap(),
    };
    jwk.set_algorithm(algorithm.name());
    jwk.set_key_use("enc");
    jwk.set_key_id("theirs");
    jwk
}

fn decrypter(algorithm: KeyManagement, jwk: &Jwk) -> Box<dyn JweDecrypter> {
    match algorithm {
        KeyManagement::RsaOaep256 => Box::new(RSA_OAEP_256.decrypter_from_jwk(jwk).unwrap()),
        KeyManagement::EcdhEs => Box::new(ECDH_ES.decrypter_from_jwk(jwk).unwrap()),
        _ => Box::new(ECDH_ES_A256KW.decrypter_from_jwk(jwk).unwrap()),
    }
}

fn encrypter(algorithm: KeyManagement, jwk: &Jwk) -> Box<dyn JweEncrypter> {
    match algorithm {
        KeyManagement::RsaOaep256 => Box::new(RSA_OAEP_256.encrypter_from_jwk(jwk).unwrap()),
        KeyManagement::EcdhEs => Box::new(ECDH_ES.encrypter_from_jwk(jwk).unwrap()),
        _ => Box::new(ECDH_ES_A256KW.encrypter_from_jwk(jwk).unwrap()),
    }
}

#[test]
fn josekit_agrees_in_both_directions_for_every_algorithm() {
    let issuer = TestIssuer::new(ISSUER);
    for algorithm in KeyManagement::ALL {
        for encryption in ContentEncryption::ALL {
            let theirs = their_key(algorithm);
            let mut public = theirs.to_public_key().unwrap();
            public.set_key_id("theirs");
            public.set_key_use("enc");
            public.set_algorithm(algorithm.name());
            let signed = issuer.app_token("orders").audience(AUDIENCE).mint();

            // What we encrypt, they open.
            let ours = EncryptionKey::from_jwk(&public.to_string(), &KeyManagement::ALL).unwrap();
            let encrypted = ours.encrypt(&signed, encryption).unwrap();
            let decrypter = decrypter(algorithm, &theirs);
            let (opened, header) =
                josekit::jwe::deserialize_compact(&encrypted, &*decrypter).unwrap();
            assert_eq!(opened, signed.as_bytes());
            assert_eq!(header.content_type(), Some("JWT"));

            // What they encrypt, we open and verify.
            let mut header = JweHeader::new();
            header.set_content_encryption(encryption.name());
            header.set_content_type("JWT");
            header.set_key_id("theirs");
            let theirs_to_us = encrypter(algorithm, &public);
            let encrypted =
                josekit::jwe::serialize_compact(signed.as_bytes(), &header, &*theirs_to_us)
                    .unwrap();
            let key = DecryptionKey::from_jwk(&theirs.to_string()).unwrap();
            let verifier = Verifier::builder(ISSUER)
                .audience(AUDIENCE)
                .decryption_keys(DecryptionKeys::new([key]))
                .build_with(issuer.jwk_set())
                .unwrap();
            assert_eq!(verifier.try_verify(&encrypted).unwrap().client_id(), "orders");
        }
    }
}

#[test]
fn j19_a_small_bomb_is_refused_at_once_and_nothing_is_inflated() {
    let issuer = TestIssuer::new(ISSUER);
    let theirs = their_key(KeyManagement::EcdhEs);
    let mut header = JweHeader::new();
    header.set_content_encryption("A256GCM");
    header.set_content_type("JWT");
    header.set_key_id("theirs");
    header.set_compression("DEF");
    let encrypter = encrypter(KeyManagement::EcdhEs, &theirs.to_public_key().unwrap());
    // A megabyte of nothing, in about a kilobyte.
    let bomb = josekit::jwe::serialize_compact(&vec![b'a'; 1 << 20], &header, &*encrypter).unwrap();
    assert!(bomb.len() < 2048, "{}", bomb.len());
    let key = DecryptionKey::from_jwk(&theirs.to_string()).unwrap();
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .decryption_keys(DecryptionKeys::new([key]))
        .build_with(issuer.jwk_set())
        .unwrap();

    let mut refusals = Vec::with_capacity(1000);
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    let begin = std::time::Instant::now();
    let used = allocation_counter::measure(|| {
        for _ in 0..1000 {
            refusals.push(verifier.try_verify(&bomb).err().map(|error| error.code()));
        }
    });

    assert!(refusals.iter().all(|code| *code == Some("unsupported_header_member")));
    assert_eq!(used.bytes_max, 0);
    assert!(begin.elapsed() < std::time::Duration::from_secs(1), "a thousand in a second");
}
