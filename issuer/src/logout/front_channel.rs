//! Signing out of clients through the browser (OpenID Connect Front-Channel Logout 1.0): a page loads an address of each in
//! a hidden frame, and then goes on. An option for clients that cannot be reached from here: a browser that keeps cookies
//! of other sites apart tells the client less than a logout token does.

use url::Url;

use crate::app::App;
use crate::store::EndedSession;

/// §3: the address of each client that took part and registered one, with `iss` and `sid`.
pub(super) fn addresses(app: &App, ended: &EndedSession) -> Vec<Url> {
    let registry = app.registry.load();
    let clients = ended.clients.iter().filter_map(|id| registry.client(id));
    let sign_ins = clients.filter_map(|client| client.sign_in.as_ref());
    sign_ins
        .filter_map(|sign_in| {
            let mut uri = sign_in.frontchannel_logout_uri.clone()?;
            if sign_in.frontchannel_logout_session_required {
                uri.query_pairs_mut()
                    .append_pair("iss", app.config.issuer.as_str())
                    .append_pair("sid", &ended.id.to_string());
            }
            Some(uri)
        })
        .collect()
}
