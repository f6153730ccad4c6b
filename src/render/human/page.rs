//! Writes the lines of a human report. All texts are made inert here, and only here.

mod columns;

use colored::{Color, Colorize};
use comfy_table::{ContentArrangement, Table, presets};

use crate::render::Style;
use crate::render::ci::LogCommands;
use crate::render::wording::Headline;
use crate::render::wording::chain::Mark;
use crate::render::wording::finding::visible;
use crate::report::{Finding, RuleResult};
use crate::text::{broken, guard, inert, length, wrap};

/// The columns for a rule's outcome outside of a table.
const OUTCOME_WIDTH: usize = "matches  ".len();

/// A label, its value, and the value's place or meaning.
pub(super) struct Row {
    label: String,
    value: String,
    note: String,
}

impl Row {
    pub(super) fn new(
        label: impl Into<String>,
        value: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self { label: label.into(), value: value.into(), note: note.into() }
    }
}

pub(super) struct Page {
    color: bool,
    unicode: bool,
    width: usize,
    platform: Option<&'static LogCommands>,
    /// Whether sections become folded groups in the platform's log.
    folds_sections: bool,
    /// Whether such a group is open.
    section_is_open: bool,
    out: String,
}

impl Page {
    pub(super) fn new(style: &Style, platform: Option<&'static LogCommands>) -> Self {
        let width = style.width.clamp(60, 120);
        let out = String::new();
        let Style { color, unicode, .. } = *style;
        Self { color, unicode, width, platform, folds_sections: true, section_is_open: false, out }
    }

    /// Does not fold sections, for reports that consist of them.
    pub(super) fn unfolded(self) -> Self {
        Self { folds_sections: false, ..self }
    }

    pub(super) fn finish(mut self) -> String {
        self.close_section();
        self.out
    }

    /// Begins a part that few readers need, folded away if the platform can.
    pub(super) fn section(&mut self, title: &'static str) {
        let follows_another = self.section_is_open;
        self.close_section();
        match self.platform.filter(|_| self.folds_sections) {
            None => self.heading(title),
            Some(platform) => {
                if !follows_another {
                    self.blank();
                }
                self.platform_command(&(platform.group)(title));
                self.section_is_open = true;
            }
        }
    }

    fn close_section(&mut self) {
        if let Some(platform) = self.platform.filter(|_| self.section_is_open) {
            self.platform_command(platform.end_group);
            self.section_is_open = false;
        }
    }

    /// Writes what the platform shows of a finding outside the log.
    pub(super) fn annotation(&mut self, finding: &Finding) {
        if let Some(annotation) = self.platform.and_then(|p| (p.annotation)(finding)) {
            self.platform_command(&annotation);
        }
    }

    /// Writes an annotation that is not about a finding.
    pub(super) fn issue(&mut self, level: &'static str, code: &str, title: &str, message: &str) {
        if let Some(platform) = self.platform {
            self.platform_command(&(platform.issue)(level, code, &inert(title), &inert(message)));
        }
    }

    /// Writes a table, whose cells are wrapped to fit the width.
    pub(super) fn wrapped_table(&mut self, indent: usize, header: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(self.width - indent).unwrap_or(u16::MAX))
            .set_header(header.iter().copied());
        for row in rows {
            table.add_row(row.iter().map(|cell| inert(cell)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in table.lines() {
            self.write_line(indent, &line);
        }
    }

    /// Writes a logging command; no other line bypasses [`guard`].
    fn platform_command(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Writes a line that holds only inert text and colors.
    fn write_line(&mut self, indent: usize, line: &str) {
        let line = format!("{:indent$}{line}", "");
        self.out.push_str(&guard(line.trim_end()));
        self.out.push('\n');
    }

    pub(super) fn blank(&mut self) {
        if !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        let text = self.bold(text);
        self.write_line(0, &text);
    }

    pub(super) fn unwrapped_line(&mut self, indent: usize, text: &str) {
        self.write_line(indent, &inert(text));
    }

    pub(super) fn line_with_colored_word(
        &mut self,
        before: &str,
        word: &str,
        color: Color,
        after: &str,
    ) {
        let word = self.paint(word, color);
        self.write_line(0, &format!("{before}{word}{}", inert(after)));
    }

    /// Writes a mark and bold text wrapped next to it.
    pub(super) fn marked_prose(&mut self, mark: Mark, text: &str) {
        let width = length(mark.sign(self.unicode)) + 1;
        for (index, line) in wrap(&inert(text), self.width.saturating_sub(width)).iter().enumerate()
        {
            let line = self.bold(line);
            match index {
                0 => {
                    let line = format!("{} {line}", self.colored_sign(mark));
                    self.write_line(0, &line);
                }
                _ => self.write_line(width, &line),
            }
        }
    }

    /// Writes the steps with their marks, on one line.
    pub(super) fn chain(&mut self, indent: usize, steps: &[(&str, Mark)]) {
        let steps: Vec<String> = steps
            .iter()
            .map(|(name, mark)| {
                let name = match mark {
                    Mark::Failed => self.paint(name, Color::Red),
                    _ => (*name).to_owned(),
                };
                format!("{} {name}", self.colored_sign(*mark))
            })
            .collect();
        let line = steps.join(if self.unicode { " ─ " } else { " > " });
        self.write_line(indent, &line);
    }

    fn colored_sign(&self, mark: Mark) -> String {
        let sign = mark.sign(self.unicode);
        mark.color().map_or_else(|| sign.to_owned(), |color| self.paint(sign, color))
    }

    /// Writes the outcome, its first word colored.
    pub(super) fn headline(&mut self, subject: &str, headline: &Headline) {
        let meaning = match headline.meaning.as_str() {
            "" => String::new(),
            meaning => format!(" - {meaning}"),
        };
        self.line_with_colored_word(subject, &inert(&headline.word), headline.color, &meaning);
    }

    /// Writes wrapped text after `lead`. Further lines align with the text, not with `lead`.
    pub(super) fn prose(&mut self, indent: usize, lead: &str, text: &str) {
        self.hanging_prose(indent, lead, lead.len(), text);
    }

    /// Writes an item of a list: a colored word, a name, and text wrapped next to them.
    pub(super) fn item(&mut self, indent: usize, word: &str, color: Color, name: &str, text: &str) {
        let padded = self.paint(&format!("{word:<5} "), color);
        self.hanging_prose(indent, &format!("{padded}{name}"), 6 + name.len(), text);
    }

    fn hanging_prose(&mut self, indent: usize, lead: &str, lead_width: usize, text: &str) {
        let column = indent + lead_width;
        let room = self.width.saturating_sub(column);
        let wrapped = wrap(&inert(text), room);
        let lines = wrapped.iter().flat_map(|line| match line.contains('`') {
            // Code is to be copied, so it stays whole.
            true => vec![&**line],
            false => broken(line, room).collect(),
        });
        for (index, line) in lines.enumerate() {
            match index {
                0 => self.write_line(indent, &format!("{lead}{line}")),
                _ => self.write_line(column, line),
            }
        }
    }

    /// Writes lines to copy, indented and not wrapped.
    pub(super) fn snippet(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.write_line(indent, &inert(line));
        }
    }

    /// Writes the lines of a diff, not wrapped.
    pub(super) fn diff(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            let color = if line.starts_with('-') { Color::Red } else { Color::Green };
            let line = self.paint(&guard(&inert(line)), color);
            self.write_line(indent, &line);
        }
    }

    /// Writes the title of a finding, with its mark and code.
    pub(super) fn finding_title(&mut self, mark: Mark, title: &str, code: &str) {
        self.marked_prose(mark, &format!("{title} [{code}]"));
    }

    /// Writes a bold label and text wrapped next to it.
    pub(super) fn labelled_prose(&mut self, word: &str, text: &str) {
        let lead = self.bold(word);
        self.hanging_prose(0, &format!("{lead} "), word.len() + 1, text);
    }

    /// Writes a mark, a name and text wrapped next to them.
    pub(super) fn step(&mut self, mark: Mark, name: &str, width: usize, text: &str) {
        let sign = mark.sign(self.unicode);
        let lead =
            format!("{}{}{name:<width$}  ", self.colored_sign(mark), " ".repeat(3 - length(sign)));
        self.hanging_prose(2, &lead, 3 + width + 2, text);
    }

    fn bold(&self, text: &str) -> String {
        if self.color { guard(text).bold().to_string() } else { text.to_owned() }
    }

    /// Writes the rules of a policy entry: as a table if that fits, otherwise with each rule's two
    /// values below one another. A match is green only if the entry is an `allow`.
    pub(super) fn rules(&mut self, indent: usize, rules: &[RuleResult], allow: bool) {
        if rules.is_empty() {
            self.write_line(indent, "no rules");
            return;
        }
        let width = |cell: fn(&RuleResult) -> &str| {
            rules.iter().map(|rule| visible(cell(rule)).chars().count()).max().unwrap_or(0)
        };
        let (claims, patterns) = (width(|r| &r.claim), width(|r| &r.pattern));
        let fits =
            indent + OUTCOME_WIDTH + claims.max(5) + 2 + patterns.max(12) + 2 + width(actual_text);
        if fits <= self.width {
            self.rules_table(indent, rules, allow);
            return;
        }
        for rule in rules {
            let outcome = self.colored_outcome(rule, allow, OUTCOME_WIDTH);
            self.write_line(indent, &format!("{outcome}{}", visible(&rule.claim)));
            self.rows(
                indent + OUTCOME_WIDTH,
                &[
                    Row::new("policy wants", &rule.pattern, ""),
                    Row::new("token has", actual_text(rule), ""),
                ],
            );
        }
    }

    fn rules_table(&mut self, indent: usize, rules: &[RuleResult], allow: bool) {
        let mut table = Table::new();
        // The columns are known to fit, so nothing needs to be wrapped.
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(["claim", "policy wants", "token has"]);
        for rule in rules {
            table.add_row([
                visible(&rule.claim),
                visible(&rule.pattern),
                visible(actual_text(rule)),
            ]);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        // The outcomes stay outside of the table, which would count the characters of their colors.
        let widest = rules.iter().map(|rule| rule_outcome(rule).len()).max().unwrap_or(0) + 2;
        let outcomes = rules.iter().map(|rule| self.colored_outcome(rule, allow, widest));
        let outcomes = outcomes.collect::<Vec<_>>();
        let header = " ".repeat(widest);
        for (before, line) in std::iter::once(header).chain(outcomes).zip(table.lines()) {
            self.write_line(indent, &format!("{before}{line}"));
        }
    }

    fn colored_outcome(&self, rule: &RuleResult, allow: bool, width: usize) -> String {
        let color = if rule.matched == allow { Color::Green } else { Color::Red };
        self.paint(&format!("{:<width$}", rule_outcome(rule)), color)
    }

    fn paint(&self, text: &str, color: Color) -> String {
        if self.color { text.color(color).bold().to_string() } else { text.to_owned() }
    }
}

pub(in crate::render) fn rule_outcome(rule: &RuleResult) -> &'static str {
    match (rule.matched, &rule.actual) {
        // The document does not give the value, so the rule may match.
        _ if rule.undetermined => "open",
        (true, _) => "matches",
        (false, Some(_)) => "differs",
        (false, None) => "missing",
    }
}

pub(in crate::render) fn actual_text(rule: &RuleResult) -> &str {
    rule.actual.as_deref().unwrap_or("(no such claim)")
}
