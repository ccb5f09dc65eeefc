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

mod decrypt;
mod revocation;

use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{self, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::{Algorithm, SigningKey};
use countersign_verifier::binding::Dpop;
use countersign_verifier::credential::Carriers;
use countersign_verifier::testing::{Attack, TestClock, TestHolder, TestIssuer, TestToken};
use countersign_verifier::{TokenCache, Verifier};
use serde_json::json;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";
const ROUNDS: usize = 2001;
/// Where Countersign is among the contenders.
const OURS: usize = 1;

/// All of it, or what is named: `cargo bench --bench verify -- bound revocation`.
fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| name != "--bench").collect();
    let is_wanted = |name| named.is_empty() || named.iter().any(|named| named == name);
    let both = |measure: fn(Algorithm)| [Algorithm::Rs256, Algorithm::Es256].map(measure);
    let all: [(&str, &dyn Fn()); 7] = [
        ("compare", &|| _ = both(compare)),
        ("bound", &|| _ = both(bound)),
        ("decrypt", &decrypt::measure),
        ("remembered", &remembered),
        ("revocation", &revocation::measure),
        ("refuse", &refusals),
        ("contention", &contention),
    ];
    all.iter().filter(|(name, _)| is_wanted(name)).for_each(|(_, measure)| measure());
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
    interleaved_after(contenders, calls, &mut || {})
}

/// The same, with something that is done before each round and not measured.
fn interleaved_after(
    contenders: &[Contender<'_>],
    calls: u32,
    before: &mut dyn FnMut(),
) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for round in 0..ROUNDS {
        before();
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
