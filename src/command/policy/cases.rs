//! `doctor policy test --cases`: regression tests for policies.

use std::path::Path;

use super::{document, without_token};
use crate::cli::values::FormatChoice;
use crate::command::exit::{complain, delivery_status};
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::gather::environment::Environment;
use crate::gather::{Plan, policy_cases};
use crate::judge;
use crate::render::{CASES, Format};

pub(super) fn run(
    path: &Path,
    plan: Plan,
    environment: Environment,
    format: FormatChoice,
    output: &Output,
    mut streams: Streams,
) -> u8 {
    let is_known = |format: &Format| CASES.formats().any(|known| known == *format);
    if format.0.is_some_and(|format| !is_known(&format)) {
        let problem = "policy test: with --cases, --format is human or junit";
        return complain(streams.stderr, problem);
    }
    let cases = match policy_cases(path) {
        Ok(cases) => cases,
        Err(error) => return complain(streams.stderr, &error.to_string()),
    };
    let evidence = match without_token(plan, environment, output.progress) {
        Ok((evidence, _)) => evidence,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    let document = match document(&evidence, "policy test", &mut streams) {
        Ok(document) => document,
        Err(status) => return status,
    };
    let organization = evidence.request().organization;
    let results = judge::cases(document, &cases, organization.as_deref());
    let status = u8::from(!results.iter().all(|case| case.passed()));
    delivery_status(
        output.deliver_view(&CASES, &results[..], streams.stdout),
        status,
        streams.stderr,
    )
}
