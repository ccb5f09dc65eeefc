//! Axum: a tower layer that authenticates, extractors for the result, guards in one line. A token is
//! verified once per request, by the layer; everything else reads what the layer found.

mod extract;
mod found;
mod guard;
mod layer;
mod rejection;
mod requirement;
mod scope;

pub use extract::{Auth, OptionalAuth, Scoped};
pub use found::PresentedToken;
pub use guard::{
    Guard, GuardService, require_acr, require_any_role, require_any_scope, require_binding,
    require_fresh_revocation, require_hops, require_max_age, require_roles, require_scopes,
};
pub use layer::{AuthLayer, AuthService};
pub use rejection::Rejection;
pub use scope::ScopeMarker;

use axum::Router;
use axum::routing::get;

use crate::resource_metadata::ResourceMetadata;

/// Serves the protected resource metadata at its well-known path (RFC 9728 §3). Merge it into the
/// router outside the authentication layer.
pub fn metadata_route<S: Clone + Send + Sync + 'static>(metadata: &ResourceMetadata) -> Router<S> {
    let path = metadata.path().to_owned();
    let document = metadata.clone();
    Router::new().route(&path, get(async move || axum::Json(document)))
}
