//! Findings and remedies for a value that is not a usable token.

use super::change;
use super::variables::{add_script_syntax, add_variable_syntax};
use crate::catalogue::Code;
use crate::evidence::{FileProblem, InputProblem, LooksLike, Source, Wrapping};
use crate::limits;
use crate::platform::Id;
use crate::report::{Finding, RemedyOption};
use crate::text::command::CommandLine;

/// The source of the token, as a noun phrase.
pub(crate) fn source_name(source: &Source) -> String {
    match source {
        Source::Argument => "the argument".to_owned(),
        Source::OidcTokenFlag => "--oidc-token".to_owned(),
        Source::Stdin => "standard input".to_owned(),
        Source::File { path, .. } => format!("the file {path}"),
        Source::Environment { name } => format!("the environment variable {name}"),
        Source::Request { platform } => format!("the request to {}", platform.name()),
        Source::None => "anywhere".to_owned(),
    }
}

/// The finding for a value that is not a usable token. `None` if there is no value.
pub(crate) fn unusable_token(
    problem: &InputProblem,
    source: &Source,
    platform: Option<Id>,
) -> Option<Finding> {
    let place = source_name(source);
    let label = source.label();
    let new = |detail: String| Finding::new(problem.code(), detail);
    Some(match problem {
        InputProblem::Missing
        | InputProblem::Empty
        | InputProblem::Ambiguous { .. }
        | InputProblem::Refused { .. } => return None,
        InputProblem::NotAToken { what, shown, looks_like } => {
            let finding = new(format!("What came from {place} is {what}."));
            let finding = match shown {
                Some(shown) => finding.proof("it says", shown, label),
                None => finding,
            };
            not_a_token(finding, shown.as_deref(), *looks_like)
        }
        InputProblem::Unexpanded { text, syntax, name } => {
            let detail = format!("The value is the text {text}: {syntax} that nothing replaced.");
            unexpanded(new(detail).proof("value", text, label), text, name, platform)
        }
        InputProblem::Masked => new(format!(
            "The value from {place} holds ***, which is what a log shows for a secret."
        ))
        .step("Run the doctor as a step of the job itself: there it sees the real value."),
        InputProblem::PulumiToken => new(format!("The value from {place} begins with pul-."))
            .step("If it was in a log or a chat, revoke it in the console under Access Tokens."),
        InputProblem::OpaqueToken { what } => new(format!("The value from {place} is {what}."))
            .fix("Pass the OIDC identity token that the platform issues for the job."),
        InputProblem::Encrypted => {
            new(format!("The value from {place} has five parts: it is a JWE (RFC 7516)."))
        }
        InputProblem::Truncated { how } => token_truncated(how, &place),
        InputProblem::FileUnreadable { reason } => file_unreadable(reason, source),
        InputProblem::Malformed { part, reason } => {
            new(format!("The {part} of the token from {place} cannot be decoded: {reason}."))
                .proof("part", part, label)
                .proof("problem", reason, format!("token {part}"))
        }
        InputProblem::TooLarge { bytes } => new(format!(
            "What came from {place} is larger than {} KiB ({bytes} bytes were read); no token is \
             that large.",
            limits::TOKEN >> 10
        ))
        .fix("Pass the token alone."),
    })
}

fn not_a_token(finding: Finding, shown: Option<&str>, looks_like: LooksLike) -> Finding {
    match looks_like {
        LooksLike::FilePath | LooksLike::FileAddress => {
            let path = shown.unwrap_or("PATH");
            let path = path.strip_prefix("file:").unwrap_or(path);
            finding
                .fix("Write file:// in front of the path.")
                .command(CommandLine::new("doctor").word(&format!("file://{path}")))
                .option(RemedyOption::only(change::flag(
                    "--oidc-token",
                    Some(path),
                    Some(&format!("file://{path}")),
                )))
        }
        LooksLike::SeveralTokens => finding.fix(
            "Give one token. `doctor decode` and `doctor policy test` take many, one a line, with \
             --ndjson.",
        ),
        LooksLike::Other => finding
            .announce(
                "Let the request that fetches the token fail when it is refused, so that its error \
                 is seen instead of being used as a token:",
            )
            .command(
                CommandLine::new("curl")
                    .raw("--fail-with-body --silent --show-error")
                    .variable("URL"),
            ),
    }
}

fn unexpanded(finding: Finding, value: &str, name: &str, platform: Option<Id>) -> Finding {
    if name.eq_ignore_ascii_case("idToken") {
        return add_script_syntax(
            finding.fix("Name idToken in the script of the AzureCLI@2 task, as its shell does."),
            "idToken",
            "idToken is an environment variable of the script of AzureCLI@2, not a pipeline \
             variable. In the script, write:",
        );
    }
    if name.contains('.') && value.starts_with("${{") {
        return finding
            .fix("Put the expression into the workflow file, and check that it has a value there.")
            .step(
                "It is an expression, which GitHub replaces in a workflow file only: not in a file \
                 with a script, and not on another platform.",
            )
            .step("Check the step's id, and that the step set the output.")
            .step(
                "GitHub drops outputs that hold a secret between jobs: request the token in the \
                 job that logs in.",
            );
    }
    add_variable_syntax(finding, name, platform)
}

pub(crate) fn token_truncated(how: &str, source: &str) -> Finding {
    Finding::new(Code::TokenTruncated, format!("The token from {source} is cut off: {how}."))
        .proof("problem", how, "token")
        .step(
            "Some terminals and editors cut or wrap lines at 1024 or 4096 characters: pass the \
             token through a file or a pipe.",
        )
}

fn file_unreadable(reason: &FileProblem, source: &Source) -> Finding {
    let (path, absolute) = match source {
        Source::File { path, absolute } => (path.as_str(), absolute.as_str()),
        _ => ("", ""),
    };
    if *source == Source::Stdin {
        let detail = format!("Standard input: {reason}.");
        return Finding::new(Code::TokenFileUnreadable, detail)
            .fix("Pipe the token in from a command or a file that can be read.");
    }
    let detail = if path.is_empty() {
        format!("The address file:// names no file: {reason}.")
    } else {
        format!("The file {path}: {reason}.")
    };
    Finding::new(Code::TokenFileUnreadable, detail)
        .proof("as seen from here", absolute, source.label())
        .step("A relative path counts from the working directory of the step that logs in.")
        .step("Check that the step which writes the file ran in the same job, before this one.")
}

pub(crate) fn wrapping_name(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Quotes => "quotes around it",
        Wrapping::Bearer => "`Bearer` in front of it",
        Wrapping::Json => "JSON around it",
        Wrapping::Base64 => "another layer of base64 around it",
        Wrapping::UrlEncoding => "percent-encoding",
        Wrapping::ByteOrderMark => "a byte order mark in front of it",
        Wrapping::Utf16 => "UTF-16 encoding",
        Wrapping::InnerWhitespace => "white space or line breaks inside",
        Wrapping::OuterWhitespace => "white space around it",
    }
}

pub(crate) fn unwrap_advice(wrapping: Wrapping) -> (&'static str, &'static str) {
    match wrapping {
        Wrapping::Json => ("Take the token out of the answer:", "jq -er .oidcToken answer.json"),
        Wrapping::Base64 => ("Decode it once:", "base64 -d < token.b64 > token.jwt"),
        Wrapping::ByteOrderMark | Wrapping::Utf16 => (
            "In Windows PowerShell, write the file without a byte order mark and not as UTF-16:",
            "[IO.File]::WriteAllText(\"$PWD/token.jwt\", $token)",
        ),
        Wrapping::InnerWhitespace | Wrapping::OuterWhitespace => {
            ("Remove white space and line breaks:", "tr -d '[:space:]' < token.txt > token.jwt")
        }
        Wrapping::Quotes => (
            "Take the bare string out of JSON with -r, and leave out quotes that are part of the \
             value:",
            "jq -er .oidcToken answer.json",
        ),
        Wrapping::Bearer => (
            "Bearer belongs to an HTTP header, not to the token. In bash or sh:",
            "TOKEN=\"${TOKEN#*Bearer }\"",
        ),
        Wrapping::UrlEncoding => (
            "Undo the percent-encoding, which only forms and URLs need:",
            "python3 -c 'import sys, urllib.parse as u; print(u.unquote(sys.stdin.read()))' \
             < token.txt > token.jwt",
        ),
    }
}
