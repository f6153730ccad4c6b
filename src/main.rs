//! The program `doctor`.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    doctor::console::signals::install();
    // A panic in any thread ends the program here: release builds do not unwind, which saves a
    // tenth of their size. The panic's message is not printed because it may quote input.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |l| format!(" at {l}"));
        doctor::console::signals::clean_up();
        let _ = writeln!(io::stderr(), "doctor: internal error{place}; please report it");
        std::process::exit(doctor::command::exit::INTERNAL_ERROR.into());
    }));
    let (stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
    let stderr_is_terminal = stderr.is_terminal();
    let terminal = stdin.is_terminal() && stderr_is_terminal;
    ExitCode::from(doctor::command::run(
        std::env::args_os().collect(),
        doctor::gather::environment::Environment::of_process(),
        doctor::console::streams::Streams {
            stdin: Box::new(stdin),
            stdout: &mut stdout,
            stderr: &mut stderr,
            terminal,
            stdout_is: doctor::console::streams::Stdout::of_process(),
            stderr_is_terminal,
        },
    ))
}
