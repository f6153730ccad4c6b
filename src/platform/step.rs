//! Pipeline steps to paste, which install the doctor and run it when the login fails.

use crate::text::command::Shell;

/// The package that pip and pipx install. The version is pinned, so that a new release does not
/// change a pipeline.
pub(super) const RELEASE: &str = concat!(env!("CARGO_PKG_NAME"), "==", env!("CARGO_PKG_VERSION"));

/// The step of one platform.
pub(crate) struct StepTemplate {
    /// The argument of `doctor step`.
    pub(crate) argument: &'static str,
    /// The help text of the step.
    pub(crate) about: &'static str,
    /// The supported shells, the default first.
    pub(crate) shells: &'static [Shell],
    /// Writes the YAML. The script is a literal block (YAML 1.2.2 section 8.1.2), where a word that
    /// is quoted for the shell needs no other quoting.
    pub(crate) yaml: fn(&StepValues) -> String,
}

/// The values in a step.
pub(crate) struct StepValues<'a> {
    pub(crate) shell: Shell,
    /// A comment line, or nothing.
    pub(crate) note: &'a str,
    /// The organization, quoted for the shell.
    pub(crate) organization: &'a str,
    /// The audience of its tokens, unquoted.
    pub(crate) audience: &'a str,
}

impl StepValues<'_> {
    /// The command line for machines with pipx, as Azure's and GitHub's hosted ones. It has no
    /// token, because the doctor finds the job's own.
    pub(super) fn pipx(&self) -> String {
        format!("pipx run --spec {RELEASE} doctor --oidc-org {}", self.organization)
    }
}
