//! What every command works with: the configuration, the clock and the way to print. Commands change the database of the
//! configuration directly; running servers follow within a second.

use std::path::Path;

use countersign_keys::MasterKeys;

use super::{Failure, Output};
use crate::bootstrap::{self, Opened, StartError};
use crate::clock::Clock;
use crate::config::{Config, Warning};
use crate::master_key;
use crate::registry::UnreadableRow;
use crate::store::{Act, Actor, Store};

/// One run of the command line.
pub struct Session {
    /// The configuration.
    pub config: Config,
    /// What the configuration allows and probably does not mean.
    pub warnings: Vec<Warning>,
    /// The time.
    pub clock: Clock,
    /// The way to print.
    pub output: Output,
}

impl Session {
    /// Reads the configuration.
    pub fn new(config: Option<&Path>, output: Output) -> Result<Self, Failure> {
        let (config, warnings) = Config::load(config)?;
        Ok(Self { config, warnings, clock: Clock::system(), output })
    }

    /// Opens the database and the keys, making what an empty data folder lacks, exactly as the server does.
    pub async fn open(&self) -> Result<Opened, Failure> {
        Ok(self.bootstrap().await?)
    }

    /// Whoever runs a command in the wrong folder is told that another data folder was made there.
    async fn bootstrap(&self) -> Result<Opened, StartError> {
        let folder = &self.config.data_dir;
        let was_there = folder.exists();
        let opened = Box::pin(bootstrap::open(&self.config, &self.clock)).await?;
        if !was_there && self.output == Output::Text {
            self.output.note(&format!("made the data folder {} with new keys", folder.display()));
        }
        Ok(opened)
    }

    /// The same for what needs no key: one that does not open is noted and is in nobody's way.
    pub async fn store(&self) -> Result<Store, Failure> {
        match self.bootstrap().await {
            Ok(opened) => Ok(opened.store),
            Err(
                error @ (StartError::Keys(_)
                | StartError::SealedKey(..)
                | StartError::MasterKey(_)
                | StartError::MasterKeyMissing { .. }),
            ) => {
                self.output.note(&error.to_string());
                Ok(Store::open(&self.config).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says on standard error which rows a list lacks.
    pub fn note_unreadable(&self, rows: &[UnreadableRow]) {
        for row in rows {
            self.output.note(&row.to_string());
        }
    }

    /// This command as the author of a change, now.
    pub fn act(&self) -> Act {
        Actor::command_line().at(self.clock.now())
    }

    /// Reads the master keys that are there, and makes none.
    pub fn master_keys(&self) -> Result<MasterKeys, Failure> {
        Ok(master_key::read(&self.config)?)
    }
}
