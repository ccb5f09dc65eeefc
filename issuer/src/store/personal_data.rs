//! What is stored of one person beside the account, its credentials, sessions and consents, for a person who asks to see it
//! (GDPR Article 15). No secret, and no hash of one.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::audit::record_row;
use super::columns::{number, optional_number, optional_text, text};
use super::grants::{FAMILY_COLUMNS, family_row};
use super::sessions::parse_id;
use super::{AuditRecord, RefreshFamily, Store, StoreError, answered};

/// The rest of what is stored of a person.
#[derive(Clone, Debug)]
pub struct PersonalData {
    /// Unix seconds at which the account was made.
    pub created_at: i64,
    /// Unix seconds at which the address was proved.
    pub email_verified_at: Option<i64>,
    /// Session, client, and Unix seconds since when it takes part.
    pub participants: Vec<(Uuid, String, i64)>,
    /// All refresh tokens, family by family.
    pub families: Vec<RefreshFamily>,
    /// Purpose, address and end (Unix seconds) of links that were sent and not used.
    pub links: Vec<(String, Option<String>, i64)>,
    /// How many wrong codes were counted, and when the last one was (Unix seconds).
    pub wrong_codes: Vec<(i64, i64)>,
    /// What was changed by the person or of the account, the oldest first.
    pub changes: Vec<AuditRecord>,
}

impl Store {
    /// All of it.
    pub async fn personal_data(&self, user_id: Uuid) -> Result<PersonalData, StoreError> {
        let account = "SELECT created_at, (SELECT verified_at FROM verified_email WHERE user_id = u.id) \
             AS verified_at FROM user_account u WHERE id = $1";
        let account = self.rows_of(account.to_owned(), user_id).await?;
        let account =
            account.first().ok_or_else(|| StoreError::not_found("user", &user_id.to_string()))?;
        let participants = "SELECT session_id, client_id, since FROM session_client \
             WHERE session_id IN (SELECT id FROM session WHERE user_id = $1) ORDER BY since, client_id";
        let families = format!(
            "SELECT {FAMILY_COLUMNS} FROM refresh_family f WHERE f.user_id = $1 ORDER BY f.created_at, f.id"
        );
        let links = "SELECT purpose, email, expires_at FROM one_time_link WHERE user_id = $1 \
             ORDER BY purpose";
        let wrong = "SELECT failures, last_at FROM guess_count WHERE user_id = $1 ORDER BY last_at";
        let changes = "SELECT generation, at, actor, action, object, detail FROM audit_event \
             WHERE object = $1 OR actor = 'user:' || $1 ORDER BY generation, ordinal";
        Ok(PersonalData {
            created_at: number(account, "created_at")?,
            email_verified_at: optional_number(account, "verified_at")?,
            participants: each(&self.rows_of(participants.to_owned(), user_id).await?, |row| {
                Ok((parse_id(row, "session_id")?, text(row, "client_id")?, number(row, "since")?))
            })?,
            families: each(&self.rows_of(families, user_id).await?, family_row)?,
            links: each(&self.rows_of(links.to_owned(), user_id).await?, |row| {
                Ok((
                    text(row, "purpose")?,
                    optional_text(row, "email")?,
                    number(row, "expires_at")?,
                ))
            })?,
            wrong_codes: each(&self.rows_of(wrong.to_owned(), user_id).await?, |row| {
                Ok((number(row, "failures")?, number(row, "last_at")?))
            })?,
            changes: each(&self.rows_of(changes.to_owned(), user_id).await?, record_row)?,
        })
    }

    async fn rows_of(&self, select: String, user_id: Uuid) -> Result<Vec<AnyRow>, StoreError> {
        answered(async {
            let select = sqlx::AssertSqlSafe(select);
            Ok(sqlx::query(select).bind(user_id.to_string()).fetch_all(&self.pool).await?)
        })
        .await
    }
}

fn each<T>(
    rows: &[AnyRow],
    read: impl Fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(read).collect()
}
