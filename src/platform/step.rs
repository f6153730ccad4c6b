//! Pipeline steps to paste that run the doctor when the login fails.

/// The step of one platform.
pub(crate) struct StepTemplate {
    /// What `doctor step` calls the platform.
    pub(crate) argument: &'static str,
    /// What its help says of the step.
    pub(crate) about: &'static str,
    /// The YAML, from a note that may be empty, the organization and its audience. A script stands in a literal
    /// block (YAML 1.2.2 section 8.1.2), where a word that is quoted for the shell needs no other
    /// quoting.
    pub(crate) yaml: fn(&str, &str, &str) -> String,
}
