//! What a client may do at a resource, from the arguments to a checked permission; a resource that is new is made with it.

use clap::Args;

use super::super::Failure;
use super::sign_in::split_scopes;
use crate::registry::{Permission, Resource, parse_role, parse_scope_tokens};
use crate::store::{Store, StoreError};

/// The permission for one resource.
#[derive(Debug, Args)]
pub(super) struct PermissionArguments {
    /// The resource that it may ask tokens for. One a call; `client update` adds others. Made if it is new.
    #[arg(long, value_name = "URI")]
    pub(super) resource: Option<String>,
    /// A scope of that resource, or of OpenID Connect (openid, profile, email, address, phone, offline_access), or several
    /// separated by blanks; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A role at that resource, stated by every token; may be repeated.
    #[arg(long = "role", requires = "resource", value_name = "ROLE")]
    roles: Vec<String>,
}

/// A permission, and the resource if it has to be made.
pub(super) struct Resolved {
    pub(super) permission: Permission,
    pub(super) created: Option<Resource>,
}

impl PermissionArguments {
    /// The scopes of OpenID Connect among those that were named.
    pub(super) fn identity_scopes(&self) -> Vec<String> {
        split_scopes(&self.scopes).0
    }

    /// Checks the names, and that the resource has the scopes; a resource that is new gets them.
    pub(super) async fn resolve(&self, store: &Store) -> Result<Option<Resolved>, Failure> {
        let (_, scopes) = split_scopes(&self.scopes);
        let Some(identifier) = &self.resource else {
            let Some(scope) = scopes.first() else { return Ok(None) };
            let problem = format!("scope `{scope}` is of a resource, and none is named");
            return Err(Failure::new("resource_missing", problem).hint("name it with --resource"));
        };
        let scopes = parse_scope_tokens(&scopes.join(" "))?;
        for role in &self.roles {
            parse_role(role)?;
        }
        let created = match store.resource(identifier).await {
            Ok(resource) => {
                require_scopes(&resource, &scopes)?;
                None
            }
            Err(StoreError::NotFound { .. }) => Some(Resource::new(identifier, scopes.clone())?),
            Err(error) => return Err(error.into()),
        };
        let resource = identifier.clone();
        let permission = Permission { resource, scopes, roles: self.roles.clone() };
        Ok(Some(Resolved { permission, created }))
    }
}

pub(super) fn require_scopes(resource: &Resource, scopes: &[String]) -> Result<(), Failure> {
    let Some(unknown) = scopes.iter().find(|scope| !resource.scopes.contains(scope)) else {
        return Ok(());
    };
    let identifier = &resource.identifier;
    Err(Failure::new("unknown_scope", format!("resource `{identifier}` has no scope `{unknown}`"))
        .hint(format!(
            "add it with `countersign resource update {identifier} --add-scope {unknown}`"
        )))
}
