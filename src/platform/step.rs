//! Pipeline steps to paste that install the doctor and run it when the login fails.

use crate::text::command::Shell;

/// What pip and pipx install. A step names the version: the next release must not change what a
/// pipeline runs.
pub(super) const RELEASE: &str = concat!(env!("CARGO_PKG_NAME"), "==", env!("CARGO_PKG_VERSION"));

/// The step of one platform.
pub(crate) struct StepTemplate {
    /// What `doctor step` calls the platform.
    pub(crate) argument: &'static str,
    /// What its help says of the step.
    pub(crate) about: &'static str,
    /// The shells that its steps can be written for, the default first.
    pub(crate) shells: &'static [Shell],
    /// The YAML. The script stands in a literal block (YAML 1.2.2 section 8.1.2), where a word that
    /// is quoted for the shell needs no other quoting.
    pub(crate) yaml: fn(&StepValues) -> String,
}

/// What is filled in.
pub(crate) struct StepValues<'a> {
    pub(crate) shell: Shell,
    /// A comment line, or nothing.
    pub(crate) note: &'a str,
    /// The organization, quoted for the shell.
    pub(crate) organization: &'a str,
    /// The audience of its tokens, as it is.
    pub(crate) audience: &'a str,
}

impl StepValues<'_> {
    /// The command line for machines that have pipx, as the hosted ones of Azure and GitHub do. The
    /// token is not on it: the doctor finds the job's own.
    pub(super) fn pipx(&self) -> String {
        format!("pipx run --spec {RELEASE} doctor --oidc-org {}", self.organization)
    }
}
