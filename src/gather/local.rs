//! Evidence from this machine: the files that options name, the token, the login settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::environment::Environment;
use super::files::named::read_named_file;
use super::files::problem::file_problem;
use super::plan::{InputError, Plan, ProcessContext};
use super::pulumi::credential_helper::{HelperFlags, SavedHelper};
use super::pulumi::version::VersionProbe;
use super::pulumi::{backend, credential_helper, credentials_file, settings};
use super::scrub::{scrub, scrub_claims};
use super::{ambient, policy_file, token};
use crate::evidence::{
    AzureIds, Backend, Cli, Cloud, CredentialHelper, Evidence, HelperFlag, Input, InputProblem,
    Issuer, Login, Options, PolicySource, RunContext, Source, Tried,
};
use crate::oidc::jwt::Decoded;
use crate::platform::{Id, azure};
use crate::pulumi::go;
use crate::pulumi::go::url::GoUrl;
use crate::text::secret::{Scrubber, Secret, argument};

/// How long the installed `pulumi` may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(3);

/// The environment form of `--oidc-token` (`declareFlagsAsEnvironmentVariables` in pulumi.go).
const OIDC_TOKEN_OPTION: &str = "PULUMI_OPTION_OIDC_TOKEN";

/// The variables by which the CLI recognises a coding agent (sdk/go/common/util/agentdetect).
const AGENTS: [&str; 20] = [
    "AI_AGENT",
    "CURSOR_TRACE_ID",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "CODEX_SANDBOX",
    "CODEX_CI",
    "CODEX_THREAD_ID",
    "ANTIGRAVITY_AGENT",
    "AUGMENT_AGENT",
    "OPENCODE",
    "OPENCODE_CALLER",
    "OPENCODE_CLIENT",
    "CLAUDE_CODE_IS_COWORK",
    "CLAUDECODE",
    "CLAUDE_CODE",
    "REPL_ID",
    "COPILOT_MODEL",
    "COPILOT_ALLOW_ALL",
    "COPILOT_GITHUB_TOKEN",
    "GOOSE_PROVIDER",
];

/// The part of a run that is not evidence: secrets, and values needed only while gathering.
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) environment: Environment,
    pub(super) decoded: Option<Decoded>,
    pub(super) stored: BTreeMap<String, Secret>,
    pub(super) jwks: Option<Value>,
    pub(super) ca_cert: Option<Vec<u8>>,
    pub(super) scrubber: Scrubber,
    pub(super) clock: Clock,
}

/// The time limit of the run.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    timeout: Duration,
}

impl Clock {
    fn start(timeout: Duration) -> Self {
        Self { started: Instant::now(), timeout }
    }

    fn remaining(self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }

    /// How long reading may take. The rest is reserved for the network.
    fn read_limit(self) -> Duration {
        self.remaining() / 3 * 2
    }

    pub(super) fn deadline(self) -> Instant {
        self.started + self.timeout
    }

    pub(super) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Gathers the evidence on this machine, and starts `pulumi version`.
pub(super) fn gather_local(
    mut plan: Plan,
    process: ProcessContext,
) -> Result<(Evidence, VersionProbe, Run), InputError> {
    let ProcessContext { environment, directory, stdin, terminal, progress: _ } = process;
    let mut clock = Clock::start(plan.timeout);
    // Files first: with unusable input the run must do nothing else.
    let named = NamedFiles::read(&plan, &environment, &directory, clock)?;
    let choice = std::mem::replace(&mut plan.token, token::TokenLocation::None);
    let settings = Settings::new(&plan, &environment);
    let directory = settings.working_directory(directory)?;
    let cli = settings.start_version_probe(clock);
    let choice = settings.token_location(choice);
    let token_named = !matches!(choice, token::TokenLocation::None);
    // The claims, which are public, are known only after the token has been read.
    let scrubber = environment.scrubber(&plan.command_line_names(), &[]);
    let organization = settings.organization(&scrubber);
    let (mut input, decoded) = match choice {
        // `pulumi login` without a token does not search for one either.
        token::TokenLocation::None if !plan.is_login => {
            ambient::find_token(&ambient::AmbientContext {
                environment: &environment,
                root: Path::new("/"),
                organization: organization.as_deref(),
                offline: plan.offline,
                ca_cert: named.ca_cert.as_deref(),
                scrubber: &scrubber,
                // Without a token the backend is still probed: leave time for that.
                deadline: clock.started + plan.timeout * 2 / 3,
            })
            .map_err(|problem| setup_error(&plan, problem))?
        }
        choice => {
            let variable = |name: &str| environment.get(name).map(str::to_owned);
            token::read_token(choice, variable, stdin, terminal, &directory, clock.read_limit())
        }
    };
    let claims = decoded.as_ref().map(|d| d.token.texts()).unwrap_or_default();
    let scrubber = environment.scrubber(&plan.command_line_names(), &claims);
    settings.describe_environment(&mut input, decoded.as_ref(), &scrubber);
    if terminal && input.source == Source::Stdin {
        // The time that a person took to paste does not count.
        clock = Clock::start(plan.timeout);
    }
    let started_at = Timestamp::now();
    let stored = credentials_file::read_credentials(environment.variables(), &directory);
    let mut backend = settings.backend(&directory, &stored);
    if let Some(decoded) = &decoded {
        match plan.offline {
            true => scrubber.add_signature(decoded.compact.reveal()),
            false => scrubber.add(decoded.compact.reveal()),
        }
    }
    stored.tokens.values().for_each(|secret| scrubber.add(secret.reveal()));
    for candidate in &backend.candidates {
        let url = go::url::parse(&candidate.url).ok();
        url.iter().filter_map(GoUrl::password).for_each(|password| scrubber.add(&password));
    }
    if !matches!(input.source, Source::Argument | Source::Stdin) || input.problem.is_some() {
        scrub(&mut input, &scrubber);
    }
    if !backend.is_empty() {
        scrub(&mut backend, &scrubber);
    }
    let mut evidence = Evidence {
        started_at,
        now: plan.now.unwrap_or(started_at),
        duration_ms: 0,
        options: settings.options(),
        input,
        token: decoded.as_ref().map(|d| d.token.clone()),
        login: Login {
            token_named,
            helper: settings.helper(&directory, stored.helper.as_ref(), &scrubber),
            ..settings.login(&scrubber)
        },
        backend,
        policy: named.policy,
        issuer: Issuer::default(),
        cloud: Cloud::default(),
    };
    if let Some(token) = &mut evidence.token {
        scrub_claims(token, &scrubber);
    }
    let (stored, jwks, ca_cert) = (stored.tokens, named.jwks, named.ca_cert);
    let run = Run { plan, environment, decoded, stored, jwks, ca_cert, scrubber, clock };
    Ok((evidence, cli, run))
}

/// The content of the files that options name.
struct NamedFiles {
    policy: PolicySource,
    jwks: Option<Value>,
    ca_cert: Option<Vec<u8>>,
}

impl NamedFiles {
    fn read(
        plan: &Plan,
        environment: &Environment,
        directory: &Path,
        clock: Clock,
    ) -> Result<Self, InputError> {
        let policy = plan.policy.as_deref();
        let policy = policy_file::read_policy(policy, environment, directory, clock.read_limit())?;
        let jwks = plan
            .jwks
            .as_deref()
            .map(|path| policy_file::read_key_set(path, directory, clock.read_limit()))
            .transpose()?;
        let ca_cert = plan
            .ca_cert
            .as_deref()
            .map(|path| read_named_file("--ca-cert", path, directory, clock.read_limit()))
            .transpose()?;
        Ok(Self { policy, jwks, ca_cert })
    }
}

/// The login settings from the command line and, if it applies, the environment.
struct Settings<'a> {
    plan: &'a Plan,
    environment: &'a Environment,
    run_context: RunContext,
}

impl<'a> Settings<'a> {
    fn new(plan: &'a Plan, environment: &'a Environment) -> Self {
        let run_context = match environment.run_context() {
            RunContext::Workstation if plan.is_login => RunContext::LoginCommand { platform: None },
            RunContext::CiJob { platform } if plan.is_login => {
                RunContext::LoginCommand { platform: Some(platform) }
            }
            other => other,
        };
        Self { plan, environment, run_context }
    }

    /// A `PULUMI_OPTION_…` variable, if this run reads them (product contract, section 2).
    fn option_variable(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name).filter(|_| self.run_context.judges_environment())
    }

    /// Whether a `PULUMI_OPTION_…` variable is set, even to nothing.
    fn has_option_variable(&self, name: &str) -> bool {
        self.run_context.judges_environment() && self.environment.variables().contains_key(name)
    }

    /// The credential helper that the CLI would use.
    fn helper(
        &self,
        directory: &Path,
        saved: Option<&SavedHelper>,
        scrubber: &Scrubber,
    ) -> CredentialHelper {
        let reads_options = self.run_context.judges_environment();
        let mut helper = credential_helper::find_helper(
            &self.plan.helper,
            self.environment,
            reads_options,
            saved,
            directory,
        );
        // People pass a token instead of the program's name.
        if !helper.is_none() {
            scrub(&mut helper, scrubber);
        }
        helper
    }

    /// The value of a flag or its variable. An empty flag counts as not given, but still overrides
    /// its variable.
    fn option(&self, scrubber: &Scrubber, given: Option<&str>, name: &str) -> Option<String> {
        let value =
            given.or_else(|| self.option_variable(name)).filter(|value| !value.is_empty())?;
        // People pass a token as the value of another option.
        Some(scrubber.scrub(value))
    }

    fn organization(&self, scrubber: &Scrubber) -> Option<String> {
        self.option(scrubber, self.plan.organization.as_deref(), "PULUMI_OPTION_OIDC_ORG")
    }

    fn login(&self, scrubber: &Scrubber) -> Login {
        let Plan { team, user, expiration, scope, .. } = self.plan;
        let option = |given: &Option<String>, name| self.option(scrubber, given.as_deref(), name);
        Login {
            organization: self.organization(scrubber),
            team: option(team, "PULUMI_OPTION_OIDC_TEAM"),
            user: option(user, "PULUMI_OPTION_OIDC_USER"),
            expiration: option(expiration, "PULUMI_OPTION_OIDC_EXPIRATION"),
            scope: scope.as_deref().map(|scope| scrubber.scrub(scope)),
            access_token_in_environment: self.environment.get("PULUMI_ACCESS_TOKEN").is_some(),
            // Until the version is known, assume the newest CLI.
            cli: Cli::default(),
            coding_agent: AGENTS.iter().any(|name| self.environment.get(name).is_some()),
            helper_flag_given: self.plan.helper.helper.is_some()
                || self.has_option_variable("PULUMI_OPTION_CREDENTIAL_HELPER"),
            helper_on_command_line: match &self.plan.helper {
                HelperFlags { helper: Some(_), .. } => Some(HelperFlag::Helper),
                HelperFlags { has_arguments: true, .. } => Some(HelperFlag::Argument),
                HelperFlags { .. } => None,
            },
            ..Login::default()
        }
    }

    fn options(&self) -> Options {
        let plan = self.plan;
        let insecure =
            || self.option_variable("PULUMI_OPTION_INSECURE").is_some_and(settings::is_true);
        Options {
            run_context: self.run_context.clone(),
            offline: plan.offline,
            no_exchange: plan.no_exchange,
            now_given: plan.now.is_some(),
            allow_private_issuer: plan.allow_private_issuer,
            insecure: plan.insecure.unwrap_or_else(insecure),
            shell: self.environment.shell(),
        }
    }

    /// The directory that pulumi runs in.
    fn working_directory(&self, start: PathBuf) -> Result<PathBuf, InputError> {
        let flag = self.plan.directory.clone();
        let given = flag.or_else(|| self.option_variable("PULUMI_OPTION_CWD").map(PathBuf::from));
        change_directory(start, given)
    }

    fn start_version_probe(&self, clock: Clock) -> VersionProbe {
        match &self.plan.pulumi_version {
            Some(version) => VersionProbe::known(Cli::Given { version: version.clone() }),
            None => {
                let limit = VERSION_LIMIT.min(clock.remaining() / 2);
                VersionProbe::start(self.environment, self.run_context.judges_environment(), limit)
            }
        }
    }

    fn token_location(&self, location: token::TokenLocation) -> token::TokenLocation {
        match location {
            token::TokenLocation::None
                if self.option_variable(OIDC_TOKEN_OPTION).is_some()
                    || self.plan.is_login && self.has_option_variable(OIDC_TOKEN_OPTION) =>
            {
                token::TokenLocation::Environment(OIDC_TOKEN_OPTION.to_owned())
            }
            location => location,
        }
    }

    fn backend(&self, directory: &Path, stored: &credentials_file::StoredCredentials) -> Backend {
        let arguments = backend::Arguments {
            url: self.plan.url.clone(),
            cloud_url: self.plan.cloud_url.clone(),
            local: self.plan.local,
        };
        let reads_options = self.run_context.judges_environment();
        backend::gather_backend(
            &arguments,
            self.environment.variables(),
            reads_options,
            directory,
            stored,
        )
    }

    /// Adds which variable holds the token, or why there is no token.
    fn describe_environment(
        &self,
        input: &mut Input,
        decoded: Option<&Decoded>,
        scrubber: &Scrubber,
    ) {
        let environment = self.environment;
        (input.held_by, input.unused) =
            ambient::variables_with_tokens(environment, decoded, scrubber);
        if self.run_context.platform() == Some(Id::AzurePipelines) {
            let variable = |name: &str| environment.get(name).map(|id| scrubber.scrub(id));
            input.azure = Some(AzureIds {
                organization: variable(azure::job::COLLECTION),
                connection: variable(azure::job::OWN_CONNECTION),
            });
        }
        if input.problem == Some(InputProblem::Empty) {
            input.surroundings = Some(ambient::platform_environment(environment));
        }
        let own_platform = environment.platform().filter(|here| !here.sources.is_empty());
        if input.source == Source::None && own_platform.is_none() {
            let option = match environment.get(OIDC_TOKEN_OPTION) {
                Some(_) => "read only inside a CI platform",
                None => "not set",
            };
            let flags = ["TOKEN", "--oidc-token", "--token-env"].map(|name| (name, "not given"));
            let all = flags.into_iter().chain([(OIDC_TOKEN_OPTION, option)]);
            input.tried.extend(
                all.map(|(source, reason)| Tried { source: source.into(), reason: reason.into() }),
            );
        }
    }
}

/// Applies `--cwd`: pulumi changes its directory first (`PersistentPreRunE` in pulumi.go). Paths in
/// the doctor's own options stay relative to where it was started.
fn change_directory(start: PathBuf, given: Option<PathBuf>) -> Result<PathBuf, InputError> {
    let Some(given) = given.filter(|path| !path.as_os_str().is_empty()) else { return Ok(start) };
    let error = |problem: String| InputError {
        option: "--cwd",
        path: argument(&given),
        problem: format!("{problem}; pulumi stops here as well"),
    };
    let entered =
        start.join(&given).canonicalize().map_err(|e| error(file_problem(&e).to_string()))?;
    if entered.is_dir() { Ok(entered) } else { Err(error("it is not a directory".to_owned())) }
}

/// The error if connections cannot be set up. Only the extra trust roots can cause that.
pub(super) fn setup_error(plan: &Plan, problem: String) -> InputError {
    InputError {
        option: "--ca-cert",
        path: argument(plan.ca_cert.as_deref().unwrap_or(Path::new("(none)"))),
        problem,
    }
}
