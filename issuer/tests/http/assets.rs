//! `GET /assets/…`: what pages load.

use crate::harness::Issuer;

const COLOR: &str = "/assets/brand/0f766e.other-version.css";

#[tokio::test]
async fn the_stylesheet_of_a_color_is_served_to_pages_and_not_to_other_origins() {
    let issuer = Issuer::new().await;

    let answer = issuer.get(COLOR).await;

    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("--accent:#0f766e"), "{}", answer.body);
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_assets_below_it() {
    let issuer = Issuer::with(|config| {
        config.issuer = "https://example.com/tenant".parse().unwrap();
    })
    .await;

    assert_eq!(issuer.get(&format!("/tenant{COLOR}")).await.status, 200);
}
