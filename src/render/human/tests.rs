#![allow(clippy::unwrap_used, clippy::expect_used)]

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::catalogue::{Category, Code};
use crate::render::samples;
use crate::text::inert;
use crate::text::tests::hostile;

fn show(report: &Report, verbosity: Verbosity) -> String {
    show_wide(report, verbosity, 80)
}

fn show_wide(report: &Report, verbosity: Verbosity, width: usize) -> String {
    render(report, &Style { color: false, width, verbosity, unicode: false }, None)
}

#[test]
fn healthy_report_is_short() {
    assert_snapshot!(show(&samples::healthy(), Verbosity::Normal), @r"
    ok Login to acme works as ci-bot (1 warning)
      ! token > ok backend > ok issuer > ok policy > ok exchange > ok whoami
      user ci-bot, organization acme, backend https://api.pulumi.com (default)

    ! The token is about to expire [token-expires-soon]
      The token expires in 42 s.
      Fix: Request the token directly before the login.
    ");
}

#[test]
fn untried_policy_is_reported() {
    let mut report = samples::healthy();
    report.checks.retain(|check| check.category != Category::Exchange);
    report.findings.clear();
    assert_snapshot!(show(&report, Verbosity::Normal), @r"
    ok Login to acme should work (no exchange was made)
      ! token > ok backend > ok issuer > ok policy > ? exchange > ok whoami
      organization acme, backend https://api.pulumi.com (default)
    ");
}

#[test]
fn narrow_rules_form_a_table() {
    let mut report = samples::audience_mismatch();
    report.policy.entries[0].rules.remove(1);
    let text = show_wide(&report, Verbosity::Verbose, 100);
    let table =
        text.split("(allow, organization token, ").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_snapshot!(table, @r"
    policy.yaml:9), the closest to this token
                 claim  policy wants                token has
        differs  aud    api://AzureADTokenExchange  fb60f99c-7a34-4190-8149-302f77469936
        missing  azp    acme                        (no such claim)
    ");
}

#[test]
fn quiet_has_backend_cause_and_fix() {
    assert_snapshot!(show(&samples::several_errors(), Verbosity::Quiet), @r"
    x Login to acme fails at the backend [backend-scheme-missing]
      backend api.pulumi.com (PULUMI_BACKEND_URL)

      PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.

        PULUMI_BACKEND_URL  api.pulumi.com  (environment)

    Fix: Write the URL with https:// in front.

        export PULUMI_BACKEND_URL=https://api.pulumi.com
    ");
    for report in [samples::healthy(), samples::audience_mismatch()] {
        let quiet = show(&report, Verbosity::Quiet);
        assert!(quiet.contains("\n  backend https://api.pulumi.com ("), "{quiet}");
        assert!(!quiet.contains("Checks") && !quiet.contains("policy >"), "{quiet}");
    }
}

#[test]
fn further_findings_are_short() {
    let text = show(&samples::several_errors(), Verbosity::Normal);
    let others = text.split("\n\n").skip_while(|part| !part.starts_with("x The token"));
    let others: Vec<&str> = others.take(2).collect();
    assert_snapshot!(others.join("\n\n"), @r"
    x The token has expired [token-expired]
      The token expired 3 h 10 min ago.
        exp  1700000000 (2023-11-14T22:13:20Z)  (token claim exp)
      Fix: Request the token directly before the login.

    ! Several places name different backends [backend-overridden]
      The environment beats the project file.
      Fix: Delete the settings that name the wrong backend.
    ");
}

/// Renders two values of a finding on a page of this width.
fn compared_values(left: &str, right: &str, from: Option<usize>, width: usize) -> String {
    let mut report = samples::audience_mismatch();
    let first = &mut report.findings[0];
    first.evidence[0].value = left.to_owned();
    first.evidence[1].value = right.to_owned();
    first.evidence[1].place = "token claim aud".to_owned();
    first.difference = Some(crate::report::Difference { from });
    let text = show_wide(&report, Verbosity::Normal, width);
    let values = text.split("\n\n").find(|part| part.starts_with("    expected")).unwrap();
    format!("{values}\n")
}

#[test]
fn difference_is_marked_below_values() {
    let long = "/eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/0X3XmYmZb0S3Dk5vN1p2hw/sc";
    let table = [
        compared_values("repo:acme/web:ref:main", "repo:acme/web:ref:dev", None, 100),
        compared_values("https://a.test/", "https://a.test", None, 100),
        // Only the pattern's end does not match.
        compared_values("repo:*:ref:main", "repo:acme/web:ref:dev", Some(18), 100),
        compared_values(&format!("{long}/x"), &format!("{long}/y"), None, 60),
    ];
    assert_snapshot!(table.join("\n"), @r"
    expected   repo:acme/web:ref:main  policy.yaml:12
    token aud  repo:acme/web:ref:dev
                                 ^^^^

    expected   https://a.test/  policy.yaml:12
    token aud  https://a.test
                             ^

    expected   repo:*:ref:main        policy.yaml:12
    token aud  repo:acme/web:ref:dev
                                 ^^^

    expected   /eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/
               0X3XmYmZb0S3Dk5vN1p2hw/sc/x
                                         ^
    token aud  /eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/
               0X3XmYmZb0S3Dk5vN1p2hw/sc/y
                                         ^
    expected at policy.yaml:12
    ");
}

#[test]
fn hostile_text_adds_no_lines() {
    let text = show(&samples::with_text(samples::HOSTILE), Verbosity::Normal);
    let first: Vec<&str> = text.lines().take(3).collect();
    assert!(first[0].starts_with(r"x Login to \r\n::error::x\n#\u0023vso["), "{first:?}");
    assert!(first[2].ends_with("[audience-mismatch]"), "{first:?}");
}

#[test]
fn word_longer_than_page_stays_whole() {
    let word = "x".repeat(500);
    let text = show_wide(&samples::with_text(&word), Verbosity::Verbose, 60);
    for line in text.lines().filter(|line| line.contains("xx")) {
        assert!(line.contains(&word), "{line}");
    }
}

#[test]
fn only_warnings_are_not_called_errors() {
    let mut report = samples::healthy();
    report.verdict = Verdict::Unhealthy;
    report.root_cause = Some(Code::TokenExpiresSoon);
    assert_snapshot!(show(&report, Verbosity::Quiet), @r"
    x Login to acme has warnings, and --strict counts them as errors
      [token-expires-soon]
      backend https://api.pulumi.com (default)

      The token expires in 42 s.

    Fix: Request the token directly before the login.
    ");
}

#[test]
fn trailing_space_is_quoted() {
    let text = show(&samples::with_text("acme "), Verbosity::Verbose);
    assert!(text.contains("policy wants  token has\n"), "{text}");
    assert!(text.contains("\"acme \"  \"acme \""), "{text}");
}

#[test]
fn colors_change_only_color() {
    // No test sets it to false: without `Style::color` nothing asks `colored`.
    colored::control::set_override(true);
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        let report = samples::with_text("acme");
        let coloured =
            render(&report, &Style { color: true, width: 80, verbosity, unicode: false }, None);
        let mut pieces = coloured.split('\u{1b}');
        let mut plain = pieces.next().unwrap().to_owned();
        assert!(coloured.contains("\u{1b}[1;31mx\u{1b}[0m"), "{coloured:?}");
        for piece in pieces {
            plain.push_str(piece.split_once('m').unwrap().1);
        }
        assert_eq!(plain, show(&report, verbosity));
    }
}

proptest! {
    #[test]
    fn hostile_text_adds_no_command(text in hostile(), width in 0usize..200) {
        let report = samples::with_text(&text);
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            for line in show_wide(&report, verbosity, width).lines() {
                prop_assert_eq!(inert(line), line);
                prop_assert!(!line.trim_start().starts_with("::"), "{line}");
            }
        }
    }
}
