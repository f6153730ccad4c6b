//! `doctor policy lint`.

use super::{document, without_token};
use crate::catalogue::Severity;
use crate::cli::policy::Lint;
use crate::command::exit::{complain, delivery_status};
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::evidence::PolicySource;
use crate::gather;
use crate::gather::PolicySelection;
use crate::gather::environment::Environment;
use crate::judge;
use crate::policy::Document;
use crate::render::LINT;
use crate::report::Finding;
use crate::text::secret::argument;

pub(super) fn run(arguments: Lint, environment: Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let Lint { file, policy_source, organization, .. } = arguments;
    let findings = match file.as_ref().or(policy_source.policy.as_ref()) {
        Some(file) => match gather::policy_document(file) {
            Ok(document) => lint(&document, &argument(file)),
            Err(error) => return complain(streams.stderr, &error.to_string()),
        },
        None => {
            let plan = policy_source.complete_plan(
                organization.into_plan(),
                &environment,
                PolicySelection::All,
            );
            let evidence = match without_token(plan, environment, output.progress) {
                Ok((evidence, _)) => evidence,
                Err(problem) => return complain(streams.stderr, &problem),
            };
            match document(&evidence, "policy lint", &mut streams) {
                Ok(document) => lint(document, &name(&evidence.policy)),
                Err(status) => return status,
            }
        }
    };
    let warned = findings.iter().any(|finding| finding.severity >= Severity::Warning);
    let status = u8::from(warned && output.strict);
    delivery_status(
        output.deliver_view(&LINT, &findings[..], streams.stdout),
        status,
        streams.stderr,
    )
}

fn lint(document: &Document, name: &str) -> Vec<Finding> {
    judge::lint(document, name)
}

fn name(policy: &PolicySource) -> String {
    match policy {
        PolicySource::File { path, .. } => path.clone(),
        _ => "Pulumi Cloud".to_owned(),
    }
}
