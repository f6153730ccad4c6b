//! `doctor policy test`.

use std::path::PathBuf;

use clap::Args;

use super::{Subject, evidence};
use crate::cli::OutputArgs;
use crate::evidence::PolicySource;
use crate::gather::environment::Environment;
use crate::judge;
use crate::output::Output;
use crate::run::{Streams, complain, delivered};

/// Its arguments. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub struct Test {
    /// The policy document (JSON or YAML); also from DOCTOR_POLICY
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: Test, environment: Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let evidence =
        match evidence(arguments.subject, arguments.policy.as_deref(), environment, &mut streams) {
            Ok(evidence) => evidence,
            Err(problem) => return complain(streams.stderr, &problem),
        };
    if matches!(evidence.policy, PolicySource::None) {
        return complain(streams.stderr, "policy test: --policy FILE is needed (or DOCTOR_POLICY)");
    }
    let report = judge::judge_policy(&evidence, output.strict);
    let status = report.verdict.exit_status();
    delivered(output.deliver_policy(&report, streams.stdout), status, streams.stderr)
}
