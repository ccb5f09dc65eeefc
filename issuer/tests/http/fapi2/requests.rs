//! What the browser may carry, and where answers go (F11 to F14).

use super::{World, refused};
use crate::people::{Browser, authorize_path, callback};

#[tokio::test]
async fn f11_an_unregistered_redirect_uri_is_refused_when_it_is_pushed() {
    let world = World::new().await;
    for uri in ["https://evil.example/cb", "https://web.example/cb/", "https://web.example/cb?x=1"]
    {
        let answer = world.push("bank").with("redirect_uri", uri).send().await;
        assert_eq!(answer.error(), refused(400, "invalid_request"), "{uri}");
    }
}

#[tokio::test]
async fn f12_a_missing_redirect_uri_is_refused_or_the_only_one() {
    let world = World::new().await;

    let openid = world.push("bank").with("redirect_uri", "").send().await;
    let plain = world.push("bank").with("redirect_uri", "").with("scope", "").send().await;

    assert_eq!(openid.error(), refused(400, "invalid_request"));
    assert_eq!(plain.status, 201, "{}", plain.body);
}

#[tokio::test]
async fn f13_a_request_that_was_not_pushed_is_refused() {
    let world = World::new().await;

    let answer = Browser::new(&world.issuer).get(&authorize_path("bank", &[])).await;

    assert_eq!(callback(&answer)["error"], "invalid_request");
    assert!(!callback(&answer).contains_key("code"));
}

#[tokio::test]
async fn f14_other_response_types_are_refused() {
    let world = World::new().await;
    for response_type in ["code id_token", "token", "id_token", "code token"] {
        let answer = world.push("bank").with("response_type", response_type).send().await;
        assert_eq!(answer.error(), refused(400, "unsupported_response_type"), "{response_type}");
    }
}
