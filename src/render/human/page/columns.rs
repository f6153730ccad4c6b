//! Writes labels and values in columns, and two values with their difference marked.

use std::ops::Range;

use colored::{Color, Colorize};

use super::{Page, Row};
use crate::render::wording::finding::visible;
use crate::text::{broken, guard, inert, length, wrap};

/// Longer labels get a line of their own, so that they do not push all values to the right.
const MAX_LABEL_COLUMNS: usize = 24;

impl Page {
    /// Writes labels, values and notes in columns. In a row that would be too wide, the note goes
    /// below the value, and a value wider than the page is broken into lines.
    pub(in crate::render::human) fn rows(&mut self, indent: usize, rows: &[Row]) {
        let labels = rows.iter().map(|row| length(&inert(&row.label)));
        let labels = labels.filter(|length| *length <= MAX_LABEL_COLUMNS).max().unwrap_or(0);
        let with_note = rows.iter().filter(|row| !row.note.is_empty());
        let values = with_note.map(|row| length(&visible(&row.value))).max().unwrap_or(0);
        let notes = rows.iter().map(|row| length(&inert(&row.note))).max().unwrap_or(0);
        let column = indent + labels + 2;
        let aligns_notes = column + values + 4 + notes <= self.width;
        for row in rows {
            let (value, note) = (visible(&row.value), inert(&row.note));
            let lead = self.label(indent, &row.label, labels);
            let fits = column + length(&value) + 4 + length(&note) <= self.width;
            if fits && !note.is_empty() {
                let note = self.dim(&format!("({note})"));
                let values = if aligns_notes { values } else { 0 };
                self.write_line(indent, &format!("{lead}{value:<values$}  {note}"));
                continue;
            }
            for (index, line) in broken(&value, self.width.saturating_sub(column)).enumerate() {
                match index {
                    0 => self.write_line(indent, &format!("{lead}{line}")),
                    _ => self.write_line(column, line),
                }
            }
            if !note.is_empty() {
                self.note(column, &format!("({note})"));
            }
        }
    }

    /// Writes two values below one another, marking the characters in which they differ, with their
    /// places.
    pub(in crate::render::human) fn compared_rows(
        &mut self,
        indent: usize,
        rows: &[Row; 2],
        marks: &[Range<usize>; 2],
    ) {
        let values = rows.each_ref().map(|row| visible(&row.value));
        let labels = rows.each_ref().map(|row| length(&inert(&row.label)));
        let labels = labels.into_iter().max().unwrap_or(0).min(MAX_LABEL_COLUMNS);
        let column = indent + labels + 2;
        let room = self.width.saturating_sub(column);
        let widest = values.iter().map(|value| length(value)).max().unwrap_or(0);
        let notes = rows.iter().map(|row| length(&inert(&row.note))).max().unwrap_or(0);
        let notes_fit_beside = widest + 2 + notes <= room;
        let carets = |marks: &Range<usize>| {
            format!("{}{}", " ".repeat(marks.start), "^".repeat(marks.len()))
        };
        for ((row, value), (marks, color)) in
            rows.iter().zip(&values).zip(marks.iter().zip([Color::Red, Color::Green]))
        {
            let lead = self.label(indent, &row.label, labels);
            let lead = [lead, " ".repeat(labels + 2)];
            let (mut start, total) = (0, length(value));
            for (index, line) in broken(value, room).enumerate() {
                let end = start + length(line);
                // The mark of a value that ends too early is one place behind its end.
                let is_last = end == total;
                let column_in_line =
                    |mark: usize| mark.clamp(start, end + usize::from(is_last)) - start;
                let marked = column_in_line(marks.start)..column_in_line(marks.end);
                let text = self.emphasized(line, &marked, color);
                let padding = " ".repeat(widest.saturating_sub(length(line)));
                let note = match notes_fit_beside && index == 0 && !row.note.is_empty() {
                    true => format!("{padding}  {}", self.dim(&inert(&row.note))),
                    false => String::new(),
                };
                self.write_line(indent, &format!("{}{text}{note}", lead[index.min(1)]));
                // Values that have nothing in common need no carets.
                let is_part = marks.start > 0 || marks.end < total;
                if widest > room && is_part && !marked.is_empty() {
                    self.write_line(column, &carets(&marked));
                }
                start = end;
            }
        }
        if widest <= room {
            let [left, right] = marks;
            // After a wildcard, the values do not align, so only the second is marked.
            let both = right.start..match left.start == right.start {
                true => left.end.max(right.end),
                false => right.end,
            };
            self.write_line(column, &carets(&both));
        }
        for row in rows.iter().filter(|row| !notes_fit_beside && !row.note.is_empty()) {
            self.note(indent, &format!("{} at {}", inert(&row.label), inert(&row.note)));
        }
    }

    /// A padded label. One that is too long is written on its own line instead.
    fn label(&mut self, indent: usize, label: &str, width: usize) -> String {
        let label = inert(label);
        if length(&label) > width {
            self.write_line(indent, &label);
            return " ".repeat(width + 2);
        }
        format!("{label:<width$}  ")
    }

    /// Writes a note, wrapped below its value.
    fn note(&mut self, indent: usize, text: &str) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            for line in broken(&line, self.width.saturating_sub(indent)) {
                let line = self.dim(line);
                self.write_line(indent, &line);
            }
        }
    }

    /// Colors a range of the text's characters.
    fn emphasized(&self, text: &str, marked: &Range<usize>, color: Color) -> String {
        if !self.color {
            return text.to_owned();
        }
        // Guarded before coloring: a color at the beginning would hide a command from `guard`.
        let text = &guard(text);
        let byte_at =
            |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
        let (start, end) = (byte_at(marked.start), byte_at(marked.end));
        format!("{}{}{}", &text[..start], self.paint(&text[start..end], color), &text[end..])
    }

    fn dim(&self, text: &str) -> String {
        if self.color { guard(text).dimmed().to_string() } else { text.to_owned() }
    }
}
