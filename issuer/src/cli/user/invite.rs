//! `countersign user invite` and `verify-email`: links that are sent by mail, or printed where there is none.

use clap::Args;
use serde_json::json;

use super::super::output::date;
use super::super::token_size::require_small_tokens_about_user;
use super::super::{Failure, Session};
use crate::config::RegistrationMode;
use crate::credentials::{IssuedLink, LinkPurpose, Registration};
use crate::mail::{Kind, Letter, Link, Mailer, Recipient};
use crate::page::Language;
use crate::random;
use crate::registry::{Profile, User, parse_role};
use crate::telemetry::MailMetrics;

#[derive(Debug, Args)]
pub(in super::super) struct Invite {
    /// The e-mail address of whom is invited.
    #[arg(value_parser = parse_recipient)]
    email: Recipient,
    /// A role that the account will have; may be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A group of the account; may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    words: Words,
}

#[derive(Debug, Args)]
pub(in super::super) struct VerifyEmail {
    /// The username, in any spelling.
    username: String,
    #[command(flatten)]
    words: Words,
}

#[derive(Debug, Args)]
struct Words {
    /// The language of the mail: en, de, fr, ja or ar.
    #[arg(long, default_value = "en", value_parser = parse_language)]
    language: Language,
    /// Print the link instead of sending it.
    #[arg(long)]
    print: bool,
}

impl Invite {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let rules = &session.config.registration;
        if rules.mode == RegistrationMode::Closed {
            let problem = "`registration.mode` is `closed`: nobody could accept the invitation";
            return Err(Failure::new("registration_closed", problem).hint(
                "set it to `invite`, or make the account with `countersign user create` and a link to it with \
                 `countersign user reset-link --invite`",
            ));
        }
        for name in self.roles.iter().chain(&self.groups) {
            parse_role(name)?;
        }
        let opened = session.open().await?;
        let planned = planned(&self.email, &self.roles, &self.groups);
        require_small_tokens_about_user(session, &opened.store, &planned).await?;
        let lifetime = rules.invitation_lifetime_seconds;
        let registration = Registration {
            email: self.email.as_str().to_owned(),
            roles: self.roles,
            groups: self.groups,
            invited: true,
            continuation: None,
            expires_at: session.clock.now() + i64::from(lifetime),
        };
        let link = opened.credentials.begin_registration(&registration).await?;
        let about = registration.email;
        self.words.hand_out(session, (self.email, Kind::Invitation, about), (link, lifetime)).await
    }
}

impl VerifyEmail {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let opened = session.open().await?;
        let user = opened.store.user(&self.username).await?;
        let to = user.email.as_deref().and_then(Recipient::parse);
        let to = to.ok_or_else(|| {
            Failure::new("no_email", "the user has no e-mail address that can be written to")
                .hint("set one with `countersign user update --email`")
        })?;
        let account = opened.credentials.account(user.id).await?;
        let purpose = LinkPurpose::EmailVerification;
        let link = opened.credentials.issue_link(&account, purpose).await?;
        let lifetime = session.config.credentials.link_lifetime_seconds;
        let what = (to, Kind::EmailVerification, user.username);
        self.words.hand_out(session, what, (link, lifetime)).await
    }
}

impl Words {
    /// By mail, where there is mail; else on the terminal of the operator.
    async fn hand_out(
        self,
        session: &Session,
        (to, kind, about): (Recipient, Kind, String),
        (link, lifetime): (IssuedLink, u32),
    ) -> Result<(), Failure> {
        let mailer = Mailer::new(&session.config, &session.clock, MailMetrics::default());
        let mailer = mailer.map_err(|error| Failure::new("mail", error))?;
        let (email, until) = (to.as_str().to_owned(), date(link.expires_at));
        let (name, expires_at) = (kind.name(), link.expires_at);
        if self.print || !mailer.sends() {
            let url = link.url.as_str();
            let document =
                json!({ "email": email, "kind": name, "link": url, "expires_at": expires_at });
            let text = format!("{url}\n\nIt can be used once, until {until}.");
            session.output.result(&document, &text);
            return Ok(());
        }
        let link = Link::OneTime { url: link.url, lifetime };
        let letter = Letter { to, language: self.language, kind, about, link };
        mailer.send_now(&letter).await.map_err(|error| {
            Failure::new("mail_not_sent", error)
                .hint("`countersign doctor` says more; with --print the link is printed instead")
        })?;
        let document =
            json!({ "email": email, "kind": name, "sent": true, "expires_at": expires_at });
        let text = format!("Sent a link to {email}. It can be used once, until {until}.");
        session.output.result(&document, &text);
        Ok(())
    }
}

/// The account, as far as it is known what will stand in its tokens.
fn planned(email: &Recipient, roles: &[String], groups: &[String]) -> User {
    User {
        id: random::uuid(),
        username: String::new(),
        email: Some(email.as_str().to_owned()),
        email_verified: true,
        profile: Profile::default(),
        updated_at: 0,
        roles: roles.to_vec(),
        groups: groups.to_vec(),
        enabled: true,
    }
}

fn parse_recipient(text: &str) -> Result<Recipient, String> {
    Recipient::parse(text).ok_or_else(|| "use an address such as ada@example.com".to_owned())
}

fn parse_language(tag: &str) -> Result<Language, String> {
    let known = Language::SUPPORTED.iter().find(|language| language.tag() == tag);
    known.copied().ok_or_else(|| "use en, de, fr, ja or ar".to_owned())
}
