//! Azure Pipelines' logging commands (learn.microsoft.com, "Logging commands"). The escapes are
//! those of the agent's `CommandStringConvertor`.

use std::path::Path;

use super::{LogCommands, level, message};
use crate::report::Finding;
use crate::text::inert;

/// The agent masks every parameter of the service connections that it knows, issuer and subject
/// among them.
pub(crate) const PLATFORM: LogCommands = LogCommands {
    annotation,
    issue,
    group: |title| format!("##[group]{title}"),
    end_group: "##[endgroup]",
    masks_claims: true,
};

fn annotation(finding: &Finding) -> Option<String> {
    let level = level(finding.severity)?;
    Some(issue(level, finding.code.name(), finding.title, &message(finding)))
}

fn issue(level: &'static str, code: &str, title: &str, message: &str) -> String {
    let code = property(code);
    let message = data(&format!("{title}: {message}"));
    format!("##vso[task.logissue type={level};code={code};]{message}")
}

/// The command that shows a Markdown file on the run's page. A path that is not plain text would
/// not be found again, or would say something of its own: none for it.
pub(crate) fn upload_summary(path: &Path) -> Option<String> {
    let path = path.to_str().filter(|path| inert(path) == *path)?;
    Some(format!("##vso[task.uploadsummary]{}\n", data(path)))
}

/// What a command is about. The percent sign comes first: the others bring it in.
fn data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(';', "%3B").replace(']', "%5D")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use insta::assert_snapshot;

    use super::*;
    use crate::render::{DIAGNOSIS, Format, Style, Verbosity, samples};
    use crate::report::Report;

    fn show(report: &Report, verbosity: Verbosity) -> String {
        DIAGNOSIS.render(
            report,
            Format::Azure,
            &Style { color: false, width: 80, verbosity, unicode: false },
        )
    }

    #[test]
    fn a_failure() {
        assert_snapshot!(show(&samples::audience_mismatch(), Verbosity::Normal), @r#"
        x Login to acme fails at the policy [audience-mismatch]
          ok token > ok backend > ok issuer > x policy > - exchange > - whoami
          organization acme, backend https://api.pulumi.com (default)

        ##vso[task.logissue type=error;code=audience-mismatch;]The token's audience is not the one that the policy allows: policies[0] wants the audience api://AzureADTokenExchange and the token's audience is fb60f99c-7a34-4190-8149-302f77469936. These are one audience, spelled two ways: the Entra issuer puts the GUID into the token. Fix: Make the rule on aud and the token's audience equal.
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

        ##[group]Issuer and subject in parts, for where this log shows them as ***
          iss
            1  login.microsoftonline.com
            2  72f988bf-86f1-41af-91ab-2d7cd011db47
            3  v2.0
          sub
            1   eid1
            2   c
            3   pub
            4   t
            5   v4j5cvGGr0GRqy180BHbRw
                (tenant 72f988bf-86f1-41af-91ab-2d7cd011db47)
            6   a
            7   0X3XmYmZb0S3Dk5vN1p2hw
                (application 99d77dd1-9989-446f-b70e-4e6f375a7687)
            8   sc
            9   0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11
                (organization)
            10  5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e
                (service connection)
        ##[endgroup]
        ##[group]Checks
          ok    input     a token from env:idToken
          ok    login     organization acme
          ok    backend   cloud: https://api.pulumi.com
          ok    backend   answers as Pulumi Cloud
          ok    token     valid for 9 min
          ok    issuer    registered as azure
          ok    issuer    registration: served
          ok    issuer    signature: verified with key k1
          fail  policy    denied: aud does not match
          skip  exchange  not checked: stopped by policy
          skip  whoami    not checked: stopped by policy
        ##[endgroup]
        ##[group]Login
          organization  acme
          token type    organization
          scope         (none)
          expiration    7200 s
          backend       https://api.pulumi.com  (default)
        ##[endgroup]
        ##[group]Policy
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
        ##[endgroup]
        ##[group]Token
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
        ##[endgroup]
        "#);
    }

    #[test]
    fn success_is_short() {
        assert_snapshot!(show(&samples::healthy(), Verbosity::Normal), @r"
        ok Login to acme works as ci-bot (1 warning)
          ! token > ok backend > ok issuer > ok policy > ok exchange > ok whoami
          user ci-bot, organization acme, backend https://api.pulumi.com (default)
        ##vso[task.logissue type=warning;code=token-expires-soon;]The token is about to expire: The token expires in 42 s. Fix: Request the token directly before the login.
        warning[token-expires-soon]: The token is about to expire
          The token expires in 42 s.
          Fix: Request the token directly before the login.

        ##[group]Issuer and subject in parts, for where this log shows them as ***
          iss
            1  login.microsoftonline.com
            2  72f988bf-86f1-41af-91ab-2d7cd011db47
            3  v2.0
          sub
            1   eid1
            2   c
            3   pub
            4   t
            5   v4j5cvGGr0GRqy180BHbRw
                (tenant 72f988bf-86f1-41af-91ab-2d7cd011db47)
            6   a
            7   0X3XmYmZb0S3Dk5vN1p2hw
                (application 99d77dd1-9989-446f-b70e-4e6f375a7687)
            8   sc
            9   0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11
                (organization)
            10  5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e
                (service connection)
        ##[endgroup]
        ");
    }

    #[test]
    fn quiet_has_the_root_cause_s_annotation_only() {
        assert_snapshot!(show(&samples::several_errors(), Verbosity::Quiet), @r"
        x Login to acme fails at the backend [backend-scheme-missing]
          backend api.pulumi.com (PULUMI_BACKEND_URL)
        ##vso[task.logissue type=error;code=backend-scheme-missing;]The backend URL has no scheme: PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme. Fix: Write the URL with https:// in front.
        error[backend-scheme-missing]: The backend URL has no scheme
          PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.
        ");
    }

    #[test]
    fn escapes_are_the_agent_s() {
        assert_eq!(data("100%3B;\r\n]"), "100%AZP253B;%0D%0A]");
        assert_eq!(property("100%3B;\r\n]"), "100%AZP253B%3B%0D%0A%5D");
    }

    #[test]
    fn a_path_is_a_path() {
        let upload = |path: &str| upload_summary(Path::new(path));
        assert_eq!(upload("/tmp/a;b%.md").unwrap(), "##vso[task.uploadsummary]/tmp/a;b%AZP25.md\n");
        assert_eq!(upload("/tmp/##vso[x]/a.md"), None);
        assert_eq!(upload("/tmp/\n/a.md"), None);
    }
}
