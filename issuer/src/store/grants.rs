//! What users gave to clients: codes that were redeemed, families of refresh tokens, consents. Each one-time thing is
//! consumed by one conditional statement, in the transaction that keeps what follows from it.

use countersign_verifier::binding::Confirmation;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, list, list_text, number, optional_number, optional_text, text};
use super::group_commit::Write;
use super::sessions::parse_id;
use super::{Store, StoreError, answered};
use crate::protocol::ClaimsRequest;
use crate::revocation::Revoked;

/// All refresh tokens that follow from one sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFamily {
    /// Its id, which stands in every one of its tokens.
    pub id: Uuid,
    /// To whom.
    pub client_id: String,
    /// In whose name.
    pub user_id: Uuid,
    /// The session in which it began.
    pub session_id: Option<Uuid>,
    /// Which of its tokens is good.
    pub counter: u32,
    /// Unix seconds since when.
    pub rotated_at: i64,
    /// What the user granted.
    pub scopes: Vec<String>,
    /// Resources that tokens may be for; empty for what the client's permissions say.
    pub resources: Vec<String>,
    /// Unix seconds at which the user signed in.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// The claims that the client asked for beyond its scopes.
    pub claims: ClaimsRequest,
    /// What its tokens are bound to.
    pub bound_to: Option<Confirmation>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds after which no token of it is good.
    pub expires_at: i64,
    /// Unix seconds at which it was revoked.
    pub revoked_at: Option<i64>,
}

/// What is written when an authorization code is redeemed.
#[derive(Clone, Debug)]
pub struct CodeRedemption {
    /// The id of the code, and of the family that may follow.
    pub code_id: Uuid,
    /// The hash of the code.
    pub code_hash: String,
    /// Unix seconds after which the code is refused anyway.
    pub expires_at: i64,
    /// The client that takes part in a session from now on.
    pub participant: Option<(Uuid, String)>,
    /// The family that begins.
    pub family: Option<RefreshFamily>,
}

/// What [`family_row`] reads, of `refresh_family f`.
pub(super) const FAMILY_COLUMNS: &str = "f.id AS family_id, f.client_id, f.user_id, f.session_id, f.counter, \
     f.rotated_at, f.scopes, f.resources, f.auth_time, f.amr, f.claims, f.jkt, f.x5t_s256, f.created_at, f.expires_at, f.revoked_at";

impl Store {
    /// Uses up a code, and keeps what follows from it. True for exactly one caller on all nodes.
    pub async fn redeem_code(
        &self,
        redemption: CodeRedemption,
        now: i64,
    ) -> Result<bool, StoreError> {
        self.will_expire(redemption.expires_at);
        let redemption = Box::new(redemption);
        self.writes.ask(Write::RedeemCode { redemption, now }).await
    }

    /// A family, revoked or not.
    pub async fn refresh_family(&self, id: Uuid) -> Result<Option<RefreshFamily>, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {FAMILY_COLUMNS} FROM refresh_family f WHERE f.id = $1"
        ));
        answered(async {
            let row = sqlx::query(select).bind(id.to_string()).fetch_optional(&self.pool).await?;
            row.as_ref().map(family_row).transpose()
        })
        .await
    }

    /// Moves a family from one token to another, by compare-and-set: true for exactly one caller on all nodes. If both are
    /// the same it was used, which is true for everybody.
    pub async fn use_family(
        &self,
        id: Uuid,
        (from, to): (u32, u32),
        now: i64,
    ) -> Result<bool, StoreError> {
        self.writes.ask(Write::UseFamily { id, from, to, now }).await
    }

    /// Revokes what a code gave, and with its family every family of the session in which it began: whoever replays one
    /// token of a session may have read them all (RFC 9700 §4.14.2).
    pub async fn revoke_grant(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        let update = "UPDATE refresh_family SET revoked_at = $1 WHERE revoked_at IS NULL AND (id = $2 OR session_id = \
             (SELECT session_id FROM refresh_family WHERE id = $2)) RETURNING id";
        answered(async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query(update).bind(now).bind(id.to_string());
            let rows = query.fetch_all(&mut *tx).await?;
            let families = rows.iter().map(|row| parse_id(row, "id"));
            let mut revoked: Vec<Uuid> = families.collect::<Result<_, _>>()?;
            // What a code gave may have no family.
            if !revoked.contains(&id) {
                revoked.push(id);
            }
            let revoked: Vec<Revoked> = revoked.into_iter().map(Revoked::Grant).collect();
            self.commit_revoking(tx, revoked, now).await
        })
        .await
    }

    /// Revokes a family, whose client wants it, and the access tokens that came from it (RFC 7009 §2.1).
    pub async fn revoke_family(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        let update =
            "UPDATE refresh_family SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
        answered(async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query(update).bind(now).bind(id.to_string());
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(());
            }
            self.commit_revoking(tx, vec![Revoked::Grant(id)], now).await
        })
        .await
    }

    /// The scopes that a user granted to a client before.
    pub async fn consented_scopes(
        &self,
        user_id: Uuid,
        client_id: &str,
    ) -> Result<Vec<String>, StoreError> {
        let select = "SELECT scopes FROM consent WHERE user_id = $1 AND client_id = $2";
        answered(async {
            let row = sqlx::query(select)
                .bind(user_id.to_string())
                .bind(client_id)
                .fetch_optional(&self.pool)
                .await?;
            row.map_or(Ok(Vec::new()), |row| list(&row, "scopes"))
        })
        .await
    }

    /// Keeps what a user granted: all of it, with what was granted before.
    pub async fn grant_consent(
        &self,
        (user_id, client_id): (Uuid, &str),
        scopes: &[String],
        now: i64,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO consent (user_id, client_id, scopes, granted_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at";
        answered(async {
            sqlx::query(insert)
                .bind(user_id.to_string())
                .bind(client_id)
                .bind(list_text(scopes))
                .bind(now)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }
}

pub(super) fn family_row(row: &AnyRow) -> Result<RefreshFamily, StoreError> {
    let session_id = optional_text(row, "session_id")?;
    let claims = serde_json::from_str(&text(row, "claims")?);
    Ok(RefreshFamily {
        id: parse_id(row, "family_id")?,
        client_id: text(row, "client_id")?,
        user_id: parse_id(row, "user_id")?,
        session_id: session_id.map(|_| parse_id(row, "session_id")).transpose()?,
        counter: u32::try_from(number(row, "counter")?).unwrap_or(u32::MAX),
        rotated_at: number(row, "rotated_at")?,
        scopes: list(row, "scopes")?,
        resources: list(row, "resources")?,
        auth_time: number(row, "auth_time")?,
        amr: list(row, "amr")?,
        claims: claims.map_err(|error| corrupt("claims", &error))?,
        bound_to: bound_to(row)?,
        created_at: number(row, "created_at")?,
        expires_at: number(row, "expires_at")?,
        revoked_at: optional_number(row, "revoked_at")?,
    })
}

fn bound_to(row: &AnyRow) -> Result<Option<Confirmation>, StoreError> {
    let jkt = optional_text(row, "jkt")?.map(|jkt| Confirmation::Jkt(jkt.into()));
    let certificate = || optional_text(row, "x5t_s256");
    Ok(match jkt {
        Some(jkt) => Some(jkt),
        None => certificate()?.map(|x5t_s256| Confirmation::X5tS256(x5t_s256.into())),
    })
}
