//! `doctor policy pull`.

use std::path::Path;

use super::{document, without_token};
use crate::cli::policy::Pull;
use crate::command::exit::{complain, print};
use crate::console::file;
use crate::console::streams::Streams;
use crate::gather::PolicySelection;
use crate::gather::environment::Environment;
use crate::policy::document::own;
use crate::text::secret::argument;

pub(super) const NAME: &str = "policy pull";

pub(super) fn run(arguments: Pull, environment: Environment, mut streams: Streams) -> u8 {
    let Pull { output, organization, live } = arguments;
    if let Some(problem) = output.as_deref().and_then(file::obstacle) {
        return complain(streams.stderr, &file_error(output.as_deref(), &problem));
    }
    let plan = live.complete_plan(organization.into_plan(), PolicySelection::All);
    let progress = streams.stderr_is_terminal && !environment.run_context().judges_environment();
    // Read only Pulumi Cloud, even if DOCTOR_POLICY is set.
    let environment = environment.without("DOCTOR_POLICY");
    let (evidence, versions) = match without_token(plan, environment, progress) {
        Ok(read) => read,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    let document = match document(&evidence, NAME, &mut streams) {
        Ok(document) => document,
        Err(status) => return status,
    };
    let is_yaml = output.as_deref().and_then(Path::extension).is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    });
    let text = own::write(document, &versions, is_yaml);
    match &output {
        None => print(&mut streams, &text, 0),
        Some(path) => match file::replace(path, &text) {
            Ok(()) => 0,
            Err(problem) => complain(streams.stderr, &file_error(output.as_deref(), &problem)),
        },
    }
}

fn file_error(path: Option<&Path>, problem: &str) -> String {
    format!("--output {}: {problem}", path.map(argument).unwrap_or_default())
}
