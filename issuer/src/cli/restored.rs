//! `countersign restored`: what has to be done once after the database came from a backup.

use super::{Failure, Session, keys};
use crate::random;

/// Verifiers know the sequence of revocations by its name. The backup has lower numbers than they know, or, once it was in use
/// for a while, the same numbers for other revocations: under another name all of them begin again. Status lists end, since the
/// backup lacks tokens that have a place in them. The keys that were made since the backup are gone, and whatever they were told
/// to sign next.
pub(super) async fn run(session: &Session) -> Result<(), Failure> {
    let store = session.store().await?;
    let act = session.act();
    store.rename_feed(random::uuid(), &act).await?;
    store.end_status_lists(act.at).await?;
    session
        .output
        .note("verifiers will read all revocations again; restart the nodes that run now");
    keys::rotate(session).await
}
