//! What the commands below `doctor policy` take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::{ManyArgs, OutputArgs};
use super::values::format;
use crate::gather::Plan;
use crate::gather::token::Choice;
use crate::render::{LINT, POLICY};

/// Test a token against policies, suggest a policy, lint a document
#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Evaluate a token, or bare claims, against a policy document
    ///
    /// Exit status: 0 allowed, 1 denied, 3 when the document does not decide, 2 bad usage or an
    /// unusable file. Times (exp, nbf) are not judged, so that a fixture in a repository does not
    /// go stale, and the signature only with --jwks.
    Test(Test),
    /// Print the least-privilege policy for a token
    ///
    /// Exit status: 0, 3 if no safe rule can be written, or 2 for bad usage or what is no token.
    Suggest(Suggest),
    /// Warn about what is loose, or never matches, in a policy document
    ///
    /// Exit status: 0, or 1 with --strict and a warning; 2 bad usage or an unusable file.
    Lint(Lint),
}

/// `doctor policy test`. Has no `Debug`: it may hold the token.
#[derive(Args)]
#[command(mut_arg("format", |arg| arg.value_parser(format(&POLICY))))]
pub(crate) struct Test {
    /// The policy document (JSON or YAML); also from DOCTOR_POLICY
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Also verify the signature, with these keys (a JWKS)
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) subject: Subject,
    #[command(flatten)]
    pub(crate) many: ManyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `doctor policy suggest`. Has no `Debug`: it may hold the token.
#[derive(Args)]
pub(crate) struct Suggest {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// The form of the policy
    #[arg(long = "as", value_enum, default_value_t, value_name = "FORM")]
    pub(crate) form: Form,
}

/// The forms of a suggested policy.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// All of them, with headings
    #[default]
    All,
    /// The body of the API's request: JSON
    Api,
    /// A Pulumi YAML program
    Yaml,
    /// What to enter in the console
    Console,
}

/// `doctor policy lint`.
#[derive(Args)]
#[command(mut_arg("format", |arg| arg.value_parser(format(&LINT))))]
pub(crate) struct Lint {
    /// The policy document (JSON or YAML)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The token and what the login would ask for.
#[derive(Args)]
pub(crate) struct Subject {
    /// The token: a JWT, its claims as a JSON object, file://PATH of either, or - for standard
    /// input
    #[arg(value_name = "TOKEN")]
    token: String,
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

impl Subject {
    /// The token as it was given, and what to gather beside it.
    pub(crate) fn plan(self) -> (String, Plan) {
        let plan = Plan {
            organization: self.oidc_org,
            team: self.oidc_team,
            user: self.oidc_user,
            scope: self.scope,
            ..Plan::offline(Choice::None)
        };
        (self.token, plan)
    }
}
