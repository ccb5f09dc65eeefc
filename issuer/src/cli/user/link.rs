//! `countersign user reset-link`: a one-time link for somebody who cannot get mail, or who was just invited.

use clap::Args;
use serde_json::json;

use super::super::output::date;
use super::super::{Failure, Session};
use crate::credentials::LinkPurpose;

#[derive(Debug, Args)]
pub(in super::super) struct ResetLink {
    /// The username, in any spelling.
    username: String,
    /// Make an invitation instead, for somebody who has no password yet.
    #[arg(long)]
    invite: bool,
}

impl ResetLink {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let opened = session.open().await?;
        let user = opened.store.user(&self.username).await?;
        let account = opened.credentials.account(user.id).await?;
        let purpose = if self.invite { LinkPurpose::Invite } else { LinkPurpose::PasswordReset };
        let link = opened.credentials.issue_link(&account, purpose).await?;
        let document = json!({
            "username": user.username,
            "purpose": purpose.name(),
            "link": link.url.as_str(),
            "expires_at": link.expires_at,
        });
        let until = date(link.expires_at);
        let text = format!("{}\n\nIt can be used once, until {until}.", *link.url);
        session.output.result(&document, &text);
        Ok(())
    }
}
