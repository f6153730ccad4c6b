//! `doctor policy test`.

use super::{cases, document, evidence};
use crate::cli::args::OutputArgs;
use crate::cli::policy::Test;
use crate::command::exit::{complain, delivery_status};
use crate::command::ndjson;
use crate::command::ndjson::Job;
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::evidence::Evidence;
use crate::gather::environment::Environment;
use crate::gather::{Plan, PolicySelection};
use crate::judge;
use crate::render::POLICY;

/// The statuses of tokens, the most severe first.
const MEANINGS: &[(u8, &str)] = &[(1, "denied"), (3, "undecided"), (0, "allowed")];

pub(super) fn run(arguments: Test, environment: Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let Test { policy_source, jwks, cases, token, login, many, output: OutputArgs { format, .. } } =
        arguments;
    let plan = Plan { jwks, ..login.into_plan() };
    let selection = match (&cases, many.ndjson) {
        (None, false) => PolicySelection::TokenIssuer,
        _ => PolicySelection::All,
    };
    let plan = policy_source.complete_plan(plan, &environment, selection);
    if let Some(path) = &cases {
        return cases::run(path, plan, environment, format, &output, streams);
    }
    let Some(token) = token else { return complain(streams.stderr, "policy test: no TOKEN") };
    if many.ndjson {
        let job = Job {
            plan,
            bare_claims: true,
            obstacle: no_policy,
            judge: judge::judge_policy,
            status: |_, report| report.verdict.exit_status(),
            meanings: MEANINGS,
            fail_on: many.fail_on,
        };
        return ndjson::run(job, &token, environment, format, &output, streams);
    }
    let mut evidence = match evidence(token, plan, environment, &mut streams) {
        Ok(evidence) => evidence,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    output.choose_shell(&mut evidence);
    if let Err(status) = document(&evidence, "policy test", &mut streams) {
        return status;
    }
    let report = judge::judge_policy(&evidence, output.strict);
    let status = report.verdict.exit_status();
    delivery_status(output.deliver_view(&POLICY, &report, streams.stdout), status, streams.stderr)
}

/// Why no token can be judged, with the exit status.
fn no_policy(evidence: &Evidence) -> Option<(String, u8)> {
    let is_known = evidence.policy.read_failure().is_none() && evidence.policy.document().is_some();
    (!is_known).then(|| {
        (format!("policy test: {}", judge::unread_policy_advice(evidence, true)), super::UNREAD)
    })
}
