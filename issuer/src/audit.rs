//! The audit log of tokens: one JSON line for each token issued or refused, appended to a file before
//! the answer leaves, and never a secret or a token in it. Changes of clients, resources and keys are
//! audited in the database, in the transaction that makes them (`store`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use countersign_verifier::binding::Proof;
use serde::{Serialize, Serializer};

use crate::binding::Binding;
use crate::config::OnWriteFailure;
use crate::error::OAuthError;
use crate::issue::Issued;
use crate::origin::Origin;
use crate::token::client_auth::Workload;

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
    /// The workload as which the client authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<&'e Workload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idtyp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'e str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    actors: &'e [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_jti: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'e str>,
    /// The family of refresh tokens that a client revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<&'e str>,
    /// The key that the token is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    jkt: Option<&'e str>,
    /// The certificate that it is bound to.
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'e str>,
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
        Self {
            grant,
            client_id: Some(issued.client.id.as_str()),
            idtyp: Some(issued.identity.idtyp()),
            user: issued.user.as_deref(),
            actors: &issued.actors,
            parent_jti: issued.parent.as_deref(),
            reason: issued.reason.as_deref(),
            aud: Some(&issued.permitted.resource.identifier),
            scope: Some(&issued.permitted.scope),
            jti: Some(&issued.jti),
            jkt: issued.proof().map(Proof::jkt),
            x5t_s256: issued.binding.as_ref().and_then(Binding::x5t_s256),
            exp: Some(issued.expires_at),
            ..Self::new(at, "token_issued", origin)
        }
    }

    /// A token was refused.
    pub fn refused(
        at: i64,
        origin: Origin,
        grant: Option<&'static str>,
        client_id: Option<&'e str>,
        error: &'e OAuthError,
    ) -> Self {
        Self {
            grant,
            client_id,
            error: Some(error.code.row().wire),
            cause: Some(&error.cause),
            ..Self::new(at, "token_refused", origin)
        }
    }

    /// A client took back a token of its own, or a family of refresh tokens.
    pub fn revoked(
        at: i64,
        origin: Origin,
        client_id: &'e str,
        (jti, grant_id): &'e (Option<&'e str>, Option<String>),
    ) -> Self {
        Self {
            client_id: Some(client_id),
            jti: *jti,
            grant_id: grant_id.as_deref(),
            ..Self::new(at, "token_revoked", origin)
        }
    }

    /// The same, of a client that is a workload.
    #[must_use]
    pub fn by(self, workload: Option<&'e Workload>) -> Self {
        Self { workload, ..self }
    }

    fn new(at: i64, event: &'static str, origin: Origin) -> Self {
        let Origin { address, request_id } = origin;
        Self {
            at,
            event,
            request_id,
            address,
            grant: None,
            client_id: None,
            workload: None,
            idtyp: None,
            user: None,
            actors: &[],
            parent_jti: None,
            reason: None,
            aud: None,
            scope: None,
            jti: None,
            grant_id: None,
            jkt: None,
            x5t_s256: None,
            exp: None,
            error: None,
            cause: None,
        }
    }
}

/// The event could not be written, and the configuration says that nothing goes on without it.
#[derive(Debug, thiserror::Error)]
#[error("the audit log could not be written: {0}")]
pub struct AuditUnwritten(io::Error);

impl From<AuditUnwritten> for OAuthError {
    fn from(error: AuditUnwritten) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// The open audit log.
pub struct AuditLog {
    path: PathBuf,
    on_write_failure: OnWriteFailure,
    /// Locked before `waiting`, by whoever writes.
    file: Mutex<LogFile>,
    waiting: Mutex<Batch>,
    /// The last lines were not written.
    failing: AtomicBool,
}

/// Lines that leave with one `write`.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    written: Arc<OnceLock<Result<(), io::ErrorKind>>>,
}

struct LogFile {
    file: File,
    /// An empty buffer for the next batch.
    spare: Vec<u8>,
    /// The last write broke off in the middle of a line.
    torn: bool,
}

/// The first line after some that could not be written: whoever reads the log learns of the gap.
#[derive(Serialize)]
struct Resumed {
    at: i64,
    event: &'static str,
}

impl AuditLog {
    /// Opens the log for appending, readable by its owner only.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or made.
    pub fn open(path: &Path, on_write_failure: OnWriteFailure) -> io::Result<Self> {
        let file = LogFile { file: append_to(path)?, spare: Vec::new(), torn: false };
        Ok(Self {
            path: path.to_owned(),
            on_write_failure,
            file: Mutex::new(file),
            waiting: Mutex::default(),
            failing: AtomicBool::new(false),
        })
    }

    /// Opens the file anew, after something moved it away (`SIGHUP`).
    ///
    /// # Errors
    ///
    /// If the file cannot be opened; the former one stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        let file = append_to(&self.path)?;
        lock(&self.file).file = file;
        Ok(())
    }

    /// Appends an event: when this returns, the line outlives the process. Requests that are answered at the same time
    /// share one write.
    ///
    /// # Errors
    ///
    /// If it cannot be written and `audit.on_write_failure` is `refuse`.
    pub async fn record(&self, event: &AuditEvent<'_>) -> Result<(), AuditUnwritten> {
        let written = self.append(event)?;
        // The other requests that are ready add their lines meanwhile.
        tokio::task::yield_now().await;
        if written.get().is_none() {
            self.write_waiting();
        }
        match written.get() {
            Some(Err(kind)) if self.on_write_failure == OnWriteFailure::Refuse => {
                Err(AuditUnwritten(io::Error::from(*kind)))
            }
            _ => Ok(()),
        }
    }

    /// Whether requests are refused because the log could not be written.
    pub fn refuses(&self) -> bool {
        self.on_write_failure == OnWriteFailure::Refuse && self.failing.load(Ordering::Relaxed)
    }

    /// Writes what requests that were given up have left, and tries again after a failure: a node that is not ready
    /// gets no requests, so none of them would find out.
    pub fn settle(&self, now: i64) {
        let resumed = Resumed { at: now, event: "audit_log_resumed" };
        if self.failing.load(Ordering::Relaxed) && self.append(&resumed).is_err() {
            return;
        }
        self.write_waiting();
    }

    /// Adds a line to those that wait.
    fn append(
        &self,
        event: &impl Serialize,
    ) -> Result<Arc<OnceLock<Result<(), io::ErrorKind>>>, AuditUnwritten> {
        let mut waiting = lock(&self.waiting);
        let length = waiting.lines.len();
        if let Err(error) = serde_json::to_writer(&mut waiting.lines, event) {
            waiting.lines.truncate(length);
            return Err(AuditUnwritten(error.into()));
        }
        waiting.lines.push(b'\n');
        Ok(Arc::clone(&waiting.written))
    }

    /// Writes the lines that wait. Whoever holds the file has them all: when this returns, every line that was added
    /// before has been written, or has failed.
    fn write_waiting(&self) {
        let mut file = lock(&self.file);
        let next = Batch { lines: std::mem::take(&mut file.spare), ..Batch::default() };
        let mut batch = std::mem::replace(&mut *lock(&self.waiting), next);
        if !batch.lines.is_empty() {
            let written = file.write(&batch.lines).map_err(|error| self.failed(&error));
            if written.is_ok() && self.failing.swap(false, Ordering::Relaxed) {
                tracing::info!(path = %self.path.display(), "the audit log can be written again");
            }
            // Nobody else has this batch.
            let _ = batch.written.set(written);
        }
        batch.lines.clear();
        file.spare = batch.lines;
    }

    fn failed(&self, error: &io::Error) -> io::ErrorKind {
        self.failing.store(true, Ordering::Relaxed);
        tracing::error!(%error, path = %self.path.display(), "the audit log was not written");
        error.kind()
    }
}

impl LogFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        let written = self.file.write_all(lines);
        self.torn = written.is_err();
        written
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::origin::RequestIds;
    use crate::protocol::ErrorCode;

    fn refused(error: &OAuthError) -> AuditEvent<'_> {
        let address = std::net::IpAddr::from([192, 0, 2, 1]);
        let origin = Origin { address, request_id: RequestIds::default().next() };
        AuditEvent::refused(1_800_000_000, origin, None, None, error)
    }

    async fn record_at_once(log: &Arc<AuditLog>, count: usize) -> Vec<bool> {
        let tasks = (0..count).map(|_| {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                let error = OAuthError::new(ErrorCode::InvalidClient, "no");
                log.record(&refused(&error)).await.is_ok()
            })
        });
        join_all(tasks).await.into_iter().map(Result::unwrap).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn every_line_is_whole_and_in_the_file_before_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let log = Arc::new(AuditLog::open(&path, OnWriteFailure::Refuse).unwrap());

        let outcomes = record_at_once(&log, 1_000).await;

        assert!(outcomes.iter().all(|written| *written));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1_000);
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["event"], "token_refused");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_write_that_fails_refuses_every_request_that_waited_for_it() {
        let full = Path::new("/dev/full");
        let refusing = Arc::new(AuditLog::open(full, OnWriteFailure::Refuse).unwrap());
        let tolerant = Arc::new(AuditLog::open(full, OnWriteFailure::Continue).unwrap());

        assert!(record_at_once(&refusing, 100).await.iter().all(|written| !written));
        assert!(refusing.refuses());
        assert!(record_at_once(&tolerant, 100).await.iter().all(|written| *written));
        assert!(!tolerant.refuses());
    }

    #[tokio::test]
    async fn a_log_that_can_be_written_again_says_so_and_refuses_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let log = AuditLog::open(&path, OnWriteFailure::Refuse).unwrap();
        lock(&log.file).file = append_to(Path::new("/dev/full")).unwrap();
        let error = OAuthError::new(ErrorCode::InvalidClient, "no");
        log.record(&refused(&error)).await.unwrap_err();

        log.settle(7);
        assert!(log.refuses());
        log.reopen().unwrap();
        log.settle(8);

        assert!(!log.refuses());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.trim_start().starts_with(r#"{"at":8,"event":"audit_log_resumed"}"#), "{text}");
    }
}
