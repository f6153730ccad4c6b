#![allow(clippy::unwrap_used, clippy::expect_used)]

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
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
fn a_login_that_works_is_told_in_a_few_lines() {
    assert_snapshot!(show(&samples::healthy(), Verbosity::Normal), @r"
    ok Login to acme works as ci-bot (1 warning)
      ! token > ok backend > ok issuer > ok policy > ok exchange > ok whoami
      user ci-bot, organization acme, backend https://api.pulumi.com (default)
    warning[token-expires-soon]: The token is about to expire
      The token expires in 42 s.
      Fix: Request the token directly before the login.
    ");
}

#[test]
fn a_policy_that_was_not_tried_is_called_that() {
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
fn the_root_cause_comes_with_its_fix_and_the_closest_entry() {
    assert_snapshot!(show(&samples::audience_mismatch(), Verbosity::Normal), @r#"
    x Login to acme fails at the policy [audience-mismatch]
      ok token > ok backend > ok issuer > x policy > - exchange > - whoami
      organization acme, backend https://api.pulumi.com (default)

    error[audience-mismatch]: The token's audience is not the one that the policy allows
      policies[0] wants the audience api://AzureADTokenExchange and the token's
      audience is fb60f99c-7a34-4190-8149-302f77469936. These are one audience,
      spelled two ways: the Entra issuer puts the GUID into the token.

        expected   api://AzureADTokenExchange            (policy.yaml:12)
        token aud  fb60f99c-7a34-4190-8149-302f77469936  (token claim aud)

      Fix: Make the rule on aud and the token's audience equal.
        1. In Pulumi Cloud open Settings, OIDC issuers, azure, and edit its first
           policy.
        2. Set the rule on aud to the token's value:
             rules:
               aud: "fb60f99c-7a34-4190-8149-302f77469936"

        pulumi login --oidc-token "$idToken" --oidc-org acme

      See https://www.pulumi.com/docs/administration/concepts/oidc-issuers/

    info[cli-not-found]: No pulumi on PATH

    Checks
      ok    input     a token from env:idToken
      ok    login     organization acme
      ok    backend   cloud, backend
      ok    token     valid for 9 min
      ok    issuer    registered as azure; registration, signature
      fail  policy    denied: aud does not match
      skip  exchange  not checked: stopped by policy
      skip  whoami    not checked: stopped by policy

    More: `doctor explain audience-mismatch`; --details shows every check and the token.
    "#);
}

#[test]
fn further_errors_are_shorter() {
    assert_snapshot!(show(&samples::several_errors(), Verbosity::Normal), @r"
    x Login to acme fails at the backend [backend-scheme-missing]
      x token > x backend > ok issuer > ? policy > - exchange > ? whoami
      organization acme, backend api.pulumi.com (PULUMI_BACKEND_URL)

    error[backend-scheme-missing]: The backend URL has no scheme
      PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.

        PULUMI_BACKEND_URL  api.pulumi.com  (environment)

      Fix: Write the URL with https:// in front.

        export PULUMI_BACKEND_URL=https://api.pulumi.com

      See https://www.pulumi.com/docs/iac/concepts/state-and-backends/

    error[token-expired]: The token has expired
      The token expired 3 h 10 min ago.
        exp  1700000000 (2023-11-14T22:13:20Z)  (token claim exp)
      Fix: Request the token directly before the login.

    warning[backend-overridden]: Several places name different backends
      The environment beats the project file.
      Fix: Delete the settings that name the wrong backend.

    info[cli-not-found]: No pulumi on PATH
    info[policy-unknown]: The policy is not known

    Checks
      ok    input     a token from env:idToken
      fail  backend   cloud: api.pulumi.com has no scheme
      skip  backend   not checked: stopped by cloud
      fail  token     expired 3 h 10 min ago
      skip  issuer    registration, keys not checked: --offline
      ok    issuer    registered as azure
      skip  exchange  not checked: stopped by cloud

    More: `doctor explain backend-scheme-missing`; --details shows every check and the token.
    ");
}

#[test]
fn inconclusive_says_what_is_missing_and_how_to_get_it() {
    assert_snapshot!(show(&samples::inconclusive(), Verbosity::Normal), @r"
    ? Login to acme could not be checked [policy-unknown]
      ok token > ? backend > ? issuer > ? policy > ? exchange > ? whoami
      organization acme, backend https://api.pulumi.com (default)

    Not checked
      policy    no policy is known
      exchange  switched off by --offline; run again without it

    info[policy-unknown]: The policy is not known
      No policy was given, and --offline keeps the doctor from asking Pulumi Cloud
      for it.

      Fix: Check that an allow entry of the issuer has these rules, or pass the
           policy with --policy.

        rules:
          aud: fb60f99c-7a34-4190-8149-302f77469936
          sub: /eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/0X3XmYmZb0S3Dk5vN1p2hw/sc/0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11/5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e

        doctor --policy policy.json -

      See https://www.pulumi.com/docs/administration/concepts/oidc-issuers/

    info[cli-not-found]: No pulumi on PATH

    Checks
      ok    input     a token from stdin
      ok    token     valid for 9 min
      skip  policy    not checked: no policy is known
      skip  exchange  not checked: --offline
      skip  whoami    not checked: --offline

    More: --details shows every check and the token.
    ");
}

#[test]
fn quiet_is_verdict_backend_and_root_cause() {
    assert_snapshot!(show(&samples::several_errors(), Verbosity::Quiet), @r"
    x Login to acme fails at the backend [backend-scheme-missing]
      backend api.pulumi.com (PULUMI_BACKEND_URL)
    error[backend-scheme-missing]: The backend URL has no scheme
      PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.
    ");
    for report in [samples::healthy(), samples::inconclusive()] {
        let quiet = show(&report, Verbosity::Quiet);
        assert_eq!(quiet.lines().count(), 2, "{quiet}");
        assert!(quiet.contains("\n  backend https://api.pulumi.com ("), "{quiet}");
    }
}

#[test]
fn verbose_shows_everything() {
    assert_snapshot!(show(&samples::healthy(), Verbosity::Verbose), @r#"
    ok Login to acme works as ci-bot (1 warning)
      ! token > ok backend > ok issuer > ok policy > ok exchange > ok whoami

    warning[token-expires-soon]: The token is about to expire
      The token expires in 42 s.

      Fix: Request the token directly before the login.

      See https://www.pulumi.com/docs/administration/concepts/oidc-issuers/

    info[cli-not-found]: No pulumi on PATH
      No pulumi was found on PATH.

      Fix: Name pulumi's version with --pulumi-version.

      See https://www.pulumi.com/docs/iac/cli/commands/pulumi_login/

    Checks
      ok    input     a token from env:idToken
      ok    login     organization acme
      ok    backend   cloud: https://api.pulumi.com
      ok    backend   answers as Pulumi Cloud
      warn  token     expires in 42 s
      ok    issuer    registered as azure
      ok    issuer    registration: served
      ok    issuer    signature: verified with key k1
      ok    policy    policies[0] allows it
      ok    exchange  an access token for 7200 s
      ok    whoami    ci-bot in acme (12 ms)

    Login
      organization  acme
      token type    organization
      scope         (none)
      expiration    7200 s
      backend       https://api.pulumi.com  (default)

    Policy
      source    file
      decision  allow
      issuer    https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0

      policies[0] (allow, organization token), which lets it in
        matches  aud
                 policy wants  fb60f99c-7a34-4190-8149-302f77469936
                 token has     fb60f99c-7a34-4190-8149-302f77469936

    Token
      source       env:idToken
      fingerprint  sha256:0123456789abcdef

      header
        alg  RS256
        kid  k1

      claims
        iss     https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0
        aud     fb60f99c-7a34-4190-8149-302f77469936
        sub     /eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/0X3XmYmZb0S3Dk5vN1p2hw/sc/0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11/5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e
        exp     1700000000  (2023-11-14T22:13:20Z)
        groups  ["a","b"]

    Identity
      user           ci-bot
      organizations  acme

      access token
        name          ci
        organization  acme
    "#);
}

#[test]
fn every_entry_is_shown_rule_by_rule() {
    let text = show(&samples::audience_mismatch(), Verbosity::Verbose);
    let policy = text.split("\nPolicy\n").nth(1).unwrap().split("\nToken\n").next().unwrap();
    assert_snapshot!(policy, @r##"
    source    file
    decision  deny
    issuer    https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0

    policies[0] (allow, organization token), the closest to this token
      differs  aud
               policy wants  api://AzureADTokenExchange
               token has     fb60f99c-7a34-4190-8149-302f77469936
      matches  sub
               policy wants  /eid1/*
               token has     /eid1/c/pub/t/v4j5cvGGr0GRqy180BHbRw/a/0X3XmYmZb0S3Dk5vN1p2hw/sc/0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11/5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e
      missing  azp
               policy wants  acme
               token has     (no such claim)

    policies[1] (deny, team token), not for this request
      no rules
    "##);
}

#[test]
fn rules_that_fit_stand_in_a_table() {
    let mut report = samples::audience_mismatch();
    report.policy.entries[0].rules.remove(1);
    let text = show_wide(&report, Verbosity::Verbose, 100);
    let table = text.split("\n  policies[0] (").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_snapshot!(table, @r##"
    allow, organization token), the closest to this token
                 claim  policy wants                token has
        differs  aud    api://AzureADTokenExchange  fb60f99c-7a34-4190-8149-302f77469936
        missing  azp    acme                        (no such claim)
    "##);
}

#[test]
fn hostile_text_stays_text() {
    assert_snapshot!(show(&samples::with_text(samples::HOSTILE), Verbosity::Normal), @r"
    x Login to \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y fails at the policy [audience-mismatch]
      ok token > ok backend > ok issuer > x policy > ? exchange > ? whoami
      organization \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y, backend \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y (\r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y)

    error[audience-mismatch]: The token's audience is not the one that the policy allows
      \r\n::error::x\n#\u0023vso[task.complete
      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y

        \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
          \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
          (\r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y)
          \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y

      Fix: \r\n::error::x\n#\u0023vso[task.complete
           result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
        1. \r
             \u003a:error::x
             #\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
        2. \r
             \u003a:error::x
             #\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y


        \u003a:error::x
        #\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y

      See \r\n::error::x\n#\u0023vso[task.complete result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y

    info[cli-not-found]: No pulumi on PATH

    Checks
      ok    input     \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
      ok    login     \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
      ok    backend   cloud, backend
      ok    token     \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
      ok    issuer    \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y;
                      registration, signature
      fail  policy    \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
      skip  exchange  not checked: \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y
      skip  whoami    not checked: \r\n::error::x\n#\u0023vso[task.complete
                      result=Succeeded]#\u0023[error]\u001b[2J\u202e\u{e0041}\u0085y

    More: `doctor explain audience-mismatch`; --details shows every check and the token.
    ");
}

#[test]
fn only_warnings_are_not_called_errors() {
    let mut report = samples::healthy();
    report.verdict = Verdict::Unhealthy;
    report.root_cause = Some(Code::TokenExpiresSoon);
    assert_snapshot!(show(&report, Verbosity::Quiet), @r"
    x Login to acme has warnings, and --strict counts them as errors [token-expires-soon]
      backend https://api.pulumi.com (default)
    warning[token-expires-soon]: The token is about to expire
      The token expires in 42 s.
    ");
}

#[test]
fn values_are_never_cut_or_wrapped() {
    let value = "x".repeat(500);
    let text = show_wide(&samples::with_text(&value), Verbosity::Verbose, 60);
    for line in text.lines().filter(|line| line.contains("xx")) {
        assert!(line.contains(&value), "{line}");
    }
}

#[test]
fn an_end_that_cannot_be_seen_is_quoted() {
    let text = show(&samples::with_text("acme "), Verbosity::Verbose);
    assert!(text.contains("policy wants  token has\n"), "{text}");
    assert!(text.contains("\"acme \"  \"acme \""), "{text}");
}

#[test]
fn colours_change_nothing_but_colour() {
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
    fn no_line_can_be_a_command(text in hostile(), width in 0usize..200) {
        let report = samples::with_text(&text);
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            for line in show_wide(&report, verbosity, width).lines() {
                prop_assert_eq!(inert(line), line);
                prop_assert!(!line.trim_start().starts_with("::"), "{line}");
            }
        }
    }
}
