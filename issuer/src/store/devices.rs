//! Device authorizations (RFC 8628): each is settled once by its user and redeemed once by its device, by one conditional
//! statement each, on whichever node.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, list, list_text, number, optional_number, text};
use super::grants::RefreshFamily;
use super::group_commit::keep;
use super::sessions::parse_id;
use super::{Store, StoreError, answered};

/// What a device asked for, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// Its id; also that of the refresh tokens that may follow.
    pub id: Uuid,
    /// For which client.
    pub client_id: String,
    /// The scopes that were asked for.
    pub scopes: Vec<String>,
    /// The resources that were named.
    pub resources: Vec<String>,
    /// How far it has come.
    pub state: DeviceState,
    /// Seconds that the device must wait between two questions.
    pub interval: i64,
    /// Unix seconds of its last question.
    pub polled_at: Option<i64>,
    /// Unix seconds.
    pub expires_at: i64,
}

/// How far a device authorization has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has decided.
    Pending,
    /// A user approved it.
    Approved(DeviceApproval),
    /// A user refused it.
    Denied,
    /// The device has its tokens.
    Redeemed(DeviceApproval),
}

/// The sign-in in which a user approved a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceApproval {
    /// Who.
    pub user_id: Uuid,
    /// In which session.
    pub session_id: Uuid,
    /// Unix seconds at which the user signed in.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

/// What is written when a device gets its tokens.
#[derive(Clone, Debug)]
pub struct DeviceRedemption {
    /// The authorization.
    pub id: Uuid,
    /// The client that takes part in a session from now on.
    pub participant: (Uuid, String),
    /// The family that begins.
    pub family: Option<RefreshFamily>,
}

impl Store {
    /// Keeps what a device asks for; false if its user code is another device's already.
    pub async fn begin_device_authorization(
        &self,
        device: &DeviceAuthorization,
        user_code_hash: &str,
    ) -> Result<bool, StoreError> {
        let insert = "INSERT INTO device_authorization (id, user_code_hash, client_id, scopes, resources, state, \
             poll_interval, expires_at) VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7) ON CONFLICT DO NOTHING";
        self.will_expire(device.expires_at);
        answered(async {
            let done = sqlx::query(insert)
                .bind(device.id.to_string())
                .bind(user_code_hash)
                .bind(device.client_id.as_str())
                .bind(list_text(&device.scopes))
                .bind(list_text(&device.resources))
                .bind(device.interval)
                .bind(device.expires_at)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// An authorization as it is.
    pub async fn device_authorization(
        &self,
        id: Uuid,
    ) -> Result<Option<DeviceAuthorization>, StoreError> {
        self.find_device("id = $1", &id.to_string()).await
    }

    /// The device that shows this code, if it still waits for its user.
    pub async fn waiting_device(
        &self,
        user_code_hash: &str,
        now: i64,
    ) -> Result<Option<DeviceAuthorization>, StoreError> {
        let found = self.find_device("user_code_hash = $1", user_code_hash).await?;
        let is_waiting = |device: &DeviceAuthorization| {
            device.state == DeviceState::Pending && now < device.expires_at
        };
        Ok(found.filter(is_waiting))
    }

    async fn find_device(
        &self,
        condition: &'static str,
        value: &str,
    ) -> Result<Option<DeviceAuthorization>, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT id, client_id, scopes, resources, state, poll_interval, polled_at, user_id, session_id, auth_time, \
             amr, expires_at FROM device_authorization WHERE {condition}"
        ));
        answered(async {
            let row = sqlx::query(select).bind(value).fetch_optional(&self.pool).await?;
            row.as_ref().map(device_row).transpose()
        })
        .await
    }

    /// Notes a question of a device, if nothing else was noted since it was read.
    pub async fn note_device_poll(
        &self,
        device: &DeviceAuthorization,
        interval: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE device_authorization SET poll_interval = $1, polled_at = $2 \
             WHERE id = $3 AND poll_interval = $4 AND COALESCE(polled_at, -1) = $5";
        answered(async {
            let done = sqlx::query(update)
                .bind(interval)
                .bind(now)
                .bind(device.id.to_string())
                .bind(device.interval)
                .bind(device.polled_at.unwrap_or(-1))
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// A user approves a device: true if it still waited for that, for exactly one caller on all nodes.
    pub async fn approve_device(
        &self,
        id: Uuid,
        approval: &DeviceApproval,
        now: i64,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE device_authorization SET state = 'approved', user_id = $1, session_id = $2, auth_time = $3, \
             amr = $4 WHERE id = $5 AND state = 'pending' AND expires_at > $6";
        answered(async {
            let done = sqlx::query(update)
                .bind(approval.user_id.to_string())
                .bind(approval.session_id.to_string())
                .bind(approval.auth_time)
                .bind(list_text(&approval.amr))
                .bind(id.to_string())
                .bind(now)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// A user refuses a device: true if it still waited for an answer.
    pub async fn deny_device(&self, id: Uuid, now: i64) -> Result<bool, StoreError> {
        let update = "UPDATE device_authorization SET state = 'denied' \
             WHERE id = $1 AND state = 'pending' AND expires_at > $2";
        answered(async {
            let done =
                sqlx::query(update).bind(id.to_string()).bind(now).execute(&self.pool).await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// The device gets its tokens, and what follows from that is kept. True for exactly one caller on all nodes.
    pub async fn redeem_device(
        &self,
        redemption: &DeviceRedemption,
        now: i64,
    ) -> Result<bool, StoreError> {
        let consume = "UPDATE device_authorization SET state = 'redeemed' \
             WHERE id = $1 AND state = 'approved' AND expires_at > $2";
        answered(async {
            let mut tx = self.pool.begin().await?;
            let done = sqlx::query(consume)
                .bind(redemption.id.to_string())
                .bind(now)
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            let participants = [(&redemption.participant, now)];
            keep(&mut tx, &participants, redemption.family.iter().collect()).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }
}

fn device_row(row: &AnyRow) -> Result<DeviceAuthorization, StoreError> {
    Ok(DeviceAuthorization {
        id: parse_id(row, "id")?,
        client_id: text(row, "client_id")?,
        scopes: list(row, "scopes")?,
        resources: list(row, "resources")?,
        state: state(row)?,
        interval: number(row, "poll_interval")?,
        polled_at: optional_number(row, "polled_at")?,
        expires_at: number(row, "expires_at")?,
    })
}

fn state(row: &AnyRow) -> Result<DeviceState, StoreError> {
    let approval = || {
        Ok::<_, StoreError>(DeviceApproval {
            user_id: parse_id(row, "user_id")?,
            session_id: parse_id(row, "session_id")?,
            auth_time: number(row, "auth_time")?,
            amr: list(row, "amr")?,
        })
    };
    match text(row, "state")?.as_str() {
        "pending" => Ok(DeviceState::Pending),
        "denied" => Ok(DeviceState::Denied),
        "approved" => Ok(DeviceState::Approved(approval()?)),
        "redeemed" => Ok(DeviceState::Redeemed(approval()?)),
        other => Err(corrupt("state", &other)),
    }
}
