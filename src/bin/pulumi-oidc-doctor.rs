//! Starts the `doctor` that is installed beside this program, with the same arguments.

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

/// The status of `doctor` for an internal error. It is repeated here because with the library this
/// program would become as large as `doctor`.
const INTERNAL_ERROR: u8 = 70;

fn main() -> ExitCode {
    let error = start_doctor();
    let _ = writeln!(io::stderr(), "pulumi-oidc-doctor: {error}");
    ExitCode::from(INTERNAL_ERROR)
}

/// Returns only if `doctor` cannot be started.
fn start_doctor() -> String {
    // Installers of wheels may put only a link to the program on the PATH.
    let program = match env::current_exe().and_then(|program| program.canonicalize()) {
        Ok(program) => program,
        Err(error) => return format!("cannot find its own file: {error}"),
    };
    let doctor = program.with_file_name(format!("doctor{}", env::consts::EXE_SUFFIX));
    let mut command = Command::new(&doctor);
    command.args(env::args_os().skip(1));
    format!("cannot start {}: {}", doctor.display(), run(command))
}

/// Becomes `doctor`, so that signals and the exit status are its own.
#[cfg(unix)]
fn run(mut command: Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(&mut command)
}

/// Waits for `doctor` and ends with its exit status.
#[cfg(not(unix))]
fn run(mut command: Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(INTERNAL_ERROR.into())),
        Err(error) => error,
    }
}
