//! Gathering: all input and output of a run, into one [`Evidence`].
//!
//! [`local`] reads what is on this machine. Then the network probes run at the same time: issuer,
//! backend capabilities, token exchange with whoami, and registered policies. `pulumi version` runs
//! beside all of that. The judge decides whether the exchange may be made
//! ([`crate::judge::exchange_obstacle`]).

mod ambient;
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
mod scrub;
pub mod token;

use std::time::Instant;

use serde_json::Value;

pub use self::cloud::PolicyVersions;
pub(crate) use self::files::named::read_bundle;
use self::local::Run;
use self::network::tls;
pub use self::plan::{InputError, Plan, PolicySelection, ProcessContext};
pub use self::policy_file::{policy_cases, policy_document, policy_text};
use self::pulumi::version::VersionProbe;
pub(crate) use self::scrub::scrub;
use crate::console::descriptors;
use crate::console::progress::Progress;
use crate::evidence::{Evidence, PolicySource};
use crate::text::secret::Scrubber;

/// Gathers the evidence of a run.
///
/// # Errors
/// A file that an option names cannot be used.
pub fn gather(plan: Plan, process: ProcessContext) -> Result<Evidence, InputError> {
    let mut evidence = gather_with_full_urls(plan, process)?.evidence;
    evidence.hide_url_parts();
    Ok(evidence)
}

/// Gathers evidence together with the version of each policy that was read.
///
/// # Errors
/// As [`gather`].
pub fn gather_with_policy_versions(
    plan: Plan,
    process: ProcessContext,
) -> Result<(Evidence, PolicyVersions), InputError> {
    let Gathered { mut evidence, versions, .. } = gather_with_full_urls(plan, process)?;
    evidence.hide_url_parts();
    Ok((evidence, versions))
}

/// Evidence with full URLs, and the inputs that [`many`] needs for every further token.
struct Gathered {
    evidence: Evidence,
    versions: PolicyVersions,
    jwks: Option<Value>,
    scrubber: Scrubber,
}

fn gather_with_full_urls(plan: Plan, process: ProcessContext) -> Result<Gathered, InputError> {
    let shows_progress = process.progress;
    let (mut evidence, cli, run) = local::gather_local(plan, process)?;
    issuer::verify_with_local_keys(&mut evidence, &run);
    let versions = match &run.plan.policy_selection {
        Some(selection) => {
            let progress = Progress::start_if(shows_progress, "reading policies");
            cloud::record_cli_version(&mut evidence, cli.wait());
            read_registered_policies(&mut evidence, selection, &run, &progress)?
        }
        None => {
            let _progress = Progress::start_if(shows_progress, "asking issuer and backend");
            probe_network(&mut evidence, cli, &run)?;
            PolicyVersions::new()
        }
    };
    if descriptors::ran_out() {
        // Every later result would only show this shortage.
        return Err(InputError {
            option: "gathering",
            path: String::new(),
            problem: "too many open files".to_owned(),
        });
    }
    evidence.duration_ms = run.clock.elapsed_ms();
    Ok(Gathered { evidence, versions, jwks: run.jwks, scrubber: run.scrubber })
}

/// Makes the requests, if there are any, and stores the CLI version.
fn probe_network(evidence: &mut Evidence, cli: VersionProbe, run: &Run) -> Result<(), InputError> {
    let issuer = issuer::plan_requests(evidence, run);
    if issuer.is_none() && cloud::usable_backend(evidence, run).is_none() {
        cloud::record_cli_version(evidence, cli.wait());
        return Ok(());
    }
    let setup = |problem: String| local::setup_error(&run.plan, problem);
    let (runtime, roots, deadline) = set_up_network(run)?;
    let (issuer, policy) = runtime.block_on(async {
        tokio::join!(
            issuer::probe(issuer, run, &roots, deadline),
            cloud::probe(evidence, cli, run, &roots, deadline),
        )
    });
    // Do not wait for a lookup that hangs in the system's resolver.
    runtime.shutdown_background();
    if let Some(issuer) = issuer.map_err(setup)? {
        evidence.issuer = issuer;
    }
    if let Some(policy) = policy.map_err(setup)? {
        evidence.policy = policy;
        // Pulumi Cloud uses registered keys instead of those that the issuer serves.
        issuer::verify_with_local_keys(evidence, run);
    }
    Ok(())
}

/// Reads the registered policies if no policy document was given.
fn read_registered_policies(
    evidence: &mut Evidence,
    selection: &PolicySelection,
    run: &Run,
    progress: &Progress,
) -> Result<PolicyVersions, InputError> {
    let is_needed = matches!(evidence.policy, PolicySource::None);
    if !is_needed || cloud::usable_backend(evidence, run).is_none() {
        return Ok(PolicyVersions::new());
    }
    let (runtime, roots, deadline) = set_up_network(run)?;
    let reading = cloud::read_registrations(evidence, selection, run, &roots, deadline, progress);
    let read = runtime.block_on(reading).map_err(|problem| local::setup_error(&run.plan, problem));
    runtime.shutdown_background();
    let Some(read) = read? else { return Ok(PolicyVersions::new()) };
    evidence.policy = read.source;
    Ok(read.versions)
}

/// Sets up the runtime and the trust roots, and returns the deadline for all requests.
fn set_up_network(
    run: &Run,
) -> Result<(tokio::runtime::Runtime, tls::Roots, tokio::time::Instant), InputError> {
    let setup = |problem: String| local::setup_error(&run.plan, problem);
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
