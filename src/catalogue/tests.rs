#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::*;
use crate::text::{guard, inert};

/// The columns of a snippet's line: a log's line less the indent.
const WIDTH: usize = 96;

const SECTIONS: [Section; 6] = [
    Section::Meaning,
    Section::Detection,
    Section::Causes,
    Section::Fix,
    Section::Example,
    Section::ByHand,
];

/// The platforms that causes may name.
const PLATFORMS: [&str; 11] = [
    "Azure Pipelines",
    "GitHub Actions",
    "GitLab CI",
    "CircleCI",
    "Bitbucket Pipelines",
    "Buildkite",
    "HCP Terraform",
    "Spacelift",
    "Pulumi Deployments",
    "Kubernetes",
    "anywhere",
];

fn entries() -> impl Iterator<Item = Entry> {
    Code::ALL.iter().map(|code| Entry::parse(*code))
}

fn prose(entry: &Entry) -> Vec<&str> {
    let paragraphs = [&entry.meaning, &entry.detection, &entry.fix];
    let causes = entry.causes.iter().map(|cause| cause.text.as_str());
    paragraphs.into_iter().flat_map(|text| text.lines()).chain(causes).collect()
}

fn snippets(entry: &Entry) -> [(&str, &str); 3] {
    let entry::Example { language, before, after } = entry.example;
    [(language, before), (language, after), ("sh", entry.by_hand.command)]
}

#[test]
fn code_names_match_variants() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        let name = code.name();
        assert!(seen.insert(name), "{name} twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        assert_eq!(format!("{code:?}").to_lowercase(), name.replace('-', ""));
    }
}

#[test]
fn code_pages_begin_with_table() {
    for code in Code::ALL {
        let (severity, category) = (code.severity().name(), code.category().name());
        let head = format!(
            "# {code}: {}\n\nSeverity: {severity}. Category: {category}.\n\n## What it means\n\n",
            code.title()
        );
        assert!(code.page().starts_with(&head), "docs/codes/{code}.md does not begin with {head}");
        assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{code}");
    }
}

#[test]
fn pages_have_exactly_six_headings() {
    for code in Code::ALL {
        let mut headings = Vec::new();
        let mut is_heading = false;
        for event in Parser::new(code.page()) {
            match event {
                Event::Start(Tag::Heading { .. }) => is_heading = true,
                Event::End(TagEnd::Heading(_)) => is_heading = false,
                Event::Text(text) if is_heading => headings.push(text.to_string()),
                _ => {}
            }
        }
        // A title may be several events.
        let sections = headings.iter().skip_while(|text| *text != "What it means");
        assert!(sections.eq(SECTIONS.iter().map(|section| section.heading())), "{code}");
    }
}

#[test]
fn entries_are_complete() {
    for entry in entries() {
        let code = entry.code;
        assert!(!entry.meaning.is_empty() && !entry.detection.is_empty(), "{code}");
        assert!(!entry.causes.is_empty() && !entry.fix.is_empty(), "{code}");
        for text in prose(&entry) {
            assert!(text.len() > 10 && text.ends_with(['.', '`']), "{code}: {text}");
            assert_eq!(text.matches('`').count() % 2, 0, "{code}: {text}");
        }
        assert!(entry.by_hand.words.ends_with(':'), "{code}: {}", entry.by_hand.words);
        let entry::Example { before, after, .. } = entry.example;
        assert!(!before.is_empty() && !after.is_empty() && before != after, "{code}");
        assert!(!entry.by_hand.command.is_empty(), "{code}");
        assert!(entry.link.starts_with("https://"), "{code}");
    }
}

/// `doctor explain` would not show text that the entry lacks.
#[test]
fn entries_hold_all_page_text() {
    for entry in entries() {
        let words = |text: &str| {
            let text = text.replace(['[', ']', '`'], " ");
            text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let mut expected = format!("# {}: {}\n", entry.code, entry.title);
        let (severity, category) = (entry.severity.name(), entry.category.name());
        expected += &format!("Severity: {severity}. Category: {category}.\n");
        let causes = entry.causes.iter().map(|c| format!("- {}: {}\n", c.platform, c.text));
        let entry::Example { language, before, after } = entry.example;
        let example = format!("Before: {language}\n{before}\nAfter: {language}\n{after}");
        let by_hand = format!("{} sh\n{}\n", entry.by_hand.words, entry.by_hand.command);
        let texts = [entry.meaning, entry.detection, causes.collect(), entry.fix, example, by_hand];
        for (section, text) in SECTIONS.iter().zip(texts) {
            expected += &format!("## {}\n{text}\n", section.heading());
        }
        if !entry.related.is_empty() {
            let links = entry.related.iter().map(|code| format!("{code} ({code}.md)"));
            expected += &format!("Related: {}\n", links.collect::<Vec<_>>().join(", "));
        }
        expected += &format!("See <{}>\n", entry.link);
        let page = entry.code.page().replace("](", "] (");
        let page = page.replace("),", ") ,");
        assert_eq!(words(&page), words(&expected.replace("),", ") ,")), "{}", entry.code);
    }
}

/// Reports show the same text in every format.
#[test]
fn prose_markup_is_code_spans_only() {
    for code in Code::ALL {
        let body = code.page().split_once("\n## What it means\n").unwrap().1;
        let body = body.rsplit_once("\nSee <").unwrap().0;
        let body = body.split("\nRelated: ").next().unwrap();
        for event in Parser::new(body) {
            let is_plain = match &event {
                Event::Start(tag) => matches!(
                    tag,
                    Tag::Paragraph
                        | Tag::Heading { .. }
                        | Tag::List(None)
                        | Tag::Item
                        | Tag::CodeBlock(_)
                ),
                Event::End(_) | Event::Text(_) | Event::Code(_) | Event::SoftBreak => true,
                _ => false,
            };
            assert!(is_plain, "{code}: {event:?}");
        }
    }
}

#[test]
fn causes_are_grouped_by_platform() {
    for entry in entries() {
        let platforms: Vec<_> = entry.causes.iter().map(|cause| cause.platform).collect();
        let groups: Vec<_> = platforms.chunk_by(|a, b| a == b).map(|group| group[0]).collect();
        for (index, platform) in groups.iter().enumerate() {
            assert!(PLATFORMS.contains(platform), "{}: {platform}", entry.code);
            assert!(!groups[..index].contains(platform), "{}: {platform} twice", entry.code);
            let is_last = index + 1 == groups.len();
            assert!(is_last || *platform != "anywhere", "{}", entry.code);
        }
    }
}

#[test]
fn related_codes_name_each_other() {
    for entry in entries() {
        let distinct: BTreeSet<_> = entry.related.iter().collect();
        assert_eq!(distinct.len(), entry.related.len(), "{}", entry.code);
        for name in &entry.related {
            let other = Code::ALL.iter().find(|code| code.name() == *name);
            let other = other.unwrap_or_else(|| panic!("{}: {name} does not exist", entry.code));
            assert_ne!(*other, entry.code);
            let back = Entry::parse(*other).related;
            assert!(back.contains(&entry.code.name()), "{other} does not name {}", entry.code);
        }
    }
}

#[test]
fn page_links_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes");
    for code in Code::ALL {
        let mut links = 0;
        for event in Parser::new(code.page()) {
            let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
            let is_file = !dest_url.contains(':') && folder.join(&*dest_url).is_file();
            assert!(dest_url.starts_with("https://") || is_file, "{code}: {dest_url}");
            links += 1;
        }
        assert!(links > 0, "{code}");
    }
}

#[test]
fn pages_are_printable_ascii() {
    for code in Code::ALL {
        for line in code.page().lines() {
            assert!(line.is_ascii(), "{code}: {line}");
            assert_eq!(guard(&inert(line)), line, "{code}");
            assert_eq!(line.trim_end(), line, "{code}: white space at the end");
        }
    }
}

#[test]
fn snippets_are_short_and_parse() {
    for entry in entries() {
        for (language, text) in snippets(&entry) {
            for line in text.lines() {
                assert!(line.len() <= WIDTH, "{}: {line}", entry.code);
            }
            let parsed: Result<serde_json::Value, String> = match language {
                "json" => serde_json::from_str(text).map_err(|e| e.to_string()),
                "yaml" => serde_saphyr::from_str(text).map_err(|e| e.to_string()),
                // An integration test asks bash.
                "sh" => Ok(serde_json::json!([text])),
                other => Err(format!("the language is {other}")),
            };
            let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", entry.code));
            assert!(parsed.is_object() || parsed.is_array(), "{}: {text}", entry.code);
        }
    }
}

/// Everyone on the machine can read the arguments of a process.
#[test]
fn manual_commands_hide_tokens() {
    for entry in entries() {
        for line in entry.by_hand.command.lines() {
            // printf and echo are built into the shell; what follows <<< goes to standard input.
            let seen = line.split("<<<").next().unwrap();
            let is_secret = |name: &&str| seen.contains(&format!("${name}"));
            let secret = ["PULUMI_ACCESS_TOKEN", "SYSTEM_ACCESSTOKEN", "idToken", "TOKEN"]
                .iter()
                .find(|name| is_secret(name));
            let is_builtin = ["printf ", "echo "].iter().any(|command| seen.starts_with(command));
            assert!(secret.is_none() || is_builtin, "{}: {line}", entry.code);
        }
    }
}

/// A command for a self-hosted backend must not send an access token to api.pulumi.com.
#[test]
fn manual_requests_use_own_backend() {
    for entry in entries() {
        for line in entry.by_hand.command.lines() {
            let is_setting = line.starts_with("BACKEND=") && line.contains("  # or the ");
            assert!(is_setting || !line.contains("api.pulumi.com"), "{}: {line}", entry.code);
        }
    }
}
