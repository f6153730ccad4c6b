//! `doctor completions`.

use clap_complete::Shell;

/// The script that completes the command line in a shell.
pub(crate) fn text(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::command(), "doctor", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
