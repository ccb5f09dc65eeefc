//! Why a command failed: a stable code for scripts, a message, and what to do about it.

use std::borrow::Cow;
use std::fmt::Display;

use countersign_keys::KeyError;

use super::output::date;
use super::serve::ServeError;
use super::token::TokenError;
use crate::bootstrap::StartError;
use crate::config::ConfigError;
use crate::credentials::CredentialError;
use crate::master_key::MasterKeyError;
use crate::registry::{InvalidValue, RowKind, UnreadableRow};
use crate::server::RunError;
use crate::signing::{OpenError, RotationError};
use crate::store::StoreError;

/// The failure of a command; the process ends with 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable.
    pub code: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure that explains itself.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Display) -> Self {
        Self { code: code.into(), message: message.to_string(), hint: None }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A file that cannot be read.
    pub fn file(path: &std::path::Path, error: &dyn Display) -> Self {
        Self::new("file", format!("{}: {error}", path.display()))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(error.code(), &error);
        match &error {
            StoreError::NotFound { what: what @ ("client" | "resource" | "user"), .. } => {
                failure.hint(format!("`countersign {what} list` shows them"))
            }
            StoreError::Withdrawn { at, .. } => failure.hint(format!(
                "it went on {}; make a new key, for somebody else may have this one",
                date(*at)
            )),
            StoreError::Unreadable(row) => failure.hint(repair(row)),
            StoreError::Older { .. } => {
                failure.hint("the next start of `countersign serve` brings it up to date")
            }
            StoreError::Unavailable(_) => failure.hint("`countersign doctor` says more"),
            _ => failure,
        }
    }
}

/// What to do about a row that cannot be understood.
pub(super) fn repair(row: &UnreadableRow) -> String {
    let restore = "restore it from a backup";
    let id = row.id.escape_debug();
    let delete = match row.kind {
        RowKind::Client => format!("`countersign client delete {id}`"),
        RowKind::Resource => format!("`countersign resource delete {id}`"),
        RowKind::Key => return restore.to_owned(),
    };
    format!(
        "if a later release wrote it, run that release here; else {restore}, or remove it with {delete}"
    )
}

impl From<InvalidValue> for Failure {
    fn from(error: InvalidValue) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Unreadable { .. } => Self::new("config_unreadable", error)
                .hint("name a file that can be read with --config or COUNTERSIGN_CONFIG"),
            _ => Self::new("config_invalid", error)
                .hint("`countersign config example` shows every setting"),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Keys(error) => error.into(),
            StartError::Rotation(error) => error.into(),
            StartError::Credentials(error) => error.into(),
            StartError::MasterKey(error) => error.into(),
            StartError::MasterKeyMissing { .. } => Self::new("master_key_missing", error),
            other => Self::new("start", other).hint("`countersign doctor` says more"),
        }
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Store(error) => error.into(),
            other => Self::new(other.code(), other),
        }
    }
}

impl From<MasterKeyError> for Failure {
    fn from(error: MasterKeyError) -> Self {
        let code = match &error {
            MasterKeyError::Missing { .. } => "master_key_missing",
            _ => "master_key_unusable",
        };
        Self::new(code, error).hint("put the right master key back; a new one opens nothing")
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match &error {
            OpenError::UnknownMasterKey { .. } => "master_key_unknown",
            OpenError::Altered { .. } => "key_altered",
        };
        Self::new(code, error)
    }
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Store(error) => error.into(),
            RotationError::Full(_) => Self::new("ring_full", error).hint(
                "wait until retired keys have gone, or `countersign keys withdraw` one that is not needed",
            ),
            RotationError::Key(_) => Self::new("key", error),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let code = match &error {
            TokenError::Unreadable { .. } => "unreadable",
            TokenError::Issuer { .. } => "issuer_unreachable",
            TokenError::Refused { .. } => "token_refused",
            TokenError::KeySet(_) => "key_set_unusable",
            TokenError::Verifier(_) => "verifier",
        };
        let failure = Self::new(code, &error);
        match error {
            TokenError::Issuer { .. } | TokenError::Verifier(_) => {
                failure.hint("look whether the issuer runs there, or name another with --issuer")
            }
            _ => failure,
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Run(RunError::Start(error)) => error.into(),
            ServeError::Run(RunError::Listen(_)) => Self::new("listen", error),
            ServeError::Run(RunError::Tls(_)) => Self::new("tls", error),
            ServeError::Unfinished(_) => Self::new("stopped_at_once", error),
            other => Self::new("serve", other),
        }
    }
}
