//! From rows to clients: a client, its permissions and its secrets are read together.

use std::collections::HashMap;

use countersign_keys::JwkSet;
use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::StoreError;
use super::columns::{Rows, corrupt, flag, list, optional_text, row_id, text, unreadable};
use crate::registry::{
    CertificateSubject, Client, ClientAuthentication, ClientId, ClientKeys, Permission, RowKind,
};

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

/// Loads clients whole, by id. A client of which any part cannot be understood is unreadable as a whole.
pub(super) async fn load(
    connection: &mut AnyConnection,
    selection: Selection<'_>,
) -> Result<Rows<Client>, StoreError> {
    let (after, id) = selection.parameters();
    let select = "SELECT id, name, grants, auth, jwks, jwks_uri, token_endpoint_audience, sign_in, enabled, \
         dpop_bound_access_tokens, tls_subject_kind, tls_subject, tls_client_certificate_bound_access_tokens, fapi2, introspects \
         FROM client WHERE deleted_at IS NULL AND generation > $1 AND ($2 = '' OR id = $2) ORDER BY id";
    let rows = sqlx::query(select).bind(after).bind(&id).fetch_all(&mut *connection).await?;
    let mut clients = Rows::read(&rows, (RowKind::Client, "id"), client_row);
    let select = "SELECT p.client_id, p.resource, p.scopes, p.roles FROM client_permission p \
         JOIN client c ON c.id = p.client_id \
         WHERE c.generation > $1 AND ($2 = '' OR c.id = $2) ORDER BY p.resource";
    let rows = sqlx::query(select).bind(after).bind(&id).fetch_all(&mut *connection).await?;
    attach(&mut clients, &rows, permission_row, |client| &mut client.permissions);
    let rows = super::assertion_rules::load(connection, after, &id).await?;
    let rule_row = super::assertion_rules::rule_row;
    attach(&mut clients, &rows, rule_row, |client| &mut client.assertion_rules);
    let rows = super::acting_rules::load(connection, after, &id).await?;
    let rule_row = super::acting_rules::rule_row;
    attach(&mut clients, &rows, rule_row, |client| &mut client.acting_rules);
    let rows = super::workload_rules::load(connection, after, &id).await?;
    let rule_row = super::workload_rules::rule_row;
    attach(&mut clients, &rows, rule_row, |client| &mut client.workload_rules);
    let rows = super::secrets::load(connection, after, &id).await?;
    attach(&mut clients, &rows, super::secrets::secret_row, |client| &mut client.secrets);
    Ok(clients)
}

/// Gives the clients what stands in rows of its own.
fn attach<T>(
    clients: &mut Rows<Client>,
    rows: &[AnyRow],
    parse: impl Fn(&AnyRow) -> Result<T, StoreError>,
    part: impl Fn(&mut Client) -> &mut Vec<T>,
) {
    let mut broken: HashMap<String, StoreError> = HashMap::new();
    let places: HashMap<String, usize> = (clients.understood.iter().enumerate())
        .map(|(place, client)| (client.id.to_string(), place))
        .collect();
    for row in rows {
        let client_id = row_id(row, "client_id");
        let place = places.get(&client_id).copied();
        let Some(client) = place.and_then(|place| clients.understood.get_mut(place)) else {
            continue;
        };
        match parse(row) {
            Ok(value) => part(client).push(value),
            Err(error) => drop(broken.insert(client_id, error)),
        }
    }
    clients.understood.retain(|client| !broken.contains_key(client.id.as_str()));
    let broken = broken.into_iter();
    clients.unreadable.extend(broken.map(|(id, error)| unreadable(RowKind::Client, id, &error)));
}

fn permission_row(row: &AnyRow) -> Result<Permission, StoreError> {
    Ok(Permission {
        resource: text(row, "resource")?,
        scopes: list(row, "scopes")?,
        roles: list(row, "roles")?,
    })
}

fn client_row(row: &AnyRow) -> Result<Client, StoreError> {
    let auth = text(row, "auth")?;
    let sign_in =
        optional_text(row, "sign_in")?.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Client {
        id: ClientId::parse(&text(row, "id")?).map_err(|error| corrupt("id", &error))?,
        name: optional_text(row, "name")?,
        grants: list(row, "grants")?,
        auth: ClientAuthentication::from_name(&auth).ok_or_else(|| corrupt("auth", &auth))?,
        secrets: Vec::new(),
        keys: client_keys(optional_text(row, "jwks")?, optional_text(row, "jwks_uri")?)?,
        token_endpoint_audience: flag(row, "token_endpoint_audience")?,
        dpop_bound_access_tokens: flag(row, "dpop_bound_access_tokens")?,
        fapi2: flag(row, "fapi2")?,
        certificate_subject: certificate_subject(row)?,
        tls_client_certificate_bound_access_tokens: flag(
            row,
            "tls_client_certificate_bound_access_tokens",
        )?,
        permissions: Vec::new(),
        assertion_rules: Vec::new(),
        acting_rules: Vec::new(),
        workload_rules: Vec::new(),
        introspects: list(row, "introspects")?,
        sign_in: sign_in.map_err(|error| corrupt("sign_in", &error))?,
        enabled: flag(row, "enabled")?,
    })
}

fn certificate_subject(row: &AnyRow) -> Result<Option<CertificateSubject>, StoreError> {
    let Some(kind) = optional_text(row, "tls_subject_kind")? else { return Ok(None) };
    let value = optional_text(row, "tls_subject")?.unwrap_or_default();
    let subject = CertificateSubject::parse(&kind, &value);
    subject.map(Some).map_err(|error| corrupt("tls_subject", &error))
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
