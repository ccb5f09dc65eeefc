//! Where the master keys come from: the environment, or files, one of which is made in an empty data folder. They
//! seal the signing keys (`countersign_keys::seal`). No text of a key is ever part of a message.

use std::path::{Path, PathBuf};

use countersign_keys::MasterKeys;
use countersign_keys::seal::{MasterKey, SealError};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::random;

/// The variable that holds master keys itself.
pub const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file that seals is not there.
    #[error("{path}: the master key file is missing")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be used.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A key in the environment cannot be used.
    #[error("{VARIABLE}: {0}")]
    Environment(SealError),
}

/// Reads the configured master keys, the one that seals first; makes none.
///
/// # Errors
///
/// `Missing` if it is the first file that is not there; else what is wrong with the first that cannot be used.
pub fn read(config: &Config) -> Result<MasterKeys, MasterKeyError> {
    let values = &config.master_key.from_environment;
    if let Some((first, others)) = values.split_first() {
        let parse = |value: &crate::config::Secret<String>| {
            MasterKey::parse(value.expose()).map_err(MasterKeyError::Environment)
        };
        let others = others.iter().map(parse).collect::<Result<_, _>>()?;
        return Ok(MasterKeys::new(parse(first)?, others));
    }
    let files = config.master_key_files();
    let mut keys = files.iter().enumerate().map(|(at, path)| match read_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && at == 0 => {
            Err(MasterKeyError::Missing { path: path.clone() })
        }
        Err(error) => Err(unusable(path, &error)),
        Ok(text) => MasterKey::parse(&text).map_err(|error| unusable(path, &error)),
    });
    let first = keys.next().ok_or_else(|| unusable(&config.data_dir, &"no file is named"))??;
    Ok(MasterKeys::new(first, keys.collect::<Result<_, _>>()?))
}

/// Writes a new master key, readable by its owner only, unless another node was first.
///
/// # Errors
///
/// If the file cannot be written.
pub fn make(path: &Path) -> Result<(), MasterKeyError> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| unusable(path, &error);
    let text = random::client_secret();
    // Complete under another name first: no reader ever sees half a key.
    let draft = path.with_extension(format!("draft-{}", random::jti()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
    let linked =
        written.and_then(|()| file.sync_all()).and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Ok(()) => {
            tracing::info!(path = %path.display(), "made a master key: back it up, the signing keys open under no other");
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// The text of one file, erased when dropped.
///
/// # Errors
///
/// If it cannot be read.
pub fn read_file(path: &Path) -> std::io::Result<Zeroizing<String>> {
    std::fs::read_to_string(path).map(Zeroizing::new)
}

/// Says in the log which files anybody on this machine can read.
pub fn warn_of_open_files(config: &Config) {
    use std::os::unix::fs::PermissionsExt as _;
    if !config.master_key.from_environment.is_empty() {
        return;
    }
    for path in config.master_key_files() {
        let mode = path.metadata().map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o007 != 0 {
            tracing::warn!(path = %path.display(), "everybody on this machine can read the master key: chmod 0600");
        }
    }
}

fn unusable(path: &Path, cause: &dyn std::fmt::Display) -> MasterKeyError {
    MasterKeyError::File { path: path.to_owned(), cause: cause.to_string() }
}
