//! `doctor policy fix`.

use std::path::PathBuf;

use serde_json::Value;
use similar::TextDiff;

use super::{UNREAD, document, evidence};
use crate::cli::policy::Fix;
use crate::command::exit::{complain, print};
use crate::console::file;
use crate::console::streams::Streams;
use crate::evidence::Evidence;
use crate::gather;
use crate::gather::PolicySelection;
use crate::gather::environment::Environment;
use crate::judge::fix::{Plan, admits_only_this_kind, plan};
use crate::policy::document::{edit, own, parse};
use crate::policy::{Document, Registration};
use crate::text;
use crate::text::secret::{Scrubber, argument};

/// A change is needed.
const NEEDED: u8 = 1;
/// The doctor cannot decide it, or cannot change it safely.
const UNDECIDED: u8 = UNREAD;

pub(super) fn run(arguments: Fix, environment: Environment, mut streams: Streams) -> u8 {
    let Fix { token_and_login, write, if_meant, policy_source } = arguments;
    let path = policy_source
        .policy
        .clone()
        .or_else(|| environment.get("DOCTOR_POLICY").map(PathBuf::from));
    if write && path.is_none() {
        let problem = "policy fix: --write changes a file: name it with --policy; the live policy is \
                       changed in Pulumi Cloud";
        return complain(streams.stderr, problem);
    }
    let (token, plan) = token_and_login.into_plan();
    let plan = policy_source.complete_plan(plan, &environment, PolicySelection::TokenIssuer);
    let evidence = match evidence(token, plan, environment, &mut streams) {
        Ok(evidence) => evidence,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    let live = match document(&evidence, "policy fix", &mut streams) {
        Ok(document) => document,
        Err(status) => return status,
    };
    let before = match &path {
        Some(path) => match gather::policy_text(path) {
            Ok(text) => text,
            Err(error) => return complain(streams.stderr, &error.to_string()),
        },
        None => write_live_policy(live, &evidence),
    };
    let name = path.as_deref().map_or_else(|| "Pulumi Cloud".to_owned(), argument);
    let fixed = match fix_text(&before, &evidence, if_meant) {
        Outcome::Nothing(note) => {
            print_note(&mut streams, &note);
            return 0;
        }
        Outcome::Undecided(problem) => {
            complain(streams.stderr, &format!("policy fix: {problem}"));
            return UNDECIDED;
        }
        Outcome::ByHand { problem, entry } => {
            complain(streams.stderr, &format!("policy fix: {name}: {problem}; add this by hand:"));
            return print(&mut streams, &(text::json(&entry) + "\n"), UNDECIDED);
        }
        Outcome::Fixed(text) => text,
    };
    let diff = diff(&name, &before, &fixed);
    match path.filter(|_| write) {
        None => print(&mut streams, &diff, NEEDED),
        Some(path) => match file::rewrite(&path, &before, &fixed) {
            Ok(()) => print(&mut streams, &diff, 0),
            Err(problem) => complain(streams.stderr, &format!("--policy {name}: {problem}")),
        },
    }
}

/// Prints a note on standard error.
fn print_note(streams: &mut Streams, note: &str) {
    let line = format!("policy fix: {}\n", text::guard(&text::inert(note)));
    let _ = streams.stderr.write_all(line.as_bytes());
}

/// Writes the live policy of the token's issuer as a document.
fn write_live_policy(document: &Document, evidence: &Evidence) -> String {
    let own: Vec<Registration> = evidence.registration().into_iter().cloned().collect();
    let issuers = if own.is_empty() { document.issuers.clone() } else { own };
    own::write(&Document { issuers, ..document.clone() }, &[].into(), true)
}

/// The outcome for a policy text.
enum Outcome {
    /// Nothing to change, and why.
    Nothing(String),
    Undecided(String),
    /// The text cannot be edited safely, but this entry can be added by hand.
    ByHand {
        problem: String,
        entry: serde_json::Map<String, Value>,
    },
    Fixed(String),
}

fn fix_text(text: &str, evidence: &Evidence, if_meant: bool) -> Outcome {
    let Some(token) = &evidence.token else {
        return Outcome::Undecided("there is no decoded token".to_owned());
    };
    let document = match parse(text) {
        Ok(document) => document,
        Err(error) => return Outcome::Undecided(error.to_string()),
    };
    let request = evidence.request();
    let organization = request.organization.as_deref();
    let (ways, entry) = match plan(&document, &token.claims, &request.ask, organization, if_meant) {
        Plan::Allowed { entry } => {
            return Outcome::Nothing(format!(
                "nothing to change: policy {} lets this token in",
                entry + 1
            ));
        }
        Plan::Undecided(problem) => return Outcome::Undecided(problem),
        Plan::Unwanted(jobs) => {
            return Outcome::Undecided(format!(
                "this would let in {}: use --if-meant, only if that is meant",
                jobs.jobs()
            ));
        }
        Plan::Change { ways, entry } => (ways, entry),
    };
    let mut problem = "it cannot be edited safely".to_owned();
    for way in ways {
        match edit::apply(text, &way) {
            // Parse the result again to check that the edit has the intended effect.
            Ok(edited) => {
                let after = parse(&edited).ok();
                let is_right = after.is_some_and(|after| {
                    admits_only_this_kind(
                        &document,
                        &after,
                        &token.claims,
                        &request.ask,
                        organization,
                    )
                });
                if is_right {
                    return Outcome::Fixed(edited);
                }
            }
            Err(edit::NotSafe(why)) => problem = format!("it cannot be edited safely: {why}"),
        }
    }
    Outcome::ByHand { problem, entry }
}

/// A unified diff whose lines are harmless in a log. Only tabs are kept unchanged.
fn diff(name: &str, before: &str, after: &str) -> String {
    let name = text::inert(name);
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(3).header(&name, &name).to_string();
    let scrubber = Scrubber::default();
    text.split_terminator('\n')
        .map(|line| {
            let line = scrubber.scrub(line.strip_suffix('\r').unwrap_or(line));
            let pieces: Vec<String> = line.split('\t').map(text::inert).collect();
            text::guard(&pieces.join("\t")) + "\n"
        })
        .collect()
}
