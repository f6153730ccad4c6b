//! Makes clap's usage errors safe to print: they quote arguments, and a misplaced token may be one.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::login::LoginError;
use super::{Cli, bare_command, login};
use crate::gather::environment::Environment;
use crate::pulumi::login_flags;
use crate::text;
use crate::text::nearest;
use crate::text::secret::looks_random;

/// An argument of this many characters may be a secret: usage errors do not repeat it.
const MIN_SECRET_LENGTH: usize = 16;

/// The message about a usage error, for standard error.
pub(crate) fn message(error: clap::Error, arguments: &[OsString]) -> String {
    // Parse again without control characters, so that no argument can add a line to the message.
    let arguments: Vec<String> =
        arguments.iter().map(|argument| text::inert(&argument.to_string_lossy())).collect();
    let error = parse_error(&arguments).unwrap_or(error);
    let scrubber = Environment::of_process().scrubber(&[], &[]);
    for argument in arguments.iter().skip(1) {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        for part in [argument, value] {
            if part.chars().count() >= MIN_SECRET_LENGTH && !part.starts_with("--") {
                scrubber.add(part);
            }
        }
        // The name of a flag is no random text: this is a secret in place of a name.
        let name = name.trim_start_matches('-');
        if looks_random(name) {
            scrubber.add(name);
        }
    }
    let mut message = error.render().to_string();
    // clap takes a misspelt command for a token, which conflicts with the command behind it.
    if error.kind() == ErrorKind::ArgumentConflict
        && let Some(meant) = arguments.iter().skip(1).find_map(|word| command_meant(word))
    {
        message += &format!("\n  tip: did you mean `doctor {meant}`?\n");
    }
    let message = scrubber.scrub(&text::urls_in(&message));
    message.lines().map(|line| text::guard(&text::inert(line)) + "\n").collect()
}

/// The command that a misspelt word is probably meant for.
fn command_meant(word: &str) -> Option<String> {
    let commands = bare_command();
    let names = commands.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| c.get_name());
    nearest::most_alike(word, names.filter(|name| *name != word)).map(str::to_owned)
}

/// The error that clap reports for a command line.
fn parse_error(arguments: &[String]) -> Option<clap::Error> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let Some(words) = login_flags::arguments(&arguments) else {
        return Cli::read(&arguments).err();
    };
    match login::parse(&words, &Environment::default()) {
        Err(LoginError::Clap(error)) => Some(error),
        _ => None,
    }
}
