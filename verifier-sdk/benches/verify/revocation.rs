//! What the check of revocations adds to a verification.

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_keys::Algorithm;
use countersign_verifier::revocation::FeedSource;
use countersign_verifier::testing::TestIssuer;
use countersign_verifier::{TokenCache, Verifier, VerifierBuilder};
use serde_json::json;

use crate::{AUDIENCE, Contender, ISSUER, interleaved, median, nanos, print};

/// What the check against a million revocations adds to a verification: beside the same without a feed, by verifiers that
/// remember the signature, so that its microseconds hide nothing. 5,000 tokens in turn.
pub(crate) fn measure() {
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
