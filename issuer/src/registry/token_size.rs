//! How large a token can become, so that a configuration whose tokens would pass the cap is refused when it is made.
//! An upper bound from lengths alone; the issuer checks each real token again.

use countersign_keys::Algorithm;

use super::assertion_rule::MAX_EXTERNAL_SUBJECT;
use super::{ActingRule, AssertionRule, Client, Encryption, Permission, Resource, User};

/// Quotes, names and fixed values of all members of an app token: `iss`, `aud`, `sub`, `client_id`, `scope`,
/// `roles`, `jti` (22), `exp` and `iat` (10 each), `idtyp`, braces and commas, with a little to spare.
const PAYLOAD_FRAME: usize = 160;
/// What a user's token has beyond that: `sub` (36), `auth_time`, `acr`, `amr` with every method, `sid`, `grant_id`, `groups`.
const USER_FRAME: usize = 290;
/// `"act":{"sub":""}` and the longer `idtyp`.
const ASSERTED_FRAME: usize = 40;
/// `"origin_client_id":"","ancestor_jti":[]`, and one more client id of 64 characters.
const EXCHANGED_FRAME: usize = 110;
/// `{"sub":"","act":}` with a client id of 64 characters, and a `jti` in quotes with a comma.
const HOP: usize = 107;
/// `,"cnf":{"x5t#S256":""}` and a thumbprint of 43 characters, if the client chooses to bind its tokens (RFC 8705 §3.1).
const CONFIRMATION: usize = 66;
/// `,"status":{"status_list":{"idx":,"uri":"/status-lists/"}}}`, a place and the number of a list.
const STATUS: usize = 80;
/// `{"alg":"Ed25519","typ":"at+jwt","kid":"` and a thumbprint of 43 characters.
const HEADER: usize = 90;

/// The most bytes a token of `client` can have at the resource of `permission`, with every scope and role, for users
/// whose roles and groups have at most `user_bytes` bytes ([`user_bytes`]).
pub fn largest_token(
    issuer: &str,
    client: &Client,
    permission: &Permission,
    resource: &Resource,
    user_bytes: usize,
) -> usize {
    let id = client.id.as_str().len();
    let scopes: usize = permission.scopes.iter().map(|scope| scope.len() + 1).sum();
    let of_app = id + listed(&permission.roles);
    let of_user = client.sign_in.as_ref().map_or(0, |_| USER_FRAME + user_bytes);
    let payload = PAYLOAD_FRAME
        + CONFIRMATION
        + issuer.len()
        + resource.identifier.len()
        + id
        + scopes
        + of_app.max(of_user);
    encoded(payload + status(issuer, resource), resource)
}

/// The most bytes a token can have by which `client` asserts a user.
pub fn largest_asserted_token(
    issuer: &str,
    client: &Client,
    rule: &AssertionRule,
    resource: &Resource,
) -> usize {
    let id = client.id.as_str().len();
    let scopes: usize = rule.scopes.iter().map(|scope| scope.len() + 1).sum();
    // `idtyp` and `act` are longer than an app's, and `sub` is a name in a namespace at the most.
    let payload = PAYLOAD_FRAME
        + CONFIRMATION
        + issuer.len()
        + resource.identifier.len()
        + 2 * id
        + scopes
        + ASSERTED_FRAME
        + MAX_EXTERNAL_SUBJECT;
    encoded(payload + status(issuer, resource), resource)
}

/// The most bytes a token can have by which `client` acts for somebody, at the end of a chain of `max_depth` exchanges.
pub fn largest_exchanged_token(
    issuer: &str,
    (client, rules): (&Client, &[&ActingRule]),
    resource: &Resource,
    (user_bytes, max_depth): (usize, u32),
) -> usize {
    let scopes: usize =
        rules.iter().flat_map(|rule| &rule.scopes).map(|scope| scope.len() + 1).sum();
    let payload = PAYLOAD_FRAME
        + USER_FRAME
        + EXCHANGED_FRAME
        + issuer.len()
        + resource.identifier.len()
        + client.id.as_str().len()
        + scopes
        + user_bytes.max(MAX_EXTERNAL_SUBJECT + ASSERTED_FRAME)
        + HOP * max_depth as usize;
    encoded(payload + status(issuer, resource), resource)
}

/// The bytes that the roles and groups of a user take in a token.
pub fn user_bytes(user: &User) -> usize {
    listed(&user.roles) + listed(&user.groups)
}

/// The place in a status list, and the address of the list.
fn status(issuer: &str, resource: &Resource) -> usize {
    if resource.status_list { STATUS + issuer.len() } else { 0 }
}

fn encoded(payload: usize, resource: &Resource) -> usize {
    let signature = base64_len(signature_len(resource.algorithm));
    let signed = base64_len(HEADER) + 1 + base64_len(payload) + 1 + signature;
    let recipient = resource.encryption.as_ref().and_then(Encryption::recipient);
    recipient.map_or(signed, |(key, enc)| key.encrypted_bytes(signed, enc))
}

/// Each with quotes and a comma.
fn listed(names: &[String]) -> usize {
    names.iter().map(|name| name.len() + 3).sum()
}

fn signature_len(algorithm: Algorithm) -> usize {
    match algorithm {
        // The largest key that we make.
        Algorithm::Rs256 | Algorithm::Ps256 => 512,
        Algorithm::Es384 => 96,
        _ => 64,
    }
}

fn base64_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
