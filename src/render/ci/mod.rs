//! The logging commands that CI platforms read from a job's log.

pub(crate) mod azure;
pub(crate) mod github;

use super::wording;
use crate::catalogue::Severity;
use crate::report::Finding;
use crate::text::{clip, inert};

/// The most characters of a finding's detail in an annotation. The report has all of it.
const MAX_DETAIL_CHARS: usize = 600;

/// A platform's logging commands, each a line.
pub(super) struct LogCommands {
    /// The annotation of a finding, if its severity deserves one.
    pub(super) annotation: fn(&Finding) -> Option<String>,
    /// An annotation from its level, code, title and message.
    pub(super) issue: fn(&'static str, &str, &str, &str) -> String,
    /// Opens a folded group of lines with this title.
    pub(super) group: fn(&'static str) -> String,
    /// Closes the group.
    pub(super) end_group: &'static str,
    /// Whether the platform masks the token's issuer and subject in the log.
    pub(super) masks_claims: bool,
}

/// The platforms' level for a severity that deserves an annotation.
pub(super) fn annotation_level(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Error => Some("error"),
        Severity::Warning => Some("warning"),
        Severity::Info => None,
    }
}

/// The most characters of a value in an annotation.
const MAX_VALUE_CHARS: usize = 200;

/// The failure, the values that show it, and the fix, on one inert line.
pub(super) fn annotation_message(finding: &Finding) -> String {
    let (values, _) = wording::finding::split_evidence(finding);
    let values = values.iter().filter(|proof| !finding.detail.contains(&proof.value));
    let values: String = values
        .map(|proof| format!(" {}: {}.", proof.what, clip(&proof.value, MAX_VALUE_CHARS)))
        .collect();
    let fix = match finding.remediation.summary.as_str() {
        "" => String::new(),
        summary => format!(" Fix: {}", clip(summary, MAX_DETAIL_CHARS)),
    };
    inert(&format!("{}{values}{fix}", clip(&finding.detail, MAX_DETAIL_CHARS)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::render::ci::{azure, github};
    use crate::render::{DIAGNOSIS, Format, Style, Verbosity, samples};
    use crate::text::tests::hostile;

    /// A platform's escapes and what they stand for, in the order of unescaping.
    type Escapes = &'static [(&'static str, &'static str)];

    const AZURE: Escapes =
        &[("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%")];
    const GITHUB: Escapes = &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];

    fn unescape(text: &str, escapes: Escapes) -> String {
        escapes.iter().fold(text.to_owned(), |text, (escape, token)| text.replace(escape, token))
    }

    proptest! {
        #[test]
        fn hostile_text_adds_no_command(text in hostile()) {
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
        fn annotations_unescape_to_message(text in hostile()) {
            let finding = &samples::with_text(&text).findings[0];
            let message = annotation_message(finding);
            prop_assert_eq!(inert(&message), message.as_str());

            let line = (azure::PLATFORM.annotation)(finding).unwrap();
            let (command, data) = line.split_once(']').unwrap();
            prop_assert_eq!(command, "##vso[task.logissue type=error;code=audience-mismatch;");
            prop_assert_eq!(unescape(data, AZURE), format!("{}: {message}", finding.title));

            let line = (github::PLATFORM.annotation)(finding).unwrap();
            let (command, data) = line[2..].split_once("::").unwrap();
            prop_assert!(command.starts_with("error title="));
            prop_assert_eq!(command.matches([',', ':']).count(), 0);
            prop_assert_eq!(unescape(data, GITHUB), message);
        }
    }
}
