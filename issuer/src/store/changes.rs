//! What changed after a generation: how a node follows the changes of the others.

use sqlx::{AnyConnection, Row as _};

use super::client_rows::{self, Selection};
use super::{Store, StoreError, answered, resources};
use crate::registry::{Changes, ClientId, Generation};

impl Store {
    /// Everything that changed after `since`. The generation is read first: rows of a later change may already be among
    /// the answer, and come again with the next call, which is harmless; none is ever missed. A row that cannot be
    /// understood is reported, and hides no other.
    pub async fn changes_since(&self, since: Generation) -> Result<Changes, StoreError> {
        answered(async {
            let connection = &mut *self.pool.acquire().await?;
            let row = sqlx::query("SELECT value FROM generation WHERE id = 1")
                .fetch_one(&mut *connection)
                .await?;
            let generation = Generation(row.try_get(0)?);
            let complete = generation < since;
            let since = if complete { Generation(-1) } else { since };
            let clients = client_rows::load(connection, Selection::After(since.0)).await?;
            let resources = resources::changed_after(connection, since.0).await?;
            let unreadable = [clients.unreadable, resources.unreadable].concat();
            for row in &unreadable {
                tracing::error!(id = row.id, "{row}; it counts as absent until it is repaired");
            }
            Ok(Changes {
                generation,
                complete,
                clients: clients.understood,
                deleted_clients: deleted_clients(connection, since).await?,
                resources: resources.understood,
                deleted_resources: deleted_resources(connection, since).await?,
                unreadable,
                rings_changed: rings_changed(connection, since).await?,
            })
        })
        .await
    }
}

async fn deleted_clients(
    connection: &mut AnyConnection,
    since: Generation,
) -> Result<Vec<ClientId>, StoreError> {
    let select = "SELECT id FROM client WHERE deleted_at IS NOT NULL AND generation > $1";
    let ids: Vec<String> = sqlx::query_scalar(select).bind(since.0).fetch_all(connection).await?;
    Ok(ids.iter().filter_map(|id| ClientId::parse(id).ok()).collect())
}

async fn deleted_resources(
    connection: &mut AnyConnection,
    since: Generation,
) -> Result<Vec<String>, StoreError> {
    let select = "SELECT identifier FROM resource WHERE deleted_at IS NOT NULL AND generation > $1";
    Ok(sqlx::query_scalar(select).bind(since.0).fetch_all(connection).await?)
}

async fn rings_changed(
    connection: &mut AnyConnection,
    since: Generation,
) -> Result<bool, StoreError> {
    let count = "SELECT COUNT(*) FROM key_ring WHERE generation > $1";
    let changed: i64 = sqlx::query_scalar(count).bind(since.0).fetch_one(connection).await?;
    Ok(changed > 0)
}
