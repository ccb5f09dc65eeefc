//! Who a user is to a client (OpenID Connect Core §8): the same for all, or another value for each sector.

use url::Url;
use uuid::Uuid;

use crate::registry::{SignIn, SubjectType};
use crate::sealer::{Purpose, Sealer};

/// The `sub` of a user in ID tokens, logout tokens and UserInfo answers for a client.
pub fn subject_identifier(sealer: &Sealer, sign_in: &SignIn, user_id: Uuid) -> String {
    match sign_in.subject_type {
        SubjectType::Public => user_id.to_string(),
        // §8.1: the same for all clients of a sector, and nothing follows from it.
        SubjectType::Pairwise => {
            let sector = sector(sign_in);
            sealer.mac_text(Purpose::PairwiseSubject, &[sector.as_bytes(), user_id.as_bytes()])
        }
    }
}

/// The registered sector, or the host of the first redirect URI.
fn sector(sign_in: &SignIn) -> String {
    let host = || {
        let url = Url::parse(sign_in.redirect_uris.first()?.as_str()).ok()?;
        url.host_str().map(str::to_owned)
    };
    sign_in.sector_identifier.clone().or_else(host).unwrap_or_default()
}
