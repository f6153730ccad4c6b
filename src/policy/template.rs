//! Templates: texts with open parts, and the search for values with which a pattern matches them.
//!
//! This answers questions such as: does the rule `repo:acme/*:ref:refs/heads/release-?` let in
//! another branch? The template is the subject of every other branch. The answer names one that
//! gets in.

use std::collections::HashMap;

use super::pattern::{Element, parse_elements};
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

/// An open part: any text of at least one character, with exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    /// Parts with the same name have the same value, in all templates.
    pub(crate) name: &'static str,
    /// A value that people recognise as an example.
    pub(crate) example: &'static str,
    /// Characters that no value contains.
    pub(crate) never: &'static str,
    /// Excluded values.
    pub(crate) except: Vec<String>,
}

impl Open {
    /// An open part without the characters of `never`.
    pub(crate) const fn new(
        name: &'static str,
        example: &'static str,
        never: &'static str,
    ) -> Self {
        Self { name, example, never, except: Vec::new() }
    }

    /// Excludes a value.
    pub(crate) fn excluding(mut self, value: impl Into<String>) -> Self {
        self.except.push(value.into());
        self
    }

    /// The example, or a numbered variant if it is excluded.
    pub(crate) fn example_value(&self) -> String {
        let numbered = (2..).map(|number| format!("{}{number}", self.example));
        let mut all = std::iter::once(self.example.to_owned()).chain(numbered);
        all.find(|value| !self.except.contains(value)).unwrap_or_default()
    }
}

/// The values of open parts, by name.
pub(crate) type Values = HashMap<&'static str, String>;

impl Template {
    /// Appends a text.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// Appends an open part.
    pub(crate) fn open(mut self, open: Open) -> Self {
        self.0.push(Part::Open(open));
        self
    }

    /// Appends another template.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn open_parts(&self) -> impl Iterator<Item = &Open> {
        self.0.iter().filter_map(|part| match part {
            Part::Open(open) => Some(open),
            Part::Text(_) => None,
        })
    }

    /// The text with these values, and examples for the remaining open parts.
    pub(crate) fn fill(&self, values: &Values) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Open(open) => {
                values.get(open.name).cloned().unwrap_or_else(|| open.example_value())
            }
        };
        self.0.iter().map(part).collect()
    }

    /// The template with these values instead of their open parts.
    fn with_values(&self, values: &Values) -> Self {
        let part = |part: &Part| match part {
            Part::Open(open) if values.contains_key(open.name) => {
                Part::Text(values[open.name].clone())
            }
            other => other.clone(),
        };
        Self(self.0.iter().map(part).collect())
    }
}

/// Values for the open parts with which the pattern matches the template, in addition to the given
/// ones. They are short, but have a character for each `*` if possible. `None` if there are none.
///
/// # Errors
/// The pattern is too long, or the work budget is used up.
pub(crate) fn matching_values(
    pattern: &str,
    template: &Template,
    given: &Values,
    work: &mut Work,
) -> Result<Option<Values>, BudgetExceeded> {
    if pattern.len() > limits::PATTERN {
        return Err(BudgetExceeded);
    }
    let template = template.with_values(given);
    let steps: Vec<Step> = template
        .0
        .iter()
        .flat_map(|part| match part {
            Part::Text(text) => text.chars().map(Step::Char).collect(),
            Part::Open(open) => vec![Step::Open(open, Exceptions::new(&open.except))],
        })
        .collect();
    let parsed = parse_elements(pattern);
    let is_many = |element: &Element| *element == Element::Many;
    if parsed.iter().any(is_many) {
        // Prefers a non-empty `*`: `release/x` is a better example of a branch than `release/`.
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

/// The cost of one state of a search, in steps.
const STATE_STEPS: usize = 30;

/// The work budget is used up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BudgetExceeded;

/// One step of a template.
enum Step<'a> {
    Char(char),
    Open(&'a Open, Exceptions),
}

/// The excluded values of an open part, as a trie. Each node has its children, and whether a value
/// ends there.
struct Exceptions(Vec<(HashMap<char, usize>, bool)>);

/// The state of a partial value: a node in the trie, or already different from all excluded values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ExceptionState {
    Node(usize),
    Different,
}

const START: ExceptionState = ExceptionState::Node(0);

impl Exceptions {
    fn new(values: &[String]) -> Self {
        // The empty value is excluded too.
        let mut nodes = vec![(HashMap::new(), true)];
        for value in values {
            let mut node = 0;
            for c in value.chars() {
                let next = nodes.len();
                node = *nodes[node].0.entry(c).or_insert(next);
                if node == next {
                    nodes.push((HashMap::new(), false));
                }
            }
            nodes[node].1 = true;
        }
        Self(nodes)
    }

    fn next(&self, at: ExceptionState, c: char) -> ExceptionState {
        match at {
            ExceptionState::Node(node) => self.0[node]
                .0
                .get(&c)
                .map_or(ExceptionState::Different, |next| ExceptionState::Node(*next)),
            ExceptionState::Different => ExceptionState::Different,
        }
    }

    fn may_end(&self, at: ExceptionState) -> bool {
        match at {
            ExceptionState::Node(node) => !self.0[node].1,
            ExceptionState::Different => true,
        }
    }
}

/// Candidates for a character of an open part at a wildcard. The first one that leaves all excluded
/// values is taken.
fn fillers() -> impl Iterator<Item = char> {
    ['x', 'q', '7'].into_iter().chain('a'..='z').chain('0'..='9').chain('A'..='Z')
}

/// A breadth-first search through pattern and template in parallel.
struct Search<'a> {
    elements: Vec<Element>,
    steps: &'a [Step<'a>],
    /// For each step, the number of states of all steps before it, for one element.
    before: Vec<usize>,
}

/// A position in the pattern, one in the template, and the state of the open part there.
type State = (usize, usize, ExceptionState);

/// A state, the index of its predecessor, and the character between them.
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

    /// The index of a state in the table of visited states.
    fn index_of(&self, (element, step, at): State) -> usize {
        let all = self.before.last().copied().unwrap_or_default() + 1;
        let end = self.before.get(step + 1).copied().unwrap_or(all);
        let within = match at {
            ExceptionState::Node(node) => self.before.get(step).copied().unwrap_or_default() + node,
            ExceptionState::Different => end - 1,
        };
        element * all + within
    }

    fn run(&self, work: &mut Work) -> Result<Option<Values>, BudgetExceeded> {
        let all = self.index_of((self.elements.len() + 1, 0, START));
        // A table of visited states is cheaper than hashing them.
        if !work.take(all / 64) {
            work.exhaust();
            return Err(BudgetExceeded);
        }
        let mut seen = vec![false; all];
        let mut reached: Vec<Reached> = vec![((0, 0, START), 0, None)];
        let mut index = 0;
        while let Some((state, ..)) = reached.get(index).copied() {
            if !work.take(STATE_STEPS) {
                work.exhaust();
                return Err(BudgetExceeded);
            }
            if state.0 == self.elements.len() && state.1 == self.steps.len() {
                return Ok(Some(self.values_on_path(&reached, index)));
            }
            self.for_each_successor(state, |next, c| {
                if let Some(seen) = seen.get_mut(self.index_of(next))
                    && !std::mem::replace(seen, true)
                {
                    reached.push((next, index, c));
                }
            });
            index += 1;
        }
        Ok(None)
    }

    fn for_each_successor(
        &self,
        (element, step, at): State,
        mut go: impl FnMut(State, Option<char>),
    ) {
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
                            && exceptions.next(at, *filler) == ExceptionState::Different
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

    /// The values of the open parts on the path to this state.
    fn values_on_path(&self, reached: &[Reached], end: usize) -> Values {
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
        let open = except.iter().fold(BRANCH, |open, value| open.excluding(*value));
        Template::default().text("repo:acme/web:ref:refs/heads/").open(open)
    }

    fn solved(pattern: &str, template: &Template) -> Option<String> {
        let found =
            matching_values(pattern, template, &Values::new(), &mut Work::unlimited()).unwrap();
        found.map(|values| template.fill(&values))
    }

    #[test]
    fn wildcards_admit_other_branches() {
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
    fn given_values_are_kept() {
        let template = branch(&["main"]);
        let given = Values::from([("branch", "dev".to_owned())]);
        let mut work = Work::unlimited();
        assert_eq!(matching_values("*dev", &template, &given, &mut work), Ok(Some(Values::new())));
        assert_eq!(matching_values("*prod", &template, &given, &mut work), Ok(None));
        assert_eq!(template.fill(&given), "repo:acme/web:ref:refs/heads/dev");
        assert_eq!(
            branch(&["another-branch"]).open_parts().next().unwrap().example_value(),
            "another-branch2"
        );
    }

    #[test]
    fn work_is_bounded() {
        let hostile = "*?.".repeat(1_000);
        let template = branch(&["main"]).text("x".repeat(100_000));
        let values = Values::new();
        assert_eq!(
            matching_values(&hostile, &template, &values, &mut Work::new(10_000)),
            Err(BudgetExceeded)
        );
        let long = "x".repeat(limits::PATTERN + 1);
        assert_eq!(
            matching_values(&long, &template, &values, &mut Work::unlimited()),
            Err(BudgetExceeded)
        );
    }

    proptest! {
        /// A found value matches and is not excluded. If none is found, no other value matches.
        #[test]
        fn found_value_matches_pattern(
            pattern in "[ab*?.]{0,6}",
            except in prop::collection::vec("[ab]{1,3}", 0..3),
            other in "[ab]{1,4}",
        ) {
            let open = except.iter().fold(Open::new("o", "b", ""), |open, value| open.excluding(value));
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
