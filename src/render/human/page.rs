//! The page that a report for people is written on. Every text that is put on it is made inert
//! here, and only here.

use std::ops::Range;

use colored::{Color, Colorize};
use comfy_table::{ContentArrangement, Table, presets};

use crate::render::Style;
use crate::render::ci::LogCommands;
use crate::render::wording::Headline;
use crate::render::wording::chain::Mark;
use crate::render::wording::finding::visible;
use crate::report::{Finding, RuleResult};
use crate::text::{guard, inert, wrap};

/// Labels longer than this get a line of their own, so that one long label does not push every
/// value to the right.
const WIDEST_LABEL: usize = 24;

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
            let line = self.paint(&inert(line), color);
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
        if self.color { text.bold().to_string() } else { text.to_owned() }
    }

    /// Labels, values and notes in columns. Where a row would be too wide, the notes go below
    /// the values, and a value that is wider than the page goes on below itself.
    pub(super) fn rows(&mut self, indent: usize, rows: &[Row]) {
        let labels = rows.iter().map(|row| length(&inert(&row.label)));
        let labels = labels.filter(|length| *length <= WIDEST_LABEL).max().unwrap_or(0);
        let noted = rows.iter().filter(|row| !row.note.is_empty());
        let values = noted.map(|row| length(&visible(&row.value))).max().unwrap_or(0);
        let notes = rows.iter().map(|row| length(&inert(&row.note))).max().unwrap_or(0);
        let column = indent + labels + 2;
        let beside = column + values + 4 + notes <= self.width;
        for row in rows {
            let (value, note) = (visible(&row.value), inert(&row.note));
            let lead = self.label(indent, &row.label, labels);
            let fits = column + length(&value) + 4 + length(&note) <= self.width;
            if fits && !note.is_empty() {
                let note = self.dim(&format!("({note})"));
                let values = if beside { values } else { 0 };
                self.put(indent, &format!("{lead}{value:<values$}  {note}"));
                continue;
            }
            for (at, line) in broken(&value, self.width.saturating_sub(column)).enumerate() {
                match at {
                    0 => self.put(indent, &format!("{lead}{line}")),
                    _ => self.put(column, line),
                }
            }
            if !note.is_empty() {
                self.note(column, &format!("({note})"));
            }
        }
    }

    /// Two values below one another, with the characters marked in which they differ, and where
    /// they come from.
    pub(super) fn pair(&mut self, indent: usize, rows: &[Row; 2], marks: &[Range<usize>; 2]) {
        let values = rows.each_ref().map(|row| visible(&row.value));
        let labels = rows.each_ref().map(|row| length(&inert(&row.label)));
        let labels = labels.into_iter().max().unwrap_or(0).min(WIDEST_LABEL);
        let column = indent + labels + 2;
        let room = self.width.saturating_sub(column);
        let widest = values.iter().map(|value| length(value)).max().unwrap_or(0);
        let notes = rows.iter().map(|row| length(&inert(&row.note))).max().unwrap_or(0);
        let beside = widest + 2 + notes <= room;
        let carets = |marks: &Range<usize>| {
            format!("{}{}", " ".repeat(marks.start), "^".repeat(marks.len()))
        };
        for ((row, value), (marks, color)) in
            rows.iter().zip(&values).zip(marks.iter().zip([Color::Red, Color::Green]))
        {
            let lead = self.label(indent, &row.label, labels);
            let lead = [lead, " ".repeat(labels + 2)];
            let mut at = 0;
            for (index, line) in broken(value, room).enumerate() {
                let end = at + length(line);
                // The place behind the end of a value has a mark where that ends too early.
                let last = end == length(value);
                let within = |at_mark: usize| at_mark.clamp(at, end + usize::from(last)) - at;
                let marked = within(marks.start)..within(marks.end);
                let text = self.emphasized(line, &marked, color);
                let padding = " ".repeat(widest.saturating_sub(length(line)));
                let note = match beside && index == 0 && !row.note.is_empty() {
                    true => format!("{padding}  {}", self.dim(&inert(&row.note))),
                    false => String::new(),
                };
                self.put(indent, &format!("{}{text}{note}", lead[index.min(1)]));
                // Of values that have nothing in common, nothing stands out.
                let is_part = marks.start > 0 || marks.end < length(value);
                if widest > room && is_part && !marked.is_empty() {
                    self.put(column, &carets(&marked));
                }
                at = end;
            }
        }
        if widest <= room {
            let [left, right] = marks;
            // Behind a wildcard, the same place of both is another column.
            let both = right.start..match left.start == right.start {
                true => left.end.max(right.end),
                false => right.end,
            };
            self.put(column, &carets(&both));
        }
        for row in rows.iter().filter(|row| !beside && !row.note.is_empty()) {
            self.note(indent, &format!("{} at {}", inert(&row.label), inert(&row.note)));
        }
    }

    /// A label and what separates it from its value; one that is too long has a line of its own.
    fn label(&mut self, indent: usize, label: &str, width: usize) -> String {
        let label = inert(label);
        if length(&label) > width {
            self.put(indent, &label);
            return " ".repeat(width + 2);
        }
        format!("{label:<width$}  ")
    }

    /// What is said of a value, wrapped below it.
    fn note(&mut self, indent: usize, text: &str) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            for line in broken(&line, self.width.saturating_sub(indent)) {
                let line = self.dim(line);
                self.put(indent, &line);
            }
        }
    }

    /// The text with some of its characters in a colour.
    fn emphasized(&self, text: &str, marked: &Range<usize>, color: Color) -> String {
        if !self.color {
            return text.to_owned();
        }
        let at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
        let (start, end) = (at(marked.start), at(marked.end));
        format!("{}{}{}", &text[..start], self.paint(&text[start..end], color), &text[end..])
    }

    fn dim(&self, text: &str) -> String {
        if self.color { text.dimmed().to_string() } else { text.to_owned() }
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

fn length(text: &str) -> usize {
    text.chars().count()
}

/// A value in pieces of at most `width` characters, broken behind separators only: the pieces of a
/// GUID or a name belong together.
fn broken(value: &str, width: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        if length(text) <= width {
            return Some(text);
        }
        let ends = text.char_indices().filter(|(_, c)| "/:,;?&=@ ".contains(*c));
        let ends: Vec<(usize, usize)> = ends
            .map(|(at, c)| (at + c.len_utf8(), length(&text[..at]) + 1))
            .filter(|(end, _)| *end < text.len())
            .collect();
        let fitting = ends.iter().rev().find(|(_, columns)| *columns <= width);
        // A piece without a separator stays whole.
        let end = fitting.or(ends.first()).map_or(text.len(), |(end, _)| *end);
        rest = Some(&text[end..]).filter(|rest| !rest.is_empty());
        Some(&text[..end])
    })
}
