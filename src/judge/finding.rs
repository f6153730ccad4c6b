//! Building findings: the catalogue gives the general part, a check adds the run's own values.

use crate::catalogue::{Code, Severity};
use crate::report::{Difference, Finding, FoundBy, Proof, Remediation, RemedyOption, Step};
use crate::text;
use crate::text::command::Command;
pub(super) use crate::text::list;

/// Said wherever the behaviour of the service's JWT library decides.
pub(super) const ASSUMES_GO: &str = "Which library Pulumi Cloud verifies tokens with is not documented: this \
    assumes Go's (go-oidc, go-jose, golang-jwt), as in the CLI.";

impl Finding {
    /// A finding with the catalogue's title, severity, advice and link.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            category: code.category(),
            severity: code.severity(),
            // The registry puts the check's id in when a check has run.
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

    /// Adds what a comparison of values in the evidence gives, for programs: reports for people mark
    /// the difference in the values.
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

    /// Says that the first two values of the evidence differ, and from which character of the second
    /// on where a pattern is compared.
    pub(super) fn differing(self, from: Option<usize>) -> Self {
        Self { difference: Some(Difference { from }), ..self }
    }

    /// Says whether running the job again may help without any change.
    pub(super) fn retryable(self, retryable: bool) -> Self {
        Self { retryable, ..self }
    }

    /// Adds one complete way to repair it, after the preferred ones.
    pub(super) fn option(mut self, option: RemedyOption) -> Self {
        self.remediation.options.push(option);
        self
    }

    /// Adds how often it was asked, where that was more than once.
    pub(super) fn asked(self, attempts: u32) -> Self {
        match attempts {
            0 | 1 => self,
            2 => self.proof("asked", "twice", "request"),
            more => self.proof("asked", format!("{more} times"), "request"),
        }
    }

    /// Replaces the catalogue's one-sentence advice where the run allows a better one.
    pub(super) fn fix(mut self, summary: impl Into<String>) -> Self {
        self.remediation.summary = summary.into();
        self
    }

    /// Adds a step. Renderers take what follows a line break for a snippet, and a value in the step may
    /// hold one.
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

    /// Adds a step with something to paste, of several lines if need be. Values in it must already be
    /// quoted for what it is meant for.
    pub(super) fn snippet(mut self, step: impl AsRef<str>, pasted: &str) -> Self {
        let text = format!("{}\n{pasted}", text::inert(step.as_ref()));
        self.remediation.steps.push(text.into());
        self
    }

    /// Adds a step with the lines of a diff, already quoted for where they stand.
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

    /// Adds a step that announces the commands.
    pub(super) fn announce(mut self, step: impl AsRef<str>) -> Self {
        let text = text::inert(step.as_ref());
        self.remediation.steps.push(Step { announces: true, ..text.into() });
        self
    }

    /// Adds another remedy's steps and commands, and takes its summary.
    pub(super) fn remedied_by(mut self, remedy: Remediation) -> Self {
        self.remediation.summary = remedy.summary;
        self.remediation.steps.extend(remedy.steps);
        self.remediation.commands.extend(remedy.commands);
        self.remediation.options.extend(remedy.options);
        self
    }

    /// Adds commands, if there are any.
    pub(super) fn commands(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.remediation.commands.extend(commands);
        self
    }

    /// Adds something to paste. Values in it must already be quoted for its destination.
    pub(super) fn command(mut self, command: impl Into<Command>) -> Self {
        self.remediation.commands.push(command.into());
        self
    }
}

impl Remediation {
    /// Drops these commands, and what announces commands if none is left.
    pub(super) fn drop_commands(&mut self, unwanted: impl Fn(&str) -> bool) {
        self.commands.retain(|command| !unwanted(command.text()));
        self.drop_announcements();
    }

    /// Puts the steps in the order in which they are read: commands come after all steps. A command
    /// or a change with a URL that is not shown whole would do something else than is meant.
    pub(super) fn settle(&mut self) {
        self.steps.sort_by_key(|step| step.announces);
        self.drop_commands(text::lacks_url_parts);
        self.steps.retain(|step| {
            !step.text.split_once('\n').is_some_and(|(_, pasted)| text::lacks_url_parts(pasted))
        });
        self.options.retain(|option| !option.texts().any(text::lacks_url_parts));
    }
}

/// What the summary of a check adds where its question was asked again and then answered.
pub(super) fn again(attempts: u32) -> &'static str {
    if attempts > 1 { ", when asked again" } else { "" }
}

/// `1 day 2 h`, `3 min 20 s`, `45 s`: a span for people, two units at most.
pub(super) fn span(seconds: i64) -> String {
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

/// The text as the beginning of a sentence; an option stays as it is.
pub(super) fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// An instant from seconds since the epoch, as RFC 3339; the bare number where there is no such
/// instant.
pub(super) fn instant(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let cases = [
            (0, "0 s"),
            (-45, "45 s"),
            (200, "3 min 20 s"),
            (3_600, "1 h"),
            (86_700, "1 day"),
            (180_000, "2 days 2 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }
}
