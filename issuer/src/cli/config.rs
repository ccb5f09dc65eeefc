//! `countersign config`: check the configuration, or print every setting.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, Output, Session};
use crate::config::reference;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether the configuration can be used.
    Check,
    /// Print a file with every setting at its default.
    Example(Example),
}

#[derive(Debug, Args)]
pub(super) struct Example {
    /// Print the reference page instead.
    #[arg(long)]
    markdown: bool,
}

impl ConfigCommand {
    pub(super) fn run(self, path: Option<&Path>, output: &Output) -> Result<(), Failure> {
        match self {
            Self::Check => check(path, output),
            Self::Example(example) => {
                let text = if example.markdown { reference::page() } else { reference::example() };
                output.result(&json!({ "example": text }), &text);
                Ok(())
            }
        }
    }
}

fn check(path: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let session = Session::new(path, output.clone())?;
    let warnings: Vec<String> = session.warnings.iter().map(ToString::to_string).collect();
    let mut text =
        format!("The configuration is valid. The issuer is {}.\n", session.config.issuer);
    for warning in &warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let issuer = session.config.issuer.as_str();
    output.result(&json!({ "valid": true, "issuer": issuer, "warnings": warnings }), &text);
    Ok(())
}
