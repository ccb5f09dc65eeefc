//! From a configuration to an open store and open keys. In an empty data folder the master key, the
//! schema, the key of the secret hashes and a ring for each algorithm are made; whatever is already
//! there is never replaced: a missing or wrong master key is an error, not a reason for a new one.

use std::path::{Path, PathBuf};

use countersign_keys::MasterKeys;
use countersign_keys::seal::SealError;

use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::config::Config;
use crate::master_key::{self, MasterKeyError};
use crate::random;
use crate::registry::{Generation, Registry};
use crate::signing::{
    OpenError, OpenRing, Rotation, RotationError, open_rings, reseal_rows, resealed,
};
use crate::store::{Actor, Store, StoreError};
use crate::token::client_auth::SecretHasher;

/// The name under which the key of the secret hashes is sealed.
const SECRET_HASH_KEY: &str = "client-secret-hash-key";

/// Why the issuer does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder cannot be used.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The master key file is not there, although the store holds keys sealed under it.
    #[error(
        "the master key file {path} is missing, but the database holds keys that are sealed under it; put the file back (a new one would open none of them)"
    )]
    MasterKeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// The key of the secret hashes does not open.
    #[error(
        "the key of the client secret hashes does not open under the configured master keys: {0}"
    )]
    SecretHashKey(SealError),
    /// A master key cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A signing key row does not open.
    #[error(transparent)]
    Keys(#[from] OpenError),
    /// A ring could not be made.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the issuer works with.
pub struct Opened {
    /// The database.
    pub store: Store,
    /// The master keys.
    pub masters: MasterKeys,
    /// Clients and resources.
    pub registry: Registry,
    /// The signing keys.
    pub rings: Vec<OpenRing>,
    /// The hasher of client secrets.
    pub secret_hasher: SecretHasher,
}

/// Opens everything, and makes what an empty data folder lacks.
///
/// # Errors
///
/// The first thing that is in the way.
pub async fn open(config: &Config, clock: &Clock) -> Result<Opened, StartError> {
    make_data_dir(&config.data_dir)?;
    let store = Store::open(config).await?;
    let masters = master_keys(config, &store).await?;
    let secret_hasher = secret_hasher(&store, &masters).await?;
    let rings = rings(config, clock, &store, &masters).await?;
    let registry = Registry::default().apply(store.changes_since(Generation::default()).await?);
    Ok(Opened { store, masters, registry, rings, secret_hasher })
}

/// Opens the audit log of the configuration.
///
/// # Errors
///
/// If the file cannot be opened.
pub fn open_audit_log(config: &Config) -> Result<AuditLog, StartError> {
    let path = config.audit_file();
    AuditLog::open(&path, config.audit.on_write_failure)
        .map_err(|error| StartError::File { path, cause: error.to_string() })
}

/// Loads the rings, after making those that the configuration asks for and the store lacks.
async fn rings(
    config: &Config,
    clock: &Clock,
    store: &Store,
    masters: &MasterKeys,
) -> Result<Vec<OpenRing>, StartError> {
    let rows = store.load_rings().await?;
    reseal_rows(store, &rows, masters).await?;
    let rings = open_rings(&rows, masters)?;
    let lacks =
        |algorithm| !rings.iter().any(|ring| ring.algorithm == algorithm && !ring.keys.is_empty());
    let missing: Vec<_> =
        config.keys.algorithms.iter().copied().filter(|algorithm| lacks(*algorithm)).collect();
    if missing.is_empty() {
        return Ok(rings);
    }
    let act = Actor::node().at(clock.now());
    let rotation = Rotation { config, store, masters, act: &act };
    for algorithm in missing {
        rotation.bootstrap(algorithm).await?;
    }
    Ok(open_rings(&store.load_rings().await?, masters)?)
}

async fn secret_hasher(store: &Store, masters: &MasterKeys) -> Result<SecretHasher, StartError> {
    let seal = || masters.seal(SECRET_HASH_KEY, &random::bytes::<32>());
    let fresh = seal().map_err(StartError::SecretHashKey)?;
    let sealed = store.load_or_create_sealed_secret(SECRET_HASH_KEY, &fresh).await?;
    let key = masters.open(SECRET_HASH_KEY, &sealed).map_err(StartError::SecretHashKey)?;
    if let Some(anew) = resealed(masters, SECRET_HASH_KEY, &sealed) {
        store.reseal_secret(SECRET_HASH_KEY, &sealed, &anew).await?;
    }
    Ok(SecretHasher::new(&key))
}

/// Reads the master keys; the first file is made if the store has nothing that needs one.
async fn master_keys(config: &Config, store: &Store) -> Result<MasterKeys, StartError> {
    let keys = match master_key::read(config) {
        Err(MasterKeyError::Missing { path }) if store.holds_sealed_rows().await? => {
            return Err(StartError::MasterKeyMissing { path });
        }
        Err(MasterKeyError::Missing { path }) => {
            master_key::make(&path)?;
            master_key::read(config)?
        }
        read => read?,
    };
    master_key::warn_of_open_files(config);
    Ok(keys)
}

fn make_data_dir(path: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| {
        let cause = if error.kind() == std::io::ErrorKind::AlreadyExists {
            "it is not a folder; set `data_dir` to one".to_owned()
        } else {
            error.to_string()
        };
        StartError::File { path: path.to_owned(), cause }
    })
}
