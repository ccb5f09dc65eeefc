//! The credentials of people against both databases: races, restarts, two nodes, and what deleting a user leaves.

use std::sync::Arc;
use std::time::Duration;

use countersign_keys::MasterKeys;
use countersign_keys::seal::MasterKey;

use super::*;
use crate::clock::Clock;
use crate::credentials::{
    Account, CredentialError, Credentials, From, KeyedHash, LinkPurpose, Password, Refusal, Who,
};

mod authenticator;
mod codes;
mod links;
mod passkeys;
mod passwords;
mod rows;

const PASSWORD: &str = "correct horse battery";

/// One node; each call makes another on the same database and the same clock.
struct Node {
    credentials: Arc<Credentials>,
    store: Store,
    clock: Clock,
}

impl Node {
    async fn new(database: &Database, clock: &Clock) -> Self {
        Self::with_masters(database, clock, masters(&[9])).await
    }

    async fn with_masters(database: &Database, clock: &Clock, masters: MasterKeys) -> Self {
        let store = database.open().await;
        let mut config = Config::default();
        config.credentials.password_hash_memory_kib = 64;
        config.credentials.password_hash_passes = 1;
        let keyed = KeyedHash::new(&[3; 32]);
        let credentials =
            Credentials::new(&config, clock, &store, &Arc::new(masters), keyed).unwrap();
        Self { credentials: Arc::new(credentials), store, clock: clock.clone() }
    }

    /// A user with a verified address and a password.
    async fn ada(&self) -> Account {
        let user = User { email: Some("Ada@Example.com".to_owned()), ..user("ada") };
        self.store.create_user(&user, &act()).await.unwrap();
        self.store.verify_email(user.id, &act()).await.unwrap();
        let account = self.credentials.account(user.id).await.unwrap();
        self.credentials.set_password(&account, typed(PASSWORD), &act()).await.unwrap();
        self.credentials.account(user.id).await.unwrap()
    }

    async fn check(&self, name: &str, password: &str) -> Result<Account, CredentialError> {
        let from = From { address: "192.0.2.1".parse().unwrap(), device: None };
        self.credentials.check_password(Who::Named(name), typed(password), from).await
    }

    /// A confirmed authenticator app of a user, as a function from steps (relative to now) to codes.
    async fn totp(&self, account: &Account) -> impl Fn(i64) -> String + use<> {
        let enrollment = self.credentials.start_totp(account).unwrap();
        let secret = totp_rs::Secret::try_from_base32(&*enrollment.secret).unwrap();
        let app = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        let clock = self.clock.clone();
        let code =
            move |steps: i64| app.generate((clock.now() + 30 * steps).cast_unsigned()).to_string();
        let (user_id, ticket) = (account.user.id, &enrollment.ticket);
        let wrong = self.credentials.confirm_totp(user_id, ticket, "000000", &act()).await;
        assert!(is_refused(&wrong, Refusal::Wrong), "{wrong:?}");
        let first = code(-1);
        self.credentials.confirm_totp(user_id, ticket, &first, &act()).await.unwrap();
        code
    }
}

fn masters(keys: &[u8]) -> MasterKeys {
    let mut keys = keys.iter().map(|key| MasterKey::from_bytes(&[*key; 32]).unwrap());
    MasterKeys::new(keys.next().unwrap(), keys.collect())
}

fn typed(text: &str) -> Password {
    Password::typed(text).unwrap()
}

fn is_refused<T>(result: &Result<T, CredentialError>, cause: Refusal) -> bool {
    matches!(result, Err(CredentialError::Refused(found)) if *found == cause)
}

async fn set_enabled(store: &Store, username: &str, enabled: bool) {
    let edit = |user: &mut User| {
        user.enabled = enabled;
        Ok(())
    };
    store.update_user(username, &act(), edit).await.unwrap();
}

/// Runs the same act 64 times in parallel on two nodes; how many succeeded, and how the others failed.
async fn race<F, T>(
    database: &Database,
    clock: &Clock,
    act: impl Fn(Arc<Credentials>) -> F,
) -> (usize, Vec<CredentialError>)
where
    F: Future<Output = Result<T, CredentialError>> + Send + 'static,
    T: Send + 'static,
{
    let nodes = [Node::new(database, clock).await, Node::new(database, clock).await];
    let callers: Vec<_> = (0..64)
        .map(|caller| tokio::spawn(act(Arc::clone(&nodes[caller % 2].credentials))))
        .collect();
    let (mut won, mut failed) = (0, Vec::new());
    for caller in callers {
        match caller.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => failed.push(error),
        }
    }
    (won, failed)
}
