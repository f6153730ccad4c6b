//! Recognises a known message in a line.

use std::hash::BuildHasher;
use std::net::IpAddr;

use memchr::memrchr;

use super::index::{Index, Purpose};
use super::line::Line;
use super::step::{Mark, RequestLine, Step};
use super::{secrets, step};
use crate::catalogue::Code;
use crate::evidence::InputProblem;
use crate::evidence::log::{Context, Decided, LogMatch, MAX_EXCERPT_LINES, Party, host_of};
use crate::known_messages::{Found, Means, Message, Template};
use crate::oidc::jwt;
use crate::text::secret::REDACTED;
use crate::{judge, text};

/// How much of a line is shown, in characters.
const LONGEST_TEXT: usize = 400;

/// A message in a line.
pub(super) struct Recognised<'a> {
    /// Its index in [`Index::messages`].
    pub(super) index: usize,
    pub(super) message: &'static Message,
    template: &'a Template,
    line: &'a str,
    found: Found<'a>,
    pub(super) decided: Option<Decided>,
    /// It is where a message may begin, not a quotation.
    pub(super) begins: bool,
    /// It begins there, and nothing before it tells which login it is about.
    pub(super) bare: bool,
}

impl Recognised<'_> {
    /// A hash that identifies the message when it occurs again. Only the hash of the values is
    /// kept: they may be secrets.
    pub(super) fn identity(&self, hasher: &impl BuildHasher) -> u64 {
        hasher.hash_one((self.index, &self.found.values, format!("{:?}", self.decided)))
    }

    /// The part of the line to show.
    pub(super) fn text(&self) -> String {
        let text = match self.message.means {
            Means::TokenValue => self.template.fill(|_| Some("[redacted]'".to_owned())),
            // The URL of the request comes before the message.
            Means::Network(_) => end_of_request(&secrets::redact(&self.line[..self.found.end])),
            _ => secrets::redact(self.line[self.found.start..self.found.end].trim_end()),
        };
        text::clip(&text, LONGEST_TEXT)
    }

    /// The values, without secrets.
    pub(super) fn values(&self) -> Vec<(&'static str, String)> {
        let values = self.found.values.iter();
        values.map(|(name, value)| (*name, redacted_value(self.message, name, value))).collect()
    }
}

/// A line and its surroundings.
pub(super) struct LineContext<'a, 'c> {
    pub(super) line: &'a Line<'a>,
    pub(super) number: u64,
    pub(super) marks: &'a [Mark],
    pub(super) step: &'a Step,
    /// The log up to the line.
    pub(super) before: &'a [u8],
    /// The facts from all lines so far.
    pub(super) context: &'c Context,
}

impl LineContext<'_, '_> {
    /// The server that the line, or the command before it, sent a request to. `host`: the host in
    /// the message.
    fn party(&self, host: Option<&str>) -> Option<Party> {
        self.step.party(
            self.marks,
            &RequestLine { line: self.line.text, host },
            self.context,
            self.before,
        )
    }

    /// Whether the log so far is short and shows no command and no step, so that nothing tells
    /// which program wrote it.
    fn is_bare(&self) -> bool {
        self.number <= MAX_EXCERPT_LINES && !step::shows_commands(self.before)
    }
}

/// The first known message of a line.
pub(super) fn recognise<'a>(
    index: &'a Index,
    hits: &[Purpose],
    line_context: &LineContext<'a, '_>,
) -> Option<Recognised<'a>> {
    let mut candidates: Vec<usize> = hits
        .iter()
        .filter_map(|hit| match hit {
            Purpose::Message(index) => Some(*index),
            _ => None,
        })
        .collect();
    candidates.sort_unstable();
    let line = line_context.line;
    // In a sentence, in a code fence or far from a login, it may be a quotation. The judge decides
    // whether those count.
    let is_fenced = !candidates.is_empty() && is_fenced(line_context.before);
    let placements = [Placement::Own, Placement::Bare, Placement::Quoted];
    let (at, found, decided, placement) = placements.into_iter().find_map(|placement| {
        let begins = placement != Placement::Quoted;
        if begins && is_fenced || placement == Placement::Bare && !line_context.is_bare() {
            return None;
        }
        candidates.iter().find_map(|at| {
            let (message, template) = &index.messages[*at];
            let found = template
                .find(line.text, |start| !begins || message.anywhere || line.may_begin(start))?;
            let decided = decide(message, &found, line_context, placement)?;
            let is_in_scope = || {
                line_context
                    .step
                    .is_in_scope(message.scope, line_context.number, || line_context.party(None))
            };
            (placement != Placement::Own || is_in_scope())
                .then_some((*at, found, decided, placement))
        })
    })?;
    let (message, template) = &index.messages[at];
    let (begins, bare) = (placement == Placement::Own, placement == Placement::Bare);
    Some(Recognised { index: at, message, template, line: line.text, found, decided, begins, bare })
}

/// How a message relates to its line and its log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placement {
    /// It begins there and is about a login to Pulumi Cloud.
    Own,
    /// It begins there, and nothing tells which program it is from.
    Bare,
    /// It may be a quotation, or from another program.
    Quoted,
}

/// Adds a line to a message that continues in it, and says whether it did.
pub(super) fn continue_message(log_match: &mut LogMatch, raw: &str) -> Continuation {
    let line = Line::read(raw.trim_end_matches('\r'), false);
    let shown = line.text.trim();
    let is_other =
        NO_CONTINUATION.iter().any(|mark| raw.contains(mark)) || step::is_step_boundary(raw);
    if line.is_command || is_other || !is_continued(log_match) {
        return Continuation::Ended;
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
    /// It was added to the message.
    Added,
    /// It is empty.
    Blank,
    /// The message ended before it.
    Ended,
}

/// Texts in lines that continue no message.
const NO_CONTINUATION: [&str; 4] = ["##[", "section_", "error: ", "-----BEGIN"];

/// Whether a message continues in the next line. An answer continues while it is incomplete. After
/// a redacted secret nothing is added: the next line may hold the rest of it.
fn is_continued(log_match: &LogMatch) -> bool {
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

/// A value without secrets. A value that was passed as the token is described, not kept.
fn redacted_value(message: &Message, name: &str, value: &str) -> String {
    match (message.means, name) {
        (Means::TokenValue, _) => describe_passed_token(value).1,
        // Go names the resolver after the host.
        (_, "host") => secrets::redact(first_word(value)),
        _ => text::clip(&secrets::redact(value), LONGEST_TEXT),
    }
}

/// Whether the previous line opens a Markdown code block.
fn is_fenced(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    let start = memrchr(b'\n', before).map_or(0, |at| at + 1);
    let last = String::from_utf8_lossy(&before[start..]);
    Line::read(&last, false).text.trim_start().starts_with("```")
}

/// The end of a text, starting at the request if there is one.
fn end_of_request(text: &str) -> String {
    let start = ["Post \"", "Get \"", "request to "].iter().find_map(|method| text.find(method));
    let text = &text[start.unwrap_or(0)..];
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(LONGEST_TEXT)).collect()
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// Decides what the message means in this line. `None`: nothing, so it does not count.
#[allow(clippy::option_option)]
fn decide(
    message: &Message,
    found: &Found<'_>,
    line_context: &LineContext<'_, '_>,
    placement: Placement,
) -> Option<Option<Decided>> {
    match message.means {
        Means::Network(_) | Means::Status => {
            let named = found.values.iter().find(|(name, _)| *name == "host");
            let named = named.map(|(_, host)| first_word(host)).or(host_of(line_context.line.text));
            let is_network = message.means != Means::Status;
            let unnamed = || {
                let may_be = placement == Placement::Bare && is_network;
                (may_be && names_no_server(line_context.line, found, named))
                    .then_some(Party::Unnamed)
            };
            line_context.party(named).or_else(unnamed).map(|party| Some(Decided::Party(party)))
        }
        Means::TokenValue => {
            let (_, value) = found.values.first()?;
            let (code, what, problem) = describe_passed_token(value);
            Some(Some(Decided::Token { code, what, problem }))
        }
        _ => Some(None),
    }
}

/// Whether a network error does not tell which server it is about: it names no host, an address, or
/// a host that may be a self-hosted Pulumi Cloud.
fn names_no_server(line: &Line, found: &Found, host: Option<&str>) -> bool {
    // Go puts the address first, curl its error number.
    let leads = ["dial tcp", "curl: ("].iter().filter_map(|lead| line.text.find(lead));
    let start = leads.fold(found.start, usize::min);
    let program = line.text.split([' ', ':']).next().unwrap_or_default();
    line.may_begin(start)
        && !OTHER_PROGRAMS.contains(&program)
        && host.is_none_or(|host| {
            host.parse::<IpAddr>().is_ok() || host.split('.').any(|label| label == "pulumi")
        })
}

/// Other programs that begin their lines with their name.
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

/// Describes a value that the CLI rejected as a token. `quoted` is the rest of the line.
fn describe_passed_token(quoted: &str) -> (Code, String, Option<InputProblem>) {
    let quoted = quoted.trim_end();
    // Without a closing quote, the value continues in the next line.
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
