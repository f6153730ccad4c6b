//! The source tree of a JSON or YAML document: positions and styles of its values.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::super::tree;
use crate::policy::Place;

/// A value with its position.
#[derive(Debug)]
pub(super) struct SourceNode {
    /// In bytes. A block collection extends from its first key or dash to its last value.
    pub(super) span: Range<usize>,
    pub(super) place: Place,
    /// Aliases in the document repeat the value (`&name`, `*name`).
    pub(super) is_shared: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Map {
        items: Vec<(SourceNode, SourceNode)>,
        is_flow: bool,
    },
    List {
        items: Vec<SourceNode>,
        is_flow: bool,
    },
    Scalar {
        value: String,
        style: Style,
    },
    /// `*name`, which repeats a value from elsewhere.
    Alias,
}

/// The quoting style of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Plain,
    Single,
    Double,
    Block,
}

impl SourceNode {
    /// Parses a text. Also returns whether it is JSON.
    pub(super) fn read(text: &str) -> Option<(Self, bool)> {
        match tree::json(text) {
            Ok(_) => Some((Json { text, at: 0, lines: Lines::new(text) }.value()?, true)),
            Err(_) => Some((yaml(text)?, false)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&(Self, Self)> {
        let Kind::Map { items, .. } = &self.kind else { return None };
        let named = |key: &Self| matches!(&key.kind, Kind::Scalar { value, .. } if value == name);
        items.iter().find(|(key, _)| named(key))
    }

    /// The object at this place.
    pub(super) fn map_at(&self, place: Place) -> Option<&Self> {
        let is_it = self.place == place && matches!(self.kind, Kind::Map { .. });
        if is_it {
            return Some(self);
        }
        match &self.kind {
            Kind::Map { items, .. } => items.iter().find_map(|(_, value)| value.map_at(place)),
            Kind::List { items, .. } => items.iter().find_map(|item| item.map_at(place)),
            Kind::Scalar { .. } | Kind::Alias => None,
        }
    }

    /// Whether an alias repeats the value at this span, or a value around it.
    pub(super) fn is_shared_at(&self, span: &Range<usize>) -> bool {
        let inside = self.span.start <= span.start && span.end <= self.span.end;
        let below = || match &self.kind {
            Kind::Map { items, .. } => items.iter().any(|(_, value)| value.is_shared_at(span)),
            Kind::List { items, .. } => items.iter().any(|item| item.is_shared_at(span)),
            Kind::Scalar { .. } | Kind::Alias => false,
        };
        inside && (self.is_shared || below())
    }
}

// ----------------------------------------------------------------------------------- JSON

/// The starts of lines, in bytes.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let begin = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.text.get(begin..at).map_or(0, |before| before.chars().count());
        Place { line: line as u64, column: column as u64 + 1 }
    }
}

/// A parser for text that is known to be JSON.
struct Json<'a> {
    text: &'a str,
    at: usize,
    lines: Lines<'a>,
}

impl Json<'_> {
    fn peek(&mut self) -> Option<u8> {
        let separator = |byte: &u8| b" \t\r\n,:".contains(byte);
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| separator(byte)).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self) -> Option<SourceNode> {
        let first = self.peek()?;
        let start = self.at;
        let kind = match first {
            b'{' => {
                let mut items = Vec::new();
                self.at += 1;
                while self.peek()? != b'}' {
                    let key = self.value()?;
                    items.push((key, self.value()?));
                }
                self.at += 1;
                Kind::Map { items, is_flow: true }
            }
            b'[' => {
                let mut items = Vec::new();
                self.at += 1;
                while self.peek()? != b']' {
                    items.push(self.value()?);
                }
                self.at += 1;
                Kind::List { items, is_flow: true }
            }
            _ => self.scalar(first)?,
        };
        let place = self.lines.place(start);
        Some(SourceNode { span: start..self.at, place, is_shared: false, kind })
    }

    fn scalar(&mut self, first: u8) -> Option<Kind> {
        let rest = self.text.get(self.at..)?;
        let length = if first == b'"' {
            let mut escaped = false;
            let end = rest.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            })?;
            end + 2
        } else {
            rest.find([' ', '\t', '\r', '\n', ',', ']', '}']).unwrap_or(rest.len())
        };
        let token = rest.get(..length)?;
        self.at += length;
        let value = match serde_json::from_str(token).ok()? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        Some(Kind::Scalar { value, style: Style::Json })
    }
}

// ----------------------------------------------------------------------------------- YAML

fn yaml(text: &str) -> Option<SourceNode> {
    let events: Vec<(Event<'_>, Span)> =
        Parser::new_from_str(text).collect::<Result<_, _>>().ok()?;
    // Only anchors with an alias matter.
    let repeated = |id: usize| {
        id > 0 && events.iter().any(|(event, _)| matches!(event, Event::Alias(of) if *of == id))
    };
    let mut nodes = events.iter().filter(|(event, _)| !is_presentation(event)).peekable();
    let root = node(&mut nodes, &repeated)?;
    // A policy is a single document.
    nodes.next().is_none().then_some(root)
}

fn is_presentation(event: &Event) -> bool {
    !matches!(
        event,
        Event::Scalar(..)
            | Event::Alias(_)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd
    )
}

/// Parses the next node. `None` if it cannot be edited.
fn node<'a, 'b: 'a>(
    events: &mut std::iter::Peekable<impl Iterator<Item = &'a (Event<'b>, Span)>>,
    repeated: &impl Fn(usize) -> bool,
) -> Option<SourceNode> {
    let (event, span) = events.next()?;
    let (start, end) = (span.start.byte_offset()?, span.end.byte_offset()?);
    let place = Place { line: span.start.line() as u64, column: span.start.col() as u64 + 1 };
    let source = |end: usize, id: usize, kind| SourceNode {
        span: start..end,
        place,
        is_shared: repeated(id),
        kind,
    };
    Some(match event {
        Event::Scalar(value, style, id, _) => {
            let style = match style {
                ScalarStyle::Plain => Style::Plain,
                ScalarStyle::SingleQuoted => Style::Single,
                ScalarStyle::DoubleQuoted => Style::Double,
                _ => Style::Block,
            };
            source(end, *id, Kind::Scalar { value: value.to_string(), style })
        }
        Event::Alias(_) => source(end, 0, Kind::Alias),
        Event::SequenceStart(style, id, _) => {
            let is_flow = *style == StructureStyle::Flow;
            let mut items = Vec::new();
            while !matches!(events.peek()?.0, Event::SequenceEnd) {
                items.push(node(events, repeated)?);
            }
            let close = events.next()?.1.end.byte_offset()?;
            let last = items.last().map_or(close, |item: &SourceNode| item.span.end);
            source(if is_flow { close } else { last }, *id, Kind::List { items, is_flow })
        }
        Event::MappingStart(style, id, _) => {
            let is_flow = *style == StructureStyle::Flow;
            let mut items = Vec::new();
            while !matches!(events.peek()?.0, Event::MappingEnd) {
                let key = node(events, repeated)?;
                items.push((key, node(events, repeated)?));
            }
            let close = events.next()?.1.end.byte_offset()?;
            let last = items.last().map_or(close, |(key, value): &(SourceNode, SourceNode)| {
                value.span.end.max(key.span.end)
            });
            source(if is_flow { close } else { last }, *id, Kind::Map { items, is_flow })
        }
        _ => return None,
    })
}
