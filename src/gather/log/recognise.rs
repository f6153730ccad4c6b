//! Recognising a known message in a line.

use std::hash::BuildHasher;
use std::net::IpAddr;

use memchr::memrchr;

use super::index::{Index, Use};
use super::line::Line;
use super::step::{Asked, Mark, Step};
use super::{secrets, step};
use crate::catalogue::Code;
use crate::evidence::InputProblem;
use crate::evidence::log::{Context, Decided, LogMatch, Party, SHORT, host_of};
use crate::known_messages::{Found, Means, Message, Template};
use crate::oidc::jwt;
use crate::text::secret::REDACTED;
use crate::{judge, text};

/// How much of a line is shown, in characters.
const LONGEST_TEXT: usize = 400;
/// A message in a line.
pub(super) struct Recognised<'a> {
    /// Which, as an index into [`Index::messages`].
    pub(super) index: usize,
    pub(super) message: &'static Message,
    template: &'a Template,
    line: &'a str,
    found: Found<'a>,
    pub(super) decided: Option<Decided>,
    /// It begins where messages begin.
    pub(super) begins: bool,
    /// It does, and nothing before it tells whose message it is.
    pub(super) bare: bool,
}

impl Recognised<'_> {
    /// By what the same message is known when it comes again. The values are not kept for it: they
    /// may be secrets.
    pub(super) fn identity(&self, hasher: &impl BuildHasher) -> u64 {
        hasher.hash_one((self.index, &self.found.values, format!("{:?}", self.decided)))
    }

    /// What is shown of the line.
    pub(super) fn text(&self) -> String {
        let text = match self.message.means {
            Means::TokenValue => self.template.fill(|_| Some("[redacted]'".to_owned())),
            // The recipient of the request is named before the message.
            Means::Network(_) => last(&secrets::redact(&self.line[..self.found.end])),
            _ => secrets::redact(self.line[self.found.start..self.found.end].trim_end()),
        };
        text::clip(&text, LONGEST_TEXT)
    }

    /// The values, as they may be kept.
    pub(super) fn values(&self) -> Vec<(&'static str, String)> {
        let values = self.found.values.iter();
        values.map(|(name, value)| (*name, shown(self.message, name, value))).collect()
    }
}

/// A line, and what is around it.
pub(super) struct LineContext<'a, 'c> {
    pub(super) line: &'a Line<'a>,
    pub(super) number: u64,
    pub(super) marks: &'a [Mark],
    pub(super) step: &'a Step,
    /// The log up to the line.
    pub(super) before: &'a [u8],
    /// The state of reading, up to the current line.
    pub(super) context: &'c Context,
}

impl LineContext<'_, '_> {
    /// The server that the line, or the command before it, asked. `host`: the host that the message names.
    fn party(&self, host: Option<&str>) -> Option<Party> {
        self.step.party(
            self.marks,
            &Asked { line: self.line.text, host },
            self.context,
            self.before,
        )
    }

    /// Whether the text is short so far and shows no command and no step: then nothing tells whose
    /// messages are in it.
    fn is_bare(&self) -> bool {
        self.number <= SHORT && !step::shows_commands(self.before)
    }
}

/// The first known message of a line.
pub(super) fn recognise<'a>(
    index: &'a Index,
    hits: &[Use],
    around: &LineContext<'a, '_>,
) -> Option<Recognised<'a>> {
    let mut candidates: Vec<usize> = hits
        .iter()
        .filter_map(|hit| match hit {
            Use::Message(index) => Some(*index),
            _ => None,
        })
        .collect();
    candidates.sort_unstable();
    let line = around.line;
    // In the middle of a sentence, within a code fence or far from a login it may be no more than
    // a quotation: whether that counts is judged later.
    let is_fenced = !candidates.is_empty() && is_fenced(around.before);
    let standings = [Standing::Own, Standing::Bare, Standing::Quoted];
    let (at, found, decided, standing) = standings.into_iter().find_map(|standing| {
        let begins = standing != Standing::Quoted;
        if begins && is_fenced || standing == Standing::Bare && !around.is_bare() {
            return None;
        }
        candidates.iter().find_map(|at| {
            let (message, template) = &index.messages[*at];
            let found = template
                .find(line.text, |start| !begins || message.anywhere || line.may_begin(start))?;
            let decided = decide(message, &found, around, standing)?;
            let counts = || around.step.counts(message.scope, around.number, || around.party(None));
            (standing != Standing::Own || counts()).then_some((*at, found, decided, standing))
        })
    })?;
    let (message, template) = &index.messages[at];
    let (begins, bare) = (standing == Standing::Own, standing == Standing::Bare);
    Some(Recognised { index: at, message, template, line: line.text, found, decided, begins, bare })
}

/// How a message is placed in its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It begins there, about a login to Pulumi Cloud.
    Own,
    /// It begins there, and nothing tells whose it is.
    Bare,
    /// It may be a quotation, or another program's.
    Quoted,
}

/// Adds the next line to a message that goes on in it; whether it did.
pub(super) fn go_on(log_match: &mut LogMatch, raw: &str) -> Continuation {
    let line = Line::read(raw.trim_end_matches('\r'), false);
    let shown = line.text.trim();
    let is_other = OTHERS.iter().any(|mark| raw.contains(mark)) || step::begins_another(raw);
    if line.is_command || is_other || !goes_on(log_match) {
        return Continuation::Over;
    }
    if shown.is_empty() {
        return Continuation::Blank;
    }
    let text = format!("{} {}", log_match.text, secrets::redact(shown));
    log_match.text = text::clip(&text, LONGEST_TEXT);
    Continuation::Added
}

/// How a line relates to the message before it.
pub(super) enum Continuation {
    /// It belongs to it.
    Added,
    /// It is empty.
    Blank,
    /// It belongs to something else.
    Over,
}

/// What a line holds that belongs to nothing before it.
const OTHERS: [&str; 4] = ["##[", "section_", "error: ", "-----BEGIN"];

/// Whether a message goes on in the next line: an answer does while it is not whole. Behind a
/// secret there may be more of it.
fn goes_on(log_match: &LogMatch) -> bool {
    let text = log_match.text.as_str();
    if text.ends_with(REDACTED) {
        return false;
    }
    if log_match.message.means != Means::ExchangeAnswer {
        return true;
    }
    let count = |c: char| text.chars().filter(|other| *other == c).count();
    let lower = text.to_ascii_lowercase();
    let in_page =
        (lower.contains("<html") || lower.contains("<!doctype")) && !lower.contains("</html");
    count('{') > count('}') || in_page
}

/// A value as it may be kept. A value that was passed as the token is described, not kept.
fn shown(message: &Message, name: &str, value: &str) -> String {
    match (message.means, name) {
        (Means::TokenValue, _) => passed(value).1,
        // Go names the resolver behind the host.
        (_, "host") => secrets::redact(first_word(value)),
        _ => text::clip(&secrets::redact(value), LONGEST_TEXT),
    }
}

/// Whether the line before opens a block of code in a page.
fn is_fenced(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    let start = memrchr(b'\n', before).map_or(0, |at| at + 1);
    let last = String::from_utf8_lossy(&before[start..]);
    Line::read(&last, false).text.trim_start().starts_with("```")
}

/// The end of a text, from where a request begins if it is in there.
fn last(text: &str) -> String {
    let start = ["Post \"", "Get \"", "request to "].iter().find_map(|method| text.find(method));
    let text = &text[start.unwrap_or(0)..];
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(LONGEST_TEXT)).collect()
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// What the line decides (`None`: the message says nothing in it).
#[allow(clippy::option_option)]
fn decide(
    message: &Message,
    found: &Found<'_>,
    around: &LineContext<'_, '_>,
    standing: Standing,
) -> Option<Option<Decided>> {
    match message.means {
        Means::Network(_) | Means::Status => {
            let named = found.values.iter().find(|(name, _)| *name == "host");
            let named = named.map(|(_, host)| first_word(host)).or(host_of(around.line.text));
            let is_network = message.means != Means::Status;
            let unnamed = || {
                let may_be = standing == Standing::Bare && is_network;
                (may_be && names_nobody(around.line, found, named)).then_some(Party::Unnamed)
            };
            around.party(named).or_else(unnamed).map(|party| Some(Decided::Party(party)))
        }
        Means::TokenValue => {
            let (_, value) = found.values.first()?;
            let (code, what, problem) = passed(value);
            Some(Some(Decided::Token { code, what, problem }))
        }
        _ => Some(None),
    }
}

/// Whether a network error is one of which nothing tells whose request failed: it names no host, an
/// address, or a host that may be somebody's own Pulumi Cloud.
fn names_nobody(line: &Line, found: &Found, host: Option<&str>) -> bool {
    // Go names the address in front, curl its number for the error.
    let leads = ["dial tcp", "curl: ("].iter().filter_map(|lead| line.text.find(lead));
    let start = leads.fold(found.start, usize::min);
    let program = line.text.split([' ', ':']).next().unwrap_or_default();
    line.may_begin(start)
        && !OTHER_PROGRAMS.contains(&program)
        && host.is_none_or(|host| {
            host.parse::<IpAddr>().is_ok() || host.split('.').any(|label| label == "pulumi")
        })
}

/// Programs that begin their lines with their name.
const OTHER_PROGRAMS: [&str; 12] = [
    "npm",
    "yarn",
    "pip",
    "docker",
    "helm",
    "kubectl",
    "terraform",
    "git",
    "go",
    "aws",
    "az",
    "gcloud",
];

/// What a value is that the CLI refused as a token, and quoted up to the end of the line.
fn passed(quoted: &str) -> (Code, String, Option<InputProblem>) {
    let quoted = quoted.trim_end();
    // If the quotation does not end, the value continues in the next line.
    let (value, is_cut) = match quoted.strip_suffix('\'') {
        Some(value) => (value, false),
        None => (quoted, true),
    };
    let read = jwt::read(value.as_bytes(), false);
    let (problem, wrapped) = match read {
        Ok(decoded) => {
            let cut_off = decoded.token.truncated;
            (cut_off.map(|how| InputProblem::Truncated { how }), decoded.wrapped)
        }
        Err((problem, wrapped)) => (Some(problem), wrapped),
    };
    let (code, what) = judge::classify_refused_token(problem.as_ref(), &wrapped, is_cut);
    (code, what, problem)
}
