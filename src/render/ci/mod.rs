//! The commands that a CI platform reads from a job's log.

pub(crate) mod azure;
pub(crate) mod github;

use super::wording;
use crate::catalogue::Severity;
use crate::report::Finding;
use crate::text::{clip, inert};

/// How much of a finding's detail an annotation holds, in characters. The report has all of it.
const LONGEST_DETAIL: usize = 600;

/// A platform's commands. Each is a line of its own.
pub(super) struct LogCommands {
    /// The annotation of a finding, where it is worth one.
    pub(super) annotation: fn(&Finding) -> Option<String>,
    /// An annotation: its level, its code or name, its title and what it says.
    pub(super) issue: fn(&'static str, &str, &str, &str) -> String,
    /// Opens a group of lines that is folded away.
    pub(super) group: fn(&'static str) -> String,
    /// Closes it.
    pub(super) end_group: &'static str,
    /// Whether the log masks issuer and subject of the token.
    pub(super) masks_claims: bool,
}

/// The platforms' word for a severity that deserves an annotation.
pub(super) fn level(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Error => Some("error"),
        Severity::Warning => Some("warning"),
        Severity::Info => None,
    }
}

/// How much of a value an annotation holds, in characters.
const LONGEST_VALUE: usize = 200;

/// What is wrong, the values that show it, and what to do about it, on one inert line.
pub(super) fn message(finding: &Finding) -> String {
    let (values, _) = wording::finding::evidence(finding);
    let values = values.iter().filter(|proof| !finding.detail.contains(&proof.value));
    let values: String = values
        .map(|proof| format!(" {}: {}.", proof.what, clip(&proof.value, LONGEST_VALUE)))
        .collect();
    let fix = match finding.remediation.summary.as_str() {
        "" => String::new(),
        summary => format!(" Fix: {}", clip(summary, LONGEST_DETAIL)),
    };
    inert(&format!("{}{values}{fix}", clip(&finding.detail, LONGEST_DETAIL)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::render::ci::{azure, github};
    use crate::render::{DIAGNOSIS, Format, Style, Verbosity, samples};
    use crate::text::tests::hostile;

    /// What a platform makes of each escape, in its order.
    type Escapes = &'static [(&'static str, &'static str)];

    const AZURE: Escapes =
        &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%")];
    const GITHUB: Escapes = &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];

    fn unescape(text: &str, escapes: Escapes) -> String {
        escapes.iter().fold(text.to_owned(), |text, (escape, token)| text.replace(escape, token))
    }

    proptest! {
        #[test]
        fn no_line_but_ours_is_a_command(text in hostile()) {
            let report = samples::with_text(&text);
            for (format, platform, groups) in [
                (Format::Azure, &azure::PLATFORM, ["##[group]", "##[endgroup]"]),
                (Format::Github, &github::PLATFORM, ["::group::", "::endgroup::"]),
            ] {
                let annotation = report.findings.iter().find_map(platform.annotation).unwrap();
                for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
                    let style = Style { color: false, width: 80, verbosity, unicode: false };
                    let page = DIAGNOSIS.render(&report, format, &style);
                    prop_assert_eq!(page.lines().filter(|line| *line == annotation).count(), 1);
                    for line in page.lines().filter(|line| *line != annotation) {
                        if groups.iter().any(|group| line.starts_with(group)) {
                            continue;
                        }
                        prop_assert_eq!(inert(line), line);
                        prop_assert!(!line.trim_start().starts_with("::"), "{line}");
                    }
                }
            }
        }

        #[test]
        fn annotations_say_what_was_meant(text in hostile()) {
            let finding = &samples::with_text(&text).findings[0];
            let said = message(finding);
            prop_assert_eq!(inert(&said), said.as_str());

            let line = (azure::PLATFORM.annotation)(finding).unwrap();
            let (command, data) = line.split_once(']').unwrap();
            prop_assert_eq!(command, "##vso[task.logissue type=error;code=audience-mismatch;");
            prop_assert_eq!(unescape(data, AZURE), format!("{}: {said}", finding.title));

            let line = (github::PLATFORM.annotation)(finding).unwrap();
            let (command, data) = line[2..].split_once("::").unwrap();
            prop_assert!(command.starts_with("error title="));
            prop_assert_eq!(command.matches([',', ':']).count(), 0);
            prop_assert_eq!(unescape(data, GITHUB), said);
        }
    }
}
