//! `doctor completions`.

use clap::{Args as _, Command};
use clap_complete::Shell;

use crate::cli;
use crate::cli::args::Diagnosis;

/// The script that completes the command line in a shell.
pub(crate) fn text(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut offered(), "doctor", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The command line without what is hidden from help: the generators would offer it.
fn offered() -> Command {
    let whole = cli::bare_command();
    let shown: Vec<Command> =
        whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let bare = Command::new("doctor").version(env!("CARGO_PKG_VERSION"));
    Diagnosis::augment_args(bare).subcommands(shown)
}
