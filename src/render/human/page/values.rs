//! Labels and values in columns, and two values with their difference marked.

use std::ops::Range;

use colored::{Color, Colorize};

use super::{Page, Row};
use crate::render::wording::finding::visible;
use crate::text::{broken, guard, inert, length, wrap};

/// Labels longer than this get a line of their own, so that one long label does not push every
/// value to the right.
const WIDEST_LABEL: usize = 24;

impl Page {
    /// Labels, values and notes in columns. Where a row would be too wide, the notes go below
    /// the values, and a value that is wider than the page goes on below itself.
    pub(in crate::render::human) fn rows(&mut self, indent: usize, rows: &[Row]) {
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
    pub(in crate::render::human) fn pair(
        &mut self,
        indent: usize,
        rows: &[Row; 2],
        marks: &[Range<usize>; 2],
    ) {
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
            let (mut at, whole) = (0, length(value));
            for (index, line) in broken(value, room).enumerate() {
                let end = at + length(line);
                // The place behind the end of a value has a mark where that ends too early.
                let last = end == whole;
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
                let is_part = marks.start > 0 || marks.end < whole;
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
        // A colour would hide the beginning of the line from the guard that sees it last.
        let text = &guard(text);
        let at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
        let (start, end) = (at(marked.start), at(marked.end));
        format!("{}{}{}", &text[..start], self.paint(&text[start..end], color), &text[end..])
    }

    fn dim(&self, text: &str) -> String {
        if self.color { guard(text).dimmed().to_string() } else { text.to_owned() }
    }
}
