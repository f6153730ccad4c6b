//! GitHub's workflow commands (docs.github.com, "Workflow commands for GitHub Actions"), with the
//! escapes of the runner's `ActionCommand`.

use super::{LogCommands, annotation_level, annotation_message};
use crate::report::Finding;

/// The runner masks the token but not its claims.
pub(crate) const PLATFORM: LogCommands = LogCommands {
    annotation,
    issue,
    group: |title| format!("::group::{}", escape_data(title)),
    end_group: "::endgroup::",
    masks_claims: false,
};

fn annotation(finding: &Finding) -> Option<String> {
    let level = annotation_level(finding.severity)?;
    Some(issue(level, finding.code.name(), finding.title, &annotation_message(finding)))
}

fn issue(level: &'static str, code: &str, title: &str, message: &str) -> String {
    let title = escape_property(&format!("{title} [{code}]"));
    format!("::{level} title={title}::{}", escape_data(message))
}

/// The percent sign comes first, because the other escapes contain it.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn escapes_match_github_runner() {
        assert_eq!(escape_property("100%: a, b\r\n"), "100%25%3A a%2C b%0D%0A");
        assert_eq!(escape_data("100%: a, b\r\n"), "100%25: a, b%0D%0A");
    }
}
