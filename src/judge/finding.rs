//! Builds findings. The catalogue provides the general text, a check adds the values of this run.

use crate::catalogue::{Code, Severity};
use crate::report::{Difference, Finding, FoundBy, Proof, Remediation, RemedyOption, Step};
use crate::text;
use crate::text::command::Command;
pub(super) use crate::text::list;

/// The caveat of findings that depend on the service's JWT library.
pub(super) const ASSUMES_GO: &str = "Which library Pulumi Cloud verifies tokens with is not documented: this \
    assumes Go's (go-oidc, go-jose, golang-jwt), as in the CLI.";

impl Finding {
    /// A finding with the catalogue's title, severity, advice and link.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            category: code.category(),
            severity: code.severity(),
            // `judge::run` replaces this with the check's id.
            check: FoundBy::Triage,
            title: code.title(),
            detail: detail.into(),
            retryable: matches!(code, Code::ExchangeRateLimited | Code::ExchangeServerError),
            evidence: Vec::new(),
            difference: None,
            remediation: Remediation {
                summary: code.fix(),
                links: vec![code.link().to_owned()],
                ..Remediation::default()
            },
        }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Adds a piece of evidence.
    pub(super) fn proof(
        mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        place: impl Into<String>,
    ) -> Self {
        self.evidence.push(Proof::new(what, value, place));
        self
    }

    /// Adds the result of comparing two values in the evidence, for programs only. Reports for
    /// people mark the difference in the values.
    pub(super) fn comparison(
        mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        place: impl Into<String>,
    ) -> Self {
        self = self.proof(what, value, place);
        if let Some(proof) = self.evidence.last_mut() {
            proof.is_comparison = true;
        }
        self
    }

    /// Records that the first two values of the evidence differ. `from`: the character of the
    /// second one at which it stops matching a pattern.
    pub(super) fn with_difference(self, from: Option<usize>) -> Self {
        Self { difference: Some(Difference { from }), ..self }
    }

    /// Sets whether running the job again may help without any change.
    pub(super) fn retryable(self, retryable: bool) -> Self {
        Self { retryable, ..self }
    }

    /// Adds a complete way to repair the failure. Preferred ways come first.
    pub(super) fn option(mut self, option: RemedyOption) -> Self {
        self.remediation.options.push(option);
        self
    }

    /// Adds the number of attempts of a request, if there was more than one.
    pub(super) fn attempts(self, attempts: u32) -> Self {
        match attempts {
            0 | 1 => self,
            2 => self.proof("asked", "twice", "request"),
            more => self.proof("asked", format!("{more} times"), "request"),
        }
    }

    /// Replaces the catalogue's one-sentence advice with a more specific one.
    pub(super) fn fix(mut self, summary: impl Into<String>) -> Self {
        self.remediation.summary = summary.into();
        self
    }

    /// Adds a step on one line. Renderers treat text after a line break as a snippet, so line
    /// breaks in values are made inert.
    pub(super) fn step(mut self, step: impl AsRef<str>) -> Self {
        self.remediation.steps.push(text::inert(step.as_ref()).into());
        self
    }

    /// Adds a note about the remedy.
    pub(super) fn note(mut self, note: impl AsRef<str>) -> Self {
        self = self.step(note);
        if let Some(step) = self.remediation.steps.last_mut() {
            step.is_note = true;
        }
        self
    }

    /// Adds a step with a snippet to paste, which may have several lines. The caller has quoted the
    /// values in it for its destination.
    pub(super) fn snippet(mut self, step: impl AsRef<str>, pasted: &str) -> Self {
        let text = format!("{}\n{pasted}", text::inert(step.as_ref()));
        self.remediation.steps.push(text.into());
        self
    }

    /// Adds a step with a diff. The caller has quoted its lines for their destination.
    pub(super) fn diff(self, step: impl AsRef<str>, removed: &str, added: &str) -> Self {
        let lines = |sign: char, text: &str| -> Vec<String> {
            text.lines().map(|line| format!("{sign} {line}")).collect()
        };
        let diff = [lines('-', removed), lines('+', added)].concat().join("\n");
        let mut finding = self.snippet(step, &diff);
        if let Some(step) = finding.remediation.steps.last_mut() {
            step.is_diff = true;
        }
        finding
    }

    /// Adds a step that introduces the commands.
    pub(super) fn announce(mut self, step: impl AsRef<str>) -> Self {
        let text = text::inert(step.as_ref());
        self.remediation.steps.push(Step { introduces_commands: true, ..text.into() });
        self
    }

    /// Adopts another remedy's summary and appends its steps, commands and options.
    pub(super) fn remedied_by(mut self, remedy: Remediation) -> Self {
        self.remediation.summary = remedy.summary;
        self.remediation.steps.extend(remedy.steps);
        self.remediation.commands.extend(remedy.commands);
        self.remediation.options.extend(remedy.options);
        self
    }

    pub(super) fn commands(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.remediation.commands.extend(commands);
        self
    }

    /// Adds a command to paste. The caller has quoted the values in it.
    pub(super) fn command(mut self, command: impl Into<Command>) -> Self {
        self.remediation.commands.push(command.into());
        self
    }
}

impl Remediation {
    /// Drops the unwanted commands, and their introductions if no command is left.
    pub(super) fn drop_commands(&mut self, unwanted: impl Fn(&str) -> bool) {
        self.commands.retain(|command| !unwanted(command.text()));
        self.drop_idle_introductions();
    }

    /// Moves the introductions of commands behind all other steps. Drops commands, snippets and
    /// changes that contain a URL with parts left out: they would not do what is meant.
    pub(super) fn finish(&mut self) {
        self.steps.sort_by_key(|step| step.introduces_commands);
        self.drop_commands(text::lacks_url_parts);
        self.steps.retain(|step| {
            !step.text.split_once('\n').is_some_and(|(_, pasted)| text::lacks_url_parts(pasted))
        });
        self.options.retain(|option| !option.texts().any(text::lacks_url_parts));
    }
}

/// The end of a check's summary if its request succeeded only after a retry.
pub(super) fn retry_suffix(attempts: u32) -> &'static str {
    if attempts > 1 { ", when asked again" } else { "" }
}

/// A duration in at most two units: `1 day 2 h`, `3 min 20 s`, `45 s`.
pub(super) fn human_duration(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let plural = |n: u64| if n == 1 { "day" } else { "days" };
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, 0) => format!("{m} min"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, 0, _) => format!("{h} h"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, 0, _, _) => format!("{d} {}", plural(d)),
        (d, h, _, _) => format!("{d} {} {h} h", plural(d)),
    }
}

/// Capitalizes the first letter. An option, which begins with `-`, stays as it is.
pub(super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Formats seconds since the epoch as RFC 3339, or as the bare number if they are out of range.
pub(super) fn format_instant(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_use_two_units() {
        let cases = [
            (0, "0 s"),
            (-45, "45 s"),
            (200, "3 min 20 s"),
            (3_600, "1 h"),
            (86_700, "1 day"),
            (180_000, "2 days 2 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human_duration(seconds), text);
        }
    }
}
