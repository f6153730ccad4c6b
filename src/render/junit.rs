//! The report as JUnit XML, which CI platforms show as a test result (Azure's
//! PublishTestResults, GitLab's `artifacts:reports:junit`, Jenkins): one suite, one case per check.
//!
//! The writer is our own: a dozen lines, and every text goes through [`escape`] on its way, which
//! no library would do to the same end.

use std::fmt::Write as _;

use super::human::{headline, why_skipped};
use crate::catalogue::Severity;
use crate::report::{CheckResult, Finding, FoundBy, Report, Status};
use crate::text;

/// The document. A failed check is a failure, one with warnings has them as its output, one that
/// did not run is skipped.
pub(super) fn render(report: &Report) -> String {
    let count = |status| report.checks.iter().filter(|check| check.status == status).count();
    let (word, _, meaning) = headline(report);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{}\"",
        report.checks.len(),
        count(Status::Fail),
        count(Status::Skip),
        seconds(report.duration_ms),
    );
    let _ = writeln!(xml, "<testsuites name=\"doctor\" {counts}>");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"doctor: {}\" timestamp=\"{}\" {counts}>",
        escape(&format!("{word} - {meaning}")),
        escape(&report.started_at.to_string()),
    );
    for check in &report.checks {
        case(&mut xml, report, check);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml.lines().map(|line| text::guard(line) + "\n").collect()
}

fn case(xml: &mut String, report: &Report, check: &CheckResult) {
    let _ = write!(
        xml,
        "    <testcase classname=\"doctor.{}\" name=\"{}\" time=\"{}\">",
        check.category.name(),
        escape(check.id.name()),
        seconds(check.duration_ms),
    );
    let findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.check == FoundBy::Check(check.id))
        .collect();
    let all: String = findings.iter().map(|finding| told(finding)).collect();
    match check.status {
        Status::Fail => {
            // A check fails without a finding of its own where that is evidence of an earlier one.
            let worst = findings.iter().find(|finding| finding.severity == Severity::Error);
            let (code, message) = worst.map_or(("", check.summary.as_str()), |finding| {
                (finding.code.name(), finding.title)
            });
            let _ = write!(
                xml,
                "\n      <failure type=\"{code}\" message=\"{}\">{}</failure>\n    ",
                escape(message),
                body(&all)
            );
        }
        Status::Skip => {
            let why = escape(&why_skipped(report, check));
            let _ = write!(xml, "\n      <skipped message=\"{why}\"/>\n    ");
        }
        Status::Pass | Status::Warn => {
            let seen = format!("{}\n{all}", text::inert(&check.summary));
            let seen = body(seen.trim_end());
            let _ = write!(xml, "\n      <system-out>{seen}</system-out>\n    ");
        }
    }
    xml.push_str("</testcase>\n");
}

/// What a finding says, as plain text.
fn told(finding: &Finding) -> String {
    let mut lines =
        vec![format!("[{}] {}", finding.code, finding.title), text::inert(&finding.detail)];
    for proof in &finding.evidence {
        lines.push(text::inert(&format!("  {}: {} ({})", proof.what, proof.value, proof.place)));
    }
    let fix = &finding.remediation;
    lines.push(text::inert(&format!("Fix: {}", fix.summary)));
    // A line break in these is that of a snippet, whose values are quoted.
    let steps = fix.steps.iter().map(|step| &step.text);
    lines.extend(steps.chain(&fix.commands).chain(&fix.links).cloned());
    lines.iter().map(|line| line.clone() + "\n").collect()
}

/// Several lines, each escaped.
fn body(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

/// Text that is nothing but text in XML 1.0, in an attribute as well as between tags: without the
/// characters that XML forbids (section 2.2), which [`text::inert`] shows escaped.
fn escape(text: &str) -> String {
    text::guard(&text::inert(text)).chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).fold(
        String::new(),
        |mut out, c| {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&apos;"),
                c => out.push(c),
            }
            out
        },
    )
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::samples;
    use crate::text::tests::hostile;

    #[test]
    fn a_failure_a_skip_and_a_pass() {
        let xml = render(&samples::audience_mismatch());
        for part in [
            "<testsuites name=\"doctor\" tests=\"11\" failures=\"1\" errors=\"0\" skipped=\"2\"",
            "<failure type=\"audience-mismatch\" message=\"The token&apos;s audience is not",
            "<skipped message=\"stopped by policy\"/>",
            "<system-out>valid for 9 min</system-out>",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
    }

    #[test]
    fn a_value_is_one_line_and_escaped_once() {
        let mut report = samples::audience_mismatch();
        report.findings[0].evidence[0].value = "a\n<b>\u{1b}".to_owned();
        let xml = render(&report);
        assert!(xml.contains("expected: a\\n&lt;b&gt;\\u001b (policy.yaml:12)\n"), "{xml}");
    }

    proptest! {
        #[test]
        fn text_is_only_text(text in hostile()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.contains("##vso[") && !escaped.contains("]]>"));
            // XML 1.0 section 2.2, and no line break that is not ours.
            prop_assert!(escaped.chars().all(|c| !c.is_control()));
        }
    }
}
