//! Making an account by oneself or by an invitation: first the address is proved by a link, and only then there is a user,
//! with the password that its owner chose. Before that there is nothing that somebody else could have prepared (decision
//! 0019).

use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyed_hash::Use;
use super::{Account, CredentialError, Credentials, Guesser, IssuedLink, Password, Refusal};
use crate::random;
use crate::registry::{Profile, User};
use crate::store::NewUser;

/// The path of the page to which its link leads.
pub const CREATE_ACCOUNT_PATH: &str = "/create-account";

/// An account that is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The address that its link was sent to.
    pub email: String,
    /// What the account is to have, by the word of whoever invited.
    pub roles: Vec<String>,
    /// The same of groups.
    pub groups: Vec<String>,
    /// By an operator's invitation.
    pub invited: bool,
    /// The sign-in that goes on afterwards, sealed.
    pub continuation: Option<String>,
    /// Unix seconds.
    pub expires_at: i64,
}

/// What a person chose for an account.
pub struct ChosenAccount<'a> {
    /// Under which name to sign in.
    pub username: &'a str,
    /// How the person is called.
    pub name: &'a str,
    /// The password.
    pub password: Password,
}

impl Credentials {
    /// The account that has an address already, by proof. Counts the wish for a mail to it, known or not.
    pub async fn account_of_email(&self, email: &str) -> Result<Option<Account>, CredentialError> {
        let account = self.store.find_account(email).await?.filter(|found| found.email_verified);
        let guesser = Guesser {
            user_id: account.as_ref().map(|account| account.user.id),
            identifier: email,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            device: None,
        };
        self.guesses.link_wanted(&guesser, self.monotonic_seconds())?;
        Ok(account)
    }

    /// Begins a registration; an earlier one of this address and way is dead.
    pub async fn begin_registration(
        &self,
        registration: &Registration,
    ) -> Result<IssuedLink, CredentialError> {
        let token = random::client_secret();
        self.store.begin_registration(&self.registration_digest(&token), registration).await?;
        let path = format!("{CREATE_ACCOUNT_PATH}?token={}", *token);
        let url = Zeroizing::new(self.issuer.endpoint(&path));
        Ok(IssuedLink { token, url, expires_at: registration.expires_at })
    }

    /// Looks at a registration without consuming it.
    pub async fn peek_registration(&self, token: &str) -> Result<Registration, CredentialError> {
        let digest = self.registration_digest(token);
        let found = self.store.peek_registration(&digest, self.clock.now()).await?;
        Ok(found.ok_or(Refusal::Expired)?)
    }

    /// Makes the account of a registration; exactly one of many callers does. A password that breaks a rule, or a name
    /// that is taken, leaves the registration as it was.
    pub async fn complete_registration(
        &self,
        token: &str,
        chosen: ChosenAccount<'_>,
    ) -> Result<(Account, Registration), CredentialError> {
        let digest = self.registration_digest(token);
        self.peek_registration(token).await?;
        let _turn = self.turns.of(&digest).await;
        // Whoever had the turn before may have used it, and then no password is hashed.
        let registration = self.peek_registration(token).await?;
        let id = random::uuid();
        let ChosenAccount { username, name, password } = chosen;
        let user = |registration: &Registration| new_user(id, (username, name), registration);
        let password = self.hashed(&user(&registration), password).await?;
        let new = NewUser { id, password: &password, user: &user };
        let completed = self.store.complete_registration(&digest, &new, &self.act_of(id)).await?;
        let completed = completed.ok_or(Refusal::Expired)?;
        Ok((self.account(id).await?, completed))
    }

    fn registration_digest(&self, token: &str) -> [u8; 32] {
        self.keyed.digest(Use::Link, "registration", token.as_bytes())
    }
}

fn new_user(id: Uuid, (username, name): (&str, &str), registration: &Registration) -> User {
    User {
        id,
        username: username.to_owned(),
        email: Some(registration.email.clone()),
        email_verified: true,
        profile: Profile { name: Some(name.to_owned()), ..Profile::default() },
        updated_at: 0,
        roles: registration.roles.clone(),
        groups: registration.groups.clone(),
        enabled: true,
    }
}
