//! Gathering: all input and output of a run, into one [`Evidence`].
//!
//! First what is on this machine, then the network: the issuer's probes, the question whether the
//! backend is a Pulumi Cloud, the exchange with whoami, and what is registered run at the same time.
//! The installed `pulumi` is asked for its version beside all of that. Whether the exchange may be
//! made is the judge's decision ([`judge::exchange_obstacle`]).

mod ambient;
mod cloud;
pub mod environment;
pub mod files;
mod issuer;
pub mod log;
pub mod many;
pub(crate) mod ndjson;
pub mod network;
mod policy_file;
mod program;
pub mod pulumi;
pub mod token;

use crate::gather::files::bounded;
use crate::gather::network::tls;
use crate::gather::pulumi::backend;
use crate::gather::pulumi::credentials_file;
use crate::pulumi::versions;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::console::descriptors;
use crate::console::progress::Progress;
use crate::evidence::{
    AzureIds, Cli, Cloud, Evidence, InputProblem, Issuer, Login, Options, Setting, Source, Token,
    Tried,
};
use crate::limits;
use crate::oidc::jwt::Decoded;
use crate::text::secret::{Scrubber, Secret, argument};
use environment::Environment;
use files::bounded::Bounded;
use pulumi::version::Question;

/// How long the installed `pulumi` may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(3);

/// The environment form of `--oidc-token` (`declareFlagsAsEnvironmentVariables` in pulumi.go).
const OIDC_TOKEN_OPTION: &str = "PULUMI_OPTION_OIDC_TOKEN";

/// What to gather: the command line, as typed values. Has no `Debug`: it may hold the token.
pub struct Plan {
    /// `doctor login`: this environment is the one that fails, whatever it is.
    pub is_login: bool,
    /// Where the token is.
    pub token: token::Choice,
    /// `--oidc-org`.
    pub organization: Option<String>,
    /// `--oidc-team`.
    pub team: Option<String>,
    /// `--oidc-user`.
    pub user: Option<String>,
    /// `--oidc-expiration`.
    pub expiration: Option<String>,
    /// `--scope`.
    pub scope: Option<String>,
    /// The positional URL of `doctor login`.
    pub url: Option<String>,
    /// `--cloud-url`.
    pub cloud_url: Option<String>,
    /// `--local`; as every flag, it takes the place of its variable where it was given.
    pub local: Option<bool>,
    /// `--insecure`.
    pub insecure: Option<bool>,
    /// `--cwd`: where pulumi would run.
    pub directory: Option<PathBuf>,
    /// `--policy`.
    pub policy: Option<PathBuf>,
    /// `--jwks`.
    pub jwks: Option<PathBuf>,
    /// `--ca-cert`.
    pub ca_cert: Option<PathBuf>,
    /// `--pulumi-version`.
    pub pulumi_version: Option<Version>,
    /// `--offline`.
    pub offline: bool,
    /// `--no-exchange`.
    pub no_exchange: bool,
    /// `--now`.
    pub now: Option<Timestamp>,
    /// `--timeout`.
    pub timeout: Duration,
    /// `--allow-private-issuer`.
    pub allow_private_issuer: bool,
}

impl Plan {
    /// What the command line names: no value that is written there is a secret because a variable
    /// holds it too.
    fn names(&self) -> Vec<&str> {
        let names = [&self.organization, &self.team, &self.user, &self.url, &self.cloud_url];
        names.into_iter().flatten().map(String::as_str).collect()
    }

    /// To look at a token without a network, by the newest rules.
    #[must_use]
    pub fn offline(token: token::Choice) -> Self {
        Self {
            is_login: false,
            token,
            organization: None,
            team: None,
            user: None,
            expiration: None,
            scope: None,
            url: None,
            cloud_url: None,
            local: None,
            insecure: None,
            directory: None,
            policy: None,
            jwks: None,
            ca_cert: None,
            // Not asking the installed one: nothing here depends on it.
            pulumi_version: Some(versions::NEWEST),
            offline: true,
            no_exchange: true,
            now: None,
            timeout: Duration::from_secs(15),
            allow_private_issuer: false,
        }
    }
}

/// Where a run stands: what a test or the demo puts in the place of the real surroundings.
pub struct Surroundings {
    /// The environment variables.
    pub environment: Environment,
    /// The working directory.
    pub directory: PathBuf,
    /// Standard input; read only when asked for.
    pub stdin: Box<dyn Read + Send>,
    /// Whether a person sits at a terminal.
    pub terminal: bool,
    /// Whether to draw a progress line on standard error, which then is a terminal.
    pub progress: bool,
}

/// An input file that cannot be used. It ends the run with status 2.
#[derive(Debug, thiserror::Error)]
#[error("{option} {path}: {problem}")]
pub struct InputError {
    /// The option that named the file.
    pub option: &'static str,
    /// The file as it was given.
    pub path: String,
    /// What is wrong with it, and where.
    pub problem: String,
}

/// Reads a file that an option names, or a pipe (a shell's `<(...)`), for which `limit` holds.
fn read(
    option: &'static str,
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Vec<u8>, InputError> {
    read_up_to(limits::FILE, option, path, directory, limit)
}

/// [`read`], but not more than `largest` bytes.
fn read_up_to(
    largest: u64,
    option: &'static str,
    path: &Path,
    directory: &Path,
    limit: Duration,
) -> Result<Vec<u8>, InputError> {
    let error = |problem: String| InputError { option, path: argument(path), problem };
    let full = directory.join(path);
    if full.is_dir() {
        return Err(error("it is a directory, not a file".to_owned()));
    }
    let is_ordinary = full.metadata().map_err(|e| error(reason(&e)))?.is_file();
    let file = bounded::Unopened::new(full);
    let source: Box<dyn Read> =
        if is_ordinary { Box::new(file) } else { Box::new(Bounded::new(file, limit)) };
    let mut bytes = Vec::new();
    source.take(largest + 1).read_to_end(&mut bytes).map_err(|e| error(reason(&e)))?;
    if bytes.len() as u64 > largest {
        return Err(error(format!("it is larger than {} MiB", largest >> 20)));
    }
    Ok(bytes)
}

/// Reads a support bundle from a file, or a pipe for a few seconds.
///
/// # Errors
/// It cannot be read.
pub(crate) fn bundle(path: &Path) -> Result<Vec<u8>, InputError> {
    read_up_to(limits::BUNDLE, "replay", path, Path::new(""), Duration::from_secs(10))
}

/// Reads a policy document from a file, or a pipe for a few seconds.
///
/// # Errors
/// It cannot be read or is no policy document; with line and column.
pub fn policy_document(path: &Path) -> Result<crate::policy::Document, InputError> {
    let mut document = policy_file::document("FILE", path, Path::new(""), Duration::from_secs(10))?;
    document.hide_url_parts(None);
    Ok(document)
}

/// Why a file cannot be read, in words that are the same on every system.
fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    descriptors::note(error);
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// What of the run is not evidence: secrets, and what is only needed on the way.
struct Run<'a> {
    plan: &'a Plan,
    environment: &'a Environment,
    decoded: Option<Decoded>,
    stored: std::collections::BTreeMap<String, Secret>,
    jwks: Option<Value>,
    ca_cert: Option<Vec<u8>>,
    scrubber: Scrubber,
    deadline: Instant,
}

/// Gathers.
///
/// # Errors
/// A file that an option names cannot be used.
pub fn gather(plan: Plan, around: Surroundings) -> Result<Evidence, InputError> {
    let mut evidence = all(plan, around)?.evidence;
    evidence.hide_url_parts();
    Ok(evidence)
}

/// The evidence with whole URLs, and what many tokens share beside it ([`many`]).
struct Gathered {
    evidence: Evidence,
    jwks: Option<Value>,
    scrubber: Scrubber,
}

fn all(mut plan: Plan, around: Surroundings) -> Result<Gathered, InputError> {
    let mut begun = Instant::now();
    let timeout = plan.timeout;
    let left = |begun: Instant| timeout.saturating_sub(begun.elapsed());
    // Whatever is read may keep us waiting; some of the time has to be left for the network.
    let reading = |begun: Instant| left(begun) / 3 * 2;
    let directory = around.directory.clone();
    let setting = match around.environment.setting() {
        Setting::Person if plan.is_login => Setting::Login { platform: None },
        Setting::Pipeline { platform } if plan.is_login => {
            Setting::Login { platform: Some(platform) }
        }
        setting => setting,
    };
    let heed_options = setting.is_pipeline();

    // Files first: a run whose input cannot be used must not touch anything else.
    let policy = policy_file::gather(
        plan.policy.as_deref(),
        &around.environment,
        &directory,
        reading(begun),
    )?;
    let jwks = plan
        .jwks
        .as_deref()
        .map(|path| policy_file::key_set(path, &directory, reading(begun)))
        .transpose()?;
    let ca_cert = plan
        .ca_cert
        .as_deref()
        .map(|path| read("--ca-cert", path, &directory, reading(begun)))
        .transpose()?;

    // An empty flag counts as not given, but takes the place of its variable all the same.
    let options = heed_options.then_some(&around.environment);
    let option = |scrubber: &Scrubber, given: &Option<String>, name: &str| {
        let value = given.as_deref().or_else(|| options?.get(name)).filter(|v| !v.is_empty())?;
        // A token may stand where another option's value belongs.
        Some(scrubber.scrub(value))
    };
    let elsewhere = match &plan.directory {
        Some(given) => Some(given.clone()),
        None => options.and_then(|e| e.get("PULUMI_OPTION_CWD")).map(PathBuf::from),
    };
    let directory = change_directory(directory, elsewhere)?;
    let cli = match &plan.pulumi_version {
        Some(version) => Question::answered(Cli::Given { version: version.clone() }),
        None => {
            Question::begin(&around.environment, heed_options, VERSION_LIMIT.min(left(begun) / 2))
        }
    };
    let choice = match std::mem::replace(&mut plan.token, token::Choice::None) {
        token::Choice::None if options.is_some_and(|e| e.get(OIDC_TOKEN_OPTION).is_some()) => {
            token::Choice::Environment(OIDC_TOKEN_OPTION.to_owned())
        }
        choice => choice,
    };
    let lookup = |name: &str| around.environment.get(name).map(str::to_owned);
    let names = plan.names();
    let scrubber = around.environment.scrubber(&names, &[]);
    let organization = option(&scrubber, &plan.organization, "PULUMI_OPTION_OIDC_ORG");
    let token_named = !matches!(choice, token::Choice::None);
    let (mut input, decoded) = match choice {
        // `pulumi login` without a token does not look for one either.
        token::Choice::None if !plan.is_login => ambient::acquire(&ambient::Lookout {
            environment: &around.environment,
            root: Path::new("/"),
            organization: organization.as_deref(),
            offline: plan.offline,
            ca_cert: ca_cert.as_deref(),
            scrubber: &scrubber,
            // Without a token little is left to do, but the backend is looked at all the same.
            deadline: begun + plan.timeout * 2 / 3,
        })
        .map_err(|problem| setup(&plan, problem))?,
        choice => {
            let limit = reading(begun);
            token::acquire(choice, lookup, around.stdin, around.terminal, &directory, limit)
        }
    };
    // Only now is it known what is public.
    let claims = decoded.as_ref().map(|d| d.token.texts()).unwrap_or_default();
    let scrubber = around.environment.scrubber(&names, &claims);
    (input.held_by, input.unused) =
        ambient::holders(&around.environment, decoded.as_ref(), &scrubber);
    if heed_options && around.environment.is_on("TF_BUILD") {
        let variable = |name: &str| around.environment.get(name).map(|id| scrubber.scrub(id));
        input.azure = Some(AzureIds {
            organization: variable("SYSTEM_COLLECTIONID"),
            connection: variable("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
        });
    }
    if input.problem == Some(InputProblem::Empty) {
        input.surroundings = Some(ambient::shown(&around.environment));
    }
    let own_platform = around.environment.platform().filter(|here| !here.sources.is_empty());
    if input.source == Source::None && own_platform.is_none() {
        let option = match around.environment.get(OIDC_TOKEN_OPTION) {
            Some(_) => "heeded inside a CI platform only",
            None => "not set",
        };
        let flags = ["TOKEN", "--oidc-token", "--token-env"].map(|name| (name, "not given"));
        input.tried.extend(
            flags
                .into_iter()
                .chain([(OIDC_TOKEN_OPTION, option)])
                .map(|(source, reason)| Tried { source: source.into(), reason: reason.into() }),
        );
    }
    if around.terminal && input.source == Source::Stdin {
        // The time that a person took to paste is not the run's.
        begun = Instant::now();
    }
    let started_at = Timestamp::now();
    let stored = credentials_file::read(around.environment.variables(), &directory);
    let mut backend = backend::gather(
        &backend::Arguments {
            url: plan.url.clone(),
            cloud_url: plan.cloud_url.clone(),
            local: plan.local,
        },
        around.environment.variables(),
        heed_options,
        &directory,
        &stored,
    );
    if let Some(decoded) = &decoded {
        match plan.offline {
            true => scrubber.add_signature(decoded.compact.reveal()),
            false => scrubber.add(decoded.compact.reveal()),
        }
    }
    stored.tokens.values().for_each(|secret| scrubber.add(secret.reveal()));
    if !matches!(input.source, Source::Argument | Source::Stdin) || input.problem.is_some() {
        clean(&mut input, &scrubber);
    }
    if !backend.is_empty() {
        clean(&mut backend, &scrubber);
    }
    let login = Login {
        token_named,
        organization,
        team: option(&scrubber, &plan.team, "PULUMI_OPTION_OIDC_TEAM"),
        user: option(&scrubber, &plan.user, "PULUMI_OPTION_OIDC_USER"),
        expiration: option(&scrubber, &plan.expiration, "PULUMI_OPTION_OIDC_EXPIRATION"),
        scope: plan.scope.as_deref().map(|scope| scrubber.scrub(scope)),
        access_token_in_environment: around.environment.get("PULUMI_ACCESS_TOKEN").is_some(),
        // Not known yet; until it is, the newest rules hold.
        cli: Cli::default(),
    };
    let insecure = plan.insecure.unwrap_or_else(|| {
        options.and_then(|e| e.get("PULUMI_OPTION_INSECURE")).is_some_and(backend::is_true)
    });

    let mut evidence = Evidence {
        started_at,
        now: plan.now.unwrap_or(started_at),
        duration_ms: 0,
        options: Options {
            setting,
            offline: plan.offline,
            no_exchange: plan.no_exchange,
            now_given: plan.now.is_some(),
            allow_private_issuer: plan.allow_private_issuer,
            insecure,
        },
        input,
        token: decoded.as_ref().map(|d| d.token.clone()),
        login,
        backend,
        policy,
        issuer: Issuer::default(),
        cloud: Cloud::default(),
    };
    if let Some(token) = &mut evidence.token {
        clean_claims(token, &scrubber);
    }
    let run = Run {
        plan: &plan,
        environment: &around.environment,
        decoded,
        stored: stored.tokens,
        jwks,
        ca_cert,
        scrubber,
        deadline: begun + plan.timeout,
    };
    issuer::local_keys(&mut evidence, &run);
    let progress = around.progress.then(|| Progress::start("asking issuer and backend"));
    network(&mut evidence, cli, &run)?;
    drop(progress);
    if descriptors::ran_out() {
        // Evidence of that is evidence of nothing else.
        return Err(InputError {
            option: "gathering",
            path: String::new(),
            problem: "too many open files".to_owned(),
        });
    }
    evidence.duration_ms = millis(begun);
    Ok(Gathered { evidence, jwks: run.jwks, scrubber: run.scrubber })
}

/// Takes the secrets out of every text of a part of the evidence: variables, files and servers are
/// named there, and people put a secret in the place of such a name.
pub(crate) fn clean<T: Serialize + DeserializeOwned>(part: &mut T, scrubber: &Scrubber) {
    let Ok(value) = serde_json::to_value(&*part) else { return };
    if let Ok(clean) = serde_json::from_value(scrubber.scrub_json(value)) {
        *part = clean;
    }
}

/// Claims are hostile text, and may be somebody's credential.
fn clean_claims(token: &mut Token, scrubber: &Scrubber) {
    for part in [&mut token.header, &mut token.claims] {
        if let Value::Object(clean) = scrubber.scrub_json(Value::Object(std::mem::take(part))) {
            *part = clean;
        }
    }
}

/// `--cwd`: pulumi changes its directory before it does anything else (`PersistentPreRunE` in
/// pulumi.go). The doctor's own files are still named from where it was started.
fn change_directory(from: PathBuf, to: Option<PathBuf>) -> Result<PathBuf, InputError> {
    let Some(to) = to.filter(|to| !to.as_os_str().is_empty()) else { return Ok(from) };
    let error = |problem: String| InputError {
        option: "--cwd",
        path: argument(&to),
        problem: format!("{problem}; pulumi stops here as well"),
    };
    let entered = from.join(&to).canonicalize().map_err(|e| error(reason(&e)))?;
    if entered.is_dir() { Ok(entered) } else { Err(error("it is not a directory".to_owned())) }
}

/// Makes the requests, unless there is nothing to ask, and hears what the installed `pulumi` says.
fn network(evidence: &mut Evidence, cli: Question, run: &Run) -> Result<(), InputError> {
    let issuer = issuer::plan(evidence, run);
    if issuer.is_none() && cloud::backend(evidence, run).is_none() {
        cloud::hear(evidence, cli.wait());
        return Ok(());
    }
    let setup = |problem: String| setup(run.plan, problem);
    let left = run.deadline.saturating_duration_since(Instant::now());
    let roots = tls::Roots::load(run.ca_cert.as_deref(), left / 2).map_err(setup)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .inspect_err(descriptors::note)
        .map_err(|error| setup(error.to_string()))?;
    let deadline = tokio::time::Instant::from_std(run.deadline);
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

/// Connections cannot be set up: only the extra trust roots can be to blame.
fn setup(plan: &Plan, problem: String) -> InputError {
    InputError {
        option: "--ca-cert",
        path: argument(plan.ca_cert.as_deref().unwrap_or(Path::new("(none)"))),
        problem,
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Setting {
    /// The setting that the platform's name stands for.
    fn of(platform: Option<&str>) -> Self {
        platform.map_or(Self::Person, |name| Self::Pipeline { platform: name.to_owned() })
    }
}
