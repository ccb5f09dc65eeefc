//! `countersign keys`: the rings. Private keys never leave the database; they are read sealed, and opened only to be
//! sealed again by an import.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_keys::ring::{KeyRing, KeyState, RingKey};
use countersign_keys::{Algorithm, SigningKey};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::output::{date, parse_algorithm, table};
use super::{Failure, Session};
use crate::signing::{OpenRing, Rotation, RotationError, Turn, import};
use crate::store::{Act, RingRows, Store};

/// A node turns a ring now and then; in an emergency the command must not lose to it.
const ATTEMPTS: usize = 5;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List all signing keys and their states.
    List,
    /// Have the successor in every ring sign as soon as every verifier has had time to learn of it: within a second, if it has
    /// been published for long.
    Rotate,
    /// Remove a key at once, in an emergency: tokens that it signed are refused from then on.
    Withdraw(Withdraw),
    /// Add a key that was made elsewhere; it signs when its turn comes, after the successor that is published already.
    Import(Import),
}

#[derive(Debug, Args)]
pub(super) struct Withdraw {
    /// The key. Ids are base64url, so one may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A private key: PEM (PKCS#8, PKCS#1 or SEC1) or a JWK.
    file: PathBuf,
    /// What it signs with. A JWK may say so itself.
    #[arg(long, default_value = "ES256", value_parser = parse_algorithm)]
    algorithm: Algorithm,
}

impl KeysCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List => {
                let store = session.store().await?;
                print(session, &store, json!({})).await
            }
            Self::Rotate => rotate(session).await,
            Self::Withdraw(Withdraw { kid }) => withdraw(session, (&kid, &session.act())).await,
            Self::Import(import) => import.run(session).await,
        }
    }
}

pub(super) async fn rotate(session: &Session) -> Result<(), Failure> {
    let opened = session.open().await?;
    let act = session.act();
    let (store, masters) = (&opened.store, &opened.masters);
    let rotation = Rotation { config: &session.config, store, masters, act: &act };
    let mut rotated = Vec::new();
    for algorithm in store.load_rings().await?.iter().map(|ring| ring.algorithm) {
        if until_ours(store, algorithm, async |ring, version| rotation.force(&ring, version).await)
            .await?
        {
            rotated.push(algorithm.name());
        }
    }
    if rotated.is_empty() {
        session.output.note("nothing to do: every ring is about to rotate already");
    }
    print(session, store, json!({ "rotated": rotated })).await
}

/// Works although other keys may not open: an altered key is a reason to withdraw it.
pub(super) async fn withdraw(session: &Session, (kid, act): (&str, &Act)) -> Result<(), Failure> {
    let store = Store::open(&session.config).await?;
    let masters = session.master_keys()?;
    let (config, store) = (&session.config, &store);
    let rotation = Rotation { config, store, masters: &masters, act };
    let rings = store.load_rings().await?;
    let found = rings.iter().find_map(|ring| {
        let key = ring.keys.iter().find(|key| key.kid.as_ref() == kid)?;
        Some((ring.algorithm, key.kid))
    });
    let (algorithm, kid) = found.ok_or_else(|| {
        Failure::new("not_found", format!("no key `{kid}`"))
            .hint("`countersign keys list` shows them")
    })?;
    let withdraw = async |ring: KeyRing, version| rotation.withdraw(&ring, version, &kid).await;
    until_ours(store, algorithm, withdraw).await?;
    print(session, store, json!({ "withdrawn": kid.as_ref() })).await
}

/// Turns a ring, although nodes may turn it at the same time; whether there was anything to do.
async fn until_ours(
    store: &Store,
    algorithm: Algorithm,
    turn: impl AsyncFn(KeyRing, i64) -> Result<Turn, RotationError>,
) -> Result<bool, Failure> {
    for _ in 0..ATTEMPTS {
        let rings = store.load_rings().await?;
        let Some(ring) = rings.iter().find(|ring| ring.algorithm == algorithm) else { break };
        match turn(planned(ring), ring.version).await? {
            Turn::None => return Ok(false),
            Turn::Ours => return Ok(true),
            Turn::Others => {}
        }
    }
    Err(Failure::new("conflict", "the ring was changed meanwhile").hint("try again"))
}

impl Import {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let key = self.read()?;
        let opened = session.open().await?;
        let act = session.act();
        let (store, masters) = (&opened.store, &opened.masters);
        let rotation = Rotation { config: &session.config, store, masters, act: &act };
        let ring = require_ring(&opened.rings, key.algorithm())?;
        if !import(&rotation, ring, &key).await? {
            return Err(
                Failure::new("conflict", "the ring was changed meanwhile").hint("try again")
            );
        }
        print(session, store, json!({ "imported": key.kid().as_ref() })).await
    }

    fn read(&self) -> Result<SigningKey, Failure> {
        let text = std::fs::read_to_string(&self.file).map(Zeroizing::new);
        let text = text.map_err(|error| Failure::file(&self.file, &error))?;
        let key = if text.trim_start().starts_with('{') {
            SigningKey::from_jwk(&text)
        } else {
            SigningKey::from_pem(&text, self.algorithm)
        };
        key.map_err(|error| {
            let hint =
                "use a PEM file (PKCS#8, PKCS#1, SEC1) with its --algorithm, or a private JWK";
            Failure::new(error.code(), format!("{}: {error}", self.file.display())).hint(hint)
        })
    }
}

fn require_ring(rings: &[OpenRing], algorithm: Algorithm) -> Result<&OpenRing, Failure> {
    rings.iter().find(|ring| ring.algorithm == algorithm).ok_or_else(|| {
        Failure::new("algorithm_unavailable", format!("there is no ring of {algorithm}"))
            .hint(format!("add {algorithm} to `keys.algorithms`"))
    })
}

/// A ring as the plan reads it. This process has observed nothing, so no plan can activate or delete by age.
fn planned(ring: &RingRows) -> KeyRing {
    let keys = ring.keys.iter().map(|key| RingKey {
        kid: key.kid,
        state: key.state,
        since: key.since,
        observed: Duration::ZERO,
    });
    KeyRing { algorithm: ring.algorithm, keys: keys.collect() }
}

/// Prints all keys, with what was done.
async fn print(session: &Session, store: &Store, done: Value) -> Result<(), Failure> {
    let rings = store.load_rings().await?;
    for ring in &rings {
        session.note_unreadable(&ring.unreadable);
    }
    let keys = || rings.iter().flat_map(|ring| &ring.keys);
    let rows: Vec<[String; 4]> = keys()
        .map(|key| {
            let state = state(key.state).to_owned();
            [key.kid.to_string(), key.algorithm.to_string(), state, date(key.since)]
        })
        .collect();
    let documents: Vec<Value> = keys()
        .map(|key| {
            json!({
                "kid": key.kid.as_ref(),
                "algorithm": key.algorithm.name(),
                "state": state(key.state),
                "since": key.since,
                "created_at": key.created_at,
            })
        })
        .collect();
    let mut document = done;
    if let Value::Object(members) = &mut document {
        members.insert("keys".to_owned(), Value::from(documents));
    }
    session.output.result(&document, &table(["KID", "ALGORITHM", "STATE", "SINCE"], &rows));
    Ok(())
}

fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Pending => "pending",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
    }
}
