//! How people prove who they are: passwords, codes of authenticator apps, recovery codes, passkeys and one-time links. This
//! room decides and stores; it knows neither sessions nor pages. Every act answers with an `Account` or a
//! `CredentialError`, whose causes are one outwardly.
//!
//! `sign_in` (passwords) and `passkey` tell who it is; `second_factor` asks for more; `guesses` slows; `link` lets in who
//! has nothing yet or has forgotten. `amr` says how it was proved.

mod amr;
mod error;
mod guesses;
mod keyed_hash;
mod known_device;
mod link;
mod passkey;
pub mod password;
mod recovery_code;
mod registration;
mod reseal;
mod second_factor;
mod sign_in;
mod stored;
mod totp;
mod turns;

pub use amr::{Method, amr, is_multi_factor};
pub use error::{CredentialError, Refusal};
pub use guesses::{Decision, Guesser, Guesses, Pace, Slowed, Tally};
pub use keyed_hash::KeyedHash;
pub use known_device::{DeviceId, KNOWN_DEVICE_SECONDS};
pub use link::IssuedLink;
pub use passkey::{PasskeyCeremony, PasskeySignIn};
pub use password::{NewPassword, Password, PasswordHash, PasswordHasher, PasswordRules};
pub use recovery_code::RECOVERY_CODES;
pub use registration::{CREATE_ACCOUNT_PATH, ChosenAccount, Registration};
pub use reseal::reseal_credentials;
pub use sign_in::{From, Who};
pub use stored::{
    Account, CredentialList, EmailProof, LinkPurpose, StoredLink, StoredPasskey, StoredPassword,
    StoredTotp,
};
pub use totp::TotpEnrollment;

use turns::Turns;

use std::sync::Arc;

use countersign_keys::MasterKeys;
use uuid::Uuid;
use webauthn_rs::Webauthn;

use crate::clock::Clock;
use crate::config::{Config, IssuerUrl};
use crate::store::{Act, Actor, Store};

/// The credentials of the people of one issuer, as one node works with them.
pub struct Credentials {
    store: Store,
    masters: Arc<MasterKeys>,
    clock: Clock,
    keyed: KeyedHash,
    hasher: PasswordHasher,
    guesses: Guesses,
    turns: Turns,
    webauthn: Option<Webauthn>,
    rules: PasswordRules,
    issuer: IssuerUrl,
    link_lifetime: i64,
}

impl Credentials {
    /// With the configuration of the issuer, its store and its keys.
    pub fn new(
        config: &Config,
        clock: &Clock,
        store: &Store,
        masters: &Arc<MasterKeys>,
        keyed: KeyedHash,
    ) -> Result<Self, CredentialError> {
        let settings = &config.credentials;
        let cost = password::HashCost {
            memory_kib: settings.password_hash_memory_kib,
            passes: settings.password_hash_passes,
        };
        Ok(Self {
            store: store.clone(),
            masters: Arc::clone(masters),
            clock: clock.clone(),
            keyed,
            hasher: PasswordHasher::new(cost, settings.max_hashing_memory_mib)?,
            guesses: Guesses::default(),
            turns: Turns::default(),
            webauthn: passkey::relying_party(&config.issuer),
            rules: PasswordRules { min_characters: settings.min_password_characters },
            issuer: config.issuer.clone(),
            link_lifetime: i64::from(settings.link_lifetime_seconds),
        })
    }

    /// The rules for new passwords, for the page that asks for one.
    pub fn password_rules(&self) -> PasswordRules {
        self.rules
    }

    /// How many passwords this node has hashed or verified since it started.
    pub fn passwords_hashed(&self) -> u64 {
        self.hasher.count()
    }

    /// Whether passkeys can be used: the issuer's URL has a host name.
    pub fn has_passkeys(&self) -> bool {
        self.webauthn.is_some()
    }

    /// The account of a user.
    pub async fn account(&self, user_id: Uuid) -> Result<Account, CredentialError> {
        let account = self.store.account(user_id).await?;
        Ok(account.ok_or(Refusal::UnknownUser)?)
    }

    /// The value of the device cookie after a complete sign-in; `presented` is the one that the browser had.
    pub fn remember_device(
        &self,
        presented: Option<&str>,
        user_id: Uuid,
    ) -> Result<String, CredentialError> {
        known_device::remember(&self.masters, presented, user_id, self.clock.now())
    }

    /// Whether a device cookie says that this user signed in with this browser before.
    pub fn is_known_device(&self, presented: &str, user_id: Uuid) -> bool {
        self.device(Some(presented), user_id).is_some()
    }

    fn device(&self, presented: Option<&str>, user_id: Uuid) -> Option<DeviceId> {
        known_device::recognize(&self.masters, presented?, user_id, self.clock.now())
    }

    /// The user as the author of a change of their own credentials, now.
    pub fn act_of(&self, user_id: Uuid) -> Act {
        Actor::user(user_id).at(self.clock.now())
    }
}
