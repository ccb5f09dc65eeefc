//! The attack list of the verifier, one row at a time: what must be refused, with which code, and what
//! must still be accepted. Rows about the key source are in `key_source/`, about requests in `http.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use countersign_keys::Algorithm;
use countersign_verifier::testing::{Attack, TestClock, TestIssuer, TestToken, corpus};
use countersign_verifier::{
    Actor, By, Caller, Hops, MultiVerifier, Outcome, SameIssuerTwice, Verifier, VerifyError, compat,
};
use serde_json::json;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";
const NOW: i64 = 1_700_000_000;

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER).clock(TestClock::at(NOW))
}

fn verifier(issuer: &TestIssuer) -> Verifier {
    Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .clock(TestClock::at(NOW))
        .build_with(issuer.jwk_set())
        .unwrap()
}

fn app(issuer: &TestIssuer) -> TestToken<'_> {
    issuer.app_token("orders").audience(AUDIENCE)
}

fn code<C>(result: Result<C, VerifyError>) -> &'static str {
    result.err().map_or("accepted", |error| error.code())
}

#[test]
fn every_token_of_the_corpus_is_refused_with_its_code_and_401() {
    let issuer = issuer();
    let verifier = verifier(&issuer);
    let corpus = corpus(&issuer, AUDIENCE);

    assert!(corpus.len() > 150, "{}", corpus.len());
    for hostile in corpus {
        let error = verifier.try_verify(&hostile.token).expect_err(&hostile.name);
        assert_eq!(error.code(), hostile.code, "{}", hostile.name);
        assert_eq!(error.status(), 401, "{}", hostile.name);
        assert!(!error.is_transient(), "{}", hostile.name);
    }
}

#[test]
fn the_explanation_fails_first_where_verification_does() {
    let issuer = issuer();
    let verifier = verifier(&issuer);

    for hostile in corpus(&issuer, AUDIENCE) {
        let report = verifier.explain(&hostile.token);
        let first =
            report.iter().find(|line| line.outcome == Outcome::Failed).expect(&hostile.name);
        assert_eq!(first.code, Some(hostile.code), "{}", hostile.name);
    }
    let good = verifier.explain(&app(&issuer).mint());
    assert!(good.iter().all(|line| line.outcome == Outcome::Passed), "{good:#?}");
}

#[test]
fn row_35_no_refusal_shows_a_byte_of_the_token() {
    let issuer = issuer();
    let verifier = verifier(&issuer);

    for hostile in corpus(&issuer, AUDIENCE) {
        let error = verifier.try_verify(&hostile.token).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.challenge());
        let parts = hostile.token.split('.').filter(|part| part.len() > 8);
        for secret in parts.chain(["orders", "somebody", "other.example", "dev/null"]) {
            assert!(!shown.contains(secret), "{}: {shown}", hostile.name);
        }
    }
}

#[test]
fn row_1_cve_2022_23540_there_is_no_way_to_accept_none() {
    assert_eq!(Algorithm::from_name("none"), None);
    assert_eq!(Algorithm::from_name("HS256"), None);
}

#[test]
fn row_3_one_key_has_one_algorithm() {
    let issuer = issuer();
    let lenient = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .algorithms([Algorithm::Es256, Algorithm::Es384, Algorithm::Ps256, Algorithm::Rs256])
        .clock(TestClock::at(NOW))
        .build_with(issuer.jwk_set())
        .unwrap();

    for alg in ["ES384", "PS256", "RS256"] {
        let refused = lenient.try_verify(&app(&issuer).header("alg", alg).mint());
        assert_eq!(code(refused), "algorithm_mismatch", "{alg}");
    }
}

#[test]
fn j03_a_good_signature_by_an_algorithm_outside_the_list_is_refused() {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Ed25519).clock(TestClock::at(NOW));

    assert_eq!(code(verifier(&issuer).try_verify(&app(&issuer).mint())), "algorithm_not_allowed");
    assert_eq!(code(issuer.verifier(AUDIENCE).try_verify(&app(&issuer).mint())), "accepted");
}

#[test]
fn j36_both_names_of_ed25519_are_understood() {
    let issuer = TestIssuer::with_algorithm(ISSUER, Algorithm::Ed25519).clock(TestClock::at(NOW));

    let old_name = app(&issuer).header("alg", "EdDSA").mint();

    assert_eq!(code(issuer.verifier(AUDIENCE).try_verify(&old_name)), "accepted");
}

#[test]
fn every_algorithm_verifies_what_it_signs() {
    let all =
        [Algorithm::Es256, Algorithm::Rs256, Algorithm::Es384, Algorithm::Ps256, Algorithm::EdDsa];
    for algorithm in all {
        let issuer = TestIssuer::with_algorithm(ISSUER, algorithm).clock(TestClock::at(NOW));
        let verifier = issuer.verifier(AUDIENCE);

        assert_eq!(code(verifier.try_verify(&app(&issuer).mint())), "accepted", "{algorithm}");
        let forged = app(&issuer).hostile(Attack::TamperedPayload);
        assert_eq!(code(verifier.try_verify(&forged)), "invalid_signature", "{algorithm}");
    }
}

#[test]
fn j28_the_type_is_compared_as_a_media_type() {
    let issuer = issuer();
    let verifier = verifier(&issuer);

    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        let token = app(&issuer).header("typ", typ).mint();
        assert_eq!(code(verifier.try_verify(&token)), "accepted", "{typ}");
    }
    for typ in
        ["JWT", "at", "at+jwt ", "logout+jwt", "secevent+jwt", "application/application/at+jwt"]
    {
        let token = app(&issuer).header("typ", typ).mint();
        assert_eq!(code(verifier.try_verify(&token)), "wrong_type", "{typ}");
    }
}

#[test]
fn row_20_ecdsa_signatures_have_one_size_and_range() {
    let issuer = issuer();
    let verifier = verifier(&issuer);
    let good = app(&issuer).mint();
    let input = good.rsplit_once('.').unwrap().0;
    let with = |signature: &[u8]| {
        use base64::Engine as _;
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature);
        code(verifier.try_verify(&format!("{input}.{signature}")))
    };

    for length in [1, 63, 65, 70, 72, 128] {
        assert_eq!(with(&vec![1; length]), "signature_size", "{length}");
    }
    for byte in [0, 0xff] {
        assert_eq!(with(&[byte; 64]), "invalid_signature", "{byte}");
    }
}

#[test]
fn cve_2026_27840_a_token_cut_or_extended_anywhere_is_refused() {
    let issuer = issuer();
    let verifier = verifier(&issuer);
    let good = app(&issuer).mint();

    for length in 0..good.len() {
        assert!(verifier.try_verify(&good[..length]).is_err(), "{length}");
    }
    for extra in ["A", ".", "AA", "=", " ", "\0", "\u{e9}"] {
        assert!(verifier.try_verify(&format!("{good}{extra}")).is_err(), "{extra:?}");
        assert!(verifier.try_verify(&format!("{extra}{good}")).is_err(), "{extra:?}");
    }
}

#[test]
fn cve_2025_30204_a_megabyte_of_dots_is_refused_by_its_length() {
    let verifier = verifier(&issuer());

    assert_eq!(code(verifier.try_verify(&".".repeat(1 << 20))), "token_too_large");
    assert_eq!(code(verifier.try_verify(&".".repeat(16_384))), "token_not_compact");
}

#[test]
fn row_25_the_same_kid_at_another_issuer_is_another_key() {
    let (ours, theirs) =
        (issuer(), TestIssuer::new("https://other.example").clock(TestClock::at(NOW)));
    let both = [verifier(&ours), theirs.verifier(AUDIENCE)];
    let multi = MultiVerifier::new(both).unwrap();

    assert_eq!(code(multi.try_verify(&app(&ours).mint())), "accepted");
    assert_eq!(code(multi.try_verify(&app(&theirs).mint())), "accepted");
    // Signed by the other issuer with its good key, in our name.
    let mixed_up = app(&theirs).claim("iss", ISSUER);
    assert_eq!(code(multi.try_verify(&mixed_up.mint())), "unknown_key");
    let under_our_kid = mixed_up.header("kid", ours.key().kid().as_str());
    assert_eq!(code(multi.try_verify(&under_our_kid.mint())), "invalid_signature");
}

#[test]
fn j24_an_unknown_issuer_is_refused() {
    let (ours, other) =
        (issuer(), TestIssuer::new("https://other.example").clock(TestClock::at(NOW)));
    let multi = MultiVerifier::new([verifier(&ours), other.verifier(AUDIENCE)]).unwrap();

    for iss in ["https://issuer.example/", "https://evil.example", "https://ISSUER.example", ""] {
        let token = app(&ours).claim("iss", iss).mint();
        assert_eq!(code(multi.try_verify(&token)), "unknown_issuer", "{iss}");
    }
    assert_eq!(code(multi.try_verify(&app(&ours).without("iss").mint())), "unknown_issuer");
    let twice = MultiVerifier::new([verifier(&ours), verifier(&ours)]);
    assert_eq!(twice.unwrap_err(), SameIssuerTwice);
}

#[test]
fn cve_2026_33496_two_policies_share_no_verdict() {
    let issuer = issuer();
    let token = app(&issuer).mint();

    assert_eq!(code(verifier(&issuer).try_verify(&token)), "accepted");
    assert_eq!(code(issuer.verifier("https://other.example").try_verify(&token)), "wrong_audience");
}

#[test]
fn a_token_without_kid_is_accepted_only_where_there_is_no_choice() {
    let (one, other) = (issuer(), issuer());
    let token = app(&one).without_header("kid").mint();
    let both = countersign_keys::JwkSet::from_keys(
        [&one, &other].map(|issuer| issuer.key().verifying_key().clone()),
    );
    let two = Verifier::builder(ISSUER).audience(AUDIENCE).clock(TestClock::at(NOW));

    assert_eq!(code(verifier(&one).try_verify(&token)), "accepted");
    assert_eq!(code(two.build_with(both).unwrap().try_verify(&token)), "no_kid");
}

#[test]
fn the_three_identities_cannot_be_confused() {
    let issuer = issuer();
    let verifier = verifier(&issuer);
    let user = issuer.user_token("0190-user", "web").audience(AUDIENCE);
    let asserted = issuer.app_asserted_token("0190-user", "batch").audience(AUDIENCE);

    let as_user = verifier.try_verify(&user.mint()).unwrap();
    assert_eq!(as_user.caller(), Caller::User { subject: "0190-user", client_id: "web" });
    let as_app = verifier.try_verify(&app(&issuer).mint()).unwrap();
    assert_eq!(as_app.caller(), Caller::App { client_id: "orders" });

    let confused = [
        user.clone().claim("idtyp", "app"),
        app(&issuer).claim("idtyp", "user"),
        asserted.clone().claim("idtyp", "app"),
    ];
    for token in confused {
        assert_eq!(code(verifier.try_verify(&token.mint())), "unknown_identity");
    }
}

#[test]
fn an_asserted_user_needs_an_opt_in_and_may_not_look_authenticated() {
    let issuer = issuer();
    let asserted = issuer.app_asserted_token("0190-user", "batch").audience(AUDIENCE);
    let verifier = verifier(&issuer);

    assert_eq!(code(verifier.try_verify(&asserted.mint())), "app_asserted_refused");
    let opted_in = verifier.accepting_app_asserted();
    let named = opted_in.try_verify(&asserted.mint()).unwrap();
    let expected = Caller::AppAsserted { subject: "0190-user", asserted_by: "batch" };
    assert_eq!(named.caller(), expected);

    for claim in [
        ("auth_time", json!(NOW)),
        ("acr", json!("1")),
        ("amr", json!(["pwd"])),
        ("sid", json!("s")),
    ] {
        let token = asserted.clone().claim(claim.0, claim.1).mint();
        assert_eq!(code(opted_in.try_verify(&token)), "unknown_identity", "{}", claim.0);
    }
    assert_eq!(code(opted_in.try_verify(&asserted.without("act").mint())), "unknown_identity");
}

fn chain(token: TestToken<'_>) -> TestToken<'_> {
    token.audience(AUDIENCE).acted_by("orders").acted_by("payments")
}

#[test]
fn who_acts_is_told_apart_from_whom_they_act_for() {
    let issuer = issuer();
    let verifier = verifier(&issuer).accepting_app_asserted();
    let user = chain(issuer.user_token("0190-user", "web")).mint();
    let asserted = chain(issuer.app_asserted_token("0190-user", "batch")).mint();
    let acted_app = chain(issuer.app_token("web"));

    let user = verifier.try_verify(&user).unwrap();
    assert_eq!(user.caller(), Caller::User { subject: "0190-user", client_id: "payments" });
    assert_eq!((user.acting_for(), user.origin_client_id()), (Some("0190-user"), "web"));
    let by = |client_id, by| Actor { client_id, by };
    let hops = [by("orders", By::Exchange), by("payments", By::Exchange)];
    assert_eq!(user.actors(), hops);
    let asserted = verifier.try_verify(&asserted).unwrap();
    let expected = Caller::AppAsserted { subject: "0190-user", asserted_by: "batch" };
    assert_eq!(asserted.caller(), expected, "not the one who acts on its word");
    assert_eq!(asserted.actors()[0], by("batch", By::Assertion));
    assert_eq!(asserted.actors()[1..], hops);
    let app = verifier.try_verify(&acted_app.mint()).unwrap();
    assert_eq!((app.caller(), app.acting_for()), (Caller::App { client_id: "web" }, Some("web")));
    let alone = verifier.try_verify(&issuer.app_token("web").audience(AUDIENCE).mint()).unwrap();
    assert_eq!(
        (alone.acting_for(), alone.actors(), alone.origin_client_id()),
        (None, vec![], "web")
    );

    for confused in [
        acted_app.clone().claim("client_id", "another"),
        acted_app.clone().without("act"),
        acted_app.clone().without("origin_client_id"),
        acted_app.clone().claim("sub", "0190-user"),
        acted_app.claim("sub", "payments"),
    ] {
        assert_eq!(code(verifier.try_verify(&confused.mint())), "unknown_identity");
    }
}

#[test]
fn a_route_says_how_many_hops_there_may_be_and_which_is_the_first() {
    let issuer = issuer();
    let verifier = verifier(&issuer).accepting_app_asserted();
    let direct = issuer.user_token("0190-user", "web").audience(AUDIENCE);
    let one = direct.clone().acted_by("gateway");
    let two = one.clone().acted_by("orders");
    let named = issuer.app_asserted_token("0190-user", "gateway").audience(AUDIENCE);
    let from_gateway = |most| Hops::at_most(most).first("gateway");
    let rows: [(Hops, [bool; 4]); 7] = [
        (Hops::none(), [true, false, false, false]),
        (Hops::at_most(1), [true, true, false, true]),
        (Hops::at_most(2), [true, true, true, true]),
        (from_gateway(1), [true, true, false, true]),
        (from_gateway(2).at_least(1), [false, true, true, true]),
        (Hops::at_most(1).first("orders"), [true, false, false, false]),
        (Hops::at_most(2).at_least(2).first("orders"), [false, false, false, false]),
    ];

    for (hops, expected) in rows {
        for (token, holds) in [&direct, &one, &two, &named].into_iter().zip(expected) {
            let outcome = verifier.try_verify(&token.mint()).unwrap().require_hops(&hops);
            assert_eq!(outcome.is_ok(), holds, "{hops:?} {}", token.payload_json());
        }
    }
    let refused = verifier.try_verify(&two.mint()).unwrap().require_hops(&Hops::none());
    let error = refused.unwrap_err();
    assert_eq!((error.code(), error.status().as_u16()), ("unacceptable_actor", 403));
    assert_eq!(error.challenge().unwrap(), r#"Bearer error="insufficient_scope""#);
}

#[test]
fn r29_row_30_a_bound_token_as_a_bearer_is_refused_under_every_profile() {
    let issuer = issuer();
    let bound = app(&issuer).claim("cnf", json!({ "x5t#S256": "x" })).mint();

    for profile in [countersign_verifier::Profile::RFC9068, compat::RFC9068_WITHOUT_IDTYP] {
        let verifier = Verifier::builder(ISSUER).audience(AUDIENCE).profile(profile);
        let verifier = verifier.clock(TestClock::at(NOW)).build_with(issuer.jwk_set()).unwrap();
        assert_eq!(code(verifier.try_verify(&bound)), "bound_to_key", "{}", profile.name());
    }
}

#[test]
fn j29_a_clock_five_minutes_off_is_not_within_the_skew() {
    let issuer = issuer();
    let token = app(&issuer).mint();
    let at = |offset: i64| {
        let builder =
            Verifier::builder(ISSUER).audience(AUDIENCE).clock(TestClock::at(NOW + offset));
        code(builder.build_with(issuer.jwk_set()).unwrap().try_verify(&token))
    };

    assert_eq!(at(-31), "issued_in_future");
    assert_eq!(at(-30), "accepted");
    assert_eq!(at(300 + 29), "accepted");
    assert_eq!(at(300 + 30), "expired");
}

#[test]
fn the_applications_own_claims_are_read_or_the_token_is_refused() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Tenant {
        tenant: String,
    }
    let issuer = issuer();
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .claims::<Tenant>()
        .clock(TestClock::at(NOW))
        .build_with(issuer.jwk_set())
        .unwrap();

    let good = app(&issuer).claim("tenant", "acme").mint();
    assert_eq!(verifier.try_verify(&good).unwrap().extra().tenant, "acme");
    for bad in [app(&issuer), app(&issuer).claim("tenant", 1)] {
        assert_eq!(code(verifier.try_verify(&bad.mint())), "application_claims");
    }
}

#[test]
fn debug_output_of_a_verified_token_names_nobody() {
    let issuer = issuer();
    let user = issuer.user_token("0190-user", "web").audience(AUDIENCE).mint();

    let verified = verifier(&issuer).try_verify(&user).unwrap();

    let shown = format!("{verified:?}");
    assert!(!shown.contains("0190-user") && !shown.contains("web"), "{shown}");
}
