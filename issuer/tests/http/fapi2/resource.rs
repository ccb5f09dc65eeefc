//! UserInfo as the protected resource (F44 to F64): one thing at a time is wrong with a proof, and after all of it a good one
//! still passes.

use countersign_verifier::testing::{TestClock, TestHolder, TestProof};
use serde_json::{Value, json};

use super::{World, refused};
use crate::dpop::proof;
use crate::harness::START;

/// A client with a token that is bound to its key.
struct Bound {
    world: World,
    token: String,
}

impl Bound {
    async fn new() -> Self {
        let mut world = World::new().await;
        world.holder = TestHolder::new().clock(TestClock::at(START));
        let token = world.tokens("bank").await.json()["access_token"].as_str().unwrap().to_owned();
        Self { world, token }
    }

    fn good(&self) -> TestProof<'_> {
        proof(&self.world.issuer, &self.world.holder, ("GET", "/userinfo")).with_token(&self.token)
    }

    async fn told(&self, proofs: &[(&str, &str)]) -> u16 {
        let authorization = format!("DPoP {}", self.token);
        self.world.userinfo(&authorization, proofs).await.status.as_u16()
    }

    /// The proof is refused by name, and a good one passes all the same.
    async fn refuses(&self, what: &str, proof: &str) {
        let authorization = format!("DPoP {}", self.token);
        let answer = self.world.userinfo(&authorization, &[("dpop", proof)]).await;
        assert_eq!(answer.error(), refused(401, "invalid_dpop_proof"), "{what}");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{what}: {challenge}");
        assert_eq!(self.told(&[("dpop", &self.good().mint())]).await, 200, "after {what}");
    }

    async fn accepts(&self, what: &str, proof: &str) {
        assert_eq!(self.told(&[("dpop", proof)]).await, 200, "{what}");
    }
}

#[tokio::test]
async fn f44_the_name_of_the_header_has_no_case() {
    let bound = Bound::new().await;
    for name in ["DPOP", "DPoP", "dpop"] {
        assert_eq!(bound.told(&[(name, &bound.good().mint())]).await, 200, "{name}");
    }
}

#[tokio::test]
async fn f45_two_proofs_are_refused() {
    let bound = Bound::new().await;
    let (first, second) = (bound.good().mint(), bound.good().claim("jti", "second").mint());
    let authorization = format!("DPoP {}", bound.token);

    let answer = bound.world.userinfo(&authorization, &[("dpop", &first), ("dpop", &second)]).await;

    assert_eq!(answer.error(), refused(401, "invalid_dpop_proof"));
}

#[tokio::test]
async fn f46_what_is_no_jwt_is_refused() {
    let bound = Bound::new().await;
    for text in ["garbage", "a.b.c", ""] {
        bound.refuses(text, text).await;
    }
}

#[tokio::test]
async fn f47_nothing_of_a_proof_may_be_missing() {
    let bound = Bound::new().await;
    for name in ["typ", "alg", "jwk"] {
        bound.refuses(name, &bound.good().without_header(name).mint()).await;
    }
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        bound.refuses(name, &bound.good().without(name).mint()).await;
    }
}

#[tokio::test]
async fn f48_another_typ_is_refused() {
    let bound = Bound::new().await;
    for typ in ["JWT", "at+jwt", "dpop"] {
        bound.refuses(typ, &bound.good().header("typ", typ).mint()).await;
    }
}

#[tokio::test]
async fn f49_rs256_is_refused() {
    let bound = Bound::new().await;
    bound.refuses("RS256", &bound.good().header("alg", "RS256").mint()).await;
    let rsa = TestHolder::with_algorithm(countersign_keys::Algorithm::Rs256);
    let proof = proof(&bound.world.issuer, &rsa, ("GET", "/userinfo")).with_token(&bound.token);
    bound.refuses("an RSA key", &proof.mint()).await;
}

#[tokio::test]
async fn f50_alg_none_is_refused() {
    let bound = Bound::new().await;
    let unsigned = bound.good().header("alg", "none").mint();
    let (input, _) = unsigned.rsplit_once('.').unwrap();
    bound.refuses("none", &format!("{input}.")).await;
}

#[tokio::test]
async fn f51_a_bad_signature_is_refused() {
    let bound = Bound::new().await;
    bound.refuses("of another", &bound.good().signed_by(&TestHolder::new())).await;
}

#[tokio::test]
async fn f52_a_private_key_in_the_header_is_refused() {
    let bound = Bound::new().await;
    let mut jwk: Value =
        serde_json::to_value(bound.world.holder.key().verifying_key().to_jwk()).unwrap();
    jwk["d"] = json!("AAAA");
    bound.refuses("d", &bound.good().header("jwk", jwk).mint()).await;
}

#[tokio::test]
async fn f53_another_method_is_refused() {
    let bound = Bound::new().await;
    for method in ["POST", "get"] {
        bound.refuses(method, &bound.good().claim("htm", method).mint()).await;
    }
}

#[tokio::test]
async fn f54_query_and_fragment_of_htu_do_not_matter() {
    let bound = Bound::new().await;
    for url in ["/userinfo?a=b", "/userinfo#f", "/userinfo?a=b#f", "/userinfo"] {
        let htu = format!("https://issuer.example{url}");
        bound.accepts(url, &bound.good().claim("htu", htu).mint()).await;
    }
}

#[tokio::test]
async fn f55_another_url_is_refused() {
    let bound = Bound::new().await;
    for url in ["https://issuer.example/token", "https://evil.example/userinfo", "/userinfo"] {
        bound.refuses(url, &bound.good().claim("htu", url).mint()).await;
    }
}

#[tokio::test]
async fn f56_an_hour_before_or_after_is_refused() {
    let bound = Bound::new().await;
    for seconds in [-3600, 3600] {
        bound.refuses("iat", &bound.good().claim("iat", START + seconds).mint()).await;
    }
}

#[tokio::test]
async fn f57_a_proof_is_good_once() {
    let bound = Bound::new().await;
    let proof = bound.good().mint();
    bound.accepts("the first time", &proof).await;
    bound.refuses("the second time", &proof).await;
}

#[tokio::test]
async fn f58_the_hash_of_another_token_is_refused() {
    let bound = Bound::new().await;
    bound.refuses("ath", &bound.good().with_token("another").mint()).await;
}

#[tokio::test]
async fn f59_another_key_is_refused() {
    let (bound, other) = (Bound::new().await, TestHolder::new());
    let proof = proof(&bound.world.issuer, &other, ("GET", "/userinfo")).with_token(&bound.token);
    bound.refuses("key", &proof.mint()).await;
}

#[tokio::test]
async fn f60_claims_that_nobody_knows_are_ignored() {
    let bound = Bound::new().await;
    let proof = bound.good().claim("sub", "x").claim("more", json!({ "a": [1] })).mint();
    bound.accepts("more", &proof).await;
}

#[tokio::test]
async fn f61_scheme_and_host_have_no_case_and_443_is_the_port() {
    let bound = Bound::new().await;
    for htu in [
        "HTTPS://issuer.example/userinfo",
        "https://ISSUER.example/userinfo",
        "https://issuer.example:443/userinfo",
    ] {
        bound.accepts(htu, &bound.good().claim("htu", htu).mint()).await;
    }
    let path = "https://issuer.example/USERINFO";
    bound.refuses(path, &bound.good().claim("htu", path).mint()).await;
}

#[tokio::test]
async fn f62_without_a_proof_a_bound_token_is_refused() {
    let bound = Bound::new().await;

    let answer = bound.world.userinfo(&format!("DPoP {}", bound.token), &[]).await;

    assert_eq!(answer.error(), refused(401, "invalid_dpop_proof"));
}

#[tokio::test]
async fn f63_a_bound_token_is_no_bearer_token() {
    let bound = Bound::new().await;
    let (authorization, proof) = (format!("Bearer {}", bound.token), bound.good().mint());
    for proofs in [vec![], vec![("dpop", proof.as_str())]] {
        let answer = bound.world.userinfo(&authorization, &proofs).await;
        assert_eq!(answer.error(), refused(401, "invalid_token"));
    }
}

#[tokio::test]
async fn f64_after_all_of_it_a_good_proof_passes() {
    let bound = Bound::new().await;
    let good = bound.good();
    for hostile in countersign_verifier::testing::proof_corpus(&good, &TestHolder::new()) {
        bound.refuses(&hostile.name, &hostile.token).await;
    }
    bound.accepts("at last", &bound.good().mint()).await;
}
