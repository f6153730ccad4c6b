//! clap's usage errors, made safe to print: they quote arguments, and one of these may be a token
//! in the wrong place.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::login::LoginError;
use super::{Cli, bare_command, login};
use crate::gather::environment::Environment;
use crate::pulumi::login_flags;
use crate::text;
use crate::text::nearest;
use crate::text::secret::looks_random;

/// A longer argument may be a secret: usage errors do not repeat it.
const LONGEST_WORD: usize = 16;

/// The message for standard error.
pub(crate) fn message(error: clap::Error, arguments: &[OsString]) -> String {
    // The same error once more, of arguments without line breaks: one in an argument must not
    // become one of the message.
    let arguments: Vec<String> =
        arguments.iter().map(|argument| text::inert(&argument.to_string_lossy())).collect();
    let error = complaint(&arguments).unwrap_or(error);
    let scrubber = Environment::of_process().scrubber(&[], &[]);
    for argument in arguments.iter().skip(1) {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        for part in [argument, value] {
            if part.chars().count() >= LONGEST_WORD && !part.starts_with("--") {
                scrubber.add(part);
            }
        }
        // A flag is not drawn: the secret stands where its name belongs.
        let name = name.trim_start_matches('-');
        if looks_random(name) {
            scrubber.add(name);
        }
    }
    let mut message = error.render().to_string();
    // The first word was taken for a token, and the next for a command.
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

/// What clap says against a command line.
fn complaint(arguments: &[String]) -> Option<clap::Error> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let Some(words) = login_flags::arguments(&arguments) else {
        return Cli::read(&arguments).err();
    };
    match login::parse(&words, &Environment::default()) {
        Err(LoginError::Clap(error)) => Some(error),
        _ => None,
    }
}
