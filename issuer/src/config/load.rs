//! Reads the file and the environment, in this order: `--config`, `COUNTERSIGN_CONFIG`, `./countersign.toml`;
//! then the variables of [`ENVIRONMENT`] replace single settings. Every error names the key and what to do.

use std::env::VarError;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Config, IssuerUrl, Secret, Source, Warning, validate};
use crate::master_key;

/// One variable that replaces one setting.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: &'static str,
    /// What it replaces, for the reference.
    pub replaces: &'static str,
    apply: fn(&mut Config, &str) -> Result<(), String>,
}

/// All variables that are read, except `COUNTERSIGN_CONFIG`.
pub const ENVIRONMENT: &[EnvironmentVariable] = &[
    EnvironmentVariable {
        name: "COUNTERSIGN_ISSUER",
        replaces: "`issuer`",
        apply: |config, value| value.parse().map(|issuer| config.issuer = issuer),
    },
    EnvironmentVariable {
        name: "COUNTERSIGN_LISTEN",
        replaces: "`listen`, as addresses separated by commas",
        apply: |config, value| addresses(value).map(|listen| config.listen = listen),
    },
    EnvironmentVariable {
        name: "COUNTERSIGN_MANAGEMENT_LISTEN",
        replaces: "`management_listen`, as addresses separated by commas",
        apply: |config, value| addresses(value).map(|listen| config.management_listen = listen),
    },
    EnvironmentVariable {
        name: "COUNTERSIGN_DATABASE_URL",
        replaces: "`database.url`",
        apply: |config, value| {
            config.database.url = Some(Secret::new(value.to_owned()));
            Ok(())
        },
    },
    EnvironmentVariable {
        name: "COUNTERSIGN_MAIL_PASSWORD",
        replaces: "`mail.password`",
        apply: |config, value| {
            config.mail.password = Some(Secret::new(value.to_owned()));
            Ok(())
        },
    },
    EnvironmentVariable {
        name: "COUNTERSIGN_DATA_DIR",
        replaces: "`data_dir`",
        apply: |config, value| {
            config.data_dir = PathBuf::from(value);
            Ok(())
        },
    },
    EnvironmentVariable {
        name: "COUNTERSIGN_MASTER_KEY_FILE",
        replaces: "`master_key.files`, as paths separated by commas; the first seals",
        apply: |config, value| {
            config.master_key.files = value.split(',').map(|path| path.trim().into()).collect();
            Ok(())
        },
    },
    EnvironmentVariable {
        name: master_key::VARIABLE,
        replaces: "`master_key.files`, as the keys themselves, separated by commas; the first seals. Prefer a file: \
                   a variable is visible to whoever may debug the process, and is easily logged by what starts it",
        apply: |config, value| {
            let values = value.split(',').map(|key| Secret::new(key.trim().to_owned()));
            config.master_key.from_environment = values.collect();
            let read = master_key::read(config).map(|_| ());
            // What the value is, not even where it breaks off, is nobody's to read.
            read.map_err(|_| "each key must be 32 bytes in base64 or hexadecimal".to_owned())
        },
    },
];

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// The file is not valid TOML, or a key is unknown or of the wrong type.
    #[error("{path}, {place}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line and, if it is known, the key.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// A variable of the environment has a value that cannot be used.
    #[error("the environment variable {name}: {problem}")]
    Environment {
        /// Its name.
        name: &'static str,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// A setting has a value that cannot be used.
    #[error("`{key}`: {problem}")]
    Invalid {
        /// The key with its section.
        key: &'static str,
        /// What is wrong, and what to write.
        problem: String,
    },
}

impl Config {
    /// Reads the configuration. `path` is the file of `--config`.
    #[expect(clippy::disallowed_methods, reason = "this file is the door to the environment")]
    pub fn load(path: Option<&Path>) -> Result<(Self, Vec<Warning>), ConfigError> {
        // What cannot be read is not as if it were absent: a node without its settings would make new keys.
        let is_text = |name: &str| {
            let value = std::env::var(name).map(Zeroizing::new);
            !matches!(value, Err(VarError::NotUnicode(_)))
        };
        let names = ENVIRONMENT.iter().map(|variable| variable.name).chain(["COUNTERSIGN_CONFIG"]);
        if let Some(name) = names.into_iter().find(|name| !is_text(name)) {
            let problem = "it is not Unicode text".to_owned();
            return Err(ConfigError::Environment { name, problem });
        }
        Self::load_with(path, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    pub(super) fn load_with(
        path: Option<&Path>,
        environment: &dyn Fn(&'static str) -> Option<String>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let named = path.map(Path::to_owned);
        let named = named.or_else(|| environment("COUNTERSIGN_CONFIG").map(PathBuf::from));
        let default = || Some(PathBuf::from("countersign.toml")).filter(|path| path.exists());
        let file = named.or_else(default).map(|path| File::read(&path)).transpose()?;
        let names_issuer = file.as_ref().is_some_and(|file| file.names_issuer)
            || environment("COUNTERSIGN_ISSUER").is_some();
        let mut config = file.map(|file| file.config).unwrap_or_default();
        config.apply_environment(environment)?;
        if !names_issuer {
            config.issuer = IssuerUrl::local(&config)
                .map_err(|problem| ConfigError::Invalid { key: "issuer", problem })?;
        }
        let warnings = validate::check(&config)?;
        Ok((config, warnings))
    }

    fn apply_environment(
        &mut self,
        environment: &dyn Fn(&'static str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        for variable in ENVIRONMENT {
            let Some(value) = environment(variable.name).map(Zeroizing::new) else { continue };
            let name = variable.name;
            (variable.apply)(self, &value)
                .map_err(|problem| ConfigError::Environment { name, problem })?;
            // Where the data is kept says nothing about how it is used.
            if name != "COUNTERSIGN_DATA_DIR" {
                self.source = Source::Configured;
            }
        }
        let files = "COUNTERSIGN_MASTER_KEY_FILE";
        if !self.master_key.from_environment.is_empty() && environment(files).is_some() {
            let problem = format!("{files} is set too; which of them seals is not for us to guess");
            return Err(ConfigError::Environment { name: master_key::VARIABLE, problem });
        }
        Ok(())
    }
}

fn addresses(value: &str) -> Result<Vec<SocketAddr>, String> {
    let address = |text: &str| {
        text.trim().parse().map_err(|_| {
            format!("`{text}` is not an address with a port, such as 0.0.0.0:8080 or [::]:8080")
        })
    };
    value.split(',').map(address).collect()
}

struct File {
    config: Config,
    names_issuer: bool,
}

impl File {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        let malformed = |error: toml::de::Error| ConfigError::Malformed {
            path: path.to_owned(),
            place: place(&text, error.span().map_or(0, |span| span.start)),
            problem: error.message().replace('\n', "; "),
        };
        let table: toml::Table = toml::from_str(&text).map_err(malformed)?;
        let config: Config = toml::from_str(&text).map_err(malformed)?;
        Ok(Self {
            config: Config { source: Source::Configured, ..config },
            names_issuer: table.contains_key("issuer"),
        })
    }
}

/// The line, section and key at a byte of the file. The line itself is not shown: it may hold a secret.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let number = before.matches('\n').count();
    let lines: Vec<&str> = text.lines().take(number + 1).collect();
    let section = lines.iter().rev().find_map(|line| line.trim().strip_prefix('['));
    let section = section.and_then(|line| line.split(']').next());
    let key = lines.last().and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    match (section, key) {
        (Some(section), Some(key)) => format!("line {}, `{section}.{key}`", number + 1),
        (None, Some(key)) => format!("line {}, `{key}`", number + 1),
        (Some(section), None) => format!("line {}, section `{section}`", number + 1),
        (None, None) => format!("line {}", number + 1),
    }
}
