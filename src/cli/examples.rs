//! Example command lines for the help and the manual page.

use clap::Command;

/// A command line and a remark on it, which may be empty.
type Example = (&'static str, &'static str);

/// The examples of each command, by its path: the words behind `doctor`, none for the diagnosis.
const EXAMPLES: &[(&[&str], &[Example])] = &[
    (
        &[],
        &[
            ("doctor --oidc-org acme -", "paste a token, then Enter"),
            ("doctor --oidc-org acme", "in a CI job: the job's own token"),
            ("doctor --oidc-org acme --token-env idToken", ""),
            ("doctor --offline --policy policy.yaml --oidc-org acme file://token.jwt", ""),
            ("doctor triage build.log", "somebody else's log"),
            ("doctor explain audience-mismatch", "what a code means, and how it is fixed"),
            ("doctor replay bundle.json", "what --bundle FILE wrote, judged again"),
            ("doctor demo audience-mismatch", "see it work, without any account"),
        ],
    ),
    (
        &["login"],
        &[
            ("doctor login --oidc-token \"$idToken\" --oidc-org acme", "for `pulumi login ...`"),
            ("doctor login --oidc-org acme --format json", "the job's own token, for a script"),
        ],
    ),
    (&["step"], &[("doctor step azure --oidc-org acme", "YAML to paste into azure-pipelines.yml")]),
    (
        &["decode"],
        &[
            ("doctor decode -", "paste a token, then Enter"),
            ("doctor decode --format json file://token.jwt", ""),
            ("doctor decode --ndjson --jwks keys.json file://tokens.ndjson", "a token a line"),
        ],
    ),
    (
        &["policy"],
        &[
            ("doctor policy suggest --oidc-org acme -", "paste a token, then Enter"),
            ("doctor policy test --policy policy.yaml --oidc-org acme file://claims.json", ""),
            ("doctor policy lint policy.yaml", ""),
            ("doctor policy who --policy policy.yaml", "which kinds of job get in"),
        ],
    ),
    (
        &["policy", "test"],
        &[
            ("doctor policy test --policy policy.yaml --oidc-org acme file://claims.json", ""),
            ("doctor policy test --policy policy.yaml --oidc-org acme -", "paste a token"),
            ("doctor policy test --policy policy.yaml --ndjson -", "a token a line"),
            ("doctor policy test --policy policy.yaml --cases cases.yaml", "in pull requests"),
        ],
    ),
    (
        &["policy", "suggest"],
        &[
            ("doctor policy suggest --oidc-org acme -", "paste a token, then Enter"),
            ("doctor policy suggest --oidc-org acme --as yaml file://token.jwt", ""),
        ],
    ),
    (
        &["policy", "lint"],
        &[("doctor policy lint --strict policy.yaml", "in a pipeline: a warning ends with 1")],
    ),
    (
        &["policy", "who"],
        &[
            ("doctor policy who --policy policy.yaml", "by the rules themselves"),
            ("doctor policy who --policy policy.yaml --forbid pull-request file://token.jwt", ""),
            ("doctor policy who --oidc-org acme --forbid stranger", "the live policy"),
        ],
    ),
    (
        &["policy", "fix"],
        &[
            ("doctor policy fix --policy policy.yaml --oidc-org acme file://token.jwt", "a diff"),
            ("doctor policy fix --policy policy.yaml --write file://token.jwt", "applied"),
            ("doctor policy fix --oidc-org acme file://token.jwt", "the live policy's diff"),
        ],
    ),
    (
        &["policy", "pull"],
        &[
            ("doctor policy pull --oidc-org acme --output policy.yaml", ""),
            ("doctor policy pull --oidc-org acme", "JSON on standard output"),
        ],
    ),
    (
        &["triage"],
        &[
            ("doctor triage build.log logs.zip", "as the platform exports them"),
            ("doctor triage -", "paste an error, then Enter, Ctrl-D"),
            ("doctor triage -q --format json build.log", "the root cause, for a script"),
        ],
    ),
    (
        &["explain"],
        &[
            ("doctor explain", "all codes"),
            ("doctor explain audience-mismatch", ""),
            ("doctor explain --format markdown issuer-not-registered", ""),
        ],
    ),
    (
        &["replay"],
        &[
            ("doctor replay bundle.json", ""),
            ("doctor replay --redact --bundle shared.json bundle.json", "without its names"),
        ],
    ),
    (
        &["completions"],
        &[
            ("doctor completions bash > ~/.local/share/bash-completion/completions/doctor", ""),
            ("doctor completions zsh > ~/.zfunc/_doctor", "where fpath has ~/.zfunc"),
            ("doctor completions fish > ~/.config/fish/completions/doctor.fish", ""),
            ("doctor completions powershell | Out-String | Invoke-Expression", "in $PROFILE"),
        ],
    ),
    (
        &["man"],
        &[
            ("doctor man > ~/.local/share/man/man1/doctor.1", "then `man doctor`"),
            ("doctor man | man -l -", "read it without installing it"),
        ],
    ),
    (
        &["demo"],
        &[
            ("doctor demo", "an audience mismatch"),
            ("doctor demo --list", ""),
            ("doctor demo expired-token --format markdown", ""),
        ],
    ),
];

/// The examples of a command, without those that this build cannot run.
fn examples_of(path: &[&str]) -> impl Iterator<Item = Example> {
    let found = EXAMPLES.iter().find(|(command, _)| *command == path);
    let examples = found.map_or(&[][..], |(_, examples)| examples);
    let has_demo = cfg!(feature = "demo");
    examples.iter().copied().filter(move |(line, _)| has_demo || !line.starts_with("doctor demo"))
}

/// Adds examples to the help of the command at `path` and of all its subcommands.
pub(crate) fn add_examples(mut command: Command, path: &[&str]) -> Command {
    let names: Vec<String> =
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect();
    for name in &names {
        let path = [path, &[name]].concat();
        command = command.mut_subcommand(name, |subcommand| add_examples(subcommand, &path));
    }
    let examples = examples_text(path);
    if examples.is_empty() {
        return command;
    }
    let after_help = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    command.after_help(format!("{after_help}Examples:\n{examples}"))
}

/// Prints the examples of a command in two columns; the remark on a long line goes below it.
pub(crate) fn examples_text(path: &[&str]) -> String {
    const MAX_COLUMN_WIDTH: usize = 36;
    let lengths = examples_of(path).map(|(line, _)| line.len());
    let width = lengths.filter(|length| *length <= MAX_COLUMN_WIDTH).max().unwrap_or(4);
    let lines = examples_of(path).map(|(line, remark)| match remark {
        "" => format!("  {line}"),
        _ if line.len() > width => format!("  {line}\n  {:width$}  {remark}", ""),
        _ => format!("  {line:width$}  {remark}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::ffi::OsString;

    use super::*;
    use crate::cli::Cli;
    use crate::cli::login;
    use crate::gather::environment::Environment;
    use crate::pulumi::login_flags;

    /// Splits an example into words as a shell would.
    fn split_words(line: &str) -> Vec<OsString> {
        let line = line.split(['>', '|']).next().unwrap();
        line.split_whitespace().map(|word| word.trim_matches('"').into()).collect()
    }

    #[test]
    fn every_example_parses() {
        let environment: Environment = std::iter::empty::<(String, String)>().collect();
        for (line, _) in EXAMPLES.iter().flat_map(|(path, _)| examples_of(path)) {
            let words = split_words(line);
            match login_flags::arguments(&words) {
                Some(words) => {
                    assert!(login::parse(&words, &environment).is_ok(), "{line}");
                }
                None => assert!(Cli::read(&words).is_ok(), "{line}"),
            }
        }
    }

    #[test]
    fn every_command_has_narrow_examples() {
        fn check(command: &Command, path: &mut Vec<String>) {
            // clap's own command `help` needs no example.
            let needs_examples = |sub: &&Command| !sub.is_hide_set() && sub.get_name() != "help";
            for sub in command.get_subcommands().filter(needs_examples) {
                path.push(sub.get_name().to_owned());
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                let text = examples_text(&names);
                assert!(!text.is_empty(), "{names:?}");
                assert!(text.lines().all(|line| line.len() <= 80), "{text}");
                check(sub, path);
                path.pop();
            }
        }
        check(&crate::cli::command(), &mut Vec::new());
    }
}
