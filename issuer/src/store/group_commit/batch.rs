//! One transaction of many writes. Each thing that is good once is consumed by one conditional statement, whose rows say
//! which writes were the first; what follows is written for those. All nodes go through the tables in the same order, and
//! through the rows of each in the order of their keys, so that none waits for another in a circle.

use std::collections::HashSet;

use countersign_verifier::binding::Confirmation;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::super::columns::{list_text, text};
use super::super::pool::{Pool, Transaction};
use super::super::row_statement::{Binding, RowStatement};
use super::super::sessions::parse_id;
use super::{StoreError, Write};
use crate::store::{CodeRedemption, RefreshFamily};

static CONSUME_CODES: RowStatement = RowStatement::new(
    &["INSERT INTO one_time_use (kind, hash, expires_at) VALUES"],
    "('code', ?, ?)",
    " ON CONFLICT DO NOTHING RETURNING hash",
);

static ADD_PARTICIPANTS: RowStatement = RowStatement::new(
    &["INSERT INTO session_client (session_id, client_id, since) \
       SELECT s.id, v.column2, v.column3 FROM (VALUES"],
    "(?, ?, ?)",
    ") AS v JOIN session s ON s.id = v.column1 WHERE TRUE ON CONFLICT DO NOTHING",
);

/// The id is that of a code, which was consumed just now: a conflict is only with a repeated row.
static BEGIN_FAMILIES: RowStatement = RowStatement::new(
    &[
        "INSERT INTO refresh_family (id, client_id, user_id, session_id, counter, rotated_at, scopes, resources, \
       auth_time, amr, claims, created_at, expires_at, jkt, x5t_s256) VALUES",
    ],
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    " ON CONFLICT (id) DO NOTHING",
);

static USE_FAMILIES: RowStatement = RowStatement::new(
    &["UPDATE refresh_family SET counter = v.column3, rotated_at = v.column4 FROM (VALUES"],
    "(?, ?, ?, ?)",
    ") AS v WHERE refresh_family.id = v.column1 AND refresh_family.counter = v.column2 \
     AND refresh_family.revoked_at IS NULL RETURNING refresh_family.id AS id",
);

static CONSUME_JTIS: RowStatement = RowStatement::new(
    &["INSERT INTO assertion_use (client_id, jti_hash, expires_at) VALUES"],
    "(?, ?, ?)",
    " ON CONFLICT DO NOTHING RETURNING client_id, jti_hash",
);

static USE_PROOFS: RowStatement = RowStatement::new(
    &["INSERT INTO one_time_use (kind, hash, expires_at) VALUES"],
    "('proof', ?, ?)",
    " ON CONFLICT DO NOTHING RETURNING hash",
);

/// The writes of a batch by what they do, each with its place in it.
#[derive(Default)]
struct Sorted<'w> {
    codes: Vec<(usize, &'w CodeRedemption, i64)>,
    families: Vec<(usize, Uuid, (u32, u32), i64)>,
    jtis: Vec<(usize, (&'w str, &'w str), i64)>,
    proofs: Vec<(usize, &'w str, i64)>,
}

impl<'w> Sorted<'w> {
    fn of(writes: &'w [Write]) -> Self {
        let mut sorted = Self::default();
        for (place, write) in writes.iter().enumerate() {
            match write {
                Write::RedeemCode { redemption, now } => {
                    sorted.codes.push((place, redemption, *now));
                }
                Write::UseFamily { id, from, to, now } => {
                    sorted.families.push((place, *id, (*from, *to), *now));
                }
                Write::ConsumeJti { client_id, jti_hash, expires_at } => {
                    sorted.jtis.push((place, (client_id, jti_hash), *expires_at));
                }
                Write::UseProof { hash, expires_at } => {
                    sorted.proofs.push((place, hash, *expires_at));
                }
            }
        }
        sorted.codes.sort_by_key(|(_, redemption, _)| &redemption.code_hash);
        sorted.families.sort_by_key(|(_, id, ..)| *id);
        sorted.jtis.sort_by_key(|(_, key, _)| *key);
        sorted.proofs.sort_by_key(|(_, hash, _)| *hash);
        sorted
    }

    /// One statement is a transaction by itself.
    fn is_one_statement(&self) -> bool {
        let kinds = [self.families.is_empty(), self.jtis.is_empty(), self.proofs.is_empty()];
        self.codes.is_empty() && kinds.iter().filter(|is_empty| !**is_empty).count() <= 1
    }
}

/// Commits the writes, and says of each whether it was the first.
pub(super) async fn commit(pool: &Pool, writes: &[Write]) -> Result<Vec<bool>, StoreError> {
    let sorted = Sorted::of(writes);
    let mut outcomes = vec![false; writes.len()];
    let mut lease = pool.acquire_to_write().await?;
    let done = if sorted.is_one_statement() {
        let done = execute(&mut lease, &sorted).await?;
        lease.sound();
        done
    } else {
        let mut transaction = Transaction::begin(lease).await?;
        let done = execute(&mut transaction, &sorted).await?;
        // Nobody knows what became of a commit that failed.
        let committed = transaction.commit().await;
        committed.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        done
    };
    for place in done {
        if let Some(outcome) = outcomes.get_mut(place) {
            *outcome = true;
        }
    }
    Ok(outcomes)
}

/// The places of those that were the first.
async fn execute(
    connection: &mut AnyConnection,
    sorted: &Sorted<'_>,
) -> Result<Vec<usize>, StoreError> {
    let mut done = redeem_codes(connection, sorted).await?;
    done.extend(use_families(connection, sorted).await?);
    done.extend(consume_jtis(connection, sorted).await?);
    done.extend(use_proofs(connection, sorted).await?);
    Ok(done)
}

async fn redeem_codes(
    connection: &mut AnyConnection,
    sorted: &Sorted<'_>,
) -> Result<Vec<usize>, StoreError> {
    let bind = |query: Binding, (_, redemption, _): &(usize, &CodeRedemption, i64)| {
        query.bind(redemption.code_hash.clone()).bind(redemption.expires_at)
    };
    let rows = CONSUME_CODES.run(connection, &sorted.codes, bind).await?;
    let consumed = rows.iter().map(|row| text(row, "hash")).collect::<Result<HashSet<_>, _>>()?;
    let mut codes = sorted.codes.clone();
    codes.retain(|(_, redemption, _)| consumed.contains(&redemption.code_hash));
    let mut participants: Vec<_> = codes
        .iter()
        .filter_map(|(_, redemption, now)| Some((redemption.participant.as_ref()?, *now)))
        .collect();
    participants.sort_unstable();
    let families = codes.iter().filter_map(|code| code.1.family.as_ref()).collect();
    keep(connection, &participants, families).await?;
    Ok(codes.into_iter().map(|(place, ..)| place).collect())
}

/// Writes what follows from what was consumed just now: who takes part in which session, and the families that begin.
pub(in crate::store) async fn keep(
    connection: &mut AnyConnection,
    participants: &[(&(Uuid, String), i64)],
    families: Vec<&RefreshFamily>,
) -> Result<(), StoreError> {
    let bind = |query: Binding, ((session_id, client_id), now): &(&(Uuid, String), i64)| {
        query.bind(session_id.to_string()).bind(client_id.clone()).bind(*now)
    };
    ADD_PARTICIPANTS.run(connection, participants, bind).await?;
    let families = families.into_iter().map(with_claims).collect::<Result<Vec<_>, _>>()?;
    BEGIN_FAMILIES.run(connection, &families, bind_family).await?;
    Ok(())
}

fn with_claims(family: &RefreshFamily) -> Result<(&RefreshFamily, String), StoreError> {
    let claims = serde_json::to_string(&family.claims);
    Ok((family, claims.map_err(|error| StoreError::Failed(error.to_string()))?))
}

fn bind_family(query: Binding, (family, claims): &(&RefreshFamily, String)) -> Binding {
    query
        .bind(family.id.to_string())
        .bind(family.client_id.clone())
        .bind(family.user_id.to_string())
        .bind(family.session_id.map(|id| id.to_string()))
        .bind(i64::from(family.counter))
        .bind(family.rotated_at)
        .bind(list_text(&family.scopes))
        .bind(list_text(&family.resources))
        .bind(family.auth_time)
        .bind(list_text(&family.amr))
        .bind(claims.clone())
        .bind(family.created_at)
        .bind(family.expires_at)
        .bind(family.bound_to.as_ref().and_then(Confirmation::jkt).map(str::to_owned))
        .bind(family.bound_to.as_ref().and_then(Confirmation::x5t_s256).map(str::to_owned))
}

async fn use_families(
    connection: &mut AnyConnection,
    sorted: &Sorted<'_>,
) -> Result<Vec<usize>, StoreError> {
    let bind = |query: Binding, (_, id, (from, to), now): &(usize, Uuid, (u32, u32), i64)| {
        query.bind(id.to_string()).bind(i64::from(*from)).bind(i64::from(*to)).bind(*now)
    };
    let rows = USE_FAMILIES.run(connection, &sorted.families, bind).await?;
    let rotated = rows.iter().map(|row| parse_id(row, "id")).collect::<Result<HashSet<_>, _>>()?;
    let mut families = sorted.families.clone();
    families.retain(|(_, id, ..)| rotated.contains(id));
    Ok(families.into_iter().map(|(place, ..)| place).collect())
}

async fn consume_jtis(
    connection: &mut AnyConnection,
    sorted: &Sorted<'_>,
) -> Result<Vec<usize>, StoreError> {
    let bind = |query: Binding, (_, (client_id, jti), expires_at): &(usize, (&str, &str), i64)| {
        query.bind((*client_id).to_owned()).bind((*jti).to_owned()).bind(*expires_at)
    };
    let rows = CONSUME_JTIS.run(connection, &sorted.jtis, bind).await?;
    let key = |row| Ok::<_, StoreError>((text(row, "client_id")?, text(row, "jti_hash")?));
    let consumed = rows.iter().map(key).collect::<Result<HashSet<_>, _>>()?;
    let is_consumed =
        |(client_id, jti): (&str, &str)| consumed.contains(&(client_id.to_owned(), jti.to_owned()));
    let done = sorted.jtis.iter().filter(|(_, key, _)| is_consumed(*key));
    Ok(done.map(|(place, ..)| *place).collect())
}

async fn use_proofs(
    connection: &mut AnyConnection,
    sorted: &Sorted<'_>,
) -> Result<Vec<usize>, StoreError> {
    let bind = |query: Binding, (_, hash, expires_at): &(usize, &str, i64)| {
        query.bind((*hash).to_owned()).bind(*expires_at)
    };
    let rows = USE_PROOFS.run(connection, &sorted.proofs, bind).await?;
    let used = rows.iter().map(|row| text(row, "hash")).collect::<Result<HashSet<_>, _>>()?;
    let done = sorted.proofs.iter().filter(|(_, hash, _)| used.contains(*hash));
    Ok(done.map(|(place, ..)| *place).collect())
}
