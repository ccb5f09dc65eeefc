//! `countersign client create`: an app, the permission it starts with, and the resource if it is new.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_keys::JwkSet;
use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use serde_json::{Value, json};
use url::Url;

use super::super::token_size::require_small_tokens_of_client;
use super::super::{Failure, Session};
use super::certificate::{self, CertificateArguments};
use super::permission::PermissionArguments;
use super::sign_in::SignInArguments;
use super::{new_secret, show};
use crate::bootstrap::Opened;
use crate::config;
use crate::outbound::Outbound;
use crate::registry::{
    CertificateSubject, Client, ClientAuthentication, ClientId, ClientKeys, Resource, SignIn,
    parse_name,
};
use crate::token::grants::{GRANTS, JWT_BEARER, TOKEN_EXCHANGE};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "these are the flags of the command line")]
pub(in super::super) struct Create {
    /// The client id: 1 to 64 characters of A-Z a-z 0-9 . _ ~ -, not shaped like a UUID.
    id: ClientId,
    /// A grant that it may use; may be repeated.
    #[arg(long = "grant", value_name = "GRANT", required_unless_present = "introspects", value_parser = parse_grant)]
    grants: Vec<String>,
    /// How it authenticates: client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth,
    /// self_signed_tls_client_auth, workload_identity (by tokens of another issuer, see allow-workload), or none for a public
    /// client.
    #[arg(long, value_parser = parse_auth)]
    auth: Option<ClientAuthentication>,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    certificate: CertificateArguments,
    #[command(flatten)]
    permission: PermissionArguments,
    /// A resource that it is: it may ask about tokens for it (RFC 7662); may be repeated.
    #[arg(long, value_name = "URI")]
    introspects: Vec<String>,
    #[command(flatten)]
    sign_in: SignInArguments,
    /// A name for people.
    #[arg(long)]
    name: Option<String>,
    /// Accept the URL of the token endpoint as the audience of its assertions (for old libraries).
    #[arg(long)]
    token_endpoint_audience: bool,
    /// Give it no tokens but those that are bound to a key of its own, of which it proves possession (RFC 9449).
    #[arg(long)]
    require_dpop: bool,
    /// Give it no tokens but those that are bound to its certificate, which it shows in mutual TLS (RFC 8705).
    #[arg(long, conflicts_with = "require_dpop")]
    certificate_bound: bool,
    /// Hold it to the FAPI 2.0 security profile: requests are pushed, tokens are bound, and signed with PS256, ES256
    /// or EdDSA alone.
    #[arg(long)]
    fapi2: bool,
    /// Seconds after which its secret is refused; without it, never.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    secret_expires_in_seconds: Option<u32>,
}

/// The public keys of a client: to authenticate with, and for request objects.
#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    /// A file with its public keys as a JWK set.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Where its public keys are published as a JWK set.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<Url>,
}

/// A grant by its wire name, or by the last part of one that is a URN.
fn parse_grant(name: &str) -> Result<String, String> {
    let is_meant =
        |wire: &str| wire == name || wire.rsplit_once(':').is_some_and(|(_, last)| last == name);
    if let Some(grant) = GRANTS.iter().find(|grant| is_meant(grant.name)) {
        return Ok(grant.name.to_owned());
    }
    let known: Vec<&str> = GRANTS.iter().map(|grant| grant.name).collect();
    Err(format!("use one of {}", known.join(", ")))
}

fn parse_auth(name: &str) -> Result<ClientAuthentication, String> {
    let known = ClientAuthentication::ALL.map(ClientAuthentication::name);
    ClientAuthentication::from_name(name).ok_or_else(|| format!("use one of {}", known.join(", ")))
}

impl Create {
    pub(super) async fn run(self, session: &Session, opened: &Opened) -> Result<(), Failure> {
        let act = session.act();
        let keys = self.keys.read(&session.config.outbound)?;
        let certificate_subject = self.certificate.subject()?;
        let auth = self.authentication(keys.as_ref(), certificate_subject.as_ref())?;
        let (permission, new_resource) = match self.permission.resolve(&opened.store).await? {
            Some(resolved) => (Some(resolved.permission), resolved.created),
            None => (None, None),
        };
        let sign_in = self.sign_in.resolve(&self.grants, &self.permission.identity_scopes())?;
        self.sign_in.require_reachable(&session.config.outbound)?;
        require_confidential(auth, (&self.grants, &self.introspects))?;
        require_keys_to_sign(sign_in.as_ref(), keys.as_ref())?;
        let secret = auth
            .uses_secret()
            .then(|| new_secret(opened, &self.id, act.at, self.secret_expires_in_seconds));
        let client = Client {
            id: self.id,
            name: self.name.as_deref().map(parse_name).transpose()?.map(str::to_owned),
            grants: self.grants,
            auth,
            secrets: secret.iter().map(|(_, stored)| stored.clone()).collect(),
            keys: keys.unwrap_or(ClientKeys::None),
            token_endpoint_audience: self.token_endpoint_audience,
            dpop_bound_access_tokens: self.require_dpop,
            fapi2: self.fapi2,
            certificate_subject,
            tls_client_certificate_bound_access_tokens: self.certificate_bound,
            permissions: permission.into_iter().collect(),
            assertion_rules: Vec::new(),
            acting_rules: Vec::new(),
            workload_rules: Vec::new(),
            introspects: self.introspects,
            sign_in,
            enabled: true,
        };
        require_small_tokens_of_client(session, &opened.store, &client, new_resource.as_ref())
            .await?;
        opened.store.create_client_with(&client, new_resource.as_ref(), &act).await?;
        let clear = secret.as_ref().map(|(clear, _)| clear.as_str());
        print(session, &client, clear, new_resource.as_ref());
        Ok(())
    }

    fn authentication(
        &self,
        keys: Option<&ClientKeys>,
        subject: Option<&CertificateSubject>,
    ) -> Result<ClientAuthentication, Failure> {
        let auth = self.auth.or(subject.map(|_| ClientAuthentication::TlsClientAuth));
        certificate::require_fitting(auth, subject)?;
        match (auth, keys) {
            (None, Some(_)) => Ok(ClientAuthentication::PrivateKeyJwt),
            (Some(auth), Some(_)) if auth.uses_keys() => Ok(auth),
            (Some(auth), None) if auth.uses_keys() => {
                let problem = format!("{} needs the client's public keys", auth.name());
                Err(Failure::new("keys_missing", problem)
                    .hint("name them with --jwks-file or --jwks-uri"))
            }
            // Keys for what it signs, beside another way to prove who it is.
            (Some(auth), Some(_)) if signs_something(&self.grants) => Ok(auth),
            (Some(auth), Some(_)) => {
                let problem = format!("{} uses no keys, and there is nothing to sign", auth.name());
                Err(Failure::new("keys_unused", problem)
                    .hint("leave out --jwks-file and --jwks-uri"))
            }
            (auth, None) => Ok(auth.unwrap_or(ClientAuthentication::ClientSecretBasic)),
        }
    }
}

/// Whether a client with these grants signs anything but what proves who it is: request objects (RFC 9101 §6.2), and
/// assertions about users (RFC 7523 §2.1).
pub(super) fn signs_something(grants: &[String]) -> bool {
    let signing = ["authorization_code", JWT_BEARER, TOKEN_EXCHANGE];
    grants.iter().any(|grant| signing.contains(&grant.as_str()))
}

/// RFC 6749 §4.4: a public client cannot speak for itself. RFC 7662 §2.1: nor ask about tokens.
pub(super) fn require_confidential(
    auth: ClientAuthentication,
    (grants, introspects): (&[String], &[String]),
) -> Result<(), Failure> {
    let speaks_for_itself = grants.iter().any(|grant| grant == "client_credentials");
    if auth == ClientAuthentication::None && !introspects.is_empty() {
        let problem = "a public client cannot ask about tokens";
        return Err(Failure::new("introspection_refused", problem).hint("leave out --auth none"));
    }
    if auth == ClientAuthentication::None && speaks_for_itself {
        let problem = "a public client cannot have the grant client_credentials";
        return Err(Failure::new("grant_refused", problem).hint("leave out --auth none"));
    }
    Ok(())
}

/// RFC 9101 §10.5: who must sign has something to sign with.
pub(super) fn require_keys_to_sign(
    sign_in: Option<&SignIn>,
    keys: Option<&ClientKeys>,
) -> Result<(), Failure> {
    let must_sign = sign_in.is_some_and(|sign_in| sign_in.require_signed_request_object);
    if must_sign && keys.is_none() {
        let problem = "--require-signed-request-object needs the client's public keys";
        return Err(
            Failure::new("keys_missing", problem).hint("name them with --jwks-file or --jwks-uri")
        );
    }
    Ok(())
}

fn print(session: &Session, client: &Client, secret: Option<&str>, created: Option<&Resource>) {
    let mut document = show::document(client);
    if let (Some(secret), Value::Object(members)) = (secret, &mut document) {
        members.insert("client_secret".to_owned(), json!(secret));
    }
    if let (Some(resource), Value::Object(members)) = (created, &mut document) {
        members.insert("created_resource".to_owned(), json!(resource.identifier));
        session.output.note(&format!("created resource {}", resource.identifier));
    }
    let text = match secret {
        Some(secret) => format!(
            "client_id      {}\nclient_secret  {secret}\n\nThe secret is shown this once.",
            client.id
        ),
        None => format!("client_id  {}", client.id),
    };
    session.output.result(&document, &text);
}

impl KeyArguments {
    /// The keys that were named, if any.
    pub(super) fn read(&self, limits: &config::Outbound) -> Result<Option<ClientKeys>, Failure> {
        match (&self.jwks_file, &self.jwks_uri) {
            (Some(file), _) => Ok(Some(ClientKeys::Inline(read_jwks(file)?))),
            (None, Some(uri)) if Outbound::new(limits).check(uri).is_ok() => {
                Ok(Some(ClientKeys::Uri(uri.clone())))
            }
            (None, Some(uri)) => {
                Err(Failure::new("invalid_value", format!("`{uri}` would never be fetched"))
                    .hint("use an https URL, or list its private address in outbound.allow"))
            }
            (None, None) => Ok(None),
        }
    }
}

fn read_jwks(path: &Path) -> Result<JwkSet, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    let every: Vec<Algorithm> = ALGORITHMS.iter().map(|row| row.algorithm).collect();
    let (set, skipped) =
        JwkSet::parse(&bytes, &every).map_err(|error| Failure::file(path, &error))?;
    match skipped.first() {
        None => Ok(set),
        Some(key) => Err(Failure::file(path, &format!("a key cannot be used: {}", key.reason))),
    }
}
