//! The arguments of the commands below `doctor policy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};

use super::args::{ManyArgs, OutputArgs};
use super::values::{duration, format};
use crate::gather::environment::Environment;
use crate::gather::token::TokenLocation;
use crate::gather::{Plan, PolicySelection};
use crate::platform::Kind;
use crate::render::{LINT, POLICY, WHO};

/// Test, suggest, lint, fix and save policies; say who gets in
#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Evaluate a token, or bare claims, against a policy
    ///
    /// Exit status: 0 allowed, 1 denied, 3 when the policy does not decide or cannot be read, 2 bad
    /// usage or an unusable file. With --cases: 0 when all are as expected, else 1. Times (exp,
    /// nbf) are not judged, so that a fixture in a repository does not go stale, and the signature
    /// only with --jwks.
    Test(Test),
    /// Print the least-privilege policy for a token
    ///
    /// Exit status: 0, 3 if no safe rule can be written, or 2 for bad usage or an input that is not a token.
    Suggest(Suggest),
    /// Warn about rules that are too broad or never match
    ///
    /// Exit status: 0, or 1 with --strict and a warning; 3 when the live policy cannot be read; 2
    /// bad usage or an unusable file.
    Lint(Lint),
    /// List the kinds of job that a policy lets in
    ///
    /// Other branches, tags, pull requests, environments, projects of the same owner, strangers,
    /// and tokens made for other services. Exit status: 0; with --forbid, 1 if that kind gets in
    /// and 3 if the policy does not tell; 3 when the live policy cannot be read; 2 bad usage or an
    /// unusable file.
    Who(Who),
    /// Print the smallest change of a policy that lets a token in, as a unified diff
    ///
    /// A pattern is replaced only where no token of the issuer can match it; otherwise an entry is
    /// added. The live policy is not changed. Exit status: 0 nothing to change, or changed; 1 a
    /// change is needed (the diff is printed); 3 undecided, not safely editable (then the entry to
    /// add is printed), or a kind of job that is often unwanted without --if-meant; 2 bad usage or
    /// an unusable file.
    Fix(Fix),
    /// Save the organization's registrations and policies as a policy document; read-only
    ///
    /// Exit status: 0, 3 when they cannot be read, or 2 for bad usage or a file that cannot be
    /// written.
    Pull(Pull),
}

/// `doctor policy test`. Has no `Debug`: it may hold the token.
#[derive(Args)]
#[command(mut_arg("format", |arg| arg.value_parser(format(&POLICY))))]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) policy_source: PolicySourceArgs,
    /// Also verify the signature, with these keys (a JWKS)
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// Run a list of {name, claims, expect: allow or deny, tokenType?} (JSON or YAML) instead of a
    /// token; prints a table, or JUnit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "jwks", "ndjson"])]
    pub(crate) cases: Option<PathBuf>,
    /// The token: a JWT, its claims as a JSON object, file://PATH of either, or - for standard
    /// input
    #[arg(value_name = "TOKEN", required_unless_present = "cases")]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) login: LoginArgs,
    #[command(flatten)]
    pub(crate) many: ManyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `doctor policy suggest`. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub(crate) struct Suggest {
    #[command(flatten)]
    pub(crate) token_and_login: TokenAndLogin,
    /// The form of the policy
    #[arg(long = "as", value_enum, default_value_t, value_name = "FORM")]
    pub(crate) form: Form,
}

/// The forms of a suggested policy.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// What to enter in the console
    #[default]
    Console,
    /// The body of the API's request: JSON
    Api,
    /// A Pulumi YAML program
    Yaml,
    /// All of them, with headings
    All,
}

/// `doctor policy lint`.
#[derive(Args)]
#[command(mut_arg("format", |arg| arg.value_parser(format(&LINT))))]
pub(crate) struct Lint {
    /// The policy document (JSON or YAML); the same as --policy FILE
    #[arg(value_name = "FILE", conflicts_with = "policy")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) policy_source: PolicySourceArgs,
    #[command(flatten)]
    pub(crate) organization: OrganizationArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `doctor policy who`. Has no `Debug`: it may hold the token.
#[derive(Args)]
#[command(mut_arg("format", |arg| arg.value_parser(format(&WHO))))]
pub(crate) struct Who {
    /// A token to compare others with: a JWT, its claims as a JSON object, file://PATH of either, or
    /// - for standard input. Without it, the rules say what claims there are
    #[arg(value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// A kind of job that must not get in; repeatable
    #[arg(long, value_name = "KIND", value_parser = job_kind())]
    pub(crate) forbid: Vec<Kind>,
    #[command(flatten)]
    pub(crate) policy_source: PolicySourceArgs,
    #[command(flatten)]
    pub(crate) organization: OrganizationArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `doctor policy fix`. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub(crate) struct Fix {
    #[command(flatten)]
    pub(crate) token_and_login: TokenAndLogin,
    /// Apply the change to the file
    #[arg(long)]
    pub(crate) write: bool,
    /// Also let in a pull request, a speculative plan, an unprotected branch, a fork, or a token
    /// made for another service
    #[arg(long)]
    pub(crate) if_meant: bool,
    #[command(flatten)]
    pub(crate) policy_source: PolicySourceArgs,
}

/// `doctor policy pull`.
#[derive(Args)]
pub(crate) struct Pull {
    /// Write the document to FILE instead of standard output; YAML where it ends with .yaml or .yml
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) organization: OrganizationArgs,
    #[command(flatten)]
    pub(crate) live: LivePolicyArgs,
}

/// Parses the name of a kind of job.
fn job_kind() -> impl TypedValueParser<Value = Kind> {
    let names = Kind::ALL.map(|kind| PossibleValue::new(kind.name()).help(kind.meaning()));
    PossibleValuesParser::new(names)
        .map(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Kind::This))
}

/// Where to read the policy: a file, or Pulumi Cloud.
#[derive(Args)]
pub(crate) struct PolicySourceArgs {
    /// The policy document (JSON or YAML); also from DOCTOR_POLICY. Without it, the live policy of
    /// --oidc-org is read from Pulumi Cloud
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) live: LivePolicyArgs,
}

impl PolicySourceArgs {
    /// Completes a plan: it reads the policy file, or without one `selection` of the live policy.
    pub(crate) fn complete_plan(
        self,
        plan: Plan,
        environment: &Environment,
        selection: PolicySelection,
    ) -> Plan {
        let has_file = self.policy.is_some() || environment.get("DOCTOR_POLICY").is_some();
        let plan = Plan { policy: self.policy, ..plan };
        if has_file { plan } else { self.live.complete_plan(plan, selection) }
    }
}

/// How to read the live policy.
#[derive(Args)]
pub(crate) struct LivePolicyArgs {
    /// The URL of Pulumi Cloud's API
    #[arg(short, long, value_name = "URL", help_heading = "Live policy")]
    cloud_url: Option<String>,
    /// Do not verify the backend's certificate
    #[arg(long, help_heading = "Live policy")]
    insecure: bool,
    /// Extra trust roots (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Live policy")]
    ca_cert: Option<PathBuf>,
    /// The time for reading it, as a Go duration
    #[arg(long, value_name = "DURATION", help_heading = "Live policy", default_value = "15s",
          value_parser = duration)]
    timeout: Duration,
}

impl LivePolicyArgs {
    /// Completes a plan so that it reads `selection` of the live policy.
    pub(crate) fn complete_plan(self, plan: Plan, selection: PolicySelection) -> Plan {
        Plan {
            cloud_url: self.cloud_url,
            insecure: self.insecure.then_some(true),
            ca_cert: self.ca_cert,
            timeout: self.timeout,
            offline: false,
            policy_selection: Some(selection),
            ..plan
        }
    }
}

/// The organization, for commands that take no other login option.
#[derive(Args)]
pub(crate) struct OrganizationArgs {
    /// The organization in Pulumi Cloud
    #[arg(long, value_name = "ORG")]
    oidc_org: Option<String>,
}

impl OrganizationArgs {
    pub(crate) fn into_plan(self) -> Plan {
        Plan { organization: self.oidc_org, ..Plan::offline(TokenLocation::None) }
    }
}

/// A token and the login that would use it.
#[derive(Args)]
pub(crate) struct TokenAndLogin {
    /// The token: a JWT, its claims as a JSON object, file://PATH of either, or - for standard
    /// input
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    login: LoginArgs,
}

impl TokenAndLogin {
    /// The token argument, and the plan for the rest of the evidence.
    pub(crate) fn into_plan(self) -> (String, Plan) {
        (self.token, self.login.into_plan())
    }
}

/// The token type that the login would request.
#[derive(Args)]
pub(crate) struct LoginArgs {
    /// The organization in Pulumi Cloud
    #[arg(long, value_name = "ORG", help_heading = "Login")]
    oidc_org: Option<String>,
    /// The team, for a team token
    #[arg(long, value_name = "TEAM", help_heading = "Login")]
    oidc_team: Option<String>,
    /// The user, for a personal token
    #[arg(long, value_name = "USER", help_heading = "Login")]
    oidc_user: Option<String>,
    /// The requested scope where pulumi login has no flag for it (admin, runner:NAME)
    #[arg(long, help_heading = "Login", conflicts_with_all = ["oidc_team", "oidc_user"])]
    scope: Option<String>,
}

impl LoginArgs {
    /// The plan for the evidence besides the token.
    pub(crate) fn into_plan(self) -> Plan {
        Plan {
            organization: self.oidc_org,
            team: self.oidc_team,
            user: self.oidc_user,
            scope: self.scope,
            ..Plan::offline(TokenLocation::None)
        }
    }
}
