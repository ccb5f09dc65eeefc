//! Signing in with a password, and setting one. Known and unknown users take the same way: one query, one count, one
//! verification (against a decoy if need be), one answer.

use std::net::IpAddr;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::password::Verification;
use super::{
    Account, CredentialError, Credentials, EmailProof, Guesser, Password, PasswordHash, Refusal,
    Slowed, StoredPassword,
};
use crate::registry::User;
use crate::store::{Act, EndedSession};

/// Whose password it is said to be.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// What was typed: a username or a verified e-mail address, in any spelling.
    Named(&'a str),
    /// The user of a session, who proves it again.
    Known(Uuid),
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The address.
    pub address: IpAddr,
    /// The device cookie, if there is one.
    pub device: Option<&'a str>,
}

impl Credentials {
    /// Checks a password, and stores a better hash of it where the stored one is dated.
    pub async fn check_password(
        &self,
        who: Who<'_>,
        password: Password,
        from: From<'_>,
    ) -> Result<Account, CredentialError> {
        let account = match who {
            Who::Named(identifier) => self.store.find_account(identifier).await?,
            Who::Known(user_id) => self.store.account(user_id).await?,
        };
        let user_id = account.as_ref().map(|account| account.user.id);
        let guesser = Guesser {
            user_id,
            identifier: if let Who::Named(identifier) = who { identifier } else { "" },
            address: from.address,
            device: user_id.and_then(|user_id| self.device(from.device, user_id)),
        };
        let attempt = self.guesses.attempt(&guesser, self.monotonic_seconds())?;
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let hash = match (user_id, &stored) {
            (Some(user_id), Some(stored)) => self.open_password(user_id, stored),
            _ => Err(Refusal::NoCredential),
        };
        let cause = hash.as_ref().err().copied();
        let verified = self.hasher.verify(password, hash.ok()).await;
        let verified = verified.inspect_err(|_| self.guesses.withdrawn(&attempt))?;
        let Some(account) = account else { return Err(Refusal::UnknownUser.into()) };
        match verified {
            Verification::Wrong => Err(cause.unwrap_or(Refusal::Wrong).into()),
            // Only now, so that a disabled user takes the same time and cannot be told from another.
            _ if !account.user.enabled => Err(Refusal::Disabled.into()),
            Verification::Right => {
                self.guesses.succeeded(&attempt);
                Ok(account)
            }
            Verification::RightUpgrade(better) => {
                self.guesses.succeeded(&attempt);
                self.upgrade(&account, stored.as_ref(), &better).await;
                Ok(account)
            }
        }
    }

    /// Registers a user, with a first password if there is one; nobody is registered if it breaks a rule.
    pub async fn register(
        &self,
        user: &User,
        password: Option<Password>,
        email: EmailProof,
        act: &Act,
    ) -> Result<Account, CredentialError> {
        let stored = match password {
            Some(password) => Some(self.hashed(user, password).await?),
            None => None,
        };
        self.store.register_user(user, stored.as_ref(), email, act).await?;
        self.account(user.id).await
    }

    /// Sets a password that an administrator chose. Every session ends, and links that could have set one are dead.
    pub async fn set_password(
        &self,
        account: &Account,
        password: Password,
        act: &Act,
    ) -> Result<(), CredentialError> {
        let stored = self.hashed(&account.user, password).await?;
        Ok(self.store.set_password(account.user.id, &stored, act).await?)
    }

    /// Sets the password that the user chose in a session, and ends all others; the caller tells their clients.
    pub async fn change_password(
        &self,
        account: &Account,
        session_id: Uuid,
        password: Password,
    ) -> Result<Vec<EndedSession>, CredentialError> {
        let stored = self.hashed(&account.user, password).await?;
        let (whose, act) = ((account.user.id, session_id), self.act_of(account.user.id));
        Ok(self.store.change_password(whose, &stored, &act).await?)
    }

    /// Takes over a hash that another system made.
    pub async fn import_password_hash(
        &self,
        user_id: Uuid,
        hash: &str,
        act: &Act,
    ) -> Result<&'static str, CredentialError> {
        let hash = PasswordHash::parse(hash)?;
        let stored = self.sealed_password(user_id, &hash, act.at)?;
        self.store.set_password(user_id, &stored, act).await?;
        Ok(hash.scheme().name())
    }

    /// A new password as it is stored.
    pub(super) async fn hashed(
        &self,
        user: &User,
        password: Password,
    ) -> Result<StoredPassword, CredentialError> {
        let about = [user.username.as_str(), user.email.as_deref().unwrap_or_default()];
        let hash = self.hasher.hash(password.choose(&self.rules, &about)?).await?;
        self.sealed_password(user.id, &hash, self.clock.now())
    }

    pub(super) fn monotonic_seconds(&self) -> i64 {
        i64::try_from(self.clock.elapsed().as_secs()).unwrap_or(i64::MAX)
    }

    fn sealed_password(
        &self,
        user_id: Uuid,
        hash: &PasswordHash,
        changed_at: i64,
    ) -> Result<StoredPassword, CredentialError> {
        let sealed = self
            .masters
            .seal(&context(user_id), hash.as_str().as_bytes())
            .map_err(|_| CredentialError::Failed("the password hash could not be sealed"))?;
        Ok(StoredPassword { scheme: hash.scheme().name().to_owned(), sealed, changed_at })
    }

    /// A hash that does not open is the operator's trouble; outwardly it is a wrong password.
    fn open_password(
        &self,
        user_id: Uuid,
        stored: &StoredPassword,
    ) -> Result<PasswordHash, Refusal> {
        let clear = self.masters.open(&context(user_id), &stored.sealed).map_err(|error| {
            tracing::error!(%user_id, %error, "the password hash of a user does not open");
            Refusal::Sealed
        })?;
        let text = std::str::from_utf8(&clear).map_err(|_| Refusal::Sealed)?;
        PasswordHash::parse(&Zeroizing::new(text.to_owned())).map_err(|error| {
            tracing::error!(%user_id, %error, "the password hash of a user cannot be read");
            Refusal::Sealed
        })
    }

    async fn upgrade(
        &self,
        account: &Account,
        verified: Option<&StoredPassword>,
        better: &PasswordHash,
    ) {
        let Some(verified) = verified else { return };
        let user_id = account.user.id;
        let upgraded = match self.sealed_password(user_id, better, verified.changed_at) {
            Ok(better) => self.store.upgrade_password(user_id, verified, &better).await,
            Err(_) => return,
        };
        if let Err(error) = upgraded {
            tracing::warn!(%user_id, %error, "a password hash was not upgraded; the next sign-in tries again");
        }
    }
}

impl std::convert::From<Slowed> for CredentialError {
    fn from(Slowed { retry_after }: Slowed) -> Self {
        Self::TooMany { retry_after }
    }
}

pub(super) fn context(user_id: Uuid) -> String {
    format!("password:{user_id}")
}
