//! The command line: clap's strings become typed values here, once.

pub(crate) mod examples;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use semver::Version;

use crate::command::decode::Decode;
use crate::command::explain::Explain;
#[cfg(feature = "generate")]
use crate::command::generate::Document;
use crate::command::policy::PolicyCommand;
use crate::command::replay::Replay;
use crate::command::step::StepPlatform;
use crate::command::triage::Triage;
use crate::gather::Plan;
use crate::gather::token::Choice;
use crate::limits;
use crate::pulumi::duration;
use crate::render::Verbosity;

/// Says why a CI job cannot log in to Pulumi Cloud with its OIDC token, and what to change.
#[derive(Parser)]
#[command(
    name = "doctor",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 healthy, 1 unhealthy, 2 bad usage or input file, 3 inconclusive, \
                  70 internal error."
)]
pub struct Cli {
    /// Another command than the diagnosis.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The diagnosis.
    #[command(flatten)]
    pub diagnosis: Diagnosis,
}

impl Cli {
    /// Reads a command line other than that of `doctor login`.
    ///
    /// # Errors
    /// Wrong usage, or that help was asked for.
    pub fn read(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let mut definition = bare_command();
        // clap searches for an option that is spelled alike, however long the name is.
        if arguments.iter().any(|argument| beginning(argument).is_some()) {
            let shortened = arguments.iter().map(|argument| match beginning(argument) {
                Some(beginning) => beginning.into(),
                None => argument.clone(),
            });
            bare_command().try_get_matches_from(shortened)?;
        }
        let mut matches = match definition.try_get_matches_from_mut(arguments) {
            Err(error) if error.kind() == ErrorKind::DisplayHelp => {
                command().try_get_matches_from(arguments)?
            }
            matches => matches?,
        };
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut definition))
    }
}

/// The beginning of an option's name that is too long for one.
fn beginning(argument: &OsString) -> Option<&str> {
    let name = argument.to_str()?.split('=').next().filter(|name| name.starts_with("--"))?;
    (name.len() > limits::NAME).then(|| name.split_at(name.floor_char_boundary(limits::NAME)).0)
}

/// The whole definition, with everything that commands take, and examples in every help.
#[must_use]
pub fn command() -> clap::Command {
    let mut definition = bare_command();
    definition.build();
    crate::cli::examples::add(definition, &[])
}

/// The same without the examples.
pub(crate) fn bare_command() -> clap::Command {
    // The replacement would be listed last.
    Cli::command().mut_subcommand("login", |login| {
        login.defer(|_| crate::pulumi::login_flags::command().display_order(0))
    })
}

/// Commands besides the diagnosis. What one takes is worked out when it is asked for; then the help
/// of its arguments' type takes the place of the one here, with which it is listed.
#[derive(Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Diagnose the login that pulumi would make here, with its flags
    // Its arguments are pulumi's and are read by `login_flags`, which also has its help.
    Login,
    /// Print a pipeline step that runs the doctor when a login fails
    Step {
        /// Where the pipeline runs
        platform: StepPlatform,
        /// The organization in Pulumi Cloud; without it, the step holds the placeholder ORG
        #[arg(long, value_name = "ORG", value_parser = ascii)]
        oidc_org: Option<String>,
    },
    /// Decode and explain a token; offline, without a policy
    Decode(Decode),
    /// Test a token against policies, suggest a policy, lint a document
    Policy {
        /// What to do.
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Find the known failures in logs, or in an error that was pasted
    Triage(Triage),
    /// Explain a failure code: its meaning, its causes, its fix
    Explain(Explain),
    /// Write what in docs/ follows from the program
    #[cfg(feature = "generate")]
    #[command(hide = true)]
    Generate {
        /// The document
        document: Document,
    },
    /// Judge a support bundle again, offline, with this version's checks
    Replay(Replay),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Run the diagnosis against an issuer and Pulumi Cloud on loopback
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Say that this build has no demo
    // Without it the word would be taken for a token.
    #[cfg(not(feature = "demo"))]
    #[command(hide = true)]
    Demo {
        /// What it would take.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Run the diagnosis against an issuer and Pulumi Cloud on loopback
///
/// Exit status: that of the diagnosis.
#[cfg(feature = "demo")]
#[derive(Args)]
pub struct DemoArgs {
    /// What is wrong in the demo; without it, the audience
    pub scenario: Option<String>,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// How the report is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where a support bundle goes.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// The options of the diagnosis. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub struct Diagnosis {
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

    /// How the report is printed.
    #[command(flatten)]
    output: OutputArgs,
    /// Where a support bundle goes.
    #[command(flatten)]
    bundle: BundleArgs,
}

/// Where a support bundle goes.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Also write a support bundle, for `doctor replay` somewhere else
    ///
    /// It holds what the report rests on and no credential: what may be in it is a list.
    #[arg(long, value_name = "FILE", help_heading = "Report", value_parser = bundle_file())]
    pub bundle: Option<PathBuf>,
    /// Replace names in the bundle by pseudonyms; the diagnosis stays the same
    ///
    /// Organizations, projects, repositories, users, tenants, private hosts and paths. Words keep
    /// their length, and words that begin alike still do: names do not stay hidden from somebody
    /// who knows or guesses some of them.
    #[arg(long, help_heading = "Report", requires = "bundle")]
    pub redact: bool,
}

/// How the report is printed.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// The report's format
    ///
    /// auto is azure in Azure Pipelines (TF_BUILD), github in GitHub Actions (GITHUB_ACTIONS),
    /// else human.
    #[arg(long, value_enum, default_value_t, help_heading = "Report")]
    pub format: FormatArg,
    /// Write the report to FILE instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub output: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, help_heading = "Report")]
    pub color: ColorArg,
    /// Warnings count as errors for the verdict and the exit status
    #[arg(long, help_heading = "Report")]
    pub strict: bool,
    /// Only the verdict, the backend and the root cause
    #[arg(short, long, help_heading = "Report", conflicts_with = "verbose")]
    quiet: bool,
    /// Every check and every rule
    #[arg(short, long, help_heading = "Report")]
    verbose: bool,
}

impl OutputArgs {
    /// How much is printed.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// `--format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// What suits the place
    #[default]
    Auto,
    /// For people
    Human,
    /// For programs
    Json,
    /// For a ticket or a pull request
    Markdown,
    /// For the test results of a CI platform (JUnit XML)
    Junit,
    /// For the log of an Azure pipeline: issues, groups, a summary page
    Azure,
    /// For the log of a GitHub workflow: annotations, groups, a step summary
    Github,
}

/// `--format` of the commands whose answer is a page, not a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
    /// For a ticket or a pull request
    Markdown,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// By NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM and whether it is a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Diagnosis {
    /// What to gather, how to print it, and where a bundle goes.
    #[must_use]
    pub fn plan(self) -> (Plan, OutputArgs, BundleArgs) {
        let token = match (self.token, self.oidc_token, self.token_env) {
            (Some(token), _, _) => Choice::Argument(token),
            (_, Some(token), _) => Choice::OidcToken(token),
            (_, _, Some(name)) => Choice::Environment(name),
            _ => Choice::None,
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
            policy: self.policy,
            jwks: self.jwks,
            ca_cert: self.ca_cert,
            pulumi_version: self.pulumi_version,
            offline: self.offline,
            no_exchange: self.no_exchange,
            now: self.now,
            timeout: self.timeout,
            allow_private_issuer: self.allow_private_issuer,
        };
        (plan, self.output, self.bundle)
    }
}

/// `3.210.0`, with or without the `v` that `pulumi version` prints.
fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.trim_start_matches('v'))
        .map_err(|_| "a version has three numbers, as in 3.210.0".to_owned())
}

/// A file: a bundle on standard output would run into the report.
fn bundle_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str() == "-" {
        true => Err("it takes a file: standard output is the report's"),
        false => Ok(path),
    })
}

/// The name of an organization, for a file whose encoding is not known here.
fn ascii(text: &str) -> Result<String, String> {
    match text.is_ascii() {
        true => Ok(text.to_owned()),
        false => Err("it takes ASCII only: the organization's name as in its URL".to_owned()),
    }
}

/// The name of an environment variable. The token itself gets into its place by a `$` too many, and
/// a name is shown.
pub(crate) fn variable(text: &str) -> Result<String, String> {
    let expanded = text.strip_prefix('$').map(|name| name.trim_matches(['(', ')', '{', '}']));
    if let Some(name) = expanded.filter(|name| is_variable(name)) {
        return Err(format!("it takes the name of the variable alone: {name}"));
    }
    // An empty name is that of a variable which is not set.
    match text.is_empty() || is_variable(text) {
        true => Ok(text.to_owned()),
        false => Err("it takes the name of the variable, not the token".to_owned()),
    }
}

/// POSIX (XBD 8.1), and the characters that other systems allow besides. Tokens, which begin with
/// `eyJ` or `pul-`, are made of these too.
fn is_variable(name: &str) -> bool {
    name.len() <= 128
        && !name.starts_with("eyJ")
        && !name.starts_with("pul-")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.()".contains(c))
}

/// RFC 3339 or seconds since the epoch.
fn instant(text: &str) -> Result<Timestamp, String> {
    let wanted = "use RFC 3339 (2026-01-31T12:00:00Z) or Unix seconds";
    match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).map_err(|_| wanted.to_owned()),
        Err(_) => text.parse().map_err(|_| wanted.to_owned()),
    }
}

/// A Go duration that is more than nothing.
fn duration(text: &str) -> Result<Duration, String> {
    let nanoseconds = duration::parse(text).map_err(|error| {
        duration::suggest(text)
            .map_or_else(|| error.to_string(), |meant| format!("{error}; did you mean {meant}?"))
    })?;
    match u64::try_from(nanoseconds) {
        Ok(0) | Err(_) => Err("it has to be more than nothing".to_owned()),
        Ok(nanoseconds) => Ok(Duration::from_nanos(nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds() {
        command().debug_assert();
    }

    /// Listed with the one, and shown with the other.
    #[test]
    fn every_command_says_the_same_before_and_after_its_arguments_are_worked_out() {
        let listed = bare_command();
        let mut worked_out = listed.clone();
        worked_out.build();
        for command in listed.get_subcommands() {
            let name = command.get_name();
            let same = worked_out.find_subcommand(name).and_then(clap::Command::get_about);
            assert_eq!(
                command.get_about().map(ToString::to_string),
                same.map(ToString::to_string),
                "{name}"
            );
        }
    }

    #[test]
    fn times() {
        assert_eq!(instant("0"), Ok(Timestamp::UNIX_EPOCH));
        assert_eq!(instant("1970-01-01T00:00:00Z"), Ok(Timestamp::UNIX_EPOCH));
        assert!(instant("yesterday").is_err());
    }

    #[test]
    fn variables() {
        for name in ["idToken", "CI_JOB_JWT", "ProgramFiles(x86)", "a-b.c", ""] {
            assert_eq!(variable(name), Ok(name.to_owned()));
        }
        for text in ["$idToken", "$(idToken)", "${idToken}"] {
            assert!(variable(text).is_err_and(|e| e.ends_with("alone: idToken")), "{text}");
        }
        for token in
            ["eyJhbGciOiJSUzI1NiJ9", "pul-0123456789", "Bearer x", "$eyJhbGciOiJSUzI1NiJ9", "a/b="]
        {
            assert!(variable(token).is_err(), "{token}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("1d").is_err_and(|e| e.contains("24h")));
        assert!(duration("0").is_err());
        assert!(duration("-1s").is_err());
    }
}
