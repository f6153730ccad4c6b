//! Templates of messages, which match lines and extract values.

/// How many places of a line are tried; a hostile line could hold any number.
const MAX_TRIES: usize = 32;

/// Longer needles make the automaton larger but hardly exclude more lines.
const MAX_NEEDLE_BYTES: usize = 24;

/// A text with values: `file '{path}' is empty`. `{}` is a value without a name, `{{` a brace. A
/// value matches as little as possible; at the beginning it is one word, at the end it is the rest
/// of the line.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The texts around the values: one more than there are names.
    pieces: Vec<String>,
    names: Vec<&'static str>,
}

/// A template found in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The byte at which the message begins.
    pub start: usize,
    /// The byte after the message.
    pub end: usize,
    /// The named values, in order.
    pub values: Vec<(&'static str, &'a str)>,
}

impl Template {
    pub(crate) fn parse(text: &'static str) -> Self {
        let (mut pieces, mut names) = (vec![String::new()], Vec::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some(piece) = pieces.last_mut() else { break };
            piece.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                piece.push('{');
                rest = after;
                continue;
            }
            let end = after.find('}').unwrap_or(after.len());
            names.push(&after[..end]);
            pieces.push(String::new());
            rest = after.get(end + 1..).unwrap_or_default();
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(rest);
        }
        Self { pieces, names }
    }

    /// The names of the values.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied().filter(|name| !name.is_empty())
    }

    /// The text to search for: the beginning of the longest piece. Lines without it do not hold the
    /// message.
    pub(crate) fn needle(&self) -> &str {
        let piece = self.pieces.iter().max_by_key(|piece| piece.len()).map_or("", String::as_str);
        &piece[..piece.floor_char_boundary(MAX_NEEDLE_BYTES)]
    }

    /// Finds the message at the first place that `may_begin` accepts.
    pub(crate) fn find<'a>(
        &self,
        line: &'a str,
        may_begin: impl Fn(usize) -> bool,
    ) -> Option<Found<'a>> {
        let starts_with_value = self.pieces.first().is_some_and(String::is_empty);
        let first = self.pieces.get(usize::from(starts_with_value)).map_or("", String::as_str);
        for (position, _) in line.match_indices(first).take(MAX_TRIES) {
            let start = if starts_with_value { word_start(line, position) } else { position };
            // A piece that is missing after the first place is missing after the others too.
            let (values, end) = self.values(line, start)?;
            if may_begin(start) {
                return Some(Found { start, end, values });
            }
        }
        None
    }

    /// The values of a message that begins at `start`, and the message's end.
    #[allow(clippy::type_complexity)]
    fn values<'a>(
        &self,
        line: &'a str,
        start: usize,
    ) -> Option<(Vec<(&'static str, &'a str)>, usize)> {
        let mut rest = line.get(start..)?.strip_prefix(self.pieces.first()?.as_str())?;
        let mut values = Vec::new();
        for (name, piece) in self.names.iter().zip(&self.pieces[1..]) {
            let end = if piece.is_empty() { rest.len() } else { rest.find(piece.as_str())? };
            if !name.is_empty() {
                values.push((*name, &rest[..end]));
            }
            rest = &rest[end + piece.len()..];
        }
        Some((values, line.len() - rest.len()))
    }

    /// The text with its values inserted; an unknown value becomes its name.
    pub(crate) fn fill(&self, lookup: impl Fn(&str) -> Option<String>) -> String {
        let mut text = self.pieces.first().cloned().unwrap_or_default();
        for (name, piece) in self.names.iter().zip(&self.pieces[1..]) {
            text.push_str(&lookup(name).unwrap_or_else(|| (*name).to_owned()));
            text.push_str(piece);
        }
        text
    }
}

/// The start of the word that ends at `end`.
fn word_start(line: &str, end: usize) -> usize {
    line[..end].rfind([' ', '\t', '\'', '"']).map_or(0, |before| before + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn find<'a>(template: &'static str, line: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
        Template::parse(template).find(line, |_| true).map(|found| found.values)
    }

    #[test]
    fn values_between_pieces_are_found() {
        let conflict = "--oidc-org '{flag}' conflicts with '{claim}'.";
        let line = "error: --oidc-org 'a' conflicts with 'b'. Use one";
        assert_eq!(find(conflict, line), Some(vec![("flag", "a"), ("claim", "b")]));
        assert_eq!(find(conflict, "--oidc-org 'a' agrees with 'b'."), None);
        assert_eq!(
            find("failed: {rest}", "x failed: all of it"),
            Some(vec![("rest", "all of it")])
        );
        assert_eq!(find("failed: {rest}", "failed: "), Some(vec![("rest", "")]));
    }

    #[test]
    fn leading_value_is_a_word() {
        let found =
            Template::parse("{url} is not valid").find("error: https://a is not valid", |_| true);
        assert_eq!(found, Some(Found { start: 7, end: 29, values: vec![("url", "https://a")] }));
    }

    #[test]
    fn unnamed_values_are_dropped() {
        assert_eq!(find("asked {} for {what}", "asked a for b"), Some(vec![("what", "b")]));
        assert_eq!(find("asked {} for", "asked a for"), Some(vec![]));
    }

    #[test]
    fn double_brace_is_literal() {
        assert_eq!(find("{{\"code\":{code},", "{\"code\":404,"), Some(vec![("code", "404")]));
        let template = Template::parse("{a} and {{b}");
        assert_eq!(template.fill(|name| Some(name.to_uppercase())), "A and {b}");
    }

    #[test]
    fn rejected_place_tries_next_match() {
        let template = Template::parse("bad: {what}");
        let line = "\"bad: one\", bad: two";
        let found = template.find(line, |at| at > 5).unwrap();
        assert_eq!(found.values, [("what", "two")]);
    }

    proptest! {
        #[test]
        fn filled_template_is_found_again(a in "[a-z0-9:/.]{0,12}", b in "[a-z0-9:/. ]{0,12}", before in "[a-z: ]{0,9}") {
            let template = Template::parse("token '{a}' of {b}");
            let text = template.fill(|name| Some(if name == "a" { a.clone() } else { b.clone() }));
            let line = format!("{before}{text}");
            let found = template.find(&line, |_| true).unwrap();
            prop_assert_eq!(found.values, vec![("a", a.as_str()), ("b", b.as_str())]);
        }

        #[test]
        fn arbitrary_lines_never_panic(line in ".{0,80}") {
            for message in crate::known_messages::messages() {
                let _ = Template::parse(message.text).find(&line, |_| true);
            }
        }
    }
}
