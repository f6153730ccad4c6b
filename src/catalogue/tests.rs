#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::text::{guard, inert};

/// Columns that a snippet may take: what is left of a line of a log beside the indent.
const WIDTH: usize = 96;

fn prose(entry: &Entry) -> Vec<&'static str> {
    let causes = entry.causes.iter().map(|cause| cause.text);
    [entry.meaning, entry.detection, entry.fix].into_iter().chain(causes).collect()
}

fn snippets(entry: &Entry) -> [(Language, &'static str); 3] {
    let Change { language, before, after } = entry.example;
    [(language, before), (language, after), (Language::Sh, entry.by_hand.command)]
}

#[test]
fn rows_stand_at_their_code() {
    for row in CATALOGUE {
        assert!(std::ptr::eq(row.code.entry(), row), "{}", row.code);
    }
}

#[test]
fn names_are_unique_and_say_what_they_are_spelled_like() {
    let mut seen = BTreeSet::new();
    for row in CATALOGUE {
        let name = row.code.name();
        assert!(seen.insert(name), "{name} twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        let variant = format!("{:?}", row.code).to_lowercase();
        assert_eq!(variant, name.replace('-', ""), "the code's name in the program");
    }
}

#[test]
fn rows_are_complete() {
    for row in CATALOGUE {
        let code = row.code;
        assert!(!row.title.is_empty() && !row.title.ends_with('.'), "{code}: {}", row.title);
        assert!(!row.causes.is_empty(), "{code}");
        for text in prose(row) {
            assert!(text.len() > 10 && text.ends_with(['.', '`']), "{code}: {text}");
            assert!(!text.contains("  ") && !text.contains('\n'), "{code}: {text}");
            assert_eq!(text.matches('`').count() % 2, 0, "{code}: {text}");
        }
        assert!(row.by_hand.words.ends_with(':'), "{code}: {}", row.by_hand.words);
        let Change { before, after, .. } = row.example;
        assert!(!before.is_empty() && before != after, "{code}");
        assert!(row.link.starts_with("https://"), "{code}");
    }
}

#[test]
fn causes_of_a_platform_stand_together_and_those_of_all_last() {
    for row in CATALOGUE {
        let platforms: Vec<_> = row.causes.iter().map(|cause| cause.platform).collect();
        let groups: Vec<_> = platforms.chunk_by(|a, b| a == b).map(|group| group[0]).collect();
        for (index, platform) in groups.iter().enumerate() {
            assert!(!groups[..index].contains(platform), "{}: {}", row.code, platform.name());
            let is_last = index + 1 == groups.len();
            assert!(is_last || *platform != Platform::Anywhere, "{}", row.code);
        }
    }
}

#[test]
fn what_is_related_is_so_both_ways() {
    for row in CATALOGUE {
        for other in row.related {
            assert_ne!(*other, row.code);
            assert!(
                other.entry().related.contains(&row.code),
                "{other} does not name {}",
                row.code
            );
        }
        let distinct: BTreeSet<_> = row.related.iter().collect();
        assert_eq!(distinct.len(), row.related.len(), "{}", row.code);
    }
}

#[test]
fn nothing_is_changed_where_it_is_shown() {
    for row in CATALOGUE {
        let snippets = snippets(row);
        let lines = snippets.iter().flat_map(|(_, text)| text.lines());
        for text in prose(row).into_iter().chain([row.title, row.by_hand.words]).chain(lines) {
            assert!(text.is_ascii(), "{}: {text}", row.code);
            assert_eq!(guard(&inert(text)), text, "{}", row.code);
        }
    }
}

#[test]
fn snippets_fit_into_a_line_and_are_what_they_are_said_to_be() {
    for row in CATALOGUE {
        for (language, text) in snippets(row) {
            for line in text.lines() {
                assert!(line.len() <= WIDTH, "{}: {line}", row.code);
                assert_eq!(line.trim_end(), line, "{}: white space at the end", row.code);
            }
            let parsed = match language {
                Language::Json => serde_json::from_str(text).map_err(|e| e.to_string()),
                Language::Yaml => serde_saphyr::from_str(text).map_err(|e| e.to_string()),
                // The shell itself is asked by a test of the program.
                Language::Sh => Ok(serde_json::json!([text])),
            };
            let parsed: serde_json::Value = parsed.unwrap();
            assert!(parsed.is_object() || parsed.is_array(), "{}: {text}", row.code);
        }
    }
}

/// A word on a command line is seen by everybody on the machine.
#[test]
fn no_check_by_hand_puts_a_token_on_a_command_line() {
    for row in CATALOGUE {
        for line in row.by_hand.command.lines() {
            // printf and echo are the shell's own; what follows <<< goes to standard input.
            let seen = line.split("<<<").next().unwrap();
            let is_secret = |name: &&str| seen.contains(&format!("${name}"));
            let secret = ["PULUMI_ACCESS_TOKEN", "SYSTEM_ACCESSTOKEN", "idToken", "TOKEN"]
                .iter()
                .find(|name| is_secret(name));
            let own = ["printf ", "echo "].iter().any(|command| seen.starts_with(command));
            assert!(secret.is_none() || own, "{}: {line}", row.code);
        }
    }
}
