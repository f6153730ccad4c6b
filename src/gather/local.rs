//! What is on this machine: the files that options name, the token, the settings of the login.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::clean::{clean, clean_claims};
use super::environment::Environment;
use super::files::named::read;
use super::files::problem::problem;
use super::plan::{InputError, Plan, ProcessContext};
use super::pulumi::credential_helper::{Flags, Saved};
use super::pulumi::version::Question;
use super::pulumi::{backend, credential_helper, credentials_file, source};
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

/// What of the run is not evidence: secrets, and what is only needed on the way.
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

/// The time that the run may take.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    begun: Instant,
    timeout: Duration,
}

impl Clock {
    fn start(timeout: Duration) -> Self {
        Self { begun: Instant::now(), timeout }
    }

    fn left(self) -> Duration {
        self.timeout.saturating_sub(self.begun.elapsed())
    }

    /// How long reading may take: some of the time has to be left for the network.
    fn reading(self) -> Duration {
        self.left() / 3 * 2
    }

    pub(super) fn deadline(self) -> Instant {
        self.begun + self.timeout
    }

    pub(super) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Gathers what is on this machine, and starts to ask the installed `pulumi` for its version.
pub(super) fn gather(
    mut plan: Plan,
    around: ProcessContext,
) -> Result<(Evidence, Question, Run), InputError> {
    let ProcessContext { environment, directory, stdin, terminal, progress: _ } = around;
    let mut clock = Clock::start(plan.timeout);
    // Files first: a run whose input cannot be used must not touch anything else.
    let named = NamedFiles::read(&plan, &environment, &directory, clock)?;
    let choice = std::mem::replace(&mut plan.token, token::Choice::None);
    let settings = Settings::new(&plan, &environment);
    let directory = settings.directory(directory)?;
    let cli = settings.ask_version(clock);
    let choice = settings.token(choice);
    let token_named = !matches!(choice, token::Choice::None);
    // Which claims are public is known only when there is a token.
    let scrubber = environment.scrubber(&plan.names(), &[]);
    let organization = settings.organization(&scrubber);
    let (mut input, decoded) = match choice {
        // `pulumi login` without a token does not look for one either.
        token::Choice::None if !plan.is_login => ambient::acquire(&ambient::AmbientContext {
            environment: &environment,
            root: Path::new("/"),
            organization: organization.as_deref(),
            offline: plan.offline,
            ca_cert: named.ca_cert.as_deref(),
            scrubber: &scrubber,
            // Without a token little is left to do, but the backend is looked at anyway.
            deadline: clock.begun + plan.timeout * 2 / 3,
        })
        .map_err(|problem| setup(&plan, problem))?,
        choice => {
            let variable = |name: &str| environment.get(name).map(str::to_owned);
            token::acquire(choice, variable, stdin, terminal, &directory, clock.reading())
        }
    };
    let claims = decoded.as_ref().map(|d| d.token.texts()).unwrap_or_default();
    let scrubber = environment.scrubber(&plan.names(), &claims);
    settings.explain(&mut input, decoded.as_ref(), &scrubber);
    if terminal && input.source == Source::Stdin {
        // The time that a person took to paste is not the run's.
        clock = Clock::start(plan.timeout);
    }
    let started_at = Timestamp::now();
    let stored = credentials_file::read(environment.variables(), &directory);
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
        clean(&mut input, &scrubber);
    }
    if !backend.is_empty() {
        clean(&mut backend, &scrubber);
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
        clean_claims(token, &scrubber);
    }
    let (stored, jwks, ca_cert) = (stored.tokens, named.jwks, named.ca_cert);
    let run = Run { plan, environment, decoded, stored, jwks, ca_cert, scrubber, clock };
    Ok((evidence, cli, run))
}

/// What the files hold that options name.
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
        let policy = policy_file::gather(policy, environment, directory, clock.reading())?;
        let jwks = plan
            .jwks
            .as_deref()
            .map(|path| policy_file::key_set(path, directory, clock.reading()))
            .transpose()?;
        let ca_cert = plan
            .ca_cert
            .as_deref()
            .map(|path| read("--ca-cert", path, directory, clock.reading()))
            .transpose()?;
        Ok(Self { policy, jwks, ca_cert })
    }
}

/// The settings of the login: the command line's, and the environment's where it counts.
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

    /// A `PULUMI_OPTION_…` variable (product contract, section 2).
    fn variable(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name).filter(|_| self.run_context.judges_environment())
    }

    /// A `PULUMI_OPTION_…` variable that is there, be it empty.
    fn has_variable(&self, name: &str) -> bool {
        self.run_context.judges_environment() && self.environment.variables().contains_key(name)
    }

    /// The credential helper that the CLI would use.
    fn helper(
        &self,
        directory: &Path,
        saved: Option<&Saved>,
        scrubber: &Scrubber,
    ) -> CredentialHelper {
        let heeded = self.run_context.judges_environment();
        let mut helper =
            credential_helper::find(&self.plan.helper, self.environment, heeded, saved, directory);
        // A token may stand where the program's name belongs.
        if !helper.is_none() {
            clean(&mut helper, scrubber);
        }
        helper
    }

    /// A flag, or its variable. An empty flag counts as not given, but takes the place of its
    /// variable anyway.
    fn option(&self, scrubber: &Scrubber, given: Option<&str>, name: &str) -> Option<String> {
        let value = given.or_else(|| self.variable(name)).filter(|value| !value.is_empty())?;
        // A token may stand where another option's value belongs.
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
            // Until the version is known, the newest rules hold.
            cli: Cli::default(),
            coding_agent: AGENTS.iter().any(|name| self.environment.get(name).is_some()),
            helper_flag_given: self.plan.helper.helper.is_some()
                || self.has_variable("PULUMI_OPTION_CREDENTIAL_HELPER"),
            helper_on_command_line: match &self.plan.helper {
                Flags { helper: Some(_), .. } => Some(HelperFlag::Helper),
                Flags { has_arguments: true, .. } => Some(HelperFlag::Argument),
                Flags { .. } => None,
            },
            ..Login::default()
        }
    }

    fn options(&self) -> Options {
        let plan = self.plan;
        let insecure = || self.variable("PULUMI_OPTION_INSECURE").is_some_and(source::is_true);
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

    /// Where pulumi runs.
    fn directory(&self, from: PathBuf) -> Result<PathBuf, InputError> {
        let given = self.plan.directory.clone();
        let to = given.or_else(|| self.variable("PULUMI_OPTION_CWD").map(PathBuf::from));
        change_directory(from, to)
    }

    fn ask_version(&self, clock: Clock) -> Question {
        match &self.plan.pulumi_version {
            Some(version) => Question::answered(Cli::Given { version: version.clone() }),
            None => {
                let limit = VERSION_LIMIT.min(clock.left() / 2);
                Question::begin(self.environment, self.run_context.judges_environment(), limit)
            }
        }
    }

    fn token(&self, choice: token::Choice) -> token::Choice {
        match choice {
            token::Choice::None
                if self.variable(OIDC_TOKEN_OPTION).is_some()
                    || self.plan.is_login && self.has_variable(OIDC_TOKEN_OPTION) =>
            {
                token::Choice::Environment(OIDC_TOKEN_OPTION.to_owned())
            }
            choice => choice,
        }
    }

    fn backend(&self, directory: &Path, stored: &credentials_file::Stored) -> Backend {
        let arguments = backend::Arguments {
            url: self.plan.url.clone(),
            cloud_url: self.plan.cloud_url.clone(),
            local: self.plan.local,
        };
        let heeded = self.run_context.judges_environment();
        backend::gather(&arguments, self.environment.variables(), heeded, directory, stored)
    }

    /// Adds what the environment shows of the token: what holds it, or why there is none.
    fn explain(&self, input: &mut Input, decoded: Option<&Decoded>, scrubber: &Scrubber) {
        let environment = self.environment;
        (input.held_by, input.unused) = ambient::holders(environment, decoded, scrubber);
        if self.run_context.platform() == Some(Id::AzurePipelines) {
            let variable = |name: &str| environment.get(name).map(|id| scrubber.scrub(id));
            input.azure = Some(AzureIds {
                organization: variable(azure::job::COLLECTION),
                connection: variable(azure::job::OWN_CONNECTION),
            });
        }
        if input.problem == Some(InputProblem::Empty) {
            input.surroundings = Some(ambient::shown(environment));
        }
        let own_platform = environment.platform().filter(|here| !here.sources.is_empty());
        if input.source == Source::None && own_platform.is_none() {
            let option = match environment.get(OIDC_TOKEN_OPTION) {
                Some(_) => "heeded inside a CI platform only",
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

/// `--cwd`: pulumi changes its directory before it does anything else (`PersistentPreRunE` in
/// pulumi.go). The doctor's own files are still named from where it was started.
fn change_directory(from: PathBuf, to: Option<PathBuf>) -> Result<PathBuf, InputError> {
    let Some(to) = to.filter(|to| !to.as_os_str().is_empty()) else { return Ok(from) };
    let error = |problem: String| InputError {
        option: "--cwd",
        path: argument(&to),
        problem: format!("{problem}; pulumi stops here as well"),
    };
    let entered = from.join(&to).canonicalize().map_err(|e| error(problem(&e).to_string()))?;
    if entered.is_dir() { Ok(entered) } else { Err(error("it is not a directory".to_owned())) }
}

/// Connections cannot be set up: only the extra trust roots can be to blame.
pub(super) fn setup(plan: &Plan, problem: String) -> InputError {
    InputError {
        option: "--ca-cert",
        path: argument(plan.ca_cert.as_deref().unwrap_or(Path::new("(none)"))),
        problem,
    }
}
