//! From rows to clients: a client, its permissions and its secrets are read together.

use std::collections::HashMap;

use countersign_keys::JwkSet;
use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::StoreError;
use super::columns::{corrupt, flag, list, optional_text, text};
use crate::registry::{Client, ClientAuthentication, ClientId, ClientKeys, Permission};

/// Which clients to load; tombstones never.
#[derive(Clone, Copy)]
pub(super) enum Selection<'s> {
    One(&'s ClientId),
    /// Those changed after a generation.
    After(i64),
}

impl Selection<'_> {
    fn parameters(self) -> (i64, String) {
        match self {
            Self::One(id) => (-1, id.to_string()),
            Self::After(generation) => (generation, String::new()),
        }
    }
}

/// Loads clients whole, by id.
pub(super) async fn load(
    connection: &mut AnyConnection,
    selection: Selection<'_>,
) -> Result<Vec<Client>, StoreError> {
    let (after, id) = selection.parameters();
    let select = "SELECT id, name, grants, auth, jwks, jwks_uri, token_endpoint_audience, enabled \
         FROM client WHERE deleted_at IS NULL AND generation > $1 AND ($2 = '' OR id = $2) ORDER BY id";
    let rows = sqlx::query(select).bind(after).bind(&id).fetch_all(&mut *connection).await?;
    let mut clients = rows.iter().map(client_row).collect::<Result<Vec<_>, _>>()?;
    let places: HashMap<String, usize> =
        clients.iter().enumerate().map(|(place, client)| (client.id.to_string(), place)).collect();

    let select = "SELECT p.client_id, p.resource, p.scopes, p.roles FROM client_permission p \
         JOIN client c ON c.id = p.client_id \
         WHERE c.generation > $1 AND ($2 = '' OR c.id = $2) ORDER BY p.resource";
    for row in sqlx::query(select).bind(after).bind(&id).fetch_all(&mut *connection).await? {
        let permission = Permission {
            resource: text(&row, "resource")?,
            scopes: list(&row, "scopes")?,
            roles: list(&row, "roles")?,
        };
        let place = places.get(&text(&row, "client_id")?).copied();
        if let Some(client) = place.and_then(|place| clients.get_mut(place)) {
            client.permissions.push(permission);
        }
    }
    for (client_id, secret) in super::secrets::load(connection, after, &id).await? {
        let place = places.get(&client_id).copied();
        if let Some(client) = place.and_then(|place| clients.get_mut(place)) {
            client.secrets.push(secret);
        }
    }
    Ok(clients)
}

fn client_row(row: &AnyRow) -> Result<Client, StoreError> {
    let auth = text(row, "auth")?;
    Ok(Client {
        id: ClientId::parse(&text(row, "id")?).map_err(|error| corrupt("id", &error))?,
        name: optional_text(row, "name")?,
        grants: list(row, "grants")?,
        auth: ClientAuthentication::from_name(&auth).ok_or_else(|| corrupt("auth", &auth))?,
        secrets: Vec::new(),
        keys: client_keys(optional_text(row, "jwks")?, optional_text(row, "jwks_uri")?)?,
        token_endpoint_audience: flag(row, "token_endpoint_audience")?,
        permissions: Vec::new(),
        enabled: flag(row, "enabled")?,
    })
}

fn client_keys(jwks: Option<String>, uri: Option<String>) -> Result<ClientKeys, StoreError> {
    match (jwks, uri) {
        (None, None) => Ok(ClientKeys::None),
        (Some(jwks), _) => {
            let every: Vec<Algorithm> = ALGORITHMS.iter().map(|row| row.algorithm).collect();
            let parsed = JwkSet::parse(jwks.as_bytes(), &every);
            parsed.map(|(set, _)| ClientKeys::Inline(set)).map_err(|error| corrupt("jwks", &error))
        }
        (None, Some(uri)) => {
            uri.parse().map(ClientKeys::Uri).map_err(|error| corrupt("jwks_uri", &error))
        }
    }
}
