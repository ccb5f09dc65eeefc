//! From a configuration to an open store and open keys. In an empty data folder the master key, the
//! schema, the key of the secret hashes and a ring for each algorithm are made; whatever is already
//! there is never replaced: a missing or wrong master key is an error, not a reason for a new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_keys::seal::SealError;
use countersign_keys::{Algorithm, MasterKeys};
use zeroize::Zeroizing;

use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::{CredentialError, Credentials, KeyedHash, reseal_credentials};
use crate::mail::SmtpError;
use crate::master_key::{self, MasterKeyError};
use crate::random;
use crate::registry::{Generation, Registry, Resource};
use crate::sealer::Sealer;
use crate::signing::{
    OpenError, OpenRing, Rotation, RotationError, open_rings, reseal_rows, resealed,
};
use crate::store::{Actor, Store, StoreError};
use crate::token::client_auth::SecretHasher;

/// The name under which the key of the secret hashes is sealed.
const SECRET_HASH_KEY: &str = "client-secret-hash-key";

/// The name under which the key of values that come back is sealed.
const SEALER_KEY: &str = "sealer-key";

/// The name under which the key of the digests of recovery codes, links and tickets is sealed.
const CREDENTIAL_HASH_KEY: &str = "credential-hash-key";

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
    /// A key of the issuer itself does not open.
    #[error("the sealed secret {0} does not open under the configured master keys: {1}")]
    SealedKey(&'static str, SealError),
    /// The credentials of people cannot be worked with.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// A master key cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A signing key row does not open.
    #[error(transparent)]
    Keys(#[from] OpenError),
    /// A ring could not be made.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// Mails cannot be sent.
    #[error(transparent)]
    Mail(#[from] SmtpError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the issuer works with.
pub struct Opened {
    /// The database.
    pub store: Store,
    /// The master keys.
    pub masters: Arc<MasterKeys>,
    /// Clients and resources.
    pub registry: Registry,
    /// The name of the sequence of revocations.
    pub feed_id: String,
    /// The signing keys.
    pub rings: Vec<OpenRing>,
    /// The hasher of client secrets.
    pub secret_hasher: SecretHasher,
    /// What seals values that come back.
    pub sealer: Sealer,
    /// The credentials of people.
    pub credentials: Credentials,
}

/// Opens everything, and makes what an empty data folder lacks.
///
/// # Errors
///
/// The first thing that is in the way.
pub async fn open(config: &Config, clock: &Clock) -> Result<Opened, StartError> {
    make_data_dir(&config.data_dir)?;
    let store = Store::open(config).await?;
    let masters = Arc::new(master_keys(config, &store).await?);
    let secret_hasher = SecretHasher::new(&sealed_key(&store, &masters, SECRET_HASH_KEY).await?);
    let sealer = Sealer::new(&sealed_key(&store, &masters, SEALER_KEY).await?);
    let sealer = sealer.map_err(|_| StartError::SealedKey(SEALER_KEY, SealError::Operation))?;
    let keyed = KeyedHash::new(&sealed_key(&store, &masters, CREDENTIAL_HASH_KEY).await?);
    let credentials = Credentials::new(config, clock, &store, &masters, keyed)?;
    reseal_credentials(&store, &masters).await?;
    let rings = rings(config, clock, &store, &masters).await?;
    let algorithm = config.offered_algorithms().next().unwrap_or(Algorithm::Es256);
    let own = Resource::of_the_issuer(config.issuer.as_str(), algorithm);
    let registry = Registry::new(own).holding_to_fapi2(config.fapi2);
    let registry = registry.apply(store.changes_since(Generation::default()).await?);
    let feed_id = store.feed_id(random::uuid()).await?;
    Ok(Opened { store, masters, registry, feed_id, rings, secret_hasher, sealer, credentials })
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
        // Of several nodes that begin together one makes the ring.
        let _ = rotation.bootstrap(algorithm).await?;
    }
    Ok(open_rings(&store.load_rings().await?, masters)?)
}

/// 32 random bytes that all nodes share, sealed in the store; made by whichever node is first.
async fn sealed_key(
    store: &Store,
    masters: &MasterKeys,
    name: &'static str,
) -> Result<Zeroizing<Vec<u8>>, StartError> {
    let failed = |error| StartError::SealedKey(name, error);
    let fresh = masters.seal(name, &random::bytes::<32>()).map_err(failed)?;
    let sealed = store.load_or_create_sealed_secret(name, &fresh).await?;
    let key = masters.open(name, &sealed).map_err(failed)?;
    if let Some(anew) = resealed(masters, name, &sealed) {
        store.reseal_secret(name, &sealed, &anew).await?;
    }
    Ok(key)
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
