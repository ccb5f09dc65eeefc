//! What the check of revocations adds to a verification.

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_keys::Algorithm;
use countersign_verifier::revocation::FeedSource;
use countersign_verifier::testing::TestIssuer;
use countersign_verifier::{TokenCache, Verifier, VerifierBuilder};
use serde_json::json;

use crate::{AUDIENCE, Contender, ISSUER, interleaved, interleaved_after, median, nanos, print};

/// So many tokens in turn: more than the processor guesses right, and than lie ready in its first cache.
const TOKENS: u32 = 500;
const A_MILLION: u64 = 1_000_000;

/// What the check against a million revocations adds to a verification, beside the same without a feed.
pub(crate) fn measure() {
    whole(Algorithm::Rs256);
    whole(Algorithm::Es256);
    remembered();
}

/// With the signature each time, by the median of the differences within a round: after the signature much of what the check
/// reads has to come from afar.
fn whole(algorithm: Algorithm) {
    let issuer = TestIssuer::with_algorithm(ISSUER, algorithm);
    let follows = || verifier(&issuer, Some(FeedSource::Pushed), None);
    let (without, empty, few, full) =
        (verifier(&issuer, None, None), follows(), follows(), follows());
    tell(&issuer, &few, 10);
    tell(&issuer, &full, A_MILLION);
    let tokens: Vec<_> = (0..TOKENS).map(|number| user_token(&issuer, number)).collect();
    let contenders: Vec<Contender<'_>> = vec![
        ("without a feed", Box::new(each(&without, &tokens))),
        ("no entries", Box::new(each(&empty, &tokens))),
        ("ten entries", Box::new(each(&few, &tokens))),
        ("a million entries", Box::new(each(&full, &tokens))),
        ("without a feed, and one word of 3 MiB", Box::new(and_a_word(each(&without, &tokens)))),
    ];
    let rounds = interleaved(&contenders, 4);
    report(&format!("revocation, {}", algorithm.name()), &contenders, &rounds);
}

/// By verifiers that remember the signature, so that its microseconds hide nothing: as long as nothing more is told, and after
/// a message before each round, so that each token is judged again.
fn remembered() {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Es256);
    let cache = TokenCache::default().capacity(20_000);
    let [without, empty, full, told] = [false, true, true, true]
        .map(|follows| verifier(&issuer, follows.then_some(FeedSource::Pushed), Some(cache)));
    let taken = tell(&issuer, &full, A_MILLION);
    tell(&issuer, &told, A_MILLION);
    let tokens: Vec<_> = (0..TOKENS).map(|number| user_token(&issuer, number)).collect();
    let contenders: Vec<Contender<'_>> = vec![
        ("without a feed", Box::new(each(&without, &tokens))),
        ("no entries", Box::new(each(&empty, &tokens))),
        ("a million entries", Box::new(each(&full, &tokens))),
        ("a million entries, and one more just now", Box::new(each(&told, &tokens))),
    ];
    for (_, verify) in &contenders {
        (0..TOKENS).for_each(|_| verify());
    }
    let mut again = tell_once_more(&issuer, &told);
    let rounds = interleaved_after(&contenders, 64, &mut again);
    report("revocation, remembered", &contenders, &rounds);
    print(&json!({ "bench": "revocation", "what": "one entry is taken", "ns": nanos(taken) }));
}

fn verifier(issuer: &TestIssuer, feed: Option<FeedSource>, cache: Option<TokenCache>) -> Verifier {
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE);
    let builder = cache.into_iter().fold(builder, VerifierBuilder::token_cache);
    let builder = feed.into_iter().fold(builder, VerifierBuilder::feed);
    builder.build_with(issuer.jwk_set()).unwrap()
}

fn each<'t>(verifier: &'t Verifier, tokens: &'t [String]) -> impl Fn() + 't {
    let next = std::cell::Cell::new(0);
    move || {
        next.set((next.get() + 1) % tokens.len());
        assert!(verifier.try_verify(black_box(&tokens[next.get()])).is_ok());
    }
}

/// The same, and then one word of memory for each token: what the processor waits for that, whoever reads it.
fn and_a_word(verify: impl Fn()) -> impl Fn() {
    let memory: Vec<u64> = (0..3 << 17).collect();
    let next = std::cell::Cell::new(0);
    move || {
        verify();
        next.set((next.get() + 1) % TOKENS as usize);
        black_box(memory[next.get() * 0x9e37_79b1 % memory.len()]);
    }
}

fn report(bench: &str, contenders: &[Contender<'_>], rounds: &[Vec<Duration>]) {
    for (index, (name, _)) in contenders.iter().enumerate() {
        let nanos_of = |time: &Duration| i64::try_from(time.as_nanos()).unwrap();
        let pairs = rounds[0].iter().zip(&rounds[index]);
        let mut added: Vec<i64> = pairs.map(|(one, it)| nanos_of(it) - nanos_of(one)).collect();
        added.sort_unstable();
        print(&json!({
            "bench": bench, "what": name, "median_ns": nanos(median(&rounds[index])),
            "added_ns": added[added.len() / 2],
        }));
    }
}

/// Makes one message after another, with an entry each that is about none of the tokens.
fn tell_once_more<'v>(issuer: &'v TestIssuer, verifier: &'v Verifier) -> impl FnMut() + 'v {
    let mut seq = 1_000_000_u64;
    move || {
        let entry = json!({ "jti": format!("one more {seq}"), "exp": 4_000_000_000_u64 });
        let told = json!({
            "feed": "bench", "after": seq, "seq": seq + 1, "head": seq + 1, "revoked": [entry],
        });
        seq += 1;
        let message = issuer.feed_message_of(told).mint();
        verifier.revocations().unwrap().try_take(&message).unwrap();
    }
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

/// Entries of every kind but scopes and withdrawn keys. The time of one, by the median of all messages.
fn tell(issuer: &TestIssuer, verifier: &Verifier, all: u64) -> Duration {
    const MESSAGE: u64 = 2000;
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
    for after in (0..all).step_by(usize::try_from(MESSAGE).unwrap()) {
        let seq = all.min(after + MESSAGE);
        let revoked: Vec<_> = (after..seq).map(entry).collect();
        let told = json!({
            "feed": "bench", "after": after, "seq": seq, "head": all, "revoked": revoked,
        });
        let message = issuer.feed_message_of(told).mint();
        let begin = Instant::now();
        verifier.revocations().unwrap().try_take(&message).unwrap();
        times.push(begin.elapsed() / u32::try_from(seq - after).unwrap());
    }
    assert_eq!(verifier.revocations().unwrap().entries() as u64, all);
    median(&times)
}
