//! Texts of which only a part is known, and the texts that such a template and a pattern have in
//! common.
//!
//! "Does the rule `repo:acme/*:ref:refs/heads/release-?` let another branch in?" is such a question:
//! the template is the subject of every other branch, and an answer names one that gets in.

use std::collections::HashMap;

use super::pattern::{Element, elements};
use crate::limits;
use crate::limits::Work;

/// A text with open parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Open(Open),
}

/// A part that may be any text of at least one character, but these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    /// Parts of this name are the same text, in every template.
    pub(crate) name: &'static str,
    /// A value that people recognise as an example.
    pub(crate) example: &'static str,
    /// Characters that no value holds.
    pub(crate) never: &'static str,
    /// Values that are not meant.
    pub(crate) except: Vec<String>,
}

impl Open {
    /// A part that may be any text without these characters.
    pub(crate) const fn new(
        name: &'static str,
        example: &'static str,
        never: &'static str,
    ) -> Self {
        Self { name, example, never, except: Vec::new() }
    }

    /// The same, but not this value.
    pub(crate) fn but(mut self, value: impl Into<String>) -> Self {
        self.except.push(value.into());
        self
    }

    /// The example, or one like it where that is among the exceptions.
    pub(crate) fn another(&self) -> String {
        let numbered = (2..).map(|number| format!("{}{number}", self.example));
        let mut all = std::iter::once(self.example.to_owned()).chain(numbered);
        all.find(|value| !self.except.contains(value)).unwrap_or_default()
    }
}

/// The values of open parts, by name.
pub(crate) type Values = HashMap<&'static str, String>;

impl Template {
    /// The same with a text behind it.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// The same with an open part behind it.
    pub(crate) fn open(mut self, open: Open) -> Self {
        self.0.push(Part::Open(open));
        self
    }

    /// The same with another template behind it.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The open parts.
    pub(crate) fn opens(&self) -> impl Iterator<Item = &Open> {
        self.0.iter().filter_map(|part| match part {
            Part::Open(open) => Some(open),
            Part::Text(_) => None,
        })
    }

    /// The text with these values filled in, and with examples for the others.
    pub(crate) fn fill(&self, values: &Values) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Open(open) => values.get(open.name).cloned().unwrap_or_else(|| open.another()),
        };
        self.0.iter().map(part).collect()
    }

    /// The template with these values in the place of the parts that have one.
    fn with(&self, values: &Values) -> Self {
        let part = |part: &Part| match part {
            Part::Open(open) if values.contains_key(open.name) => {
                Part::Text(values[open.name].clone())
            }
            other => other.clone(),
        };
        Self(self.0.iter().map(part).collect())
    }
}

/// The values that a template needs, beside those that are given, for a pattern to match it: short
/// ones, with a character for each `*` where that is possible. `None` where the pattern matches no such
/// text.
///
/// # Errors
/// The pattern is too long, or the work does not suffice to tell.
pub(crate) fn common(
    pattern: &str,
    template: &Template,
    given: &Values,
    work: &mut Work,
) -> Result<Option<Values>, TooMuch> {
    if pattern.len() > limits::PATTERN {
        return Err(TooMuch);
    }
    let template = template.with(given);
    let steps: Vec<Step> = template
        .0
        .iter()
        .flat_map(|part| match part {
            Part::Text(text) => text.chars().map(Step::Char).collect(),
            Part::Open(open) => vec![Step::Open(open, Exceptions::new(&open.except))],
        })
        .collect();
    let parsed = elements(pattern);
    let is_many = |element: &Element| *element == Element::Many;
    if parsed.iter().any(is_many) {
        // A branch called `release/x` is more of an example than one called `release/`.
        let filled = parsed.iter().flat_map(|element| match element {
            Element::Many => [Element::One, Element::Many].to_vec(),
            other => vec![*other],
        });
        let found = Search::new(filled.collect(), &steps).run(work)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Search::new(parsed, &steps).run(work)
}

/// What one state of a search costs, in steps.
const STATE: usize = 30;

/// The work does not suffice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// One step of a template.
enum Step<'a> {
    Char(char),
    Open(&'a Open, Exceptions),
}

/// The values that an open part must not have, as a tree of characters.
struct Exceptions(Vec<(HashMap<char, usize>, bool)>);

/// How far the value of an open part is: at this node of its exceptions, or different from all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Node(usize),
    Different,
}

const START: At = At::Node(0);

impl Exceptions {
    fn new(values: &[String]) -> Self {
        // No value is empty.
        let mut nodes = vec![(HashMap::new(), true)];
        for value in values {
            let mut at = 0;
            for c in value.chars() {
                let next = nodes.len();
                at = *nodes[at].0.entry(c).or_insert(next);
                if at == next {
                    nodes.push((HashMap::new(), false));
                }
            }
            nodes[at].1 = true;
        }
        Self(nodes)
    }

    fn next(&self, at: At, c: char) -> At {
        match at {
            At::Node(node) => self.0[node].0.get(&c).map_or(At::Different, |next| At::Node(*next)),
            At::Different => At::Different,
        }
    }

    fn may_end(&self, at: At) -> bool {
        match at {
            At::Node(node) => !self.0[node].1,
            At::Different => true,
        }
    }
}

/// What stands for a wildcard that an open part goes along with: the first that no exception has
/// at this place.
fn fillers() -> impl Iterator<Item = char> {
    ['x', 'q', '7'].into_iter().chain('a'..='z').chain('0'..='9').chain('A'..='Z')
}

/// A search, breadth first, through pattern and template at once.
struct Search<'a> {
    elements: Vec<Element>,
    steps: &'a [Step<'a>],
    /// How many states the steps before each one have, for one element.
    before: Vec<usize>,
}

/// A place in the pattern and one in the template.
type State = (usize, usize, At);

/// A state with the one before it, and the character between them.
type Reached = (State, usize, Option<char>);

impl<'a> Search<'a> {
    fn new(elements: Vec<Element>, steps: &'a [Step<'a>]) -> Self {
        let mut before = vec![0];
        for step in steps {
            let states = match step {
                Step::Char(_) => 1,
                Step::Open(_, exceptions) => exceptions.0.len() + 1,
            };
            before.push(before.last().copied().unwrap_or_default() + states);
        }
        Self { elements, steps, before }
    }

    /// The number of a state.
    fn number(&self, (element, step, at): State) -> usize {
        let all = self.before.last().copied().unwrap_or_default() + 1;
        let end = self.before.get(step + 1).copied().unwrap_or(all);
        let within = match at {
            At::Node(node) => self.before.get(step).copied().unwrap_or_default() + node,
            At::Different => end - 1,
        };
        element * all + within
    }

    fn run(&self, work: &mut Work) -> Result<Option<Values>, TooMuch> {
        let all = self.number((self.elements.len() + 1, 0, START));
        // Each state has a bit, which costs less than looking it up.
        if !work.take(all / 64) {
            work.exhaust();
            return Err(TooMuch);
        }
        let mut seen = vec![false; all];
        let mut reached: Vec<Reached> = vec![((0, 0, START), 0, None)];
        let mut index = 0;
        while let Some((state, ..)) = reached.get(index).copied() {
            if !work.take(STATE) {
                work.exhaust();
                return Err(TooMuch);
            }
            if state.0 == self.elements.len() && state.1 == self.steps.len() {
                return Ok(Some(self.values(&reached, index)));
            }
            self.moves(state, |next, c| {
                if let Some(seen) = seen.get_mut(self.number(next))
                    && !std::mem::replace(seen, true)
                {
                    reached.push((next, index, c));
                }
            });
            index += 1;
        }
        Ok(None)
    }

    fn moves(&self, (element, step, at): State, mut go: impl FnMut(State, Option<char>)) {
        let wanted = self.elements.get(element);
        if matches!(wanted, Some(Element::Optional | Element::Many)) {
            go((element + 1, step, at), None);
        }
        let after = |c: char| match wanted? {
            Element::Char(wanted) if *wanted != c => None,
            Element::Many => Some(element),
            _ => Some(element + 1),
        };
        match self.steps.get(step) {
            None => {}
            Some(Step::Char(c)) => {
                if let Some(element) = after(*c) {
                    go((element, step + 1, START), Some(*c));
                }
            }
            Some(Step::Open(open, exceptions)) => {
                if exceptions.may_end(at) {
                    go((element, step + 1, START), None);
                }
                let c = match wanted {
                    Some(Element::Char(c)) => Some(*c),
                    Some(_) => fillers().find(|filler| {
                        !open.never.contains(*filler)
                            && exceptions.next(at, *filler) == At::Different
                    }),
                    None => None,
                };
                if let Some(c) = c.filter(|c| !open.never.contains(*c))
                    && let Some(element) = after(c)
                {
                    go((element, step, exceptions.next(at, c)), Some(c));
                }
            }
        }
    }

    /// What the open parts took on the way to this state.
    fn values(&self, reached: &[Reached], end: usize) -> Values {
        let mut values = Values::new();
        let mut index = end;
        while index != 0 {
            let (_, before, c) = reached[index];
            let ((_, step, _), ..) = reached[before];
            if let (Some(c), Some(Step::Open(open, _))) = (c, self.steps.get(step)) {
                values.entry(open.name).or_default().insert(0, c);
            }
            index = before;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern;

    const BRANCH: Open = Open::new("branch", "another-branch", ":");

    fn branch(except: &[&str]) -> Template {
        let open = except.iter().fold(BRANCH, |open, value| open.but(*value));
        Template::default().text("repo:acme/web:ref:refs/heads/").open(open)
    }

    fn solved(pattern: &str, template: &Template) -> Option<String> {
        let found = common(pattern, template, &Values::new(), &mut Work::unlimited()).unwrap();
        found.map(|values| template.fill(&values))
    }

    #[test]
    fn wildcards_let_other_branches_in() {
        let begin = "repo:acme/web:ref:refs/heads/";
        let cases = [
            ("repo:acme/web:*", &["main"][..], Some("x")),
            ("repo:acme/*", &["main", "x"], Some("q")),
            ("*", &[], Some("x")),
            ("repo:acme/web:ref:refs/heads/main", &["main"], None),
            ("repo:acme/web:ref:refs/heads/main", &[], Some("main")),
            ("repo:acme/web:ref:refs/heads/main?", &["main"], Some("mainx")),
            ("repo:acme/web:ref:refs/heads/main*", &["main"], Some("mainx")),
            ("repo:acme/web:ref:refs/heads/ma.n", &["main"], Some("maxn")),
            ("repo:acme/web:ref:refs/heads/release/*", &["main"], Some("release/x")),
            ("repo:acme/web:ref:refs/heads/a:b", &["main"], None),
            ("repo:acme/web:ref:refs/heads/", &[], None),
            ("repo:acme/web:environment:*", &[], None),
            ("repo:other/web:*", &[], None),
            ("*:pull_request", &[], None),
            ("*main", &["main"], Some("xmain")),
        ];
        for (pattern, except, expected) in cases {
            let expected = expected.map(|name| format!("{begin}{name}"));
            assert_eq!(solved(pattern, &branch(except)), expected, "{pattern}");
        }
    }

    #[test]
    fn values_that_are_given_are_kept() {
        let template = branch(&["main"]);
        let given = Values::from([("branch", "dev".to_owned())]);
        let mut work = Work::unlimited();
        assert_eq!(common("*dev", &template, &given, &mut work), Ok(Some(Values::new())));
        assert_eq!(common("*prod", &template, &given, &mut work), Ok(None));
        assert_eq!(template.fill(&given), "repo:acme/web:ref:refs/heads/dev");
        assert_eq!(
            branch(&["another-branch"]).opens().next().unwrap().another(),
            "another-branch2"
        );
    }

    #[test]
    fn work_is_bounded() {
        let hostile = "*?.".repeat(1_000);
        let template = branch(&["main"]).text("x".repeat(100_000));
        let values = Values::new();
        assert_eq!(common(&hostile, &template, &values, &mut Work::new(10_000)), Err(TooMuch));
        let long = "x".repeat(limits::PATTERN + 1);
        assert_eq!(common(&long, &template, &values, &mut Work::unlimited()), Err(TooMuch));
    }

    proptest! {
        /// What is found matches, fits the template and is none of the exceptions; what is not found
        /// is not there.
        #[test]
        fn a_common_text_is_one(
            pattern in "[ab*?.]{0,6}",
            except in prop::collection::vec("[ab]{1,3}", 0..3),
            other in "[ab]{1,4}",
        ) {
            let open = except.iter().fold(Open::new("o", "b", ""), |open, value| open.but(value));
            let template = Template::default().text("a").open(open);
            match solved(&pattern, &template) {
                Some(text) => {
                    prop_assert!(pattern::matches(&pattern, &text), "{text}");
                    let value = text.strip_prefix('a').unwrap().to_owned();
                    prop_assert!(!value.is_empty() && !except.contains(&value), "{text}");
                }
                None => {
                    let text = format!("a{other}");
                    prop_assert!(except.contains(&other) || !pattern::matches(&pattern, &text));
                }
            }
        }
    }
}
