//! The holder of a key (F37), and the connection itself (F38).

use super::{Constraint, World, refused};

#[tokio::test]
async fn f37_no_token_comes_without_a_proof_or_a_certificate() {
    for world in World::each().await {
        let code = world.code("bank").await;

        let bare = world.redeem("bank", &code).proofs(&[]);
        let bare = match world.way.constraint {
            Constraint::Dpop => bare,
            Constraint::Certificate => bare.shown(None),
        };
        let expected = match (world.way.constraint, world.way.auth.uses_keys()) {
            (Constraint::Dpop, _) => refused(400, "invalid_dpop_proof"),
            (Constraint::Certificate, true) => refused(400, "invalid_request"),
            // The certificate is its credential too.
            (Constraint::Certificate, false) => refused(401, "invalid_client"),
        };

        assert_eq!(bare.send().await.error(), expected, "{:?}", world.way);
        assert_eq!(world.redeem("bank", &code).send().await.status, 200, "the code is still good");
    }
}

#[test]
fn f38_tls_1_2_and_1_3_with_the_ciphers_of_bcp_195_alone() {
    use rustls::CipherSuite as Suite;
    let allowed = [
        Suite::TLS13_AES_128_GCM_SHA256,
        Suite::TLS13_AES_256_GCM_SHA384,
        Suite::TLS13_CHACHA20_POLY1305_SHA256,
        Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        // Beside those of RFC 9325 §4.2: the same exchange of keys, and as strong.
        Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ];

    let provider = rustls::crypto::aws_lc_rs::default_provider();

    // That 1.0 and 1.1 are refused on a socket is tested in `tests/stories/tls.rs` (CVE-2024-23656).
    for suite in &provider.cipher_suites {
        assert!(allowed.contains(&suite.suite()), "{:?}", suite.suite());
    }
}
