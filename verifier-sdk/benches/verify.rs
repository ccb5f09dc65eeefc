//! Whole verification of an access token beside the bare signature check on the same bytes, and beside
//! jsonwebtoken and josekit. The contenders take turns within each round, so that a noisy machine
//! disturbs all of them alike, and a round is shorter than a time slice. Times are the tenth percentile
//! of many rounds, ratios the median of the ratios within each round; one JSON line a figure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, rounds figures, and stops when it fails"
)]

use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::KeyWrap as _;
use aws_lc_rs::signature::{self, ParsedPublicKey};
use aws_lc_rs::{aead, agreement, cipher, hmac, kdf, key_wrap, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::jwe::{ContentEncryption, DecryptionKey, EncryptedToken, KeyManagement};
use countersign_keys::{Algorithm, SigningKey};
use countersign_verifier::binding::Dpop;
use countersign_verifier::credential::Carriers;
use countersign_verifier::revocation::FeedSource;
use countersign_verifier::testing::{Attack, TestClock, TestHolder, TestIssuer, TestToken};
use countersign_verifier::{TokenCache, Verifier, VerifierBuilder};
use serde_json::json;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";
const ROUNDS: usize = 2001;
/// Where Countersign is among the contenders.
const OURS: usize = 1;

fn main() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        compare(algorithm);
    }
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        bound(algorithm);
    }
    encrypted();
    remembered();
    revocations();
    refusals();
    contention();
}

/// A token that is bound to a key, with a proof of its own each time, beside the two bare signature checks.
fn bound(algorithm: Algorithm) {
    const CALLS: u32 = 8;
    let clock = TestClock::at(1_700_000_000);
    let issuer = TestIssuer::with_algorithm(ISSUER, algorithm).clock(clock.clone());
    let holder = TestHolder::new().clock(clock.clone());
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .algorithms([algorithm])
        .clock(clock)
        .dpop(Dpop::at(AUDIENCE))
        .build_with(issuer.jwk_set())
        .unwrap();
    let token = access_token(&issuer).bound_to(&holder).mint();
    let proof = || holder.proof("POST", "https://payments.example/pay").with_token(&token).mint();
    let proofs: Vec<_> = (0..CALLS as usize * ROUNDS).map(|_| proof()).collect();
    let requests: Vec<_> = proofs
        .iter()
        .map(|proof| {
            let request = http::Request::post("/pay")
                .header("authorization", format!("DPoP {token}"))
                .header("dpop", proof);
            request.body(()).unwrap().into_parts().0
        })
        .collect();
    // Of the same proofs: a signature that is checked again and again is guessed by the processor.
    let of_token = bare_check(issuer.key(), std::slice::from_ref(&token));
    let of_proof = bare_check(holder.key(), &proofs);
    let next = std::cell::Cell::new(0);
    let carriers = Carriers::bearer();
    let ours = || {
        let request = &requests[next.get()];
        next.set(next.get() + 1);
        let verifying = std::pin::pin!(verifier.verify_request(request, &carriers));
        let polled = verifying.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(_))));
    };
    let bare = || {
        of_token();
        of_proof();
    };
    let contenders: Vec<Contender<'_>> =
        vec![("bare", Box::new(bare)), ("countersign", Box::new(ours))];
    let rounds = interleaved(&contenders, CALLS);
    print(&json!({
        "bench": "bound", "algorithm": algorithm.name(), "proof": "ES256", "token_bytes": token.len(),
        "bare_ns": nanos(quiet(&rounds[0])), "ns": nanos(quiet(&rounds[OURS])),
        "countersign_divided_by_bare": round(ratio(&rounds[OURS], &rounds[0])),
    }));
}

/// Decryption of a token beside its bare primitives.
fn encrypted() {
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

/// The cache of verified tokens: the same token again, and 5,000 tokens in turn, which no processor cache
/// holds.
fn remembered() {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Rs256);
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .token_cache(TokenCache::default().capacity(20_000))
        .build_with(issuer.jwk_set())
        .unwrap();
    for (name, count) in [("one token", 1), ("5000 tokens", 5000)] {
        let tokens: Vec<_> = (0..count)
            .map(|n| access_token(&issuer).claim("jti", format!("{n:036}")).mint())
            .collect();
        for token in &tokens {
            assert!(verifier.try_verify(token).is_ok());
        }
        let before = verifier.metrics().cache_hits.unwrap();
        let next = std::cell::Cell::new(0);
        let again = || {
            next.set((next.get() + 1) % count);
            assert!(verifier.try_verify(black_box(&tokens[next.get()])).is_ok());
        };
        let rounds = interleaved(&[("again", Box::new(again))], 64);
        let hits = verifier.metrics().cache_hits.unwrap() - before;
        print(&json!({
            "bench": "remembered", "what": name, "token_bytes": tokens[0].len(),
            "ns": nanos(quiet(&rounds[0])), "median_ns": nanos(median(&rounds[0])),
            "hit_share": round(hits as f64 / (64 * ROUNDS) as f64),
        }));
    }
}

/// What the check against a million revocations adds to a verification: beside the same without a feed, by verifiers that
/// remember the signature, so that its microseconds hide nothing. 5,000 tokens in turn.
fn revocations() {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Es256);
    let build = |feed: Option<FeedSource>| {
        let builder = Verifier::builder(ISSUER)
            .audience(AUDIENCE)
            .token_cache(TokenCache::default().capacity(20_000));
        let builder = feed.into_iter().fold(builder, VerifierBuilder::feed);
        builder.build_with(issuer.jwk_set()).unwrap()
    };
    let (without, empty, full) =
        (build(None), build(Some(FeedSource::Pushed)), build(Some(FeedSource::Pushed)));
    let taken = tell_a_million(&issuer, &full);
    let tokens: Vec<_> = (0..5000).map(|n| user_token(&issuer, n)).collect();
    for verifier in [&without, &empty, &full] {
        assert!(tokens.iter().all(|token| verifier.try_verify(token).is_ok()));
    }
    let again = |verifier: &'static Verifier| {
        let (next, tokens) = (std::cell::Cell::new(0), tokens.clone());
        move || {
            next.set((next.get() + 1) % tokens.len());
            assert!(verifier.try_verify(black_box(&tokens[next.get()])).is_ok());
        }
    };
    let [without, empty, full] = [without, empty, full].map(|one| &*Box::leak(Box::new(one)));
    let contenders: Vec<Contender<'_>> = vec![
        ("without a feed", Box::new(again(without))),
        ("no entries", Box::new(again(empty))),
        ("a million entries", Box::new(again(full))),
    ];
    let rounds = interleaved(&contenders, 64);
    let base = median(&rounds[0]);
    for (index, (name, _)) in contenders.iter().enumerate() {
        let added = median(&rounds[index]).saturating_sub(base);
        print(&json!({
            "bench": "revocation", "what": name, "median_ns": nanos(median(&rounds[index])),
            "added_ns": nanos(added),
        }));
    }
    print(&json!({ "bench": "revocation", "what": "one entry is taken", "ns": nanos(taken) }));
}

/// A token of a user, through a gateway, with all that can be revoked.
fn user_token(issuer: &TestIssuer, number: u32) -> String {
    let id = |kind: u32| format!("0190b2f4-7c1e-7d3a-{kind:04}-{number:012}");
    issuer
        .user_token(&id(1), "web")
        .audience(AUDIENCE)
        .scope("payments:read payments:write refunds:read")
        .expires_in(3600)
        .acted_by("gateway")
        .claim("jti", id(2))
        .claim("ancestor_jti", vec![id(3)])
        .claim("sid", id(4))
        .claim("grant_id", id(5))
        .mint()
}

/// Entries of every kind but withdrawn keys. The time of one, by the median of all messages.
fn tell_a_million(issuer: &TestIssuer, verifier: &Verifier) -> Duration {
    const MESSAGE: u64 = 2000;
    const ALL: u64 = 1_000_000;
    let id = |number: u64| format!("0190b2f4-7c1e-7d3a-aaaa-{number:012}");
    let entry = |number: u64| match number % 10 {
        0..4 => json!({ "jti": id(number), "exp": 4_000_000_000_u64 }),
        4..7 => json!({ "sid": id(number), "exp": 4_000_000_000_u64 }),
        7 => json!({ "grant_id": id(number), "exp": 4_000_000_000_u64 }),
        8 => json!({ "sub": id(number), "iat": 1, "exp": 4_000_000_000_u64 }),
        _ if number == 9 => json!({ "client_id": "c", "iat": 1, "exp": 4_000_000_000_u64 }),
        _ => {
            json!({ "sub": id(number), "client_id": "web", "iat": 1, "exp": 4_000_000_000_u64 })
        }
    };
    let mut times = Vec::new();
    for after in (0..ALL).step_by(usize::try_from(MESSAGE).unwrap()) {
        let seq = after + MESSAGE;
        let revoked: Vec<_> = (after..seq).map(entry).collect();
        let told = json!({
            "feed": "bench", "after": after, "seq": seq, "head": ALL, "revoked": revoked,
        });
        let message = issuer.feed_message_of(told).mint();
        let begin = Instant::now();
        verifier.revocations().unwrap().try_take(&message).unwrap();
        times.push(begin.elapsed() / u32::try_from(MESSAGE).unwrap());
    }
    assert_eq!(verifier.revocations().unwrap().entries() as u64, ALL);
    median(&times)
}

/// Eleven claims, about 900 bytes with RS256 and 650 with ES256.
fn access_token(issuer: &TestIssuer) -> TestToken<'_> {
    issuer
        .app_token("orders-service")
        .audience(AUDIENCE)
        .scope("payments:read payments:write refunds:read")
        .roles(&["payments-clerk", "refunds-clerk"])
        .claim("nbf", 1_700_000_000)
        .claim("jti", "0190b2f4-7c1e-7d3a-9f00-3b5a7c9d1e2f")
}

type Contender<'a> = (&'static str, Box<dyn Fn() + 'a>);

fn compare(algorithm: Algorithm) {
    let issuer = TestIssuer::with_algorithm(ISSUER, algorithm);
    let verifier = issuer.verifier(AUDIENCE);
    let token = access_token(&issuer).mint();
    let bare = bare_check(issuer.key(), std::slice::from_ref(&token));
    let (jwt_key, validation) = jsonwebtoken_setup(&issuer);
    let jose = josekit_verifier(&issuer);
    let contenders: Vec<Contender<'_>> = vec![
        ("bare", Box::new(&bare)),
        ("countersign", Box::new(|| assert!(verifier.try_verify(black_box(&token)).is_ok()))),
        (
            "jsonwebtoken",
            Box::new(|| {
                let decoded =
                    jsonwebtoken::decode::<JwtClaims>(black_box(&token), &jwt_key, &validation);
                assert!(decoded.is_ok());
            }),
        ),
        (
            "josekit",
            Box::new(|| {
                assert!(josekit::jwt::decode_with_verifier(black_box(&token), &*jose).is_ok());
            }),
        ),
    ];
    let rounds = interleaved(&contenders, 16);
    for (index, (name, _)) in contenders.iter().enumerate() {
        print(&json!({
            "bench": "verify", "algorithm": algorithm.name(), "token_bytes": token.len(),
            "contender": name, "ns": nanos(quiet(&rounds[index])),
            "countersign_divided_by_it": round(ratio(&rounds[OURS], &rounds[index])),
            "it_divided_by_countersign": round(ratio(&rounds[index], &rounds[OURS])),
        }));
    }
}

/// The claims that a service would deserialize with jsonwebtoken.
#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "a service reads them; here only the reading is measured")]
struct JwtClaims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    client_id: String,
    scope: String,
    roles: Vec<String>,
    idtyp: String,
}

/// aws-lc-rs alone: a parsed key, the decoded signature, the same bytes.
/// The signatures alone of these tokens in turn, with the key and the bytes at hand.
fn bare_check(key: &SigningKey, tokens: &[String]) -> impl Fn() + use<> {
    let signed = tokens.iter().map(|token| {
        let (message, signature) = token.rsplit_once('.').unwrap();
        (message.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    });
    let signed: Vec<_> = signed.collect();
    let jwk = json!(key.verifying_key());
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let key = if key.algorithm() == Algorithm::Rs256 {
        signature::RsaPublicKeyComponents { n: part("n"), e: part("e") }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            .unwrap()
    } else {
        let point = [vec![4], part("x"), part("y")].concat();
        ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).unwrap()
    };
    let next = std::cell::Cell::new(0);
    move || {
        let (message, signature) = &signed[next.get()];
        next.set((next.get() + 1) % signed.len());
        key.verify_sig(black_box(message), black_box(signature)).unwrap();
    }
}

fn jsonwebtoken_setup(
    issuer: &TestIssuer,
) -> (jsonwebtoken::DecodingKey, jsonwebtoken::Validation) {
    let jwk = serde_json::from_value(json!(issuer.key().verifying_key())).unwrap();
    let algorithm = match issuer.key().algorithm() {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        _ => jsonwebtoken::Algorithm::ES256,
    };
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    (jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap(), validation)
}

fn josekit_verifier(issuer: &TestIssuer) -> Box<dyn josekit::jws::JwsVerifier> {
    let jwk = json!(issuer.key().verifying_key()).as_object().unwrap().clone();
    let jwk = josekit::jwk::Jwk::from_map(jwk).unwrap();
    match issuer.key().algorithm() {
        Algorithm::Rs256 => Box::new(josekit::jws::RS256.verifier_from_jwk(&jwk).unwrap()),
        _ => Box::new(josekit::jws::ES256.verifier_from_jwk(&jwk).unwrap()),
    }
}

/// The commonest refusals, in nanoseconds.
fn refusals() {
    let issuer = TestIssuer::new(ISSUER);
    let verifier = issuer.verifier(AUDIENCE);
    let good = access_token(&issuer);
    let rows = [
        ("not a token", "garbage".to_owned()),
        ("one megabyte", "a".repeat(1 << 20)),
        ("alg none", good.hostile(Attack::AlgNoneSigned)),
        ("crit", good.hostile(Attack::CritUnknown)),
        ("another type", good.hostile(Attack::OtherType)),
        ("unknown kid", good.hostile(Attack::KidIsAPath)),
        ("wrong signature", good.hostile(Attack::ForeignKey)),
        ("expired", good.clone().issued_ago(400).expires_in(-60).mint()),
    ];
    for (name, token) in &rows {
        let refuse = || assert!(verifier.try_verify(black_box(token)).is_err());
        let rounds = interleaved(&[("refuse", Box::new(refuse))], 8);
        print(&json!({ "bench": "refuse", "what": name, "ns": nanos(quiet(&rounds[0])) }));
    }
}

/// The same verifier used by one and by two threads: verifications per second.
fn contention() {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Rs256);
    let verifier = issuer.verifier(AUDIENCE);
    let token = access_token(&issuer).mint();
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..101 {
        rates[0].push(rate(&verifier, &token, 1));
        rates[1].push(rate(&verifier, &token, 2));
    }
    let [one, two] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() * 9 / 10]
    });
    print(&json!({
        "bench": "contention", "algorithm": "RS256", "one_thread_per_second": one.round(),
        "two_threads_per_second": two.round(), "speedup": round(two / one),
    }));
}

fn rate(verifier: &Verifier, token: &str, threads: usize) -> f64 {
    const EACH: u32 = 500;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..EACH).for_each(|_| assert!(verifier.try_verify(token).is_ok())));
        }
    });
    f64::from(EACH) * threads as f64 / begin.elapsed().as_secs_f64()
}

/// The time of one call, by contender and round; the contenders take turns in every round.
fn interleaved(contenders: &[Contender<'_>], calls: u32) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for round in 0..ROUNDS {
        for offset in 0..contenders.len() {
            let index = (round + offset) % contenders.len();
            let begin = Instant::now();
            (0..calls).for_each(|_| contenders[index].1());
            times[index].push(begin.elapsed() / calls);
        }
    }
    times
}

fn quiet(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 10]
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The median over the rounds of how long one takes beside the other.
fn ratio(ones: &[Duration], others: &[Duration]) -> f64 {
    let pairs = ones.iter().zip(others);
    let mut ratios: Vec<_> =
        pairs.map(|(one, other)| one.as_secs_f64() / other.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

fn round(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn print(line: &serde_json::Value) {
    println!("{line}");
}
