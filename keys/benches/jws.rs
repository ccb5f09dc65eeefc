//! A whole token beside the bare signature check of the same bytes, refusals, and signing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench fails loudly")]

use std::hint::black_box;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::jws::CompactHeader;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, SigningKey, UnverifiedJws};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::Value;

/// Eleven claims, as the issuer writes them.
const CLAIMS: &str = r#"{"iss":"https://issuer.example.com","sub":"orders","aud":"https://payments.example.com","exp":1800003600,"iat":1800000000,"jti":"0190d7f0-5b1c-7c3e-9a51-3c6d6f0e8b11","client_id":"orders","scope":"payments:read payments:write refunds:read","idtyp":"app","roles":["payments-reader","auditor"],"tenant":"acme-production-eu-central"}"#;

/// The check that nobody can do without, with everything decoded before.
fn bare_key(key: &SigningKey) -> ParsedPublicKey {
    let jwk: Value = serde_json::to_value(key.verifying_key()).unwrap();
    let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    if key.algorithm() == Algorithm::Rs256 {
        let numbers = RsaPublicKeyComponents { n: member("n"), e: member("e") };
        return numbers.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).unwrap();
    }
    let point = [vec![4], member("x"), member("y")].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap()
}

fn verify(criterion: &mut Criterion) {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let key = SigningKey::generate(algorithm, KeySize::Default).unwrap();
        let token =
            CompactHeader::new(&key, "at+jwt").unwrap().sign(&key, CLAIMS.as_bytes()).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let bare = bare_key(&key);

        let mut group = criterion.benchmark_group(format!("verify {algorithm}"));
        group.bench_function("bare signature check", |bencher| {
            bencher.iter(|| bare.verify_sig(black_box(input.as_bytes()), black_box(&signature)));
        });
        group.bench_function("whole token", |bencher| {
            bencher.iter(|| {
                UnverifiedJws::parse(black_box(&token)).unwrap().verify(key.verifying_key())
            });
        });
        group.bench_function("parse only", |bencher| {
            bencher.iter(|| UnverifiedJws::parse(black_box(&token)).unwrap().algorithm());
        });
        group.finish();
    }
}

fn refuse(criterion: &mut Criterion) {
    let key = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
    let good = CompactHeader::new(&key, "at+jwt").unwrap().sign(&key, CLAIMS.as_bytes()).unwrap();
    let (_, rest) = good.split_once('.').unwrap();
    let with_header = |header: &str| format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
    let cases = [
        ("alg none", with_header(r#"{"alg":"none"}"#)),
        ("crit", with_header(r#"{"alg":"ES256","crit":["exp"]}"#)),
        ("duplicate member", with_header(r#"{"alg":"ES256","alg":"ES256"}"#)),
        ("padding", format!("{good}=")),
        ("16 KiB of dots", ".".repeat(16 * 1024)),
        ("16 KiB of letters", format!("{}.{}.AAAA", "e30", "A".repeat(16_000))),
        ("1 MiB", "A".repeat(1 << 20)),
    ];
    let mut group = criterion.benchmark_group("refuse");
    for (name, token) in &cases {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| UnverifiedJws::parse(black_box(token)).unwrap_err());
        });
    }
    group.finish();
}

fn sign(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sign");
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ed25519] {
        let key = SigningKey::generate(algorithm, KeySize::Default).unwrap();
        let header = CompactHeader::new(&key, "at+jwt").unwrap();
        group.bench_function(format!("{algorithm} bare"), |bencher| {
            bencher.iter(|| key.sign(black_box(CLAIMS.as_bytes())).unwrap());
        });
        group.bench_function(format!("{algorithm} whole token"), |bencher| {
            bencher.iter(|| header.sign(&key, black_box(CLAIMS.as_bytes())).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, verify, refuse, sign);
criterion_main!(benches);
