//! The arguments of each command except the diagnosis and `doctor policy`.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::args::{BundleArgs, ColorArg, ManyArgs, ManyLogsArgs, OutputArgs, ShellArg};
use super::values::{AUTO, FormatChoice, ascii, format, variable};
use crate::platform::{ALL, StepTemplate};
use crate::render::{CODE, TOKEN, TRIAGE};
use crate::text::command::Shell;

/// Decode and explain a token; offline, without a policy
///
/// Exit status: 0 decoded, 1 not decodable, or with --jwks not verified, 2 bad usage.
// Has no `Debug`: it may hold the token.
#[derive(Args)]
#[command(mut_arg("format", |arg| arg.value_parser(format(&TOKEN))))]
pub(crate) struct Decode {
    /// The token: a JWT, file://PATH, or - for standard input; without it, the job's own
    #[arg(value_name = "TOKEN", conflicts_with = "token_env")]
    pub(crate) token: Option<String>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "NAME", value_parser = variable)]
    pub(crate) token_env: Option<String>,
    /// Also verify the signature with these keys (a JWKS)
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) many: ManyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Find the known failures in logs, or in an error that was pasted
///
/// Exit status: 0 nothing known was found, 1 something was, 2 a log cannot be read.
#[derive(Args)]
pub(crate) struct Triage {
    /// Logs: plain, gzip, zip archives, folders of them; - or nothing for standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) many: ManyLogsArgs,
    /// The format
    #[arg(long, value_parser = format(&TRIAGE), default_value = AUTO)]
    pub(crate) format: FormatChoice,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: ColorArg,
    /// The shell that printed commands are for
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellArg,
    /// Only the most likely root cause
    #[arg(short, long, conflicts_with = "details")]
    pub(crate) quiet: bool,
    /// Show the whole fix of every finding, not only of the first
    #[arg(short = 'v', long, alias = "verbose")]
    pub(crate) details: bool,
}

/// Explain a failure code: its meaning, its causes, its fix
///
/// Exit status: 0, or 2 for an unknown code. --format json prints an object with
/// schemaVersion, code, category, severity, title, meaning, detection, causes (platform, text),
/// fix, example (language, before, after), byHand (words, command), related and link; without
/// CODE, an object with schemaVersion and codes, a list of such objects.
#[derive(Args)]
pub(crate) struct Explain {
    /// The code, or a line that begins with it; without it, the list of all
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// The format
    #[arg(long, value_parser = format(&CODE), default_value = AUTO)]
    pub(crate) format: FormatChoice,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: ColorArg,
}

/// Judge a support bundle again, offline, with this version's checks
///
/// Exit status: that of the diagnosis; 2 where the bundle cannot be used.
#[derive(Args)]
pub(crate) struct Replay {
    /// The bundle that --bundle wrote, or - for standard input
    #[arg(value_name = "BUNDLE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
}

/// Run the diagnosis against an issuer and Pulumi Cloud on loopback
///
/// Exit status: that of the diagnosis.
#[cfg(feature = "demo")]
#[derive(Args)]
pub(crate) struct Demo {
    /// What is wrong in the demo; without it, the audience
    pub(crate) scenario: Option<String>,
    /// List the scenarios
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
}

/// Print a pipeline step that installs the doctor and runs it when a login fails
///
/// The step installs this version from PyPI.
#[derive(Args)]
pub(crate) struct Step {
    /// Where the pipeline runs
    pub(crate) platform: StepPlatform,
    /// The organization in Pulumi Cloud; without it, the step holds the placeholder ORG
    #[arg(long, value_name = "ORG", value_parser = ascii)]
    pub(crate) oidc_org: Option<String>,
    /// The shell that the step is for; azure and github have both
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: StepShell,
}

/// `--shell` of `doctor step`. It has no `auto`: the pipeline runs on another machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepShell {
    /// bash, or the sh of the image
    #[default]
    Bash,
    /// PowerShell 7
    Pwsh,
}

impl StepShell {
    pub(crate) fn shell(self) -> Shell {
        match self {
            Self::Bash => Shell::Posix,
            Self::Pwsh => Shell::PowerShell,
        }
    }
}

/// A platform for which `doctor step` can print a step.
#[derive(Clone, Copy)]
pub(crate) struct StepPlatform(pub(crate) &'static StepTemplate);

impl ValueEnum for StepPlatform {
    fn value_variants<'a>() -> &'a [Self] {
        static VARIANTS: LazyLock<Vec<StepPlatform>> = LazyLock::new(|| {
            ALL.iter().filter_map(|platform| platform.step.as_ref()).map(StepPlatform).collect()
        });
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.argument).help(self.0.about))
    }
}

/// The documents that `doctor generate` writes.
#[cfg(feature = "generate")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// docs/report.schema.json: the JSON Schema of the report
    Schema,
}
