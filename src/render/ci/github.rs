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

    use super::*;

    #[test]
    fn escapes_are_the_runner_s() {
        assert_eq!(property("100%: a, b\r\n"), "100%25%3A a%2C b%0D%0A");
        assert_eq!(data("100%: a, b\r\n"), "100%25: a, b%0D%0A");
    }
}
