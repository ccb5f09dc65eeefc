//! Writes of many requests that share a transaction: what a disk takes longest for is to confirm, and it confirms a
//! hundred rows as fast as one.

mod batch;

pub(super) use batch::keep;

use uuid::Uuid;

use super::pool::Pool;
use super::together::Job;
use super::{CodeRedemption, StoreError};

/// A write that is one conditional statement, with what follows from it: it is done, or somebody else did it before.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A code is used up.
    RedeemCode {
        /// What is written.
        redemption: Box<CodeRedemption>,
        /// Unix seconds.
        now: i64,
    },
    /// A family of refresh tokens is used.
    UseFamily {
        /// The family.
        id: Uuid,
        /// The token that must be the good one.
        from: u32,
        /// The one that is good from now on.
        to: u32,
        /// Unix seconds.
        now: i64,
    },
    /// The `jti` of a client assertion is used up.
    ConsumeJti {
        /// Whose.
        client_id: String,
        /// Of which.
        jti_hash: String,
        /// Unix seconds until which it is remembered.
        expires_at: i64,
    },
    /// A proof of possession is used up.
    UseProof {
        /// Of its name.
        hash: String,
        /// Unix seconds until which it is remembered.
        expires_at: i64,
    },
}

/// What a write is about: what is good once is consumed once in a transaction.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Code(String),
    Family(Uuid),
    Jti(String, String),
    Proof(String),
}

impl Job for Write {
    /// True for exactly one caller on all nodes, once it is committed.
    type Outcome = bool;
    type Subject = Subject;

    fn subject(&self) -> Option<Subject> {
        Some(match self {
            Self::RedeemCode { redemption, .. } => Subject::Code(redemption.code_hash.clone()),
            Self::UseFamily { id, .. } => Subject::Family(*id),
            Self::ConsumeJti { client_id, jti_hash, .. } => {
                Subject::Jti(client_id.clone(), jti_hash.clone())
            }
            Self::UseProof { hash, .. } => Subject::Proof(hash.clone()),
        })
    }

    async fn run(pool: &Pool, writes: &[Self]) -> Result<Vec<bool>, StoreError> {
        batch::commit(pool, writes).await
    }
}
