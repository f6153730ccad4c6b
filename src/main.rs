//! The program `doctor`: parse, run, print, exit.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    doctor::console::signals::install();
    // A panic ends the program here, whatever the thread: a release build does not unwind, which
    // takes a tenth of its size. The message may quote input; the place is all that a report of it
    // needs.
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
