//! How a user stands towards a client, looked up together with the code or the family that speaks for the user: at one
//! moment, by one query for all who ask at that moment. What follows from it is not judged here.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{list, number, optional_number, optional_text};
use super::distinct::Distinct;
use super::grants::{FAMILY_COLUMNS, family_row};
use super::pool::Pool;
use super::row_statement::{Binding, RowStatement};
use super::together::Job;
use super::users::{self, user_row};
use super::{RefreshFamily, Store, StoreError};
use crate::registry::User;

/// How a user stands towards a client.
#[derive(Clone, Debug)]
pub struct UserStanding {
    /// The user as it is now, enabled or not; none if it was deleted.
    pub user: Option<User>,
    /// The session has not ended.
    pub has_session: bool,
    /// The scopes that the user consented to.
    pub consented: Vec<String>,
}

/// Whose standing, in which session, towards whom.
#[derive(Clone, Copy, Debug)]
pub struct Towards<'a> {
    /// The user.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// The client.
    pub client_id: &'a str,
}

/// A question for the standing of a user, and whether a code was used up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AskedStanding {
    user_id: Uuid,
    session_id: Uuid,
    client_id: String,
    code_hash: String,
    now: i64,
}

/// A question for a family, and the standing of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AskedFamily {
    id: Uuid,
    now: i64,
}

static STANDINGS: RowStatement = RowStatement::new(
    &[
        "SELECT v.column1 AS place, ",
        users::COLUMNS,
        ", u.deleted_at, \
         (SELECT COUNT(*) FROM session s WHERE s.id = v.column3 AND s.expires_at > v.column6) AS sessions, \
         (SELECT c.scopes FROM consent c WHERE c.user_id = u.id AND c.client_id = v.column4) AS consented, \
         (SELECT COUNT(*) FROM one_time_use o WHERE o.kind = 'code' AND o.hash = v.column5) AS uses FROM (VALUES",
    ],
    "(?, ?, ?, ?, ?, ?)",
    ") AS v JOIN user_account u ON u.id = v.column2",
);

static FAMILIES: RowStatement = RowStatement::new(
    &[
        "SELECT v.column1 AS place, ",
        FAMILY_COLUMNS,
        ", ",
        users::COLUMNS,
        ", u.deleted_at, \
         (SELECT COUNT(*) FROM session s WHERE s.id = f.session_id AND s.expires_at > v.column3) AS sessions, \
         (SELECT c.scopes FROM consent c WHERE c.user_id = f.user_id AND c.client_id = f.client_id) AS consented \
         FROM (VALUES",
    ],
    "(?, ?, ?)",
    ") AS v JOIN refresh_family f ON f.id = v.column2 JOIN user_account u ON u.id = f.user_id",
);

impl Job for AskedStanding {
    type Outcome = Option<(bool, UserStanding)>;
    type Subject = ();

    fn subject(&self) -> Option<()> {
        None
    }

    async fn run(pool: &Pool, asked: &[Self]) -> Result<Vec<Self::Outcome>, StoreError> {
        let distinct = Distinct::of(asked);
        let bind = |query: Binding, (place, asked): &(i64, &Self)| {
            query
                .bind(*place)
                .bind(asked.user_id.to_string())
                .bind(asked.session_id.to_string())
                .bind(asked.client_id.clone())
                .bind(asked.code_hash.clone())
                .bind(asked.now)
        };
        let rows = distinct.rows(pool, &STANDINGS, bind).await?;
        distinct.answers(&rows, |row| Ok((number(row, "uses")? > 0, standing(row)?)))
    }
}

impl Job for AskedFamily {
    type Outcome = Option<(RefreshFamily, UserStanding)>;
    type Subject = ();

    fn subject(&self) -> Option<()> {
        None
    }

    async fn run(pool: &Pool, asked: &[Self]) -> Result<Vec<Self::Outcome>, StoreError> {
        let distinct = Distinct::of(asked);
        let bind = |query: Binding, (place, asked): &(i64, &Self)| {
            query.bind(*place).bind(asked.id.to_string()).bind(asked.now)
        };
        let rows = distinct.rows(pool, &FAMILIES, bind).await?;
        distinct.answers(&rows, |row| Ok((family_row(row)?, standing(row)?)))
    }
}

impl Store {
    /// Whether a code was used up, and how its user stands.
    pub async fn standing_of_code(
        &self,
        hash: &str,
        towards: Towards<'_>,
        now: i64,
    ) -> Result<(bool, UserStanding), StoreError> {
        let asked = AskedStanding {
            user_id: towards.user_id,
            session_id: towards.session_id,
            client_id: towards.client_id.to_owned(),
            code_hash: hash.to_owned(),
            now,
        };
        let found = self.standings.ask(asked).await?;
        found.ok_or_else(|| StoreError::not_found("user", "of a grant"))
    }

    /// How a user stands, where no code is looked up with it.
    pub async fn standing(
        &self,
        towards: Towards<'_>,
        now: i64,
    ) -> Result<UserStanding, StoreError> {
        // No code has an empty hash.
        Ok(self.standing_of_code("", towards, now).await?.1)
    }

    /// The user with this id, unless it was deleted.
    pub async fn user_by_id(&self, user_id: Uuid) -> Result<Option<User>, StoreError> {
        let towards = Towards { user_id, session_id: Uuid::nil(), client_id: "" };
        match self.standing(towards, 0).await {
            Err(StoreError::NotFound { .. }) => Ok(None),
            found => Ok(found?.user),
        }
    }

    /// A family, revoked or not, and how its user stands.
    pub async fn standing_of_family(
        &self,
        id: Uuid,
        now: i64,
    ) -> Result<Option<(RefreshFamily, UserStanding)>, StoreError> {
        self.families.ask(AskedFamily { id, now }).await
    }
}

fn standing(row: &AnyRow) -> Result<UserStanding, StoreError> {
    let is_deleted = optional_number(row, "deleted_at")?.is_some();
    Ok(UserStanding {
        user: if is_deleted { None } else { Some(user_row(row)?) },
        has_session: number(row, "sessions")? > 0,
        consented: match optional_text(row, "consented")? {
            Some(_) => list(row, "consented")?,
            None => Vec::new(),
        },
    })
}
