//! `doctor explain`: what a code means, from the catalogue alone.

use std::cmp::Reverse;

use crate::catalogue::Code;
use crate::cli::commands::Explain;
use crate::command::exit::{complain, print};
use crate::command::output;
use crate::console::streams::Streams;
use crate::gather::environment::Environment;
use crate::render::{CODE, CODES, Format};
use crate::text::nearest::likeness;

/// Runs it; the exit status.
pub(crate) fn run(arguments: &Explain, environment: &Environment, mut streams: Streams) -> u8 {
    let format = arguments.format.0.unwrap_or(Format::Human);
    let style = output::style(arguments.color, environment, streams.stdout_is);
    let text = match &arguments.code {
        None => CODES.render(Code::ALL, format, &style),
        Some(word) => match find(word) {
            Some(code) => CODE.render(&code, format, &style),
            // The word itself is not repeated: a token may have been pasted in its place.
            None => return complain(streams.stderr, &unknown(word)),
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

/// The message for a word that is not a code.
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
