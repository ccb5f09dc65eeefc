//! The vectors of `docs/cookies.md`, by which services in other languages read the same cookies.

use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::credential::Carriers;
use countersign_verifier::testing::TestClock;
use countersign_verifier::{Verified, Verifier, VerifyError};
use http::Request;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../docs/vectors/cookies.json");

#[tokio::test]
async fn each_vector_of_the_cookies_comes_out_as_it_says() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (keys, _) =
        JwkSet::parse(file["jwks"].to_string().as_bytes(), &[Algorithm::Es256]).unwrap();
    let verifier = Verifier::builder(&text(&file["issuer"]))
        .audience(&text(&file["audience"]))
        .clock(TestClock::at(file["now"].as_i64().unwrap()))
        .build_with(keys)
        .unwrap();
    let express = &file["express_session"];
    let carriers = Carriers::bearer()
        .or_cookie(&text(&file["cookie"]))
        .unwrap()
        .or_express_session(&text(&express["cookie"]), &text(&express["member"]));

    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() > 20);
    for vector in vectors {
        let mut request = Request::builder().method(&*text(&vector["method"]));
        for (name, value) in vector["headers"].as_object().unwrap() {
            request = request.header(name, text(value));
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let result = verifier.verify_request(&parts, &carriers).await;
        let (name, expected) = (&vector["name"], &vector["expected"]);
        assert_eq!(
            result.as_ref().ok().map(Verified::subject),
            expected["subject"].as_str(),
            "{name}: {:?}",
            result.as_ref().err().map(VerifyError::code)
        );
        assert_eq!(result.err().map(|error| error.code()), expected["error"].as_str(), "{name}");
    }
}
