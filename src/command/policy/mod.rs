//! `doctor policy`: commands about policies. Without a document, they read the live policy.

mod cases;
mod fix;
mod lint;
mod pull;
mod suggest;
mod test;
mod who;

use std::fs::File;
use std::io::{Cursor, Read};

use serde_json::{Map, Value};

use crate::cli::policy::PolicyCommand;
use crate::command::diagnose::working_directory;
use crate::command::exit::complain;
use crate::console::streams::Streams;
use crate::evidence::{Evidence, Source};
use crate::gather;
use crate::gather::environment::Environment;
use crate::gather::many::{SharedEvidence, are_claims};
use crate::gather::token::TokenLocation;
use crate::gather::{Plan, PolicySelection, PolicyVersions, ProcessContext};
use crate::policy::Document;
use crate::{judge, limits};

pub(crate) fn run(command: PolicyCommand, environment: Environment, streams: Streams) -> u8 {
    match command {
        PolicyCommand::Test(arguments) => test::run(arguments, environment, streams),
        PolicyCommand::Suggest(arguments) => suggest::run(arguments, environment, streams),
        PolicyCommand::Lint(arguments) => lint::run(arguments, environment, streams),
        PolicyCommand::Who(arguments) => who::run(arguments, environment, streams),
        PolicyCommand::Fix(arguments) => fix::run(arguments, environment, streams),
        PolicyCommand::Pull(arguments) => pull::run(arguments, environment, streams),
    }
}

/// The exit status if the live policy cannot be read (product contract, section 1).
const UNREAD: u8 = 3;

/// The policy document. Without one, prints what to do and returns the exit status.
fn document<'a>(
    evidence: &'a Evidence,
    command: &str,
    streams: &mut Streams,
) -> Result<&'a Document, u8> {
    match (evidence.policy.read_failure(), evidence.policy.document()) {
        (None, Some(document)) => Ok(document),
        _ => {
            complain(
                streams.stderr,
                &format!(
                    "{command}: {}",
                    judge::unread_policy_advice(evidence, command != pull::NAME)
                ),
            );
            Err(UNREAD)
        }
    }
}

/// Gathers the evidence of a policy without a token.
///
/// # Errors
/// A sentence for standard error: a file cannot be used.
fn without_token(
    plan: Plan,
    environment: Environment,
    progress: bool,
) -> Result<(Evidence, PolicyVersions), String> {
    // Do not search for a token, not even the job's own.
    let plan = Plan { token: TokenLocation::Lines(Source::None), ..plan };
    let process = ProcessContext {
        environment,
        directory: working_directory()?,
        stdin: Box::new(std::io::empty()),
        terminal: false,
        progress,
    };
    gather::gather_with_policy_versions(plan, process).map_err(|error| error.to_string())
}

/// Gathers the evidence of a token and the rest of the plan.
///
/// # Errors
/// A sentence for standard error: a file cannot be used, or the token cannot be decoded.
fn evidence(
    token: String,
    plan: Plan,
    environment: Environment,
    streams: &mut Streams,
) -> Result<Evidence, String> {
    let mut stdin = streams.take_token_input(limits::TOKEN + 1);
    let directory = working_directory()?;
    let mut given = Vec::new();
    let source = if token == "-" {
        let read = stdin.take(limits::TOKEN as u64 + 1).read_to_end(&mut given);
        read.map_err(|error| format!("standard input: {error}"))?;
        stdin = Box::new(Cursor::new(given.clone()));
        Source::Stdin
    } else if let Some(path) = token.strip_prefix("file://") {
        let absolute = directory.join(path);
        // Reading the token below reports unreadable files and other problems.
        if absolute.is_file()
            && let Ok(file) = File::open(&absolute)
        {
            let _ = file.take(limits::TOKEN as u64 + 1).read_to_end(&mut given);
        }
        gather::token::file_source(path, &absolute)
    } else {
        given = token.clone().into_bytes();
        Source::Argument
    };
    let object: Option<Map<String, Value>> = serde_json::from_slice(&given).ok();
    let bare = object.as_ref().is_some_and(are_claims);
    let mut plan = plan;
    if let (true, Some(PolicySelection::TokenIssuer)) = (bare, &plan.policy_selection) {
        let issuer = object.as_ref().and_then(|claims| claims.get("iss")?.as_str());
        plan.policy_selection = issuer.map(|issuer| PolicySelection::Issuer(issuer.to_owned()));
    }
    let process = ProcessContext {
        environment,
        directory,
        stdin,
        terminal: streams.terminal,
        progress: false,
    };
    let evidence = if bare {
        let plan = Plan { token: TokenLocation::Lines(source), ..plan };
        SharedEvidence::gather(plan, process, true).map(|shared| shared.evidence_for_line(&given))
    } else {
        gather::gather(Plan { token: TokenLocation::Argument(token), ..plan }, process)
    };
    let evidence = evidence.map_err(|error| error.to_string())?;
    if evidence.token.is_none() {
        let report = crate::judge::judge(&evidence, false);
        let why = report.findings.first().map_or_else(
            || "the token cannot be decoded".to_owned(),
            |finding| format!("{} [{}] {}", finding.title, finding.code, finding.detail),
        );
        let hint = match object {
            Some(_) if !bare => " Bare claims are a JSON object with iss, sub or aud.",
            _ => "",
        };
        return Err(format!("TOKEN: {why}{hint}"));
    }
    Ok(evidence)
}
