//! Moves credentials that are sealed under an older master key to the first one, at start and in batches, so that the old
//! one can go. Without an older master key in the configuration nothing is read.

use countersign_keys::MasterKeys;
use uuid::Uuid;

use super::{sign_in, totp};
use crate::signing::resealed;
use crate::store::{SealedCredential, Store, StoreError};

const BATCH: i64 = 500;

/// Seals anew what an older master key sealed; returns how much. What does not open stays as it is.
pub async fn reseal_credentials(store: &Store, masters: &MasterKeys) -> Result<u64, StoreError> {
    if !masters.has_former() {
        return Ok(0);
    }
    let mut count = 0;
    for kind in SealedCredential::ALL {
        let mut after = Uuid::nil();
        loop {
            let batch = store.sealed_otherwise(kind, &masters.prefix(), (after, BATCH)).await?;
            let Some((last, _)) = batch.last() else { break };
            after = *last;
            for (user_id, sealed) in batch {
                let context = context(kind, user_id);
                if let Some(anew) = resealed(masters, &context, &sealed) {
                    let done = store.reseal_credential((kind, user_id), &sealed, &anew).await?;
                    count += u64::from(done);
                }
            }
        }
    }
    if count > 0 {
        tracing::info!(count, "sealed credentials under the first master key");
    }
    Ok(count)
}

fn context(kind: SealedCredential, user_id: Uuid) -> String {
    match kind {
        SealedCredential::Password => sign_in::context(user_id),
        SealedCredential::Totp => totp::context(user_id),
    }
}
