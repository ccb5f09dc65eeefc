//! The audit log of tokens: one JSON line for each token issued or refused, appended to a file before
//! the answer leaves, and never a secret or a token in it. Changes of clients, resources and keys are
//! audited in the database, in the transaction that makes them (`store`).

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Serialize, Serializer};

use crate::config::OnWriteFailure;
use crate::error::OAuthError;
use crate::issue::Issued;
use crate::origin::Origin;

/// One line of the audit log.
#[derive(Serialize)]
pub struct AuditEvent<'e> {
    at: i64,
    event: &'static str,
    #[serde(serialize_with = "display")]
    request_id: crate::origin::RequestId,
    address: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'e str>,
    #[serde(flatten)]
    outcome: Outcome<'e>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'e> {
    Issued { idtyp: &'static str, aud: &'e str, scope: &'e str, jti: &'e str, exp: i64 },
    Refused { error: &'static str, cause: &'e str },
}

fn display<S: Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<'e> AuditEvent<'e> {
    /// A token was issued.
    pub fn issued(
        at: i64,
        origin: Origin,
        grant: Option<&'static str>,
        issued: &'e Issued,
    ) -> Self {
        let outcome = Outcome::Issued {
            idtyp: issued.identity.idtyp(),
            aud: &issued.permitted.resource.identifier,
            scope: &issued.permitted.scope,
            jti: &issued.jti,
            exp: issued.expires_at,
        };
        let client_id = Some(issued.client.id.as_str());
        Self::new(at, "token_issued", origin, (grant, client_id), outcome)
    }

    /// A token was refused.
    pub fn refused(
        at: i64,
        origin: Origin,
        grant: Option<&'static str>,
        client_id: Option<&'e str>,
        error: &'e OAuthError,
    ) -> Self {
        let outcome = Outcome::Refused { error: error.code.row().wire, cause: &error.cause };
        Self::new(at, "token_refused", origin, (grant, client_id), outcome)
    }

    fn new(
        at: i64,
        event: &'static str,
        origin: Origin,
        (grant, client_id): (Option<&'static str>, Option<&'e str>),
        outcome: Outcome<'e>,
    ) -> Self {
        let Origin { address, request_id } = origin;
        Self { at, event, request_id, address, grant, client_id, outcome }
    }
}

/// The event could not be written, and the configuration says that nothing goes on without it.
#[derive(Debug, thiserror::Error)]
#[error("the audit log could not be written: {0}")]
pub struct AuditUnwritten(std::io::Error);

impl From<AuditUnwritten> for OAuthError {
    fn from(error: AuditUnwritten) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// The open audit log.
pub struct AuditLog {
    path: PathBuf,
    on_write_failure: OnWriteFailure,
    log: Mutex<Log>,
    /// The last line was not written.
    failing: AtomicBool,
}

/// The first line after some that could not be written: whoever reads the log learns of the gap.
#[derive(Serialize)]
struct Resumed {
    at: i64,
    event: &'static str,
}

struct Log {
    file: File,
    line: Vec<u8>,
    /// The last write broke off in the middle of a line.
    torn: bool,
}

impl AuditLog {
    /// Opens the log for appending, readable by its owner only.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or made.
    pub fn open(path: &Path, on_write_failure: OnWriteFailure) -> std::io::Result<Self> {
        let log = Mutex::new(Log { file: append_to(path)?, line: Vec::new(), torn: false });
        let failing = AtomicBool::new(false);
        Ok(Self { path: path.to_owned(), on_write_failure, log, failing })
    }

    /// Opens the file anew, after something moved it away (`SIGHUP`).
    ///
    /// # Errors
    ///
    /// If the file cannot be opened; the former one stays in use.
    pub fn reopen(&self) -> std::io::Result<()> {
        let file = append_to(&self.path)?;
        self.log.lock().unwrap_or_else(PoisonError::into_inner).file = file;
        Ok(())
    }

    /// Appends an event: when this returns, the line outlives the process.
    ///
    /// # Errors
    ///
    /// If it cannot be written and `audit.on_write_failure` is `refuse`.
    pub fn record(&self, event: &AuditEvent<'_>) -> Result<(), AuditUnwritten> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let written = log.append(event);
        if written.is_err() {
            self.failing.store(true, Ordering::Relaxed);
        }
        match written {
            Ok(()) => Ok(()),
            Err(error) if self.on_write_failure == OnWriteFailure::Refuse => {
                Err(AuditUnwritten(error))
            }
            Err(error) => {
                tracing::error!(%error, path = %self.path.display(), "the audit log was not written");
                Ok(())
            }
        }
    }

    /// Whether requests are refused because the log could not be written.
    pub fn refuses(&self) -> bool {
        self.on_write_failure == OnWriteFailure::Refuse && self.failing.load(Ordering::Relaxed)
    }

    /// Tries again after a failure. A node that is not ready gets no requests, so none of them would find out.
    pub fn resume(&self, now: i64) {
        if !self.failing.load(Ordering::Relaxed) {
            return;
        }
        let resumed = Resumed { at: now, event: "audit_log_resumed" };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.append(&resumed).is_ok() {
            self.failing.store(false, Ordering::Relaxed);
            tracing::info!(path = %self.path.display(), "the audit log can be written again");
        }
    }
}

impl Log {
    fn append(&mut self, event: &impl Serialize) -> std::io::Result<()> {
        self.line.clear();
        if self.torn {
            self.line.push(b'\n');
        }
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        let written = self.file.write_all(&self.line);
        self.torn = written.is_err();
        written
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
