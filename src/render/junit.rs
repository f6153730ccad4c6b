//! The report as JUnit XML, which CI platforms show as a test result (Azure's
//! PublishTestResults, GitLab's `artifacts:reports:junit`, Jenkins): one suite, named after the
//! command, and one case per check.
//!
//! The writer is our own: [`escape`] shows the characters that XML forbids, where quick-junit drops
//! them, and quick-junit brings a second library for time.

pub(super) mod cases;
pub(super) mod who;

use std::fmt::Write as _;

use jiff::Timestamp;

use super::wording::{self, Headline, why_skipped};
use super::{DECODE, POLICY_LINT, POLICY_TEST};
use crate::catalogue::Severity;
use crate::report::{CheckResult, Finding, FoundBy, Report, Status};
use crate::text;

/// The diagnosis. A failed check is a failure, one with warnings has them as its output, one that
/// did not run is skipped.
pub(super) fn render(report: &Report) -> String {
    checks(report, "doctor", &wording::diagnosis(report))
}

/// What a policy document decides on a token.
pub(super) fn policy(report: &Report) -> String {
    checks(report, POLICY_TEST, &wording::policy(report))
}

/// What a token says.
pub(super) fn token(report: &Report) -> String {
    checks(report, DECODE, &wording::token(report))
}

fn checks(report: &Report, command: &str, headline: &Headline) -> String {
    let cases: Vec<Case> = report.checks.iter().map(|check| of_check(report, check)).collect();
    document(command, headline, Some((report.started_at, report.duration_ms)), &cases)
}

/// Findings about a document: each is a failed case, since a document should have none. A note is
/// the output of a passed one.
pub(super) fn lint(found: &[Finding]) -> String {
    let cases = found.iter().map(|finding| {
        let outcome = match finding.severity {
            Severity::Error | Severity::Warning => Outcome::Failure {
                code: finding.code.name(),
                message: finding.title.to_owned(),
                text: told(finding),
            },
            Severity::Info => Outcome::Output(told(finding)),
        };
        Case {
            category: finding.category.name(),
            name: finding.code.name(),
            duration_ms: 0,
            outcome,
        }
    });
    let mut cases: Vec<Case> = cases.collect();
    let headline = wording::lint(found);
    // A platform takes a suite without a case for a run that did not happen.
    if cases.is_empty() {
        let outcome = Outcome::Output(headline.meaning.clone());
        cases.push(Case { category: "policy", name: "policy", duration_ms: 0, outcome });
    }
    document(POLICY_LINT, &headline, None, &cases)
}

/// A test case.
struct Case<'a> {
    category: &'static str,
    name: &'a str,
    duration_ms: u64,
    outcome: Outcome,
}

enum Outcome {
    Failure { code: &'static str, message: String, text: String },
    Skipped(String),
    Output(String),
}

fn of_check<'a>(report: &Report, check: &'a CheckResult) -> Case<'a> {
    let findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.check == FoundBy::Check(check.id))
        .collect();
    let all: String = findings.iter().map(|finding| told(finding)).collect();
    let outcome = match check.status {
        Status::Fail => {
            // A check fails without a finding of its own where that is evidence of an earlier one.
            let worst = findings.iter().find(|finding| finding.severity == Severity::Error);
            let (code, message) = worst.map_or(("", check.summary.as_str()), |finding| {
                (finding.code.name(), finding.title)
            });
            Outcome::Failure { code, message: message.to_owned(), text: all }
        }
        Status::Skip => Outcome::Skipped(why_skipped(report, check)),
        Status::Pass | Status::Warn => {
            Outcome::Output(format!("{}\n{all}", text::inert(&check.summary)))
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
    let count = |wanted: fn(&Outcome) -> bool| cases.iter().filter(|c| wanted(&c.outcome)).count();
    let (timestamp, duration_ms) = match run {
        Some((begun, duration)) => {
            (format!(" timestamp=\"{}\"", escape(&begun.to_string())), duration)
        }
        None => (String::new(), 0),
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{}\"",
        cases.len(),
        count(|outcome| matches!(outcome, Outcome::Failure { .. })),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
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
        Outcome::Failure { code, message, text } => format!(
            "<failure type=\"{code}\" message=\"{}\">{}</failure>",
            escape(message),
            body(text)
        ),
        Outcome::Skipped(why) => format!("<skipped message=\"{}\"/>", escape(why)),
        Outcome::Output(text) => format!("<system-out>{}</system-out>", body(text.trim_end())),
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
    lines.extend(fix.steps.iter().map(|step| step.text.clone()));
    lines.extend(fix.commands.iter().map(|command| command.text().to_owned()));
    lines.extend(fix.links.iter().cloned());
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
    fn value_is_one_line_escaped_once() {
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
