//! `doctor policy`: work on policies alone, without a network.

mod lint;
mod suggest;
mod test;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::evidence::Evidence;
use crate::gather::environment::Environment;
use crate::gather::token::Choice;
use crate::gather::{self, Plan, Surroundings};
use crate::jwt;
use crate::run::{Streams, working_directory};

/// What to do.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Evaluate a token, or bare claims, against a policy document
    ///
    /// Exit status: 0 allowed, 1 denied, 3 when the document does not decide, 2 bad usage or an
    /// unusable file. Times (exp, nbf) and the signature are not judged, so that a fixture in a
    /// repository does not go stale.
    Test(test::Test),
    /// Print the least-privilege policy for a token
    Suggest(suggest::Suggest),
    /// Warn about what is loose, or never matches, in a policy document
    ///
    /// Exit status: 0, or 1 with --strict and a warning; 2 bad usage or an unusable file.
    Lint(lint::Lint),
}

/// Runs it; the exit status.
pub(crate) fn run(command: PolicyCommand, environment: Environment, streams: Streams) -> u8 {
    match command {
        PolicyCommand::Test(arguments) => test::run(arguments, environment, streams),
        PolicyCommand::Suggest(arguments) => suggest::run(arguments, environment, streams),
        PolicyCommand::Lint(arguments) => lint::run(&arguments, environment, streams),
    }
}

/// The token and what the login would ask for.
#[derive(Args)]
struct Subject {
    /// The token: a JWT, its claims as a JSON object, file://PATH of either, or - for standard
    /// input
    #[arg(value_name = "TOKEN")]
    token: String,
    /// The organization in Pulumi Cloud
    #[arg(long, value_name = "ORG", help_heading = "Login")]
    oidc_org: Option<String>,
    /// The team, for a team token
    #[arg(long, value_name = "TEAM", help_heading = "Login")]
    oidc_team: Option<String>,
    /// The user, for a personal token
    #[arg(long, value_name = "USER", help_heading = "Login")]
    oidc_user: Option<String>,
    /// The requested scope where pulumi login has no flag for it (admin, runner:NAME)
    #[arg(long, help_heading = "Login", conflicts_with_all = ["oidc_team", "oidc_user"])]
    scope: Option<String>,
}

/// The evidence of a token and a policy document alone.
///
/// # Errors
/// A sentence for standard error: a file cannot be used, or the token cannot be decoded.
fn evidence(
    subject: Subject,
    policy: Option<&Path>,
    environment: Environment,
    streams: &mut Streams,
) -> Result<Evidence, String> {
    let mut stdin = std::mem::replace(&mut streams.stdin, Box::new(std::io::empty()));
    let directory = working_directory()?;
    let mut given = Vec::new();
    if subject.token == "-" {
        let read = stdin.take(jwt::MAX_BYTES as u64 + 1).read_to_end(&mut given);
        read.map_err(|error| format!("standard input: {error}"))?;
        stdin = Box::new(Cursor::new(given.clone()));
    } else if let Some(path) = subject.token.strip_prefix("file://") {
        let path = directory.join(path);
        // Anything else, and whatever cannot be read, is explained where tokens are read.
        if path.is_file()
            && let Ok(file) = File::open(path)
        {
            let _ = file.take(jwt::MAX_BYTES as u64 + 1).read_to_end(&mut given);
        }
    } else {
        given = subject.token.clone().into_bytes();
    }
    let object: Option<Map<String, Value>> = serde_json::from_slice(&given).ok();
    let bare = object.as_ref().filter(|object| are_claims(object));
    let hint = match (&object, bare) {
        (Some(_), None) => " Bare claims are a JSON object with iss, sub or aud.",
        _ => "",
    };
    let token = bare.map_or(subject.token, jwt::unsigned);
    let mut plan = Plan::offline(Choice::Argument(token));
    (plan.organization, plan.team, plan.user, plan.scope) =
        (subject.oidc_org, subject.oidc_team, subject.oidc_user, subject.scope);
    plan.policy = policy.map(Path::to_owned);
    let around =
        Surroundings { environment, directory, stdin, terminal: streams.terminal, progress: false };
    let evidence = gather::gather(plan, around).map_err(|error| error.to_string())?;
    if evidence.token.is_none() {
        let report = crate::judge::judge(&evidence, false);
        let why = report.findings.first().map_or_else(
            || "the token cannot be decoded".to_owned(),
            |finding| format!("{} [{}] {}", finding.title, finding.code, finding.detail),
        );
        return Err(format!("TOKEN: {why}{hint}"));
    }
    Ok(evidence)
}

/// Whether an object is bare claims: one that names no issuer, subject or audience is what a token
/// came wrapped in.
fn are_claims(object: &Map<String, Value>) -> bool {
    ["iss", "sub", "aud"].iter().any(|name| object.contains_key(*name))
}
