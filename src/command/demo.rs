//! `doctor demo`: runs the diagnosis against servers on loopback.

use std::path::Path;

use clap::Parser as _;

use super::diagnose::diagnose;
use super::exit::{complain, print};
use super::output::Output;
use crate::cli::Cli;
use crate::cli::commands::Demo;
use crate::console::streams::Streams;
use crate::demo;
use crate::gather::environment::Environment;
use crate::text::secret::argument;

pub(super) fn run(arguments: &Demo, environment: &Environment, mut streams: Streams) -> u8 {
    if arguments.list {
        return print(&mut streams, &demo::list(), 0);
    }
    let output = Output::new(&arguments.output, environment, streams.terminals())
        .with_bundle(&arguments.bundle);
    let name = arguments.scenario.as_deref().unwrap_or(demo::DEFAULT);
    let Some(scenario) = demo::find(name) else {
        let name = argument(Path::new(name));
        let meant = demo::nearest(&name)
            .map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        return complain(
            streams.stderr,
            &format!("demo {name}: no such scenario{meant} (`doctor demo --list` has them all)"),
        );
    };
    let title = scenario.title;
    let servers = match demo::DemoServers::start(scenario) {
        Ok(servers) => servers,
        Err(error) => return complain(streams.stderr, &format!("demo {name}: {error}")),
    };
    let mut arguments = vec!["doctor".to_owned()];
    arguments.extend(servers.arguments());
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return complain(streams.stderr, &format!("demo {name}: {error}")),
    };
    let _ = writeln!(streams.stderr, "demo {name}: {title}\n");
    let environment = servers.environment().into_iter().collect();
    let directory = servers.directory().to_owned();
    diagnose(cli.diagnosis.into_plan().0, environment, directory, &output, streams)
}
