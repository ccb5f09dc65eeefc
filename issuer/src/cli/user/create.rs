//! `countersign user create`: a person, with a first password if one comes on standard input.

use clap::Args;

use super::super::token_size::require_small_tokens_about_user;
use super::super::{Failure, Session};
use super::{Attributes, password, show};
use crate::credentials::EmailProof;
use crate::random;
use crate::registry::{Profile, User, parse_username};

#[derive(Debug, Args)]
pub(in super::super) struct Create {
    /// The username, unique without regard to case.
    username: String,
    #[command(flatten)]
    attributes: Attributes,
    /// Vouch for the e-mail address: the user may sign in with it.
    #[arg(long, requires = "email")]
    email_verified: bool,
    /// Read the first password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut user = User {
            id: random::uuid(),
            username: parse_username(&self.username)?.to_owned(),
            email: None,
            email_verified: self.email_verified,
            profile: Profile::default(),
            updated_at: 0,
            roles: Vec::new(),
            groups: Vec::new(),
            enabled: true,
        };
        self.attributes.apply(&mut user)?;
        let email = if self.email_verified { EmailProof::Proved } else { EmailProof::Unproved };
        if self.password_stdin {
            let password = password::from_stdin()?;
            let opened = session.open().await?;
            require_small_tokens_about_user(session, &opened.store, &user).await?;
            let credentials = opened.credentials;
            credentials.register(&user, Some(password), email, &session.act()).await?;
        } else {
            let store = session.store().await?;
            require_small_tokens_about_user(session, &store, &user).await?;
            store.register_user(&user, None, email, &session.act()).await?;
        }
        show(session, &user);
        Ok(())
    }
}
