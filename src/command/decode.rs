//! `doctor decode`: shows a token's content without judging it against a policy.

use super::ndjson;
use super::ndjson::Job;
use crate::cli::commands::Decode;
use crate::command::diagnose::working_directory;
use crate::command::exit::{complain, delivery_status};
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::evidence::{Evidence, KeySource};
use crate::gather;
use crate::gather::environment::Environment;
use crate::gather::token::TokenLocation;
use crate::gather::{Plan, ProcessContext};
use crate::judge;
use crate::limits;
use crate::render::TOKEN;

/// The statuses of tokens, the most severe first.
const MEANINGS: &[(u8, &str)] = &[(1, "not decoded or not verified"), (0, "decoded")];

/// Returns 0 if the token was decoded, 1 if not or if the given keys do not verify it.
pub(crate) fn run(arguments: Decode, environment: Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    // `decode` uses no policy, even if DOCTOR_POLICY is set.
    let environment = environment.without("DOCTOR_POLICY");
    let jwks = arguments.jwks;
    let offline = |token| Plan { jwks, ..Plan::offline(token) };
    if let (true, Some(token)) = (arguments.many.ndjson, &arguments.token) {
        let job = Job {
            plan: offline(TokenLocation::None),
            bare_claims: false,
            obstacle: |_| None,
            judge: judge::judge_token,
            status: |evidence, _| token_status(evidence),
            meanings: MEANINGS,
            fail_on: arguments.many.fail_on,
        };
        return ndjson::run(job, token, environment, arguments.output.format, &output, streams);
    }
    let choice = match (arguments.token, arguments.token_env) {
        (Some(token), _) => TokenLocation::Argument(token),
        (None, Some(name)) => TokenLocation::Environment(name),
        (None, None) => TokenLocation::None,
    };
    let directory = match working_directory() {
        Ok(directory) => directory,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    let process = ProcessContext {
        environment,
        directory,
        stdin: streams.take_token_input(limits::TOKEN + 1),
        terminal: streams.terminal,
        progress: false,
    };
    let mut evidence = match gather::gather(offline(choice), process) {
        Ok(evidence) => evidence,
        Err(error) => return complain(streams.stderr, &error.to_string()),
    };
    output.choose_shell(&mut evidence);
    let report = judge::judge_token(&evidence, output.strict);
    delivery_status(
        output.deliver_view(&TOKEN, &report, streams.stdout),
        token_status(&evidence),
        streams.stderr,
    )
}

fn token_status(evidence: &Evidence) -> u8 {
    let keys_given = matches!(evidence.issuer.key_source, KeySource::File { .. });
    u8::from(evidence.token.is_none() || keys_given && !evidence.issuer.is_verified())
}
