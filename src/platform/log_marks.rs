//! The texts in logs that identify a platform and its steps.

/// The texts that a platform writes into logs, or that occur in commands about it.
pub(crate) struct LogMarks {
    /// Identify the platform.
    pub(crate) platform: &'static [&'static str],
    /// The prefixes of commands that are about to run.
    pub(crate) commands: &'static [&'static str],
    /// The prefixes of other lines.
    pub(crate) prefixes: &'static [&'static str],
    /// A step begins.
    pub(crate) step: &'static [&'static str],
    /// The text of a step's script begins, or its inputs.
    pub(crate) script: &'static [&'static str],
    /// The text of a step's script ends.
    pub(crate) script_end: &'static [&'static str],
    /// A step begins that only makes the exchange.
    pub(crate) exchange_step: &'static [&'static str],
    /// A step begins that logs in to Pulumi Cloud, or a job that will.
    pub(crate) login_step: &'static [&'static str],
    /// A step failed.
    pub(crate) failed: &'static [&'static str],
    /// A token is requested.
    pub(crate) token_request: &'static [&'static str],
    /// The issuer's keys are requested.
    pub(crate) keys: &'static [&'static str],
}

impl LogMarks {
    pub(super) const NONE: Self = Self {
        platform: &[],
        commands: &[],
        prefixes: &[],
        step: &[],
        script: &[],
        script_end: &[],
        exchange_step: &[],
        login_step: &[],
        failed: &[],
        token_request: &[],
        keys: &[],
    };
}
