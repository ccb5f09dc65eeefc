//! One-time links: to choose a new password, to prove an e-mail address, to accept an invitation. A token has 256 random
//! bits and is kept as a keyed hash. A GET only peeks; a POST redeems, by one statement. A link dies with the next of its
//! purpose and, if it could set a password, with any change of the password.

use std::net::{IpAddr, Ipv4Addr};

use zeroize::Zeroizing;

use super::keyed_hash::Use;
use super::{
    Account, CredentialError, Credentials, From, Guesser, LinkPurpose, Password, Refusal,
    StoredLink,
};
use crate::random;

/// A link, for the one time that it is sent or shown.
pub struct IssuedLink {
    /// The token.
    pub token: Zeroizing<String>,
    /// The whole link.
    pub url: Zeroizing<String>,
    /// Unix seconds.
    pub expires_at: i64,
}

impl Credentials {
    /// Makes a link for a user; an earlier one of this purpose is dead.
    pub async fn issue_link(
        &self,
        account: &Account,
        purpose: LinkPurpose,
    ) -> Result<IssuedLink, CredentialError> {
        let token = random::client_secret();
        let expires_at = self.clock.now().saturating_add(self.link_lifetime);
        let user = &account.user;
        let link = StoredLink { user_id: user.id, email: user.email.clone(), expires_at };
        self.store.issue_link(purpose, &self.link_digest(purpose, &token), &link).await?;
        let path = format!("{}?token={}", purpose.path(), *token);
        let url = Zeroizing::new(self.issuer.endpoint(&path));
        Ok(IssuedLink { token, url, expires_at })
    }

    /// Counts a wish for a mail from an address, whomever it would be to.
    pub fn mail_wanted(&self, address: IpAddr) -> Result<(), CredentialError> {
        Ok(self.guesses.mail_wanted(address, self.monotonic_seconds())?)
    }

    /// Counts a wish for a mail to a user who is known.
    pub fn link_wanted(&self, account: &Account) -> Result<(), CredentialError> {
        let guesser = Guesser {
            user_id: Some(account.user.id),
            identifier: "",
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            device: None,
        };
        Ok(self.guesses.link_wanted(&guesser, self.monotonic_seconds())?)
    }

    /// Makes a link for whoever forgot a password, if the name is of an enabled user with a proved address; `None`
    /// otherwise, which the page must not show. An address that nobody proved may be somebody else's. Answer the person
    /// first and do this afterwards: it takes a write for known users.
    pub async fn request_link(
        &self,
        identifier: &str,
        purpose: LinkPurpose,
        from: From<'_>,
    ) -> Result<Option<(Account, IssuedLink)>, CredentialError> {
        let account = self.store.find_account(identifier).await?;
        let guesser = Guesser {
            user_id: account.as_ref().map(|account| account.user.id),
            identifier,
            address: from.address,
            device: None,
        };
        self.guesses.link_wanted(&guesser, self.monotonic_seconds())?;
        let reachable = |account: &Account| account.user.enabled && account.email_verified;
        let Some(account) = account.filter(reachable) else { return Ok(None) };
        let link = self.issue_link(&account, purpose).await?;
        Ok(Some((account, link)))
    }

    /// Whose link it is, without consuming it: for the page that a GET shows.
    pub async fn peek_link(
        &self,
        purpose: LinkPurpose,
        token: &str,
    ) -> Result<Account, CredentialError> {
        let digest = self.link_digest(purpose, token);
        let link = self.store.peek_link(purpose, &digest, self.clock.now()).await?;
        self.account(link.ok_or(Refusal::Expired)?.user_id).await
    }

    /// Consumes a link; exactly one of many callers gets the account.
    pub async fn redeem_link(
        &self,
        purpose: LinkPurpose,
        token: &str,
    ) -> Result<Account, CredentialError> {
        let digest = self.link_digest(purpose, token);
        let link = self.store.redeem_link(purpose, &digest, self.clock.now()).await?;
        self.account(link.ok_or(Refusal::Expired)?.user_id).await
    }

    /// Consumes a link and sets the password of its user. A password that breaks a rule leaves the link as it was, and a
    /// link that is used up costs no hash.
    pub async fn redeem_link_with_password(
        &self,
        purpose: LinkPurpose,
        token: &str,
        password: Password,
    ) -> Result<Account, CredentialError> {
        let digest = self.link_digest(purpose, token);
        self.peek_link(purpose, token).await?;
        let _turn = self.turns.of(&digest).await;
        // Whoever had the turn before may have used it.
        let account = self.peek_link(purpose, token).await?;
        let stored = self.hashed(&account.user, password).await?;
        let act = self.act_of(account.user.id);
        let redeemed =
            self.store.redeem_link_with_password(purpose, &digest, &stored, &act).await?;
        self.account(redeemed.ok_or(Refusal::Expired)?.user_id).await
    }

    /// Consumes a link that proves an e-mail address. One that another user proved is a conflict.
    pub async fn redeem_email_link(&self, token: &str) -> Result<Account, CredentialError> {
        let purpose = LinkPurpose::EmailVerification;
        let account = self.peek_link(purpose, token).await?;
        let act = self.act_of(account.user.id);
        let redeemed =
            self.store.redeem_email_link(&self.link_digest(purpose, token), &act).await?;
        self.account(redeemed.ok_or(Refusal::Expired)?.user_id).await
    }

    fn link_digest(&self, purpose: LinkPurpose, token: &str) -> [u8; 32] {
        self.keyed.digest(Use::Link, purpose.name(), token.as_bytes())
    }
}

/// A name for logs that says nothing of the token.
impl std::fmt::Debug for IssuedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
