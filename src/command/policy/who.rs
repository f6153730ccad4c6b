//! `doctor policy who`.

use super::{document, evidence, without_token};
use crate::cli::policy::Who;
use crate::command::exit::{complain, delivery_status};
use crate::command::output::Output;
use crate::console::streams::Streams;
use crate::evidence::PolicySource;
use crate::gather::PolicySelection;
use crate::gather::environment::Environment;
use crate::judge;
use crate::render::WHO;

pub(super) fn run(arguments: Who, environment: Environment, mut streams: Streams) -> u8 {
    let output = Output::new(&arguments.output, &environment, streams.terminals());
    let Who { token, forbid, policy_source, organization, .. } = arguments;
    let selection =
        if token.is_some() { PolicySelection::TokenIssuer } else { PolicySelection::All };
    let plan = policy_source.complete_plan(organization.into_plan(), &environment, selection);
    let evidence = match token {
        Some(token) => evidence(token, plan, environment, &mut streams),
        None => without_token(plan, environment, output.progress).map(|(evidence, _)| evidence),
    };
    let evidence = match evidence {
        Ok(evidence) => evidence,
        Err(problem) => return complain(streams.stderr, &problem),
    };
    let document = match document(&evidence, "policy who", &mut streams) {
        Ok(document) => document,
        Err(status) => return status,
    };
    let claims = evidence.token.as_ref().map(|token| &token.claims);
    let mut who = judge::who(document, claims, evidence.request().organization.as_deref());
    if let PolicySource::File { path, .. } = &evidence.policy {
        who.file = Some(path.clone());
    }
    for row in &mut who.kinds {
        row.forbidden = forbid.contains(&row.kind);
    }
    let status = who.exit_status();
    delivery_status(output.deliver_view(&WHO, &who, streams.stdout), status, streams.stderr)
}
