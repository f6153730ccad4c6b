//! `doctor explain`: what a code means, from the catalogue alone.

use std::cmp::Reverse;

use clap::Args;
use serde::Serialize;

use crate::catalogue::{Code, Entry};
use crate::cli::{ColorArg, PageFormat};
use crate::command::output;
use crate::command::run::{Streams, complain, print};
use crate::gather::environment::Environment;
use crate::render;
use crate::report::SCHEMA_VERSION;

/// Explain a failure code: its meaning, its causes, its fix
///
/// Exit status: 0, or 2 for a code that there is not. --format json prints an object with
/// schemaVersion, code, category, severity, title, meaning, detection, causes (platform, text),
/// fix, example (language, before, after), byHand (words, command), related and link; without
/// CODE, an object with schemaVersion and codes, a list of such objects.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, or a line that begins with it; without it, the list of all
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// The format
    #[arg(long, value_enum, default_value_t)]
    format: PageFormat,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    color: ColorArg,
}

/// The JSON of a code; keys as in the report's: some may come, none go within a version.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    schema_version: u32,
    #[serde(flatten)]
    entry: Entry,
}

/// The JSON of all codes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct All {
    schema_version: u32,
    codes: Vec<Entry>,
}

/// Runs it; the exit status.
pub(crate) fn run(arguments: &Explain, environment: &Environment, mut streams: Streams) -> u8 {
    let style = || output::style(arguments.color, environment, streams.stdout_is_terminal);
    let text = match (&arguments.code, arguments.format) {
        (None, PageFormat::Human) => render::codes(&style()),
        (None, PageFormat::Markdown) => render::codes_page(),
        (None, PageFormat::Json) => {
            let codes = Code::ALL.iter().map(|code| Entry::of(*code)).collect();
            render::value(&All { schema_version: SCHEMA_VERSION, codes })
        }
        (Some(word), format) => match (find(word), format) {
            // The word itself is not repeated: a token may have been pasted in its place.
            (None, _) => return complain(streams.stderr, &unknown(word)),
            (Some(code), PageFormat::Human) => render::explanation(code, &style()),
            (Some(code), PageFormat::Markdown) => code.page().to_owned(),
            (Some(code), PageFormat::Json) => {
                render::value(&One { schema_version: SCHEMA_VERSION, entry: Entry::of(code) })
            }
        },
    };
    print(&mut streams, &text, 0)
}

/// The code, also as it was copied from a report: `error[CODE]: …`, upper case, underscores.
fn find(word: &str) -> Option<Code> {
    let name = name(word);
    Code::ALL.iter().copied().find(|code| code.name() == name)
}

/// The word as codes are spelled.
fn name(word: &str) -> String {
    let inside = word.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let name = inside.map_or(word, |(name, _)| name);
    let name = name.trim_matches(|c: char| !c.is_alphanumeric());
    name.to_lowercase().replace([' ', '_'], "-")
}

/// How many codes are suggested.
const SUGGESTIONS: usize = 3;
/// Below this likeness a code is another word.
const ALIKE: f64 = 0.7;
/// How much less a word of a code says than the whole.
const WORD: f64 = 0.9;
/// Longer words are no code, and would take long to compare.
const LONGEST: usize = 64;

/// What to say of a word that is no code.
fn unknown(word: &str) -> String {
    let all = "`doctor explain` lists all codes";
    match nearest(&name(word))[..] {
        [] => format!("explain: there is no such code; {all}"),
        [ref others @ .., last] => {
            let others = others.iter().map(|name| format!("{name}, ")).collect::<String>();
            format!("explain: there is no such code; did you mean {others}{last}? ({all})")
        }
    }
}

/// The codes that are probably meant, the likeliest first: those that are spelled alike, whole or
/// in one of their words.
fn nearest(name: &str) -> Vec<&'static str> {
    if name.len() > LONGEST {
        return Vec::new();
    }
    let mut alike: Vec<(u64, &str)> = Code::ALL
        .iter()
        .map(|code| code.name())
        .filter_map(|code| {
            let whole = strsim::normalized_damerau_levenshtein(code, name);
            let alike = code
                .split('-')
                .map(|word| strsim::normalized_damerau_levenshtein(word, name) * WORD)
                .fold(whole, f64::max);
            (alike > ALIKE).then_some(((alike * 1000.0) as u64, code))
        })
        .collect();
    alike.sort_by_key(|(alike, _)| Reverse(*alike));
    alike.into_iter().take(SUGGESTIONS).map(|(_, code)| code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for word in [
            "audience-mismatch",
            "AUDIENCE_MISMATCH",
            " audience mismatch ",
            "error[audience-mismatch]",
            "error[audience-mismatch]: The token's audience is not the one",
            "`audience-mismatch`",
            "#audience-mismatch",
        ] {
            let code = find(word).map(Code::name);
            assert_eq!(code, Some("audience-mismatch"), "{word}");
        }
        for word in ["", "[", "[]", "audience", "mismatch-audience"] {
            assert!(find(word).is_none(), "{word}");
        }
    }

    #[test]
    fn what_is_meant() {
        assert_eq!(nearest("audiense-mismatch").first(), Some(&"audience-mismatch"));
        assert_eq!(nearest("audiense"), ["audience-mismatch"]);
        assert_eq!(nearest("thumbprint"), ["thumbprint-mismatch"]);
        assert_eq!(nearest("token").len(), SUGGESTIONS);
        assert!(nearest("zzzz").is_empty());
        assert!(nearest(&"token".repeat(1_000_000)).is_empty());
    }
}
