//! What the issuer knows of clients, resources and users: pure values, and the immutable snapshot that requests read.
//! Nothing here reads the database, the clock or the network; `store` fills it, `apply` replaces it whole.

use std::collections::HashMap;
use std::sync::Arc;

mod acting_rule;
mod assertion_rule;
mod certificate_subject;
mod client;
mod distinguished_name;
mod encryption;
pub mod fapi2;
mod invalid;
mod names;
mod profile;
mod resource;
mod sign_in;
mod token_size;
mod unreadable;
mod user;
mod workload_rule;

pub use acting_rule::{ActingRule, Semantics};
pub use assertion_rule::{
    AssertedUser, AssertionRule, ExternalSubject, MAX_ASSERTED_LIFETIME, Whom, parse_namespace,
};
pub use certificate_subject::CertificateSubject;
pub use client::{
    Client, ClientAuthentication, ClientId, ClientKeys, MAX_LIVE_SECRETS, Permission, StoredSecret,
};
pub use distinguished_name::{DistinguishedName, RelativeName};
pub use encryption::{Encryption, EncryptionKeys, Recipient};
pub use invalid::InvalidValue;
pub use names::{parse_name, parse_role, parse_scope_token, parse_scope_tokens};
pub use profile::{Address, Profile, SCOPE_CLAIMS};
pub use resource::{RequiredBinding, Resource, parse_resource_identifier};
pub use sign_in::{ConsentPolicy, IDENTITY_SCOPES, Pkce, SignIn, SubjectType};
pub use token_size::{largest_asserted_token, largest_exchanged_token, largest_token, user_bytes};
pub use unreadable::{RowKind, UnreadableRow};
pub use user::{User, email_key, parse_email, parse_username, username_key};
pub use workload_rule::{RequiredClaim, SubjectPattern, WorkloadRule};

/// The number of the last change; every change in the database has the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub i64);

/// Everything that changed after some generation, ready to be applied to a [`Registry`].
#[derive(Debug, Default)]
pub struct Changes {
    /// The registry is complete up to here once these changes are applied.
    pub generation: Generation,
    /// New and changed clients, whole.
    pub clients: Vec<Client>,
    /// Clients that were deleted.
    pub deleted_clients: Vec<ClientId>,
    /// New and changed resources, whole.
    pub resources: Vec<Resource>,
    /// Identifiers of resources that were deleted.
    pub deleted_resources: Vec<String>,
    /// New and changed rows that cannot be understood.
    pub unreadable: Vec<UnreadableRow>,
    /// True when this is everything there is, and what is not named is gone: the database was restored from a backup, so
    /// that its generation is older than the one asked for.
    pub complete: bool,
    /// True when a signing ring changed, so that the rings must be loaded again.
    pub rings_changed: bool,
}

/// An immutable snapshot of all clients and resources.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    generation: Generation,
    clients: HashMap<ClientId, Arc<Client>>,
    resources: HashMap<String, Arc<Resource>>,
    own_resource: Arc<Resource>,
    rows_refused: u64,
    holds_to_fapi2: bool,
}

impl Registry {
    /// An empty snapshot of an issuer; `own_resource` is the issuer itself as the audience of a token.
    pub fn new(own_resource: Resource) -> Self {
        Self { own_resource: Arc::new(own_resource), ..Self::default() }
    }

    /// The same, where every client is held to the FAPI 2.0 security profile, whatever it is registered for.
    #[must_use]
    pub fn holding_to_fapi2(self, holds_to_fapi2: bool) -> Self {
        Self { holds_to_fapi2, ..self }
    }

    /// The issuer itself, whose UserInfo endpoint takes tokens like any other resource.
    pub fn own_resource(&self) -> &Arc<Resource> {
        &self.own_resource
    }

    /// The snapshot contains every change up to and including this one.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The client with exactly this id, enabled or not.
    pub fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// The resource with exactly this identifier, enabled or not (RFC 8707 §2: compared as a string).
    pub fn resource(&self, identifier: &str) -> Option<&Arc<Resource>> {
        self.resources.get(identifier)
    }

    /// All clients, in no order.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.clients.values()
    }

    /// All resources, in no order.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// The enabled clients that get nothing, since they do not meet the profile that they are held to; by id.
    pub fn unfit(&self) -> Vec<(&ClientId, InvalidValue)> {
        let enabled = self.clients.values().filter(|client| client.enabled);
        let mut unfit: Vec<_> =
            enabled.filter_map(|client| Some((&client.id, fapi2::check(client).err()?))).collect();
        unfit.sort_unstable_by_key(|(id, _)| *id);
        unfit
    }

    /// How often this snapshot and those before it met a row that cannot be understood.
    pub fn rows_refused(&self) -> u64 {
        self.rows_refused
    }

    /// The snapshot after these changes. Applying the same changes twice is harmless.
    #[must_use]
    pub fn apply(&self, changes: Changes) -> Self {
        let mut next = if changes.complete {
            Self {
                own_resource: Arc::clone(&self.own_resource),
                holds_to_fapi2: self.holds_to_fapi2,
                ..Self::default()
            }
        } else {
            self.clone()
        };
        next.generation = next.generation.max(changes.generation);
        next.rows_refused = self.rows_refused + changes.unreadable.len() as u64;
        for mut client in changes.clients {
            client.fapi2 |= next.holds_to_fapi2;
            next.clients.insert(client.id.clone(), Arc::new(client));
        }
        for id in &changes.deleted_clients {
            next.clients.remove(id);
        }
        for resource in changes.resources {
            next.resources.insert(resource.identifier.clone(), Arc::new(resource));
        }
        for identifier in &changes.deleted_resources {
            next.resources.remove(identifier);
        }
        // What was known of the row is no longer true, and what is true is not known: it counts as absent.
        for row in &changes.unreadable {
            match row.kind {
                RowKind::Client => drop(next.clients.remove(row.id.as_str())),
                RowKind::Resource => drop(next.resources.remove(&row.id)),
                RowKind::Key => {}
            }
        }
        next
    }
}

#[cfg(test)]
mod tests;
