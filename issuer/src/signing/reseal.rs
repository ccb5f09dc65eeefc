//! Moves what is sealed under an older master key to the first one, at start: once every node has
//! started with the new key in front, the old one can go.

use countersign_keys::MasterKeys;

use crate::store::{RingRows, Store, StoreError};

/// Seals anew each key row that an older master key sealed. A row that does not open stays as it is;
/// opening the rings reports it.
///
/// # Errors
///
/// If the store does not answer.
pub async fn reseal_rows(
    store: &Store,
    rings: &[RingRows],
    masters: &MasterKeys,
) -> Result<(), StoreError> {
    for row in rings.iter().flat_map(|ring| &ring.keys) {
        if let Some(sealed) = resealed(masters, &row.kid, &row.sealed) {
            store.reseal_key(&row.kid, &row.sealed, &sealed).await?;
            tracing::info!(kid = %row.kid, "sealed a signing key under the first master key");
        }
    }
    Ok(())
}

/// The same content under the first master key, if another one sealed it and it opens.
pub fn resealed(masters: &MasterKeys, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    if !masters.needs_reseal(sealed) {
        return None;
    }
    let clear = masters.open(context, sealed).ok()?;
    masters.seal(context, &clear).ok()
}
