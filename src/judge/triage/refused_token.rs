//! Classifies a value that the CLI refused as the token and quoted in its error.

use crate::catalogue::Code;
use crate::evidence::{InputProblem, LooksLike, Wrapping};
use crate::judge::advice::token_value::wrapping_name;

/// The code for a refused token, and a description of it. If the log masks the token, the CLI
/// refused what is around the mask.
pub(crate) fn classify_refused_token(
    problem: Option<&InputProblem>,
    wrapped: &[Wrapping],
    is_cut: bool,
) -> (Code, String) {
    let around = || {
        let names: Vec<&str> = wrapped.iter().map(|w| wrapping_name(*w)).collect();
        (Code::TokenWrapped, format!("a token with {}", names.join(" and ")))
    };
    match problem {
        // The wrapping is the first thing that the CLI refuses.
        Some(InputProblem::Truncated { .. } | InputProblem::Masked) if !wrapped.is_empty() => {
            around()
        }
        // Web pages and JSON errors have line breaks too.
        _ if is_cut && !matches!(problem, Some(InputProblem::NotAToken { .. })) => {
            (Code::TokenWrapped, "a value with a line break in it".to_owned())
        }
        Some(problem) => (code(problem), in_words(problem)),
        None if wrapped.is_empty() => (Code::TokenMalformed, "a token that it refuses".to_owned()),
        None => around(),
    }
}

fn code(problem: &InputProblem) -> Code {
    match problem {
        // The CLI takes a path without file:// for a token.
        InputProblem::NotAToken { looks_like: LooksLike::FilePath, .. } => {
            Code::TokenFileUnreadable
        }
        _ => problem.code(),
    }
}

fn in_words(problem: &InputProblem) -> String {
    match problem {
        InputProblem::Masked => "***, which is what a log shows for a secret,".to_owned(),
        InputProblem::Unexpanded { text, .. } => format!("the text {text}"),
        InputProblem::NotAToken { what, shown: Some(shown), .. } => format!("{what} ({shown})"),
        InputProblem::NotAToken { what, .. } | InputProblem::OpaqueToken { what } => what.clone(),
        InputProblem::PulumiToken => "a Pulumi access token".to_owned(),
        InputProblem::Encrypted => "an encrypted token (JWE)".to_owned(),
        InputProblem::Truncated { how } => format!("a token that is cut off ({how})"),
        InputProblem::Malformed { part, reason } => {
            format!("a token whose {part} cannot be decoded ({reason})")
        }
        InputProblem::TooLarge { .. } => "something larger than any token".to_owned(),
        InputProblem::FileUnreadable { reason } => reason.to_string(),
        InputProblem::Missing
        | InputProblem::Empty
        | InputProblem::Ambiguous { .. }
        | InputProblem::Refused { .. } => "nothing but white space".to_owned(),
    }
}
