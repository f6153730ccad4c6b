//! The program `doctor`: parse, run, print, exit.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    doctor::interruption::prepare();
    // The message of a panic may quote input; the place is all that a report of it needs.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |l| format!(" at {l}"));
        let _ = writeln!(io::stderr(), "doctor: internal error{place}; please report it");
    }));
    let status = std::panic::catch_unwind(|| {
        let (stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
        let stderr_is_terminal = stderr.is_terminal();
        let terminal = stdin.is_terminal() && stderr_is_terminal;
        let stdout_is_terminal = stdout.is_terminal();
        doctor::run::run(
            std::env::args_os().collect(),
            doctor::gather::environment::Environment::of_process(),
            doctor::run::Streams {
                stdin: Box::new(stdin),
                stdout: &mut stdout,
                stderr: &mut stderr,
                terminal,
                stdout_is_terminal,
                stderr_is_terminal,
            },
        )
    });
    ExitCode::from(status.unwrap_or(doctor::run::INTERNAL_ERROR))
}
