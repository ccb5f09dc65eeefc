//! How people sign in through a client, from the arguments to a checked registration: what is named is set, the rest stays
//! as it is, or as it begins.

use clap::{ArgAction, Args, ValueEnum};
use countersign_keys::Algorithm;
use countersign_keys::jwe::{ContentEncryption, KeyManagement};
use url::Url;

use super::super::Failure;
use super::super::encryption::{parse_alg, parse_enc, read_keys};
use crate::config;
use crate::outbound::Outbound;
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::registry::{
    ConsentPolicy, EncryptionKeys, IDENTITY_SCOPES, InvalidValue, Pkce, SignIn, SubjectType,
};
use crate::token::grants::DEVICE_CODE;

/// The grants that need a person.
const USER_GRANTS: [&str; 3] = ["authorization_code", "refresh_token", DEVICE_CODE];

/// What is registered of a client through which people sign in (OpenID Connect Registration §2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct SignInArguments {
    /// Where answers may go, byte for byte; may be repeated. All that are named replace those there were.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where the browser may go after a sign-out; may be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it wants to hear, from the issuer, that somebody signed out (OpenID Connect Back-Channel Logout).
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<Url>,
    /// Whether it is told which session ended; if not, all sessions of the user at the client are meant.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    backchannel_logout_session_required: Option<bool>,
    /// What the browser loads in a hidden frame when somebody signs out (OpenID Connect Front-Channel Logout); for clients
    /// that the issuer cannot reach.
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<Url>,
    /// Whether that address is given `iss` and `sid`.
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    frontchannel_logout_session_required: Option<bool>,
    /// It runs on a device: private-use schemes and loopback addresses at any port are redirect URIs too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    native: Option<bool>,
    /// It belongs to you: nobody is asked for consent.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    first_party: Option<bool>,
    /// Its requests need no code challenge (only for a confidential client that cannot make one).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pkce_optional: Option<bool>,
    /// Its requests must be pushed (RFC 9126).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_pushed_requests: Option<bool>,
    /// Its requests must be signed by one of its keys (RFC 9101).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_signed_request_object: Option<bool>,
    /// What its request objects are signed with; without it, with any algorithm of its keys.
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    request_object_alg: Option<Algorithm>,
    /// Users have another `sub` for each sector of clients.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pairwise: Option<bool>,
    /// What ID tokens are signed with; RS256 unless it says otherwise.
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    id_token_alg: Option<Algorithm>,
    /// UserInfo answers are JWTs signed with this.
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    userinfo_alg: Option<Algorithm>,
    /// A JWK set with the keys of the client whose `use` is `enc`. The file replaces the set there was.
    #[arg(long = "encryption-jwks-file", value_name = "FILE", value_parser = read_keys)]
    encryption_keys: Option<EncryptionKeys>,
    /// ID tokens are encrypted to its key of this algorithm.
    #[arg(long, value_name = "ALG", value_parser = parse_alg)]
    id_token_encryption_alg: Option<KeyManagement>,
    /// How their content is encrypted; A128CBC-HS256 unless it says otherwise.
    #[arg(long, value_name = "ENC", value_parser = parse_enc)]
    id_token_encryption_enc: Option<ContentEncryption>,
    /// UserInfo answers are encrypted to its key of this algorithm.
    #[arg(long, value_name = "ALG", value_parser = parse_alg)]
    userinfo_encryption_alg: Option<KeyManagement>,
    /// How their content is encrypted; A128CBC-HS256 unless it says otherwise.
    #[arg(long, value_name = "ENC", value_parser = parse_enc)]
    userinfo_encryption_enc: Option<ContentEncryption>,
    /// Its logo on the pages of the issuer.
    #[arg(long, value_name = "URL")]
    logo_uri: Option<Url>,
    /// The color of buttons on the pages of the issuer, such as #1f5f5b.
    #[arg(long, value_name = "COLOR")]
    brand_color: Option<String>,
}

/// What a registration can be without.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Optional {
    PostLogoutRedirectUri,
    BackchannelLogoutUri,
    FrontchannelLogoutUri,
    UserinfoAlg,
    RequestObjectAlg,
    IdTokenEncryption,
    UserinfoEncryption,
    LogoUri,
    BrandColor,
}

impl Optional {
    /// Forgets it.
    pub(super) fn clear(self, sign_in: &mut SignIn) {
        match self {
            Self::PostLogoutRedirectUri => sign_in.post_logout_redirect_uris.clear(),
            Self::BackchannelLogoutUri => sign_in.backchannel_logout_uri = None,
            Self::FrontchannelLogoutUri => sign_in.frontchannel_logout_uri = None,
            Self::UserinfoAlg => sign_in.userinfo_signed_response_alg = None,
            Self::RequestObjectAlg => sign_in.request_object_signing_alg = None,
            Self::IdTokenEncryption => {
                sign_in.id_token_encrypted_response_alg = None;
                sign_in.id_token_encrypted_response_enc = None;
            }
            Self::UserinfoEncryption => {
                sign_in.userinfo_encrypted_response_alg = None;
                sign_in.userinfo_encrypted_response_enc = None;
            }
            Self::LogoUri => sign_in.logo_uri = None,
            Self::BrandColor => sign_in.brand_color = None,
        }
    }
}

fn parse_algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| "use an algorithm such as RS256 or ES256".to_owned())
}

impl SignInArguments {
    /// The registration of a new client, if it has a grant that needs a person; the scopes are those of OpenID Connect.
    pub(super) fn resolve(
        &self,
        grants: &[String],
        scopes: &[String],
    ) -> Result<Option<SignIn>, Failure> {
        if !grants.iter().any(|grant| USER_GRANTS.contains(&grant.as_str())) {
            return self.require_unused(scopes, &[]).map(|()| None);
        }
        // RFC 8628 §3: a device is never redirected to.
        let has = |grant: &str| grants.iter().any(|name| name == grant);
        let is_redirected = has("authorization_code") || !has(DEVICE_CODE);
        if self.redirect_uris.is_empty() && is_redirected {
            let problem = "the grant authorization_code needs a redirect URI";
            return Err(
                Failure::new("redirect_uri_missing", problem).hint("name it with --redirect-uri")
            );
        }
        let mut sign_in = SignIn { scopes: Vec::new(), ..SignIn::default() };
        self.apply(&mut sign_in, scopes)?;
        sign_in.check()?;
        Ok(Some(sign_in))
    }

    /// That nothing is named for a client that speaks for itself only.
    pub(super) fn require_unused(
        &self,
        scopes: &[String],
        cleared: &[Optional],
    ) -> Result<(), Failure> {
        if *self == Self::default() && scopes.is_empty() && cleared.is_empty() {
            return Ok(());
        }
        let problem = "redirect URIs and scopes of OpenID Connect are for clients through which people sign in";
        Err(Failure::new("grant_missing", problem).hint("add --grant authorization_code"))
    }

    /// The guarded client would never send anything to an address that it may not reach.
    pub(super) fn require_reachable(&self, limits: &config::Outbound) -> Result<(), Failure> {
        match &self.backchannel_logout_uri {
            Some(uri) if Outbound::new(limits).check(uri).is_err() => {
                Err(Failure::new("invalid_value", format!("`{uri}` would never be called"))
                    .hint("use an https URL, or list its private address in outbound.allow"))
            }
            _ => Ok(()),
        }
    }

    /// Sets what is named.
    pub(super) fn apply(
        &self,
        sign_in: &mut SignIn,
        scopes: &[String],
    ) -> Result<(), InvalidValue> {
        let kinds = [ApplicationType::Web, ApplicationType::Native];
        set(&mut sign_in.application_type, choose(self.native, kinds));
        let kind = sign_in.application_type;
        replace_uris(&mut sign_in.redirect_uris, &self.redirect_uris, kind)?;
        replace_uris(
            &mut sign_in.post_logout_redirect_uris,
            &self.post_logout_redirect_uris,
            kind,
        )?;
        if !scopes.is_empty() {
            sign_in.scopes = scopes.to_vec();
        }
        self.apply_policies(sign_in);
        self.apply_logout(sign_in);
        self.apply_encryption(sign_in);
        set(&mut sign_in.id_token_signed_response_alg, self.id_token_alg);
        replace(&mut sign_in.userinfo_signed_response_alg, self.userinfo_alg);
        replace(&mut sign_in.request_object_signing_alg, self.request_object_alg);
        replace(&mut sign_in.logo_uri, self.logo_uri.clone());
        replace(&mut sign_in.brand_color, self.brand_color.clone());
        Ok(())
    }

    fn apply_policies(&self, sign_in: &mut SignIn) {
        let consent = [ConsentPolicy::Ask, ConsentPolicy::Skip];
        set(&mut sign_in.consent, choose(self.first_party, consent));
        set(&mut sign_in.pkce, choose(self.pkce_optional, [Pkce::Required, Pkce::Optional]));
        let subjects = [SubjectType::Public, SubjectType::Pairwise];
        set(&mut sign_in.subject_type, choose(self.pairwise, subjects));
        set(&mut sign_in.require_pushed_authorization_requests, self.require_pushed_requests);
        set(&mut sign_in.require_signed_request_object, self.require_signed_request_object);
    }

    fn apply_encryption(&self, sign_in: &mut SignIn) {
        replace(&mut sign_in.encryption_keys, self.encryption_keys.clone());
        replace(&mut sign_in.id_token_encrypted_response_alg, self.id_token_encryption_alg);
        replace(&mut sign_in.id_token_encrypted_response_enc, self.id_token_encryption_enc);
        replace(&mut sign_in.userinfo_encrypted_response_alg, self.userinfo_encryption_alg);
        replace(&mut sign_in.userinfo_encrypted_response_enc, self.userinfo_encryption_enc);
    }

    fn apply_logout(&self, sign_in: &mut SignIn) {
        replace(&mut sign_in.backchannel_logout_uri, self.backchannel_logout_uri.clone());
        replace(&mut sign_in.frontchannel_logout_uri, self.frontchannel_logout_uri.clone());
        set(
            &mut sign_in.backchannel_logout_session_required,
            self.backchannel_logout_session_required,
        );
        set(
            &mut sign_in.frontchannel_logout_session_required,
            self.frontchannel_logout_session_required,
        );
    }
}

fn choose<T>(named: Option<bool>, [no, yes]: [T; 2]) -> Option<T> {
    named.map(|named| if named { yes } else { no })
}

fn set<T>(value: &mut T, named: Option<T>) {
    if let Some(named) = named {
        *value = named;
    }
}

fn replace<T>(value: &mut Option<T>, named: Option<T>) {
    if named.is_some() {
        *value = named;
    }
}

/// Parses those that are named; those that stay are parsed again, since the kind of client may have changed.
fn replace_uris(
    uris: &mut Vec<RedirectUri>,
    named: &[String],
    kind: ApplicationType,
) -> Result<(), InvalidValue> {
    let present: Vec<String> = uris.iter().map(ToString::to_string).collect();
    let all = if named.is_empty() { &present } else { named };
    *uris = all.iter().map(|uri| RedirectUri::parse(uri, kind)).collect::<Result<_, _>>()?;
    Ok(())
}

/// Takes the scopes of OpenID Connect out of those that were named; the rest are of the resource.
pub(super) fn split_scopes(scopes: &[String]) -> (Vec<String>, Vec<String>) {
    let all = scopes.iter().flat_map(|list| list.split_ascii_whitespace()).map(str::to_owned);
    all.partition(|scope| IDENTITY_SCOPES.contains(&scope.as_str()))
}
