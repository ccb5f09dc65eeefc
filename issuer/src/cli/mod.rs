//! The command line: the tree of commands, and the way from arguments to an exit code. Each command is one file; only
//! `output` prints. Exit codes: 0 done, 1 failed, 2 used wrongly.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use serde_json::json;

use crate::random;

mod client;
mod config;
mod demo;
mod doctor;
mod encryption;
pub mod example_service;
mod failure;
mod keys;
pub mod output;
mod resource;
mod restored;
mod revoke;
mod serve;
mod session;
mod stream;
mod token;
mod token_size;
mod user;
mod welcome;

pub use failure::Failure;
pub use output::Output;
pub use session::Session;

/// Issues tokens that every service can check alone.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
pub struct CommandLine {
    /// The configuration file; else COUNTERSIGN_CONFIG, else countersign.toml here.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve tokens, keys and discovery; also what happens without a command.
    Serve,
    /// Register apps, and say what they may ask for.
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Register protected APIs, and say what tokens for them look like.
    #[command(subcommand)]
    Resource(resource::ResourceCommand),
    /// Register people.
    #[command(subcommand)]
    User(user::UserCommand),
    /// See, rotate, withdraw and import signing keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Take back tokens at once: one, or those of a session, a user, a client, a scope or a key.
    Revoke(revoke::Revoke),
    /// Say that the database was restored from a backup, before nodes start on it: what was told since is read again.
    Restored,
    /// See who hears of signals, and halt or delete a stream.
    #[command(subcommand)]
    Stream(stream::StreamCommand),
    /// Check the configuration, or see every setting.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Get a token as a client does, or explain one.
    #[command(subcommand)]
    Token(token::Token),
    /// Look for what is wrong, and say what to do.
    Doctor,
    /// Take the tour: issue, verify, rotate, and verify on without the issuer.
    Demo,
    ExampleService(example_service::ExampleService),
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return misuse(&error),
    };
    let output = if command_line.json { Output::Json } else { Output::Text };
    match command_line.run(&output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

impl CommandLine {
    fn run(self, output: &Output) -> Result<(), Failure> {
        let config = self.config.as_deref();
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => {
                let session = Session::new(config, output.clone())?;
                Ok(serve::run(session.config, output)?)
            }
            Command::ExampleService(service) => {
                let served = runtime()?.block_on(service.run());
                served.map_err(|error| Failure::new("example_service", error))
            }
            Command::Config(command) => command.run(config, output),
            Command::Doctor => runtime()?.block_on(doctor::run(config, output)),
            Command::Demo => tour(output),
            other => {
                let session = Session::new(config, output.clone())?;
                runtime()?.block_on(other.change(&session))
            }
        }
    }
}

impl Command {
    /// The commands that work on the database.
    async fn change(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Client(command) => Box::pin(command.run(session)).await,
            Self::Resource(command) => command.run(session).await,
            Self::User(command) => Box::pin(command.run(session)).await,
            Self::Keys(command) => command.run(session).await,
            Self::Revoke(revoke) => revoke.run(session).await,
            Self::Restored => restored::run(session).await,
            Self::Stream(command) => command.run(session).await,
            Self::Token(command) => command.run(session).await,
            Self::Serve | Self::Config(_) | Self::Doctor | Self::Demo | Self::ExampleService(_) => {
                Ok(())
            }
        }
    }
}

/// The tour, in a folder that is gone afterwards.
fn tour(output: &Output) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("countersign-demo-{}", random::jti()));
    std::fs::create_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let toured = runtime()?.block_on(demo::run(&folder, output));
    std::fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let calls = toured.map_err(|error| Failure::new("demo", error))?;
    // People were told each step when it was taken.
    output
        .result(&json!({ "completed": true, "calls_during_rotation": calls }), "The tour is over.");
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("runtime", error))
}

/// Help and version are answers; the rest is misuse, which scripts read as JSON like every failure.
fn misuse(error: &clap::Error) -> ExitCode {
    let answers = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
    if answers.contains(&error.kind()) {
        Output::Text.text(&error.render().to_string());
        return ExitCode::SUCCESS;
    }
    let json = std::env::args_os().any(|argument| argument == "--json");
    let output = if json { Output::Json } else { Output::Text };
    let text = error.render().to_string();
    let (message, hint) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.trim_start_matches("error: ");
    match output {
        Output::Json => output.failure(&Failure::new("usage", message).hint(hint.trim())),
        Output::Text => output.note(text.trim_end()),
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_commands_is_sound() {
        use clap::CommandFactory as _;

        CommandLine::command().debug_assert();
    }

    #[test]
    fn an_id_that_begins_with_a_hyphen_is_no_option() {
        for words in [
            "countersign keys withdraw -Xq --json",
            "countersign --json keys withdraw -Xq",
            "countersign client secret remove orders -Xq --json",
        ] {
            let parsed = CommandLine::try_parse_from(words.split_whitespace());

            assert!(parsed.unwrap().json, "{words}");
        }
    }

    #[test]
    fn the_example_of_the_readme_parses() {
        let words = "countersign client create orders --grant client_credentials \
             --resource https://payments.example --scope payments:read --json";

        let parsed = CommandLine::try_parse_from(words.split_whitespace()).unwrap();

        assert!(parsed.json);
        assert!(matches!(parsed.command, Some(Command::Client(_))));
    }
}
