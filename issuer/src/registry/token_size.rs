//! How large a token can become, so that a configuration whose tokens would pass the cap is refused when it is made.
//! An upper bound from lengths alone; the issuer checks each real token again.

use countersign_keys::Algorithm;

use super::{Permission, Resource};

/// Quotes, names and fixed values of all members of an app token: `iss`, `aud`, `sub`, `client_id`, `scope`,
/// `roles`, `jti` (22), `exp` and `iat` (10 each), `idtyp`, braces and commas, with a little to spare.
const PAYLOAD_FRAME: usize = 160;
/// `{"alg":"Ed25519","typ":"at+jwt","kid":"` and a thumbprint of 43 characters.
const HEADER: usize = 90;

/// The most bytes an app token of `client_id` can have at `resource`, with every scope and role of `permission`.
pub fn largest_app_token(
    issuer: &str,
    client_id: &str,
    permission: &Permission,
    resource: &Resource,
) -> usize {
    let scopes: usize = permission.scopes.iter().map(|scope| scope.len() + 1).sum();
    let roles: usize = permission.roles.iter().map(|role| role.len() + 3).sum();
    let payload = PAYLOAD_FRAME
        + issuer.len()
        + resource.identifier.len()
        + 2 * client_id.len()
        + scopes
        + roles;
    base64_len(HEADER) + 1 + base64_len(payload) + 1 + base64_len(signature_len(resource.algorithm))
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
