//! The sections of who stands outside and is believed: providers at which people sign in, and issuers that vouch for
//! workloads.

use serde::Deserialize;
use url::Url;

use super::Secret;
use super::sections::absolute_url;
use super::setting::section;

section! {
    /// Another OpenID Connect provider at which people may sign in, such as Google, Entra or another Countersign: one
    /// section for each, `NAME` being lower-case letters, digits and hyphens. Register
    /// `{issuer}/login/upstream/NAME/callback` there as the redirect URI. Whoever signs in there without being linked to
    /// a user here is asked to sign in here first, and to link the provider on the account page: an e-mail address
    /// that is the same is no proof.
    "upstream.NAME" => pub struct UpstreamProvider {
        /// Its issuer, exactly as its metadata and its ID tokens say it. For Entra that of one tenant; `common` has none.
        pub issuer: String = String::new(), Unset r#""https://accounts.google.com""#;
        /// The `client_id` of this issuer there.
        pub client_id: String = String::new(), Unset r#""1234.apps.googleusercontent.com""#;
        /// The client secret there: a value, `{ file = "path" }` or `{ environment = "VARIABLE" }`. Without it, this issuer
        /// is a public client there.
        pub client_secret: Option<Secret<String>> = None,
            Unset r#"{ file = "/run/secrets/google_client_secret" }"#;
        /// What is asked for; `openid` must be among it. Without it, `openid`, `profile` and `email`.
        pub scopes: Vec<String> = ["openid", "profile", "email"].map(str::to_owned).into(),
            Unset r#"["openid", "profile", "email"]"#;
        /// The name on the button. Without it, `NAME`.
        pub label: Option<String> = None, Unset r#""Google""#;
        /// What happens to a person who is new here: `closed` sends nobody further, `open` makes a user. `open` lets in
        /// whoever can sign in at the provider.
        pub registration: UpstreamRegistration = UpstreamRegistration::Closed, Unset r#""open""#;
    }
}

section! {
    /// An issuer outside that knows workloads, such as a Kubernetes cluster, the CI of GitHub or GitLab, a SPIFFE trust domain
    /// or another Countersign: one section for each, `NAME` being lower-case letters, digits and hyphens. An app that is
    /// created with `--auth workload_identity` authenticates by its tokens and has no secret; which workloads are which app
    /// is said by `countersign client allow-workload`. A token counts until it expires, however often it comes.
    "workload.NAME" => pub struct WorkloadIssuer {
        /// Its issuer, exactly as its tokens say it (`iss`), or a SPIFFE trust domain, such as `spiffe://example.org`: all
        /// subjects within are believed, whatever `iss` says.
        pub issuer: String = String::new(), Unset r#""https://token.actions.githubusercontent.com""#;
        /// Where its public keys are, as a JWK set. Without it, where its metadata say; a trust domain has none, so that it
        /// must be named.
        #[serde(deserialize_with = "absolute_url")]
        pub jwks_uri: Option<Url> = None, Unset r#""https://spire.example.org/bundle.json""#;
        /// The one audience of its tokens (`aud`). Without it, the URL of this issuer. A token for several is refused: each of
        /// them could come here with it.
        pub audience: Option<String> = None, Unset r#""https://issuer.example.com""#;
        /// What its tokens say that they are (`typ`): `JWT`, which may be left out, or `at+jwt` for the access tokens of
        /// another Countersign.
        pub token_type: WorkloadTokenType = WorkloadTokenType::Jwt, Unset r#""at+jwt""#;
        /// Seconds that its tokens may live for at most. Kubernetes makes them for an hour if not told otherwise.
        pub max_lifetime_seconds: u32 = 7_200, Unset "7200";
    }
}

/// What happens to people who are new here, and signed in at an upstream provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamRegistration {
    /// Nothing.
    Closed,
    /// They get an account.
    Open,
}

/// What the tokens of an issuer of workloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum WorkloadTokenType {
    /// JWTs without further kind.
    #[serde(rename = "JWT")]
    Jwt,
    /// Access tokens (RFC 9068).
    #[serde(rename = "at+jwt")]
    AccessToken,
}

impl WorkloadIssuer {
    /// The trust domain, if it is one of SPIFFE.
    pub fn trust_domain(&self) -> Option<&str> {
        self.issuer.strip_prefix("spiffe://")
    }
}
