//! `doctor decode`: what a token says, and nothing about whether it is let in.

use clap::Args;

use crate::cli::OutputArgs;
use crate::gather::environment::Environment;
use crate::gather::token::Choice;
use crate::gather::{self, Plan, Surroundings};
use crate::judge;
use crate::output::Output;
use crate::run::{Streams, complain, delivered, working_directory};

/// Its arguments. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub struct Decode {
    /// The token: a JWT, file://PATH, or - for standard input; without it, the job's own
    #[arg(value_name = "TOKEN", conflicts_with = "token_env")]
    token: Option<String>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "NAME", value_parser = crate::cli::variable)]
    token_env: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs it: 0 decoded, 1 not decodable.
pub(crate) fn run(arguments: Decode, environment: Environment, streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let choice = match (arguments.token, arguments.token_env) {
        (Some(token), _) => Choice::Argument(token),
        (None, Some(name)) => Choice::Environment(name),
        (None, None) => Choice::None,
    };
    let directory = match working_directory() {
        Ok(directory) => directory,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    // A policy has no part in this, whatever the environment says.
    let environment = environment.without("DOCTOR_POLICY");
    let around = Surroundings {
        environment,
        directory,
        stdin: streams.stdin,
        terminal: streams.terminal,
        progress: false,
    };
    let evidence = match gather::gather(Plan::offline(choice), around) {
        Ok(evidence) => evidence,
        Err(error) => return complain(streams.stderr, &error.to_string()),
    };
    let report = judge::judge_token(&evidence, output.strict);
    let status = u8::from(evidence.token.is_none());
    delivered(output.deliver_token(&report, streams.stdout), status, streams.stderr)
}
