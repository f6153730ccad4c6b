//! The options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use semver::Version;

use super::values::{
    AUTO, FormatChoice, ReportFile, bundle_file, duration, format, instant, report_file, variable,
    version,
};
use crate::gather::Plan;
use crate::gather::pulumi::credential_helper::HelperFlags;
use crate::gather::token::TokenLocation;
use crate::render::{DIAGNOSIS, Verbosity};
use crate::text::command::Shell;

/// The options of a diagnosis. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub(crate) struct Diagnosis {
    /// The token: a JWT, file://PATH, or - for standard input
    #[arg(value_name = "TOKEN", conflicts_with_all = ["oidc_token", "token_env"])]
    token: Option<String>,

    /// The token, as `pulumi login` takes it: a JWT or file://PATH
    #[arg(long, value_name = "TOKEN", help_heading = "Login", conflicts_with = "token_env")]
    oidc_token: Option<String>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "NAME", help_heading = "Login", value_parser = variable)]
    token_env: Option<String>,
    /// The organization in Pulumi Cloud
    #[arg(long, value_name = "ORG", help_heading = "Login")]
    oidc_org: Option<String>,
    /// The team, for a team token
    #[arg(long, value_name = "TEAM", help_heading = "Login")]
    oidc_team: Option<String>,
    /// The user, for a personal token
    #[arg(long, value_name = "USER", help_heading = "Login")]
    oidc_user: Option<String>,
    /// The access token's life, as a Go duration (15m, 24h)
    #[arg(long, value_name = "DURATION", help_heading = "Login")]
    oidc_expiration: Option<String>,
    /// The requested scope where pulumi login has no flag for it (admin, runner:NAME)
    #[arg(long, help_heading = "Login", conflicts_with_all = ["oidc_team", "oidc_user"])]
    scope: Option<String>,
    /// The URL of Pulumi Cloud's API
    #[arg(short, long, value_name = "URL", help_heading = "Login")]
    cloud_url: Option<String>,
    /// The local DIY backend, as `pulumi login --local`
    #[arg(short, long, help_heading = "Login")]
    local: bool,
    /// Do not verify the backend's certificate
    #[arg(long, help_heading = "Login")]
    insecure: bool,
    /// The version of pulumi to judge by; default: the one on PATH, else the newest rules
    #[arg(long, value_name = "X.Y.Z", help_heading = "Login", value_parser = version)]
    pulumi_version: Option<Version>,

    /// The issuer and its policies (JSON or YAML); also from DOCTOR_POLICY
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    policy: Option<PathBuf>,
    /// Keys to verify with, instead of fetching them (a JWKS)
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    jwks: Option<PathBuf>,
    /// Judge time claims as of TIME (RFC 3339 or Unix seconds); switches the exchange off
    #[arg(long, value_name = "TIME", help_heading = "Evidence", value_parser = instant)]
    now: Option<Timestamp>,

    /// No network at all
    #[arg(long, help_heading = "Network")]
    offline: bool,
    /// Never mint an access token
    #[arg(long, help_heading = "Network")]
    no_exchange: bool,
    /// The time for the whole run, as a Go duration
    #[arg(long, value_name = "DURATION", help_heading = "Network", default_value = "15s",
          value_parser = duration)]
    timeout: Duration,
    /// Extra trust roots (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    ca_cert: Option<PathBuf>,
    /// Allow issuer addresses that are loopback, link-local or private
    #[arg(long, help_heading = "Network")]
    allow_private_issuer: bool,

    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    bundle: BundleArgs,
}

/// The support bundle and report files that a run writes besides its output.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// Also write a support bundle, for `doctor replay` somewhere else
    ///
    /// It holds what the report rests on and no credential: what may be in it is a list.
    #[arg(long, value_name = "FILE", help_heading = "Report", value_parser = bundle_file())]
    pub(crate) bundle: Option<PathBuf>,
    /// Replace names in bundles and HTML reports: `org-1`, `repo-2` and so on
    ///
    /// Organizations, projects, repositories, users, tenants, private hosts, addresses and paths.
    /// The same value gets the same name everywhere; wildcards stay. The codes that this run finds
    /// go along.
    #[arg(long, help_heading = "Report")]
    pub(crate) redact: bool,
    /// Also write a report: .html, .json, .md, .xml (JUnit) or .txt; repeatable
    ///
    /// The extension gives the format. All reports come from one run.
    #[arg(long = "report", value_name = "FILE", help_heading = "Report", value_parser = report_file)]
    pub(crate) reports: Vec<ReportFile>,
}

/// The options that set how the report is printed.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// The report's format
    ///
    /// auto is azure in Azure Pipelines (TF_BUILD), github in GitHub Actions (GITHUB_ACTIONS),
    /// else human.
    #[arg(long, value_parser = format(&DIAGNOSIS), default_value = AUTO, help_heading = "Report")]
    pub(crate) format: FormatChoice,
    /// Write the report to FILE instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(crate) output: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, help_heading = "Report")]
    pub(crate) color: ColorArg,
    /// The shell that printed commands are for
    ///
    /// auto is PowerShell on Windows and where PSModulePath is set, else a POSIX shell.
    #[arg(long, value_enum, default_value_t, help_heading = "Report")]
    pub(crate) shell: ShellArg,
    /// Warnings count as errors for the verdict and the exit status
    #[arg(long, help_heading = "Report")]
    pub(crate) strict: bool,
    /// Only the verdict, the backend and the root cause
    #[arg(short, long, help_heading = "Report", conflicts_with = "details")]
    quiet: bool,
    /// Every check, every rule and the token
    #[arg(short = 'v', long, alias = "verbose", help_heading = "Report")]
    details: bool,
}

impl OutputArgs {
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.details) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// The options for judging many tokens in one run.
#[derive(Args)]
pub(crate) struct ManyArgs {
    /// Take many tokens, one a line, from file://PATH or -, and answer one JSON object a line
    ///
    /// A line is a token, a JSON string, or a JSON object with a token in it; for `policy test` it
    /// may be claims. An answer is what --format json prints, on one line, behind `line`, the
    /// token's line from 1. An `id` in an object is repeated. Answers come in the order of the
    /// tokens, while these are still being read.
    #[arg(long, requires = "token", conflicts_with = "output", help_heading = "Many tokens")]
    pub(crate) ndjson: bool,
    /// End with 1 if one is unhealthy (denied, not decodable); inconclusive: else with 3 if one is
    /// undecided. Without it, the status is 0 if every line was answered
    #[arg(
        long,
        value_enum,
        value_name = "VERDICT",
        requires = "ndjson",
        help_heading = "Many tokens"
    )]
    pub(crate) fail_on: Option<FailOn>,
}

/// The options for reading many logs in one run.
#[derive(Args)]
pub(crate) struct ManyLogsArgs {
    /// Take many logs, one a line, and answer one JSON object a line
    ///
    /// A line is a log, a JSON string, or a JSON object with `log` and any `id`. An answer is what
    /// --format json prints, on one line, behind `line` and `id`.
    #[arg(long, help_heading = "Many logs")]
    pub(crate) ndjson: bool,
    /// End with 1 if one of the logs has a failure. Without it, the status is 0 if every line was
    /// answered
    #[arg(
        long,
        value_enum,
        value_name = "VERDICT",
        requires = "ndjson",
        help_heading = "Many logs"
    )]
    pub(crate) fail_on: Option<FailOn>,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// 1 if one is unhealthy
    Unhealthy,
    /// 1 if one is unhealthy, else 3 if one is undecided
    Inconclusive,
}

/// `--shell`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellArg {
    /// Chosen by the system and PSModulePath
    #[default]
    Auto,
    /// A POSIX shell
    Bash,
    /// PowerShell 7 and Windows PowerShell 5.1
    Pwsh,
}

impl ShellArg {
    /// The shell that the option names; nothing for `auto`.
    pub(crate) fn chosen(self) -> Option<Shell> {
        match self {
            Self::Auto => None,
            Self::Bash => Some(Shell::Posix),
            Self::Pwsh => Some(Shell::PowerShell),
        }
    }
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// By NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM and whether it is a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Diagnosis {
    /// Splits the options into what to gather, how to print it, and which files to write.
    pub(crate) fn into_plan(self) -> (Plan, OutputArgs, BundleArgs) {
        let token = match (self.token, self.oidc_token, self.token_env) {
            (Some(token), _, _) => TokenLocation::Argument(token),
            (_, Some(token), _) => TokenLocation::OidcToken(token),
            (_, _, Some(name)) => TokenLocation::Environment(name),
            _ => TokenLocation::None,
        };
        let plan = Plan {
            is_login: false,
            token,
            organization: self.oidc_org,
            team: self.oidc_team,
            user: self.oidc_user,
            expiration: self.oidc_expiration,
            scope: self.scope,
            url: None,
            cloud_url: self.cloud_url,
            local: self.local.then_some(true),
            insecure: self.insecure.then_some(true),
            directory: None,
            helper: HelperFlags::default(),
            policy: self.policy,
            jwks: self.jwks,
            ca_cert: self.ca_cert,
            pulumi_version: self.pulumi_version,
            offline: self.offline,
            no_exchange: self.no_exchange,
            now: self.now,
            timeout: self.timeout,
            allow_private_issuer: self.allow_private_issuer,
            policy_selection: None,
        };
        (plan, self.output, self.bundle)
    }
}
