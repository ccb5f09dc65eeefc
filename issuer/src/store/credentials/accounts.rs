//! Users as signing in sees them: found by any spelling of a username or of a proved address, in one query.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::super::columns::optional_text;
use super::users::{self, COLUMNS};
use super::{Store, StoreError, answered, bytes, number, optional_number, passkeys, text, totp};
use crate::credentials::{Account, CredentialList, StoredPassword};
use crate::registry::{email_key, username_key};

impl Store {
    /// The account of a username or a verified e-mail address, in any spelling; a username goes first. Disabled users are
    /// found too, so that it takes as long.
    pub async fn find_account(&self, identifier: &str) -> Result<Option<Account>, StoreError> {
        let whose = "COALESCE((SELECT id FROM user_account WHERE username_key = $1), \
             (SELECT user_id FROM verified_email WHERE email_key = $2))";
        let (name, email) = (username_key(identifier), email_key(identifier));
        let account = self.select_account(whose, &[&name, &email]).await?;
        // An address counts while it is the address of the account.
        Ok(account
            .filter(|found| username_key(&found.user.username) == name || found.email_verified))
    }

    /// The account of a user id.
    pub async fn account(&self, user_id: Uuid) -> Result<Option<Account>, StoreError> {
        self.select_account("$1", &[&user_id.to_string()]).await
    }

    /// Everything by which a user can prove who they are.
    pub async fn credentials(&self, user_id: Uuid) -> Result<CredentialList, StoreError> {
        let account = self.account(user_id).await?;
        let account = account.ok_or_else(|| StoreError::not_found("user", &user_id.to_string()))?;
        Ok(CredentialList {
            password: account.password,
            totp: totp::load(self, user_id).await?,
            recovery_codes: account.recovery_codes,
            passkeys: passkeys::load(self, user_id).await?,
        })
    }

    async fn select_account(
        &self,
        whose: &str,
        parameters: &[&str],
    ) -> Result<Option<Account>, StoreError> {
        let select = format!(
            "SELECT {COLUMNS}, v.email_key, p.scheme, p.sealed, p.changed_at, \
             (SELECT COUNT(*) FROM user_totp t WHERE t.user_id = u.id) AS totps, \
             (SELECT COUNT(*) FROM recovery_code r WHERE r.user_id = u.id) AS recovery_codes, \
             (SELECT COUNT(*) FROM passkey k WHERE k.user_id = u.id) AS passkeys \
             FROM user_account u LEFT JOIN user_password p ON p.user_id = u.id \
             LEFT JOIN verified_email v ON v.user_id = u.id \
             WHERE u.deleted_at IS NULL AND u.id = {whose}"
        );
        answered(async {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(select));
            for parameter in parameters {
                query = query.bind(*parameter);
            }
            let row = query.fetch_optional(&self.pool).await?;
            row.as_ref().map(account_row).transpose()
        })
        .await
    }
}

fn account_row(row: &AnyRow) -> Result<Account, StoreError> {
    let user = users::user_row(row)?;
    let proved = optional_text(row, "email_key")?;
    let email_verified =
        user.email.as_deref().is_some_and(|email| proved == Some(email_key(email)));
    let password = match optional_number(row, "changed_at")? {
        None => None,
        Some(changed_at) => Some(StoredPassword {
            scheme: text(row, "scheme")?,
            sealed: bytes(row, "sealed")?,
            changed_at,
        }),
    };
    Ok(Account {
        user,
        email_verified,
        password,
        has_totp: number(row, "totps")? > 0,
        recovery_codes: number(row, "recovery_codes")?,
        passkeys: number(row, "passkeys")?,
    })
}
