//! `doctor policy test`.

use super::evidence;
use crate::cli::args::OutputArgs;
use crate::cli::policy::Test;
use crate::command::exit::{complain, delivered};
use crate::command::ndjson;
use crate::command::ndjson::Job;
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::evidence::{Evidence, PolicySource};
use crate::gather::Plan;
use crate::gather::environment::Environment;
use crate::judge;
use crate::render::POLICY;

/// The statuses of tokens, the weightiest first.
const MEANINGS: &[(u8, &str)] = &[(1, "denied"), (3, "undecided"), (0, "allowed")];

pub(super) fn run(arguments: Test, environment: Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let Test { policy, jwks, subject, many, output: OutputArgs { format, .. } } = arguments;
    let (token, plan) = subject.plan();
    let plan = Plan { policy, jwks, ..plan };
    if many.ndjson {
        let job = Job {
            plan,
            bare_claims: true,
            obstacle: no_policy,
            judge: judge::judge_policy,
            status: |_, report| report.verdict.exit_status(),
            meanings: MEANINGS,
        };
        return ndjson::run(job, &token, environment, format, &output, streams);
    }
    let evidence = match evidence(token, plan, environment, &mut streams) {
        Ok(evidence) => evidence,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    if let Some(problem) = no_policy(&evidence) {
        return complain(streams.stderr, problem);
    }
    let report = judge::judge_policy(&evidence, output.strict);
    let status = report.verdict.exit_status();
    delivered(output.deliver_view(&POLICY, &report, streams.stdout), status, streams.stderr)
}

fn no_policy(evidence: &Evidence) -> Option<&'static str> {
    matches!(evidence.policy, PolicySource::None)
        .then_some("policy test: --policy FILE is needed (or DOCTOR_POLICY)")
}
