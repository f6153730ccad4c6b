//! Gathering: all input and output of a run, into one [`Evidence`].
//!
//! First what is on this machine ([`local`]), then the network: the issuer's probes, the question
//! whether the backend is a Pulumi Cloud, the exchange with whoami, and what is registered run at the
//! same time. The installed `pulumi` is asked for its version beside all of that. Whether the exchange
//! may be made is the judge's decision ([`crate::judge::exchange_obstacle`]).

mod ambient;
mod clean;
mod cloud;
pub mod environment;
pub(crate) mod files;
mod issuer;
mod local;
pub mod log;
pub(crate) mod many;
pub(crate) mod ndjson;
pub mod network;
mod plan;
mod policy_file;
mod program;
pub mod pulumi;
pub mod token;

use std::time::Instant;

use serde_json::Value;

pub(crate) use self::clean::clean;
pub use self::cloud::Versions;
pub(crate) use self::files::named::bundle;
use self::local::Run;
use self::network::tls;
pub use self::plan::{InputError, Plan, ProcessContext, Registered};
pub use self::policy_file::{policy_cases, policy_document, policy_text};
use self::pulumi::version::Question;
use crate::console::descriptors;
use crate::console::progress::Progress;
use crate::evidence::{Evidence, PolicySource};
use crate::text::secret::Scrubber;

/// Gathers.
///
/// # Errors
/// A file that an option names cannot be used.
pub fn gather(plan: Plan, around: ProcessContext) -> Result<Evidence, InputError> {
    let mut evidence = all(plan, around)?.evidence;
    evidence.hide_url_parts();
    Ok(evidence)
}

/// Gathers, and says of each policy that was read which version it is.
///
/// # Errors
/// As [`gather`].
pub fn gather_versions(
    plan: Plan,
    around: ProcessContext,
) -> Result<(Evidence, Versions), InputError> {
    let Gathered { mut evidence, versions, .. } = all(plan, around)?;
    evidence.hide_url_parts();
    Ok((evidence, versions))
}

/// The evidence with whole URLs, and what many tokens share beside it ([`many`]).
struct Gathered {
    evidence: Evidence,
    versions: Versions,
    jwks: Option<Value>,
    scrubber: Scrubber,
}

fn all(plan: Plan, around: ProcessContext) -> Result<Gathered, InputError> {
    let shows_progress = around.progress;
    let (mut evidence, cli, run) = local::gather(plan, around)?;
    issuer::local_keys(&mut evidence, &run);
    let versions = match &run.plan.reads {
        Some(wanted) => {
            let progress = Progress::start_if(shows_progress, "reading policies");
            cloud::record_cli(&mut evidence, cli.wait());
            policies(&mut evidence, wanted, &run, &progress)?
        }
        None => {
            let _progress = Progress::start_if(shows_progress, "asking issuer and backend");
            network(&mut evidence, cli, &run)?;
            Versions::new()
        }
    };
    if descriptors::ran_out() {
        // Evidence of that is evidence of nothing else.
        return Err(InputError {
            option: "gathering",
            path: String::new(),
            problem: "too many open files".to_owned(),
        });
    }
    evidence.duration_ms = run.clock.elapsed_ms();
    Ok(Gathered { evidence, versions, jwks: run.jwks, scrubber: run.scrubber })
}

/// Makes the requests, unless there is nothing to ask, and stores the CLI's version.
fn network(evidence: &mut Evidence, cli: Question, run: &Run) -> Result<(), InputError> {
    let issuer = issuer::plan(evidence, run);
    if issuer.is_none() && cloud::backend(evidence, run).is_none() {
        cloud::record_cli(evidence, cli.wait());
        return Ok(());
    }
    let setup = |problem: String| local::setup(&run.plan, problem);
    let (runtime, roots, deadline) = connections(run)?;
    let (issuer, policy) = runtime.block_on(async {
        tokio::join!(
            issuer::probe(issuer, run, &roots, deadline),
            cloud::probe(evidence, cli, run, &roots, deadline),
        )
    });
    // A lookup that hangs in the system's resolver must not outlive the run's budget.
    runtime.shutdown_background();
    if let Some(issuer) = issuer.map_err(setup)? {
        evidence.issuer = issuer;
    }
    if let Some(policy) = policy.map_err(setup)? {
        evidence.policy = policy;
        // With registered keys Pulumi Cloud does not look at what the issuer serves.
        issuer::local_keys(evidence, run);
    }
    Ok(())
}

/// Reads what is registered, where no document says it.
fn policies(
    evidence: &mut Evidence,
    wanted: &Registered,
    run: &Run,
    progress: &Progress,
) -> Result<Versions, InputError> {
    let is_needed = matches!(evidence.policy, PolicySource::None);
    if !is_needed || cloud::backend(evidence, run).is_none() {
        return Ok(Versions::new());
    }
    let (runtime, roots, deadline) = connections(run)?;
    let asked = cloud::policies(evidence, wanted, run, &roots, deadline, progress);
    let read = runtime.block_on(asked).map_err(|problem| local::setup(&run.plan, problem));
    runtime.shutdown_background();
    let Some(read) = read? else { return Ok(Versions::new()) };
    evidence.policy = read.source;
    Ok(read.versions)
}

/// What requests are made with, and until when.
fn connections(
    run: &Run,
) -> Result<(tokio::runtime::Runtime, tls::Roots, tokio::time::Instant), InputError> {
    let setup = |problem: String| local::setup(&run.plan, problem);
    let deadline = run.clock.deadline();
    let left = deadline.saturating_duration_since(Instant::now());
    let roots = tls::Roots::load(run.ca_cert.as_deref(), left / 2).map_err(setup)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .inspect_err(descriptors::note)
        .map_err(|error| setup(error.to_string()))?;
    Ok((runtime, roots, tokio::time::Instant::from_std(deadline)))
}
