//! Explains a word that stands in place of a token: a misspelt command, a failure code, a file.

use std::path::Path;

use super::bare_command;
use crate::catalogue::Code;
use crate::text::nearest;
use crate::text::secret::{self, looks_random};
use crate::text::shell;

/// What scripts print for a variable without a value. The diagnosis has a finding for these.
const EMPTY_VALUES: [&str; 3] = ["null", "undefined", "None"];
/// No command and no code is longer, in bytes.
const MAX_LENGTH: usize = 48;

/// Says what the user probably meant if the argument is a bare word that cannot be a token.
pub(crate) fn explain(argument: &str, is_file: bool) -> Option<String> {
    if is_file {
        let shown = secret::argument(Path::new(argument));
        let [file, address] = [shown.clone(), format!("file://{shown}")].map(|word| shell(&word));
        return Some(format!(
            "{shown} is a file, not a token. For a log run `doctor triage {file}`, for a file that \
             holds a token `doctor {address}`"
        ));
    }
    let is_word = argument.starts_with(|c: char| c.is_ascii_alphabetic())
        && argument.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_word
        || argument.len() > MAX_LENGTH
        || EMPTY_VALUES.contains(&argument)
        || looks_random(argument)
        || Code::ALL.iter().all(|code| code.name() != argument) && may_be_secret(argument)
    {
        return None;
    }
    let lower = argument.to_ascii_lowercase();
    let codes = || Code::ALL.iter().map(|code| code.name());
    let definition = bare_command();
    let commands: Vec<&str> = definition
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(clap::Command::get_name)
        .collect();
    let meant = if let Some(code) = codes().find(|code| *code == lower) {
        format!("for a failure code run `doctor explain {code}`")
    } else if let Some(command) = nearest::within_two_edits(&lower, commands) {
        format!("did you mean `doctor {command}`?")
    } else if let Some(code) = nearest::within_two_edits(&lower, codes()) {
        format!("did you mean `doctor explain {code}`?")
    } else {
        "`doctor -` reads a token from standard input, `doctor --help` lists the commands"
            .to_owned()
    };
    Some(format!("{argument} is neither a command nor a token; {meant}"))
}

/// Whether a word may be a secret, which often has a prefix, digits or capitals.
fn may_be_secret(argument: &str) -> bool {
    argument.contains('_')
        || argument.len() >= 16
            && argument.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
        || argument.starts_with("pul-")
        || argument.starts_with("eyJ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_words_are_explained() {
        for (argument, expected) in [
            ("explan", "doctor explain`?"),
            ("Decode", "doctor decode"),
            ("token-expired", "`doctor explain token-expired`"),
            ("token-expird", "`doctor explain token-expired`"),
            ("whatever", "doctor --help"),
        ] {
            let text = explain(argument, false).unwrap_or_default();
            assert!(text.contains(expected), "{argument}: {text}");
        }
        assert!(
            explain("job.log", true).is_some_and(|text| text.contains("doctor triage job.log"))
        );
    }

    #[test]
    fn possible_tokens_are_not_explained() {
        for argument in [
            "null",
            "undefined",
            "None",
            "-",
            "***",
            "$(idToken)",
            "a.b.c",
            "file://t.jwt",
            "",
            "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
            "pul-0123456789abcdef",
            "eyJhbGciOiJ",
            "token.jwt",
            "glpat-16C7e42F292c6912E771",
        ] {
            assert_eq!(explain(argument, false), None, "{argument}");
        }
    }
}
