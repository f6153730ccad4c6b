//! Azure Pipelines' logging commands (learn.microsoft.com, "Logging commands"), with the escapes of
//! the agent's `CommandStringConvertor`.

use std::path::Path;

use super::{LogCommands, annotation_level, annotation_message};
use crate::report::Finding;
use crate::text::inert;

/// The agent masks every parameter of the job's service connections, including issuer and subject.
pub(crate) const PLATFORM: LogCommands = LogCommands {
    annotation,
    issue,
    group: |title| format!("##[group]{title}"),
    end_group: "##[endgroup]",
    masks_claims: true,
};

fn annotation(finding: &Finding) -> Option<String> {
    let level = annotation_level(finding.severity)?;
    Some(issue(level, finding.code.name(), finding.title, &annotation_message(finding)))
}

fn issue(level: &'static str, code: &str, title: &str, message: &str) -> String {
    let code = escape_property(code);
    let message = escape_data(&format!("{title}: {message}"));
    format!("##vso[task.logissue type={level};code={code};]{message}")
}

/// The command that shows a Markdown file on the run's page. `None` for a path that is not plain
/// text: escaped it names no file, unescaped it could be another command.
pub(crate) fn upload_summary(path: &Path) -> Option<String> {
    let path = path.to_str().filter(|path| inert(path) == *path)?;
    Some(format!("##vso[task.uploadsummary]{}\n", escape_data(path)))
}

/// Escapes a command's data. The percent sign comes first, because the other escapes contain it.
fn escape_data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(';', "%3B").replace(']', "%5D")
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
    fn success_prints_warnings_and_claims() {
        assert_snapshot!(show(&samples::healthy(), Verbosity::Normal), @r"
        ok Login to acme works as ci-bot (1 warning)
          ! token > ok backend > ok issuer > ok policy > ok exchange > ok whoami
          user ci-bot, organization acme, backend https://api.pulumi.com (default)

        ##vso[task.logissue type=warning;code=token-expires-soon;]The token is about to expire: The token expires in 42 s. Fix: Request the token directly before the login.
        ! The token is about to expire [token-expires-soon]
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
            5   v4j5cvGGr0GRqy180BHbRw  (tenant 72f988bf-86f1-41af-91ab-2d7cd011db47)
            6   a
            7   0X3XmYmZb0S3Dk5vN1p2hw
                (application 99d77dd1-9989-446f-b70e-4e6f375a7687)
            8   sc
            9   0bd7a5c4-9a4a-4d2f-8a0b-5f9d6c2e1a11  (organization)
            10  5b7c3d1e-2f4a-4c6b-9d8e-7f6a5b4c3d2e  (service connection)
        ##[endgroup]
        ");
    }

    #[test]
    fn quiet_prints_one_annotation() {
        assert_snapshot!(show(&samples::several_errors(), Verbosity::Quiet), @r"
        x Login to acme fails at the backend [backend-scheme-missing]
          backend api.pulumi.com (PULUMI_BACKEND_URL)
        ##vso[task.logissue type=error;code=backend-scheme-missing;]The backend URL has no scheme: PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme. Fix: Write the URL with https:// in front.

          PULUMI_BACKEND_URL is api.pulumi.com, which has no scheme.

            PULUMI_BACKEND_URL  api.pulumi.com  (environment)

        Fix: Write the URL with https:// in front.

            export PULUMI_BACKEND_URL=https://api.pulumi.com
        ");
    }

    #[test]
    fn escapes_match_azure_agent() {
        assert_eq!(escape_data("100%3B;\r\n]"), "100%AZP253B;%0D%0A]");
        assert_eq!(escape_property("100%3B;\r\n]"), "100%AZP253B%3B%0D%0A%5D");
    }

    #[test]
    fn only_plain_paths_are_uploaded() {
        let upload = |path: &str| upload_summary(Path::new(path));
        assert_eq!(upload("/tmp/a;b%.md").unwrap(), "##vso[task.uploadsummary]/tmp/a;b%AZP25.md\n");
        assert_eq!(upload("/tmp/##vso[x]/a.md"), None);
        assert_eq!(upload("/tmp/\n/a.md"), None);
    }
}
