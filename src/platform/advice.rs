//! Advice from the platforms, as plain values that the judge turns into findings.

use crate::text::command::Command;

/// The login that the advice adds to a pipeline.
pub(crate) struct Login {
    /// The command, which reads the token from [`Platform::variable`](super::Platform).
    pub(crate) command: String,
    /// The audience that the token needs.
    pub(crate) audience: String,
}

/// A step to take, and the text to add to the pipeline.
pub(crate) type Addition = (&'static str, String);

/// Why a job has no token. Each has a code in the catalogue.
#[derive(Clone, Copy)]
pub(crate) enum Cause {
    TokenNotExposed,
    ConnectionNotFederated,
    SystemTokenUnmapped,
    RequestFailed,
    IdTokenPermission,
    IdTokenMissing,
}

/// Why a job has no token, and what to do about it.
pub(crate) struct Explanation {
    pub(crate) cause: Cause,
    pub(crate) detail: String,
    pub(crate) remedy: Remedy,
}

impl Explanation {
    pub(super) fn new(cause: Cause, detail: impl Into<String>, remedy: Remedy) -> Self {
        Self { cause, detail: detail.into(), remedy }
    }
}

/// A step of a remedy.
pub(crate) enum Step {
    Plain(String),
    /// Introduces the commands.
    Announcing(String),
}

/// What to do, and the evidence for it.
#[derive(Default)]
pub(crate) struct Remedy {
    /// Replaces the catalogue's sentence.
    pub(crate) fix: Option<String>,
    /// Facts: the name, its value, and where it was found.
    pub(crate) evidence: Vec<(String, String, String)>,
    pub(crate) steps: Vec<Step>,
    /// Commands to paste, with values quoted for their destination.
    pub(crate) commands: Vec<Command>,
}

impl Remedy {
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn proof(
        mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        place: impl Into<String>,
    ) -> Self {
        self.evidence.push((what.into(), value.into(), place.into()));
        self
    }

    pub(super) fn step(mut self, step: impl Into<String>) -> Self {
        self.steps.push(Step::Plain(step.into()));
        self
    }

    pub(super) fn announce(mut self, step: impl Into<String>) -> Self {
        self.steps.push(Step::Announcing(step.into()));
        self
    }

    pub(super) fn command(mut self, command: impl Into<Command>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// How a platform refused a token.
pub(crate) struct Refused<'a> {
    pub(crate) status: u16,
    /// Its message.
    pub(crate) said: &'a str,
    /// It answered with a web page or a redirect, as if to sign in.
    pub(crate) signs_in: bool,
}
