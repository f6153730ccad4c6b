//! What a platform writes into the log of a job.

/// The texts that a platform writes into logs, or that commands hold which are about it.
pub(crate) struct LogMarks {
    /// What tells the platform.
    pub(crate) platform: &'static [&'static str],
    /// The prefix of a command that is about to run.
    pub(crate) commands: &'static [&'static str],
    /// The prefixes of other lines.
    pub(crate) prefixes: &'static [&'static str],
    /// A step begins.
    pub(crate) step: &'static [&'static str],
    /// The text of a step's script begins, or its inputs.
    pub(crate) script: &'static [&'static str],
    /// It ends.
    pub(crate) script_end: &'static [&'static str],
    /// A step begins that does nothing else than the exchange.
    pub(crate) exchange_step: &'static [&'static str],
    /// A step begins that also logs in to Pulumi Cloud, or will.
    pub(crate) login_step: &'static [&'static str],
    /// A step failed.
    pub(crate) failed: &'static [&'static str],
    /// A token is requested.
    pub(crate) token_request: &'static [&'static str],
    /// The issuer is asked for its keys.
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
