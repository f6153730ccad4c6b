//! `doctor explain`: explains a code from the catalogue.

use std::cmp::Reverse;

use crate::catalogue::Code;
use crate::cli::commands::Explain;
use crate::command::exit::{complain, print};
use crate::command::output;
use crate::console::streams::Streams;
use crate::gather::environment::Environment;
use crate::render::{CODE, CODES, Format};
use crate::text::nearest::likeness;

pub(crate) fn run(arguments: &Explain, environment: &Environment, mut streams: Streams) -> u8 {
    let format = arguments.format.0.unwrap_or(Format::Human);
    let style = output::style(arguments.color, environment, streams.stdout_is);
    let text = match &arguments.code {
        None => CODES.render(Code::ALL, format, &style),
        Some(word) => match find_code(word) {
            Some(code) => CODE.render(&code, format, &style),
            // Do not repeat the word: it may be a token.
            None => return complain(streams.stderr, &unknown_code(word)),
        },
    };
    print(&mut streams, &text, 0)
}

/// Finds a code, also as copied from a report (`error[CODE]: …`), in upper case or with
/// underscores.
fn find_code(word: &str) -> Option<Code> {
    let name = code_name(word);
    Code::ALL.iter().copied().find(|code| code.name() == name)
}

/// Normalizes a word to the spelling of codes.
fn code_name(word: &str) -> String {
    let inside = word.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let name = inside.map_or(word, |(name, _)| name);
    let name = name.trim_matches(|c: char| !c.is_alphanumeric());
    name.to_lowercase().replace([' ', '_'], "-")
}

/// How many codes are suggested.
const SUGGESTIONS: usize = 3;
/// Codes below this similarity are other words.
const ALIKE: f64 = 0.7;
/// The weight of a match with one word of a code, relative to the whole code.
const WORD: f64 = 0.9;

/// The message for a word that is not a code.
fn unknown_code(word: &str) -> String {
    let all = "`doctor explain` lists all codes";
    match nearest(&code_name(word))[..] {
        [] => format!("explain: there is no such code; {all}"),
        [ref others @ .., last] => {
            let others = others.iter().map(|name| format!("{name}, ")).collect::<String>();
            format!("explain: there is no such code; did you mean {others}{last}? ({all})")
        }
    }
}

/// The codes that were probably meant, the most similar first. The whole code or one of its words
/// must be similar.
fn nearest(name: &str) -> Vec<&'static str> {
    let mut alike: Vec<(u64, &str)> = Code::ALL
        .iter()
        .map(|code| code.name())
        .filter_map(|code| {
            let whole = likeness(code, name);
            let alike =
                code.split('-').map(|word| likeness(word, name) * WORD).fold(whole, f64::max);
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
    fn spellings_of_code_are_found() {
        for word in [
            "audience-mismatch",
            "AUDIENCE_MISMATCH",
            " audience mismatch ",
            "error[audience-mismatch]",
            "error[audience-mismatch]: The token's audience is not the one",
            "`audience-mismatch`",
            "#audience-mismatch",
        ] {
            let code = find_code(word).map(Code::name);
            assert_eq!(code, Some("audience-mismatch"), "{word}");
        }
        for word in ["", "[", "[]", "audience", "mismatch-audience"] {
            assert!(find_code(word).is_none(), "{word}");
        }
    }

    #[test]
    fn similar_codes_are_suggested() {
        assert_eq!(nearest("audiense-mismatch").first(), Some(&"audience-mismatch"));
        assert_eq!(nearest("audiense"), ["audience-mismatch"]);
        assert_eq!(nearest("thumbprint"), ["thumbprint-mismatch"]);
        assert_eq!(nearest("token").len(), SUGGESTIONS);
        assert!(nearest("zzzz").is_empty());
        assert!(nearest(&"token".repeat(1_000_000)).is_empty());
    }
}
