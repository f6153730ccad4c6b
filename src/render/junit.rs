//! The report as JUnit XML, which CI platforms show as a test result (Azure's
//! PublishTestResults, GitLab's `artifacts:reports:junit`, Jenkins): one suite, named after the
//! command, with one case per check.
//!
//! It does not use quick-junit, which drops the characters that XML forbids ([`escape`] shows them)
//! and depends on a second time library.

pub(super) mod cases;
pub(super) mod who;

use std::fmt::Write as _;

use jiff::Timestamp;

use super::wording::{self, Headline, why_skipped};
use super::{DECODE, POLICY_LINT, POLICY_TEST};
use crate::catalogue::Severity;
use crate::report::{CheckResult, Finding, FoundBy, Report, Status};
use crate::text;

/// The diagnosis. A failed check is a failure and a check that did not run is skipped; warnings are
/// output.
pub(super) fn render(report: &Report) -> String {
    checks(report, "doctor", &wording::diagnosis_headline(report))
}

/// The report of `doctor policy test`.
pub(super) fn policy(report: &Report) -> String {
    checks(report, POLICY_TEST, &wording::policy_headline(report))
}

/// The report of `doctor decode`.
pub(super) fn token(report: &Report) -> String {
    checks(report, DECODE, &wording::token_headline(report))
}

fn checks(report: &Report, command: &str, headline: &Headline) -> String {
    let cases: Vec<Case> = report.checks.iter().map(|check| check_case(report, check)).collect();
    document(command, headline, Some((report.started_at, report.duration_ms)), &cases)
}

/// The report of `doctor policy lint`. Each finding is a failed case; a note is the output of a
/// passed one.
pub(super) fn lint(found: &[Finding]) -> String {
    let cases = found.iter().map(|finding| {
        let outcome = match finding.severity {
            Severity::Error | Severity::Warning => CaseOutcome::Failure {
                code: finding.code.name(),
                message: finding.title.to_owned(),
                text: finding_text(finding),
            },
            Severity::Info => CaseOutcome::Output(finding_text(finding)),
        };
        Case {
            category: finding.category.name(),
            name: finding.code.name(),
            duration_ms: 0,
            outcome,
        }
    });
    let mut cases: Vec<Case> = cases.collect();
    let headline = wording::lint_headline(found);
    add_case_if_empty(&mut cases, "policy", &headline);
    document(POLICY_LINT, &headline, None, &cases)
}

/// A test case.
struct Case<'a> {
    category: &'static str,
    name: &'a str,
    duration_ms: u64,
    outcome: CaseOutcome,
}

enum CaseOutcome {
    Failure { code: &'static str, message: String, text: String },
    Skipped(String),
    Output(String),
}

/// Adds a passed case if there is none: to a platform, a suite without cases did not run.
fn add_case_if_empty(cases: &mut Vec<Case>, name: &'static str, headline: &Headline) {
    if cases.is_empty() {
        let outcome = CaseOutcome::Output(headline.meaning.clone());
        cases.push(Case { category: "policy", name, duration_ms: 0, outcome });
    }
}

fn check_case<'a>(report: &Report, check: &'a CheckResult) -> Case<'a> {
    let findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.check == FoundBy::Check(check.id))
        .collect();
    let all: String = findings.iter().map(|finding| finding_text(finding)).collect();
    let outcome = match check.status {
        Status::Fail => {
            // A check may fail without an error of its own: an earlier finding has it as evidence.
            let worst = findings.iter().find(|finding| finding.severity == Severity::Error);
            let (code, message) = worst.map_or(("", check.summary.as_str()), |finding| {
                (finding.code.name(), finding.title)
            });
            CaseOutcome::Failure { code, message: message.to_owned(), text: all }
        }
        Status::Skip => CaseOutcome::Skipped(why_skipped(report, check)),
        Status::Pass | Status::Warn => {
            CaseOutcome::Output(format!("{}\n{all}", text::inert(&check.summary)))
        }
    };
    let (category, duration_ms) = (check.category.name(), check.duration_ms);
    Case { category, name: check.id.name(), duration_ms, outcome }
}

fn document(
    command: &str,
    headline: &Headline,
    run: Option<(Timestamp, u64)>,
    cases: &[Case],
) -> String {
    let count =
        |wanted: fn(&CaseOutcome) -> bool| cases.iter().filter(|c| wanted(&c.outcome)).count();
    let (timestamp, duration_ms) = match run {
        Some((begun, duration)) => {
            (format!(" timestamp=\"{}\"", escape(&begun.to_string())), duration)
        }
        None => (String::new(), 0),
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{}\"",
        cases.len(),
        count(|outcome| matches!(outcome, CaseOutcome::Failure { .. })),
        count(|outcome| matches!(outcome, CaseOutcome::Skipped(_))),
        seconds(duration_ms),
    );
    let suite = escape(&format!("{command}: {}", headline.plain()));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"{command}\" {counts}>\n  \
         <testsuite name=\"{suite}\"{timestamp} {counts}>\n"
    );
    for case in cases {
        write_case(&mut xml, case);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml.lines().map(|line| text::guard(line) + "\n").collect()
}

fn write_case(xml: &mut String, case: &Case) {
    let content = match &case.outcome {
        CaseOutcome::Failure { code, message, text } => format!(
            "<failure type=\"{code}\" message=\"{}\">{}</failure>",
            escape(message),
            escape_lines(text)
        ),
        CaseOutcome::Skipped(why) => format!("<skipped message=\"{}\"/>", escape(why)),
        CaseOutcome::Output(text) => {
            format!("<system-out>{}</system-out>", escape_lines(text.trim_end()))
        }
    };
    let _ = writeln!(
        xml,
        "    <testcase classname=\"doctor.{}\" name=\"{}\" time=\"{}\">\n      {content}\n    \
         </testcase>",
        case.category,
        escape(case.name),
        seconds(case.duration_ms),
    );
}

/// A finding as plain text.
fn finding_text(finding: &Finding) -> String {
    let mut lines =
        vec![format!("[{}] {}", finding.code, finding.title), text::inert(&finding.detail)];
    for proof in &finding.evidence {
        lines.push(text::inert(&format!("  {}: {} ({})", proof.what, proof.value, proof.place)));
    }
    let fix = &finding.remediation;
    lines.push(text::inert(&format!("Fix: {}", fix.summary)));
    // The values in snippets are quoted, so line breaks here are real.
    lines.extend(fix.steps.iter().map(|step| step.text.clone()));
    lines.extend(fix.commands.iter().map(|command| command.text().to_owned()));
    lines.extend(fix.links.iter().cloned());
    lines.iter().map(|line| line.clone() + "\n").collect()
}

/// Escapes each line.
fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

/// Escapes text for XML 1.0, in attributes and between tags. [`text::inert`] shows the characters
/// that XML forbids (section 2.2) in escaped form.
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
    fn checks_become_test_cases() {
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
    fn values_are_escaped_once() {
        let mut report = samples::audience_mismatch();
        report.findings[0].evidence[0].value = "a\n<b>\u{1b}".to_owned();
        let xml = render(&report);
        assert!(xml.contains("expected: a\\n&lt;b&gt;\\u001b (policy.yaml:12)\n"), "{xml}");
    }

    proptest! {
        #[test]
        fn escaped_text_holds_no_markup(text in hostile()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.contains("##vso[") && !escaped.contains("]]>"));
            // XML 1.0 section 2.2 forbids most; a line break would begin a new line.
            prop_assert!(escaped.chars().all(|c| !c.is_control()));
        }
    }
}
