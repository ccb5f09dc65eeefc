//! The Config plan: what the discovery document and the key set must say (OpenID Connect Discovery 1.0 §3, §4).

use serde_json::Value;

use super::{ISSUER, Mode, Plan};

fn texts<'d>(document: &'d Value, member: &str) -> Vec<&'d str> {
    assert!(document[member].is_array(), "{member} is no list");
    let list = document[member].as_array().unwrap();
    let texts: Vec<&str> = list.iter().map(|text| text.as_str().unwrap()).collect();
    assert!(!texts.is_empty(), "{member} is empty");
    texts
}

#[tokio::test]
async fn discovery_endpoint_verification_the_document_is_where_and_what_it_must_be() {
    let plan = Plan::of_a_default_configuration(Mode::Default).await;

    let answer = plan.issuer.get("/.well-known/openid-configuration").await;

    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let document = answer.json();
    assert_eq!(document["issuer"], ISSUER);
    for member in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "end_session_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        let endpoint = document[member].as_str().unwrap();
        let path = endpoint.strip_prefix(ISSUER).unwrap();
        assert_ne!(plan.issuer.get(path).await.status, 404, "{member}");
    }
    assert!(texts(&document, "response_types_supported").contains(&"code"));
    assert!(texts(&document, "response_modes_supported").contains(&"form_post"));
    assert!(texts(&document, "subject_types_supported").contains(&"public"));
    assert!(texts(&document, "id_token_signing_alg_values_supported").contains(&"RS256"));
    assert!(texts(&document, "scopes_supported").contains(&"openid"));
    assert!(texts(&document, "claims_supported").contains(&"sub"));
    assert!(texts(&document, "grant_types_supported").contains(&"refresh_token"));
    assert_eq!(texts(&document, "code_challenge_methods_supported"), ["S256"]);
    for member in [
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "authorization_response_iss_parameter_supported",
    ] {
        assert!(document[member].is_boolean(), "{member}");
    }
}

#[tokio::test]
async fn discovery_endpoint_verification_every_member_is_known_and_no_algorithm_is_none() {
    let plan = Plan::of_a_default_configuration(Mode::Default).await;
    let document = plan.issuer.get("/.well-known/openid-configuration").await.json();

    for (member, value) in document.as_object().unwrap() {
        // Those of the IANA registry "OAuth Authorization Server Metadata" and of OpenID Connect Discovery end so.
        let is_known = ["_endpoint", "_supported", "_uri", "_requests", "_aliases"]
            .iter()
            .any(|end| member.ends_with(end))
            || [
                "issuer",
                "require_signed_request_object",
                "tls_client_certificate_bound_access_tokens",
            ]
            .contains(&member.as_str());
        assert!(is_known, "{member} would be a warning");
        if member.contains("alg_values") {
            assert!(!texts(&document, member).contains(&"none"), "{member}");
        }
        if member.ends_with("_endpoint") || member.ends_with("_uri") {
            assert!(value.as_str().unwrap().starts_with("https://"), "{member}");
        }
        if member.contains("locales") {
            let is_tag = |tag: &&str| {
                tag.split('-').all(|part| {
                    (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
                })
            };
            assert!(texts(&document, member).iter().all(is_tag), "{member}");
        }
    }
}

#[tokio::test]
async fn discovery_endpoint_verification_the_key_set_has_usable_public_keys_only() {
    let plan = Plan::of_a_default_configuration(Mode::Default).await;

    let set = plan.issuer.get("/jwks").await.json();

    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["kty"] == "RSA" && key["alg"] == "RS256"));
    let mut kids = Vec::new();
    for key in keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
        kids.push(key["kid"].as_str().unwrap());
    }
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), keys.len());
    let all = countersign_keys::Algorithm::from_name;
    let known = [all("RS256").unwrap(), all("ES256").unwrap()];
    let (_, unusable) =
        countersign_keys::JwkSet::parse(set.to_string().as_bytes(), &known).unwrap();
    assert!(unusable.is_empty());
}
