//! How people sign in through a client, from the arguments to a checked registration.

use clap::Args;
use countersign_keys::Algorithm;
use url::Url;

use super::super::Failure;
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::registry::{ConsentPolicy, IDENTITY_SCOPES, Pkce, SignIn, SubjectType};

/// The grants that need a person.
const USER_GRANTS: [&str; 2] = ["authorization_code", "refresh_token"];

/// What is registered of a client through which people sign in (OpenID Connect Registration §2).
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "these are the flags of the command line")]
pub(super) struct SignInArguments {
    /// Where answers may go, byte for byte; may be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where the browser may go after a sign-out; may be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// It runs on a device: private-use schemes and loopback addresses at any port are redirect URIs too.
    #[arg(long)]
    native: bool,
    /// It belongs to you: nobody is asked for consent.
    #[arg(long)]
    first_party: bool,
    /// Its requests need no code challenge (only for a confidential client that cannot make one).
    #[arg(long)]
    pkce_optional: bool,
    /// Its requests must be pushed (RFC 9126).
    #[arg(long)]
    require_pushed_requests: bool,
    /// Its requests must be signed by one of its keys (RFC 9101).
    #[arg(long)]
    require_signed_request_object: bool,
    /// What its request objects are signed with; without it, with any algorithm of its keys.
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    request_object_alg: Option<Algorithm>,
    /// Users have another `sub` for each sector of clients.
    #[arg(long)]
    pairwise: bool,
    /// What ID tokens are signed with; RS256 unless it says otherwise.
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    id_token_alg: Option<Algorithm>,
    /// UserInfo answers are JWTs signed with this.
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    userinfo_alg: Option<Algorithm>,
    /// Its logo on the pages of the issuer.
    #[arg(long, value_name = "URL")]
    logo_uri: Option<Url>,
    /// The color of buttons on the pages of the issuer, such as #1f5f5b.
    #[arg(long, value_name = "COLOR")]
    brand_color: Option<String>,
}

fn parse_algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| "use an algorithm such as RS256 or ES256".to_owned())
}

impl SignInArguments {
    /// The registration, for a client with a grant that needs a person; the scopes are those of OpenID Connect.
    pub(super) fn resolve(
        self,
        grants: &[String],
        scopes: &[String],
    ) -> Result<Option<SignIn>, Failure> {
        let needs_people = grants.iter().any(|grant| USER_GRANTS.contains(&grant.as_str()));
        if !needs_people {
            return self.require_unused(scopes).map(|()| None);
        }
        if self.redirect_uris.is_empty() {
            let problem = "the grant authorization_code needs a redirect URI";
            return Err(
                Failure::new("redirect_uri_missing", problem).hint("name it with --redirect-uri")
            );
        }
        let kind = if self.native { ApplicationType::Native } else { ApplicationType::Web };
        let parse = |uris: &[String]| {
            uris.iter().map(|uri| RedirectUri::parse(uri, kind)).collect::<Result<Vec<_>, _>>()
        };
        let defaults = SignIn::default();
        let sign_in = SignIn {
            application_type: kind,
            redirect_uris: parse(&self.redirect_uris)?,
            post_logout_redirect_uris: parse(&self.post_logout_redirect_uris)?,
            scopes: scopes.to_vec(),
            pkce: if self.pkce_optional { Pkce::Optional } else { Pkce::Required },
            consent: if self.first_party { ConsentPolicy::Skip } else { ConsentPolicy::Ask },
            require_pushed_authorization_requests: self.require_pushed_requests,
            require_signed_request_object: self.require_signed_request_object,
            request_object_signing_alg: self.request_object_alg,
            id_token_signed_response_alg: self
                .id_token_alg
                .unwrap_or(defaults.id_token_signed_response_alg),
            userinfo_signed_response_alg: self.userinfo_alg,
            subject_type: if self.pairwise { SubjectType::Pairwise } else { SubjectType::Public },
            logo_uri: self.logo_uri,
            brand_color: self.brand_color,
            ..defaults
        };
        sign_in.check()?;
        Ok(Some(sign_in))
    }

    fn require_unused(&self, scopes: &[String]) -> Result<(), Failure> {
        if self.redirect_uris.is_empty() && scopes.is_empty() {
            return Ok(());
        }
        let problem = "redirect URIs and scopes of OpenID Connect are for clients through which people sign in";
        Err(Failure::new("grant_missing", problem).hint("add --grant authorization_code"))
    }
}

/// Takes the scopes of OpenID Connect out of those that were named; the rest are of the resource.
pub(super) fn split_scopes(scopes: &[String]) -> (Vec<String>, Vec<String>) {
    let all = scopes.iter().flat_map(|list| list.split_ascii_whitespace()).map(str::to_owned);
    all.partition(|scope| IDENTITY_SCOPES.contains(&scope.as_str()))
}
