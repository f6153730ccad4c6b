//! `doctor policy lint`.

use crate::catalogue::Severity;
use crate::cli::policy::Lint;
use crate::command::exit::{complain, delivered};
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::gather;
use crate::gather::environment::Environment;
use crate::judge;
use crate::render::LINT;
use crate::text::secret::argument;

pub(super) fn run(arguments: &Lint, environment: Environment, streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let document = match gather::policy_document(&arguments.file) {
        Ok(document) => document,
        Err(error) => return complain(streams.stderr, &error.to_string()),
    };
    let findings = judge::lint(&document, &argument(&arguments.file));
    let warned = findings.iter().any(|finding| finding.severity >= Severity::Warning);
    let status = u8::from(warned && output.strict);
    delivered(output.deliver_view(&LINT, &findings[..], streams.stdout), status, streams.stderr)
}
