//! `countersign token`: get a token as a client would, and explain what a verifier thinks of one.

use std::io::{IsTerminal as _, Read as _};

use clap::Subcommand;
use countersign_verifier::BuildError;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Failure, Session};

mod explain;
mod request;

use explain::Explain;
use request::Request;

/// Get or explain a token.
#[derive(Subcommand, Clone, Debug)]
pub(super) enum Token {
    /// Ask the issuer for a token by client credentials, as a client does.
    Request(Request),
    /// Say of each check of a verifier whether a token passes it. Nothing is kept or logged.
    Explain(Explain),
}

impl Token {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Request(request) => {
                let answer = request.run(session).await?;
                let token = answer.get("access_token").and_then(Value::as_str).unwrap_or_default();
                session.output.result(&answer, token);
                Ok(())
            }
            Self::Explain(explain) => {
                let explanation = explain.run(session).await?;
                session.output.result(&explanation.json(), &explanation.text());
                if explanation.holds() {
                    return Ok(());
                }
                Err(Failure::new("token_refused", "a verifier refuses the token"))
            }
        }
    }
}

/// Why there is no token, or no explanation.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// A file or standard input cannot be read.
    #[error("{what} cannot be read: {cause}")]
    Unreadable {
        /// Which.
        what: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The issuer cannot be reached or does not speak the protocol.
    #[error("{url}: {cause}")]
    Issuer {
        /// What was asked.
        url: String,
        /// Why.
        cause: String,
    },
    /// The issuer refused.
    #[error("the issuer answered {status} {error}: {description}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The code of RFC 6749 §5.2.
        error: String,
        /// The issuer's text.
        description: String,
    },
    /// The key set cannot be used.
    #[error("the key set cannot be used: {0}")]
    KeySet(#[from] countersign_keys::error::JwkSetError),
    /// The verifier cannot be built.
    #[error(transparent)]
    Verifier(#[from] BuildError),
}

/// What is typed or piped; whoever sits before it is told that something is expected.
fn from_standard_input(what: &str, session: &Session) -> Result<Zeroizing<String>, TokenError> {
    if std::io::stdin().is_terminal() {
        session.output.note(&format!("type {what}, then Enter and Ctrl-D"));
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|cause| TokenError::Unreadable { what: "standard input".to_owned(), cause })?;
    Ok(text)
}
