//! Foreign clients get tokens by discovery, and foreign verifiers accept what we sign and refuse what we did not.

use crate::assertion::AssertionKey;
use crate::verifiers;
use end_to_end::harness::{Deployment, Judge, foreign_client};

const LIBRARIES: [&str; 2] = ["openid-client", "authlib"];

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_and_authlib_get_tokens_with_a_secret() {
    let deployment = Deployment::sqlite();
    let node = deployment.start().await;
    for library in LIBRARIES {
        for method in ["client_secret_basic", "client_secret_post"] {
            let id = format!("{library}-{method}");
            let more = [
                "--auth",
                method,
                "--resource",
                "https://payments.example",
                "--scope",
                "payments:read",
            ];
            let app = deployment.app_of(&id, &more).await;
            node.knows(&app).await;

            let answer =
                foreign_client(library, &deployment.issuer, &app, (method, &app.client_secret))
                    .await;

            let answer = answer.unwrap_or_else(|error| panic!("{library}, {method}: {error}"));
            assert!(answer["access_token"].is_string(), "{library}, {method}: {answer}");
            assert_eq!(answer["scope"], "payments:read", "{library}, {method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_and_authlib_get_tokens_with_private_key_jwt() {
    // Authlib's assertions live for an hour, and it offers no setting.
    let deployment =
        Deployment::sqlite().with("[client_authentication]\nmax_assertion_lifetime_seconds = 3600");
    let node = deployment.start().await;
    for (name, key) in [("es256", AssertionKey::es256()), ("rs256", AssertionKey::rs256())] {
        for library in LIBRARIES {
            let id = format!("{library}-{name}");
            // Authlib names the token endpoint as the audience: what the compatibility switch is for.
            let compatibility: &[&str] =
                if library == "authlib" { &["--token-endpoint-audience"] } else { &[] };
            let app = key.register_with(&deployment, &id, compatibility).await;
            node.knows(&app).await;

            let credential = ("private_key_jwt", key.private_jwk());
            let answer =
                foreign_client(library, &deployment.issuer, &app, (credential.0, &credential.1))
                    .await;

            let answer = answer.unwrap_or_else(|error| panic!("{library}, {name}: {error}"));
            assert!(answer["access_token"].is_string(), "{library}, {name}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r49_authlib_with_its_token_endpoint_audience_is_refused_without_the_switch() {
    let deployment = Deployment::sqlite();
    let node = deployment.start().await;
    let key = AssertionKey::es256();
    let app = key.register(&deployment, "strict").await;
    node.knows(&app).await;

    let credential = ("private_key_jwt", key.private_jwk());
    let answer =
        foreign_client("authlib", &deployment.issuer, &app, (credential.0, &credential.1)).await;

    assert!(answer.expect_err("a refusal").contains("invalid_client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_sign_verifies_with_every_judge_and_what_was_altered_with_none() {
    for algorithm in ["ES256", "RS256"] {
        let deployment = Deployment::sqlite();
        let node = deployment.start().await;
        let resource = "https://payments.example";
        let create =
            ["resource", "create", resource, "--scope", "payments:read", "--algorithm", algorithm];
        deployment.cli(&create).await;
        let app = deployment.app("orders").await;
        node.knows(&app).await;
        let token = node.token(&app).await;
        let altered = verifiers::with_other_subject(&token);

        let expected = node.expected(&deployment, 300);
        for mut judge in Judge::all(&expected, &deployment.path("")).await {
            judge.judge(&token).await.unwrap_or_else(|refusal| panic!("{algorithm}: {refusal}"));
            assert!(
                judge.judge(&altered).await.is_err(),
                "{} accepts an altered token",
                judge.name()
            );
        }

        let jwks = node.text(&format!("{}/jwks", node.url)).await;
        assert_eq!(verifiers::header(&token)["alg"], algorithm);
        for (name, verify) in [
            ("jsonwebtoken", verifiers::jsonwebtoken as verifiers::Verify),
            ("josekit", verifiers::josekit),
        ] {
            verify(&token, &jwks, &deployment.issuer)
                .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert!(
                verify(&altered, &jwks, &deployment.issuer).is_err(),
                "{name} accepts an altered token"
            );
        }
    }
}
