//! GitHub's workflow commands (docs.github.com, "Workflow commands for GitHub Actions"). The
//! escapes are those of the runner's `ActionCommand`.

use super::{LogCommands, level, message};
use crate::report::Finding;

/// The runner masks the token and nothing of its claims.
pub(crate) const PLATFORM: LogCommands = LogCommands {
    annotation,
    issue,
    group: |title| format!("::group::{}", data(title)),
    end_group: "::endgroup::",
    masks_claims: false,
};

fn annotation(finding: &Finding) -> Option<String> {
    let level = level(finding.severity)?;
    Some(issue(level, finding.code.name(), finding.title, &message(finding)))
}

fn issue(level: &'static str, code: &str, title: &str, message: &str) -> String {
    let title = property(&format!("{title} [{code}]"));
    format!("::{level} title={title}::{}", data(message))
}

/// The percent sign comes first: the others bring it in.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use insta::assert_snapshot;

    use super::*;
    use crate::render::{DIAGNOSIS, Format, Style, Verbosity, samples};

    #[test]
    fn a_failure() {
        let style = Style { color: false, width: 80, verbosity: Verbosity::Normal, unicode: false };
        let report = samples::several_errors();
        assert_snapshot!(DIAGNOSIS.render(&report, Format::Github, &style), @r#"
        x Login to acme fails at the backend [backend-scheme-missing]
          x token > x backend > ok issuer > ? policy > - exchange > ? whoami
          organization acme, backend api.pulumi.com (PULUMI_BACKEND_URL)

        ::error title=The backend URL has no scheme [backend-scheme-missing]::PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme. Fix: Write the URL with https:// in front.
        error[backend-scheme-missing]: The backend URL has no scheme
          PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.

            PULUMI_BACKEND_URL  api.pulumi.com  (environment)

          Fix: Write the URL with https:// in front.

            export PULUMI_BACKEND_URL=https://api.pulumi.com

          See https://www.pulumi.com/docs/iac/concepts/state-and-backends/

        ::error title=The token has expired [token-expired]::The token expired 3 h 10 min ago. Fix: Request the token directly before the login.
        error[token-expired]: The token has expired
          The token expired 3 h 10 min ago.
            exp  1700000000 (2023-11-14T22:13:20Z)  (token claim exp)
          Fix: Request the token directly before the login.

        ::warning title=Several places name different backends [backend-overridden]::The environment beats the project file. Fix: Delete the settings that name the wrong backend.
        warning[backend-overridden]: Several places name different backends
          The environment beats the project file.
          Fix: Delete the settings that name the wrong backend.

        info[cli-not-found]: No pulumi on PATH
        info[policy-unknown]: The policy is not known

        ::group::Checks
          ok    input     a token from env:idToken
          fail  backend   cloud: api.pulumi.com has no scheme
          skip  backend   not checked: stopped by cloud
          fail  token     expired 3 h 10 min ago
          skip  issuer    registration not checked: --offline
          skip  issuer    keys not checked: --offline
          ok    issuer    registered as azure
          skip  exchange  not checked: stopped by cloud
        ::endgroup::
        ::group::Login
          organization  acme
          token type    organization
          scope         (none)
          expiration    7200 s
          backend       api.pulumi.com  (PULUMI_BACKEND_URL)
        ::endgroup::
        ::group::Policy
          source    none
          decision  unknown
        ::endgroup::
        ::group::Token
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
        ::endgroup::
        "#);
    }

    #[test]
    fn escapes_are_the_runner_s() {
        assert_eq!(property("100%: a, b\r\n"), "100%25%3A a%2C b%0D%0A");
        assert_eq!(data("100%: a, b\r\n"), "100%25: a, b%0D%0A");
    }
}
