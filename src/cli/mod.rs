//! The command line: parses the arguments into typed values.

pub(crate) mod args;
pub(crate) mod commands;
pub(crate) mod examples;
pub(crate) mod login;
pub(crate) mod policy;
pub(crate) mod stray_word;
pub(crate) mod usage;
pub(crate) mod values;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::args::Diagnosis;
#[cfg(feature = "demo")]
use self::commands::Demo;
#[cfg(feature = "generate")]
use self::commands::Document;
use self::commands::{Decode, Explain, Replay, Step, Triage};
use self::policy::PolicyCommand;
use crate::limits;

/// Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change.
#[derive(Parser)]
#[command(
    name = "doctor",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 healthy, 1 unhealthy, 2 bad usage or input file, 3 inconclusive, \
                  70 internal error."
)]
pub struct Cli {
    /// The command; none for the diagnosis.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) diagnosis: Diagnosis,
}

impl Cli {
    /// Parses the arguments of every command but `doctor login`.
    ///
    /// # Errors
    /// Wrong usage, or a request for help or the version.
    pub fn read(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let mut definition = bare_command();
        // For an unknown option clap looks for similar names, which is slow for a very long one.
        if arguments.iter().any(|argument| cut_long_option(argument).is_some()) {
            let shortened = arguments.iter().map(|argument| match cut_long_option(argument) {
                Some(name) => name.into(),
                None => argument.clone(),
            });
            bare_command().try_get_matches_from(shortened)?;
        }
        let mut matches = match definition.try_get_matches_from_mut(arguments) {
            Err(error) if error.kind() == ErrorKind::DisplayHelp => {
                command().try_get_matches_from(arguments)?
            }
            matches => matches?,
        };
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut definition))
    }
}

/// Cuts the name of an option down to [`limits::NAME`] bytes; nothing if it is not longer.
fn cut_long_option(argument: &OsString) -> Option<&str> {
    let name = argument.to_str()?.split('=').next().filter(|name| name.starts_with("--"))?;
    (name.len() > limits::NAME).then(|| name.split_at(name.floor_char_boundary(limits::NAME)).0)
}

/// The clap definition of all commands, with their arguments and with examples in every help.
pub fn command() -> clap::Command {
    let mut definition = bare_command();
    definition.build();
    examples::add_examples(definition, &[])
}

/// The clap definition of all commands, without examples and with arguments built on demand.
pub(crate) fn bare_command() -> clap::Command {
    // Without a display order, the deferred command would be listed last.
    Cli::command()
        .mut_subcommand("login", |login| login.defer(|_| login::command().display_order(0)))
}

/// The commands. clap builds the arguments of a command only when that command is used; then the
/// help of the arguments' type replaces the one here, which the list of commands shows.
#[derive(Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Diagnose the login that pulumi would make here, with its flags
    // The module `login` parses its arguments, which have pulumi's syntax, and prints its help.
    Login,
    /// Print a pipeline step that installs the doctor and runs it when a login fails
    Step(Step),
    /// Decode and explain a token; offline, without a policy
    Decode(Decode),
    /// Test, suggest, lint, fix and save policies; say who gets in
    Policy {
        /// What to do.
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Find the known failures in logs, or in an error that was pasted
    Triage(Triage),
    /// Explain a failure code: its meaning, its causes, its fix
    Explain(Explain),
    /// Write what in docs/ follows from the program
    #[cfg(feature = "generate")]
    #[command(hide = true)]
    Generate {
        /// The document
        document: Document,
    },
    /// Judge a support bundle again, offline, with this version's checks
    Replay(Replay),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Run the diagnosis against an issuer and Pulumi Cloud on loopback
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Say that this build has no demo
    // Without this command, clap would take the word `demo` for a token.
    #[cfg(not(feature = "demo"))]
    #[command(hide = true)]
    Demo {
        /// What it would take.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_definition() {
        command().debug_assert();
    }

    /// The list of commands shows one description, the help of the command the other.
    #[test]
    fn command_descriptions_agree_after_build() {
        let listed = bare_command();
        let mut built = listed.clone();
        built.build();
        for command in listed.get_subcommands() {
            let name = command.get_name();
            let same = built.find_subcommand(name).and_then(clap::Command::get_about);
            assert_eq!(
                command.get_about().map(ToString::to_string),
                same.map(ToString::to_string),
                "{name}"
            );
        }
    }
}
