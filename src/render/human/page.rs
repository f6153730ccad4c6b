//! The page that a report for people is written on. Every text that is put on it is made inert
//! here, and only here.

mod values;

use colored::{Color, Colorize};
use comfy_table::{ContentArrangement, Table, presets};

use crate::render::Style;
use crate::render::ci::LogCommands;
use crate::render::wording::Headline;
use crate::render::wording::chain::Mark;
use crate::render::wording::finding::visible;
use crate::report::{Finding, RuleResult};
use crate::text::{broken, guard, inert, length, wrap};

/// How wide "matches" and its like stand where there is no table.
const OUTCOME: usize = "matches  ".len();

/// A label, its value, and where that stands or what it means.
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

/// Lines of text.
pub(super) struct Page {
    color: bool,
    unicode: bool,
    width: usize,
    platform: Option<&'static LogCommands>,
    /// Whether sections are groups of the platform.
    folds: bool,
    /// Whether one is open.
    folded: bool,
    out: String,
}

impl Page {
    pub(super) fn new(style: &Style, platform: Option<&'static LogCommands>) -> Self {
        let width = style.width.clamp(60, 120);
        let out = String::new();
        let Style { color, unicode, .. } = *style;
        Self { color, unicode, width, platform, folds: true, folded: false, out }
    }

    /// The same where the sections are what was asked for.
    pub(super) fn unfolded(self) -> Self {
        Self { folds: false, ..self }
    }

    pub(super) fn finish(mut self) -> String {
        self.unfold();
        self.out
    }

    /// A part that few readers need: folded away where the platform can.
    pub(super) fn section(&mut self, title: &'static str) {
        let follows_another = self.folded;
        self.unfold();
        match self.platform.filter(|_| self.folds) {
            None => self.heading(title),
            Some(platform) => {
                if !follows_another {
                    self.blank();
                }
                self.command(&(platform.group)(title));
                self.folded = true;
            }
        }
    }

    fn unfold(&mut self) {
        if let Some(platform) = self.platform.filter(|_| self.folded) {
            self.command(platform.end_group);
            self.folded = false;
        }
    }

    /// What the platform shows of a finding outside the log.
    pub(super) fn annotation(&mut self, finding: &Finding) {
        if let Some(annotation) = self.platform.and_then(|p| (p.annotation)(finding)) {
            self.command(&annotation);
        }
    }

    /// The same of something else: its level, its code, its title and what it says.
    pub(super) fn issue(&mut self, level: &'static str, code: &str, title: &str, message: &str) {
        if let Some(platform) = self.platform {
            self.command(&(platform.issue)(level, code, &inert(title), &inert(message)));
        }
    }

    /// A table whose cells are wrapped where it would be too wide.
    pub(super) fn grid(&mut self, indent: usize, header: &[&str], rows: &[Vec<String>]) {
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
            self.put(indent, &line);
        }
    }

    /// A line for the platform, which alone goes past [`guard`].
    fn command(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Writes a line that holds only inert text and colours.
    fn put(&mut self, indent: usize, line: &str) {
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
        self.put(0, &text);
    }

    /// One line that is not wrapped.
    pub(super) fn value(&mut self, indent: usize, text: &str) {
        self.put(indent, &inert(text));
    }

    /// One line with a coloured word in it.
    pub(super) fn marked(&mut self, before: &str, word: &str, color: Color, after: &str) {
        let word = self.paint(word, color);
        self.put(0, &format!("{before}{word}{}", inert(after)));
    }

    /// A mark, and what it is the mark of.
    pub(super) fn first_line(&mut self, mark: Mark, text: &str) {
        let width = length(mark.sign(self.unicode)) + 1;
        for (index, line) in wrap(&inert(text), self.width.saturating_sub(width)).iter().enumerate()
        {
            let line = self.bold(line);
            match index {
                0 => {
                    let line = format!("{} {line}", self.sign(mark));
                    self.put(0, &line);
                }
                _ => self.put(width, &line),
            }
        }
    }

    /// Steps with their marks, on one line.
    pub(super) fn chain(&mut self, indent: usize, steps: &[(&str, Mark)]) {
        let steps: Vec<String> = steps
            .iter()
            .map(|(name, mark)| {
                let name = match mark {
                    Mark::Failed => self.paint(name, Color::Red),
                    _ => (*name).to_owned(),
                };
                format!("{} {name}", self.sign(*mark))
            })
            .collect();
        let line = steps.join(if self.unicode { " ─ " } else { " > " });
        self.put(indent, &line);
    }

    fn sign(&self, mark: Mark) -> String {
        let sign = mark.sign(self.unicode);
        mark.color().map_or_else(|| sign.to_owned(), |color| self.paint(sign, color))
    }

    /// The outcome, with its word coloured.
    pub(super) fn headline(&mut self, subject: &str, headline: &Headline) {
        let meaning = match headline.meaning.as_str() {
            "" => String::new(),
            meaning => format!(" - {meaning}"),
        };
        self.marked(subject, &inert(&headline.word), headline.color, &meaning);
    }

    /// Wrapped text; what comes after the first line stands below the text, not below `lead`.
    pub(super) fn prose(&mut self, indent: usize, lead: &str, text: &str) {
        self.hang(indent, lead, lead.len(), text);
    }

    /// A line of a list: a coloured marker, a name, and text wrapped beside them.
    pub(super) fn item(&mut self, indent: usize, word: &str, color: Color, name: &str, text: &str) {
        let padded = self.paint(&format!("{word:<5} "), color);
        self.hang(indent, &format!("{padded}{name}"), 6 + name.len(), text);
    }

    fn hang(&mut self, indent: usize, lead: &str, lead_width: usize, text: &str) {
        let column = indent + lead_width;
        let room = self.width.saturating_sub(column);
        let wrapped = wrap(&inert(text), room);
        let lines = wrapped.iter().flat_map(|line| match line.contains('`') {
            // What is to be copied stays whole.
            true => vec![&**line],
            false => broken(line, room).collect(),
        });
        for (index, line) in lines.enumerate() {
            match index {
                0 => self.put(indent, &format!("{lead}{line}")),
                _ => self.put(column, line),
            }
        }
    }

    /// Lines to copy, as they are, all moved to the right alike.
    pub(super) fn snippet(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.put(indent, &inert(line));
        }
    }

    /// The lines of a diff, to copy as they are.
    pub(super) fn diff(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            let color = if line.starts_with('-') { Color::Red } else { Color::Green };
            let line = self.paint(&guard(&inert(line)), color);
            self.put(indent, &line);
        }
    }

    /// The title of a finding, with its mark and its code.
    pub(super) fn finding_title(&mut self, mark: Mark, title: &str, code: &str) {
        self.first_line(mark, &format!("{title} [{code}]"));
    }

    /// A bold word, and text wrapped beside it.
    pub(super) fn said(&mut self, word: &str, text: &str) {
        let lead = self.bold(word);
        self.hang(0, &format!("{lead} "), word.len() + 1, text);
    }

    /// A step of the chain and what there is to say of it.
    pub(super) fn step(&mut self, mark: Mark, name: &str, width: usize, text: &str) {
        let sign = mark.sign(self.unicode);
        let lead = format!("{}{}{name:<width$}  ", self.sign(mark), " ".repeat(3 - length(sign)));
        self.hang(2, &lead, 3 + width + 2, text);
    }

    fn bold(&self, text: &str) -> String {
        if self.color { guard(text).bold().to_string() } else { text.to_owned() }
    }

    /// The rules of a policy entry: as a table where that fits, else the two values of each rule
    /// below one another, where they are as easy to compare. A match is good news in an entry
    /// that allows only.
    pub(super) fn rules(&mut self, indent: usize, rules: &[RuleResult], allow: bool) {
        if rules.is_empty() {
            self.put(indent, "no rules");
            return;
        }
        let width = |cell: fn(&RuleResult) -> &str| {
            rules.iter().map(|rule| visible(cell(rule)).chars().count()).max().unwrap_or(0)
        };
        let (claims, patterns) = (width(|r| &r.claim), width(|r| &r.pattern));
        let fits = indent + OUTCOME + claims.max(5) + 2 + patterns.max(12) + 2 + width(actual);
        if fits <= self.width {
            self.table(indent, rules, allow);
            return;
        }
        for rule in rules {
            let outcome = self.outcome(rule, allow, OUTCOME);
            self.put(indent, &format!("{outcome}{}", visible(&rule.claim)));
            self.rows(
                indent + OUTCOME,
                &[
                    Row::new("policy wants", &rule.pattern, ""),
                    Row::new("token has", actual(rule), ""),
                ],
            );
        }
    }

    fn table(&mut self, indent: usize, rules: &[RuleResult], allow: bool) {
        let mut table = Table::new();
        // Its columns are known to fit: nothing is to be arranged, wrapped or cut.
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(["claim", "policy wants", "token has"]);
        for rule in rules {
            table.add_row([visible(&rule.claim), visible(&rule.pattern), visible(actual(rule))]);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        // What is coloured stands before it: the table would count the colour's characters.
        let widest = rules.iter().map(|rule| outcome(rule).len()).max().unwrap_or(0) + 2;
        let outcomes = rules.iter().map(|rule| self.outcome(rule, allow, widest));
        let outcomes = outcomes.collect::<Vec<_>>();
        let header = " ".repeat(widest);
        for (before, line) in std::iter::once(header).chain(outcomes).zip(table.lines()) {
            self.put(indent, &format!("{before}{line}"));
        }
    }

    fn outcome(&self, rule: &RuleResult, allow: bool, width: usize) -> String {
        let color = if rule.matched == allow { Color::Green } else { Color::Red };
        self.paint(&format!("{:<width$}", outcome(rule)), color)
    }

    fn paint(&self, text: &str, color: Color) -> String {
        if self.color { text.color(color).bold().to_string() } else { text.to_owned() }
    }
}

pub(in crate::render) fn outcome(rule: &RuleResult) -> &'static str {
    match (rule.matched, &rule.actual) {
        // What the document leaves open may match.
        _ if rule.undetermined => "open",
        (true, _) => "matches",
        (false, Some(_)) => "differs",
        (false, None) => "missing",
    }
}

pub(in crate::render) fn actual(rule: &RuleResult) -> &str {
    rule.actual.as_deref().unwrap_or("(no such claim)")
}
