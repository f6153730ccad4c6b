//! `doctor completions`.

use clap::builder::PossibleValuesParser;
use clap::{Args as _, Command};
use clap_complete::Shell;

use crate::catalogue::Code;
use crate::cli;
use crate::cli::args::Diagnosis;
#[cfg(feature = "demo")]
use crate::cli::commands::Demo;
use crate::cli::commands::Explain;
#[cfg(feature = "demo")]
use crate::demo::scenarios;

/// The completion script for a shell.
pub(crate) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut completed_command(), "doctor", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The command line to complete: without hidden commands, with all codes and scenarios.
fn completed_command() -> Command {
    let whole = cli::bare_command().mut_subcommand("explain", |command| {
        command.defer(|command| {
            let codes = PossibleValuesParser::new(Code::ALL.iter().map(|code| code.name()));
            Explain::augment_args(command).mut_arg("code", |arg| arg.value_parser(codes))
        })
    });
    #[cfg(feature = "demo")]
    let whole = whole.mut_subcommand("demo", |command| {
        command.defer(|command| {
            let names =
                PossibleValuesParser::new(scenarios().into_iter().map(|scenario| scenario.name));
            Demo::augment_args(command).mut_arg("scenario", |arg| arg.value_parser(names))
        })
    });
    let shown: Vec<Command> =
        whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let bare = Command::new("doctor").version(env!("CARGO_PKG_VERSION"));
    Diagnosis::augment_args(bare).subcommands(shown)
}
