//! The command line of `doctor login`: what `pulumi login` takes, in pulumi's own syntax, and the
//! long form of every other option of the diagnosis.
//!
//! The flags are those of pkg/cmd/pulumi/auth/login.go and the global ones of
//! pkg/cmd/pulumi/pulumi.go. Where a name is both pulumi's and the doctor's, pulumi's syntax holds
//! and both meanings apply: `--color raw` prints no colour, `-v` takes a number, and above 0 every
//! check is shown.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Args as _, Command, FromArgMatches as _};

use crate::cli::examples;
use crate::cli::{BundleArgs, Diagnosis, OutputArgs};
use crate::gather::Plan;
use crate::gather::environment::Environment;
use crate::limits;
use crate::pulumi::flags;
use crate::pulumi::flags::{Flag, FlagError, Kind};

/// The word that this command line begins with.
const NAME: &str = "login";

/// A flag of `pulumi login`.
struct PulumiFlag {
    flag: Flag<'static>,
    /// What it does here; nothing where the diagnosis has an option of this name.
    help: &'static str,
}

const fn flag(
    name: &'static str,
    short: Option<char>,
    kind: Kind,
    help: &'static str,
) -> PulumiFlag {
    PulumiFlag { flag: Flag { name, short, kind }, help }
}

const NO_EFFECT: &str = "Accepted; changes nothing here";

const PULUMI: &[PulumiFlag] = &[
    flag("cloud-url", Some('c'), Kind::Text, ""),
    flag("default-org", None, Kind::Text, NO_EFFECT),
    flag("local", Some('l'), Kind::Boolean, ""),
    flag("insecure", None, Kind::Boolean, ""),
    flag("interactive", None, Kind::Boolean, NO_EFFECT),
    flag("oidc-token", None, Kind::Text, ""),
    flag("oidc-org", None, Kind::Text, ""),
    flag("oidc-team", None, Kind::Text, ""),
    flag("oidc-user", None, Kind::Text, ""),
    flag("oidc-expiration", None, Kind::Text, ""),
    flag("color", None, Kind::Text, ""),
    flag(
        "cwd",
        Some('C'),
        Kind::Text,
        "Where to look for the project file, and where a relative file:// begins",
    ),
    flag("disable-integrity-checking", None, Kind::Boolean, NO_EFFECT),
    flag("emoji", Some('e'), Kind::Boolean, NO_EFFECT),
    flag("fully-qualify-stack-names", Some('Q'), Kind::Boolean, NO_EFFECT),
    flag("help", Some('h'), Kind::Boolean, "Print help"),
    flag("logflow", None, Kind::Boolean, NO_EFFECT),
    flag("logtostderr", None, Kind::Boolean, NO_EFFECT),
    flag("memprofilerate", None, Kind::Integer, NO_EFFECT),
    flag("non-interactive", None, Kind::Boolean, NO_EFFECT),
    flag("otel-traces", None, Kind::Text, NO_EFFECT),
    flag("profiling", None, Kind::Text, NO_EFFECT),
    flag("tracing", None, Kind::Text, NO_EFFECT),
    flag("tracing-header", None, Kind::Text, NO_EFFECT),
    flag("verbose", Some('v'), Kind::Integer, ""),
];

/// Why the command line of `doctor login` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// pulumi would refuse it as well.
    #[error("{0}")]
    Flag(#[from] FlagError),
    /// A flag that neither has, but one that is spelt nearly so.
    #[error("{error}; did you mean --{nearest}?")]
    Misspelt {
        /// pulumi's own message.
        error: FlagError,
        /// The flag that may be meant.
        nearest: String,
    },
    /// More than one URL.
    #[error("accepts at most 1 arg(s), received {0}")]
    Arguments(usize),
    /// `--color` with something else than pulumi knows.
    #[error("unsupported color option; supported values are: auto, always, never, raw")]
    Color,
    /// A value that an option of the doctor does not take, or two that exclude each other.
    #[error("{0}")]
    Clap(#[from] clap::Error),
}

/// What `doctor login` is asked to do.
pub enum Login {
    /// Print the help.
    Help(String),
    /// Run.
    Run(Box<(Plan, OutputArgs, BundleArgs)>),
}

/// The definition for clap, which prints the help and checks what is the doctor's own.
#[must_use]
pub fn command() -> Command {
    let own = Diagnosis::augment_args(Command::new(NAME).display_name("doctor login"))
        .bin_name("doctor login")
        .override_usage("doctor login [URL] [FLAGS]")
        .about("Diagnose the login that pulumi would make here, with its flags")
        .after_help(after_help())
        .disable_help_flag(true)
        .mut_arg("token", |_| {
            Arg::new("token").value_name("URL").help("The URL of Pulumi Cloud, as --cloud-url")
        })
        .mut_arg("quiet", |arg| arg.short(None))
        .mut_arg("color", |arg| {
            arg.help("When to use colour; raw, which pulumi has as well, is never here")
        })
        .mut_arg("verbose", |_| {
            Arg::new("verbose")
                .short('v')
                .long("verbose")
                .value_name("N")
                .help("Above 0: every check and every rule")
                .help_heading("Report")
        });
    let shown = PULUMI.iter().filter(|pulumi| !pulumi.help.is_empty());
    let own = shown.fold(own, |command, pulumi| {
        let Flag { name, short, kind } = pulumi.flag;
        let arg = Arg::new(name).long(name).short(short).help(pulumi.help);
        let arg = match kind {
            Kind::Boolean => arg.action(ArgAction::SetTrue),
            Kind::Text => arg.value_name("TEXT"),
            Kind::Integer => arg.value_name("N"),
        };
        // Thirteen of them would hide what matters.
        command.arg(arg.hide(pulumi.help == NO_EFFECT))
    });
    own.mut_arg("cwd", |arg| arg.value_name("DIR").help_heading("Login"))
}

/// What the list of options does not say.
fn after_help() -> String {
    let without_effect = PULUMI.iter().filter(|pulumi| pulumi.help == NO_EFFECT);
    let names: Vec<String> =
        without_effect.map(|pulumi| format!("--{}", pulumi.flag.name)).collect();
    format!(
        "Flags are written as for pulumi (--flag value, --flag=value, -cURL, --insecure=false; the \
         last one wins) and may also come from the environment (PULUMI_OPTION_OIDC_TOKEN, ...). In \
         a failing step, put `doctor` in the place of `pulumi`.\n\n\
         Accepted as pulumi accepts them, without effect here: {}.\n\n\
         Exit status: that of the diagnosis: 0 healthy, 1 unhealthy, 2 bad usage or input file, \
         3 inconclusive, 70 internal error.",
        names.join(", ")
    )
}

/// Every flag: pulumi's, and the long form of the doctor's that pulumi has not.
fn flags(own: &Command) -> Vec<Flag<'_>> {
    let pulumi = PULUMI.iter().map(|pulumi| pulumi.flag);
    let others = own.get_arguments().filter_map(|arg| {
        let name = arg.get_long()?;
        let kind = if arg.get_action().takes_values() { Kind::Text } else { Kind::Boolean };
        let known = PULUMI.iter().any(|pulumi| pulumi.flag.name == name);
        (!known).then_some(Flag { name, short: None, kind })
    });
    pulumi.chain(others).collect()
}

/// Adds the flag that a misspelt one may stand for.
fn suggest(flags: &[Flag], error: FlagError) -> LoginError {
    let FlagError::Unknown { name } = &error else { return error.into() };
    if name.len() > limits::NAME {
        return error.into();
    }
    let nearest = flags
        .iter()
        .map(|flag| (strsim::damerau_levenshtein(flag.name, name), flag.name))
        .min()
        .filter(|(distance, known)| *distance <= 2 && known.len() > 3);
    match nearest {
        Some((_, nearest)) => LoginError::Misspelt { nearest: nearest.to_owned(), error },
        None => error.into(),
    }
}

/// The options of the diagnosis alone, as clap knows them.
fn diagnosis() -> Command {
    Diagnosis::augment_args(Command::new("doctor login").no_binary_name(true))
        .override_usage("doctor login [URL] [FLAGS]")
}

/// The arguments of `doctor login`, if that is what a command line says: without the program's
/// name and the word itself, which flags may precede as with pulumi.
#[must_use]
pub fn arguments(line: &[OsString]) -> Option<Vec<String>> {
    let mut words: Vec<String> =
        line.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    // Most command lines do without the word, and what could precede it need not be known then.
    if !words.iter().any(|word| word == NAME) {
        return None;
    }
    let own = diagnosis();
    let at = flags::find_command(&flags(&own), NAME, &words)?;
    words.remove(at);
    Some(words)
}

/// Reads the arguments of `doctor login`. Of the environment, `PULUMI_OPTION_COLOR` and
/// `PULUMI_OPTION_VERBOSE` are read here; the others are evidence and are read where that is
/// gathered.
///
/// # Errors
/// What pulumi, or an option of the doctor, would refuse.
pub fn parse(arguments: &[String], environment: &Environment) -> Result<Login, LoginError> {
    let own = diagnosis();
    let flags = flags(&own);
    let parsed = flags::parse(&flags, arguments).map_err(|error| suggest(&flags, error))?;
    if parsed.boolean("help") == Some(true) {
        let mut whole = examples::add(command(), &[NAME]);
        return Ok(Login::Help(whole.render_help().to_string()));
    }
    if parsed.positional.len() > 1 {
        return Err(LoginError::Arguments(parsed.positional.len()));
    }
    let setting = |name: &str, variable: &str| {
        parsed.value(name).or_else(|| environment.get(variable)).map(str::to_owned)
    };
    let color = setting("color", "PULUMI_OPTION_COLOR").map(|color| match color.as_str() {
        "always" | "auto" | "never" => Ok(color),
        "raw" => Ok("never".to_owned()),
        _ => Err(LoginError::Color),
    });
    let color = color.transpose()?;
    let verbose = setting("verbose", "PULUMI_OPTION_VERBOSE")
        .and_then(|level| flags::integer(&level))
        .is_some_and(|level| level > 0)
        && parsed.boolean("quiet") != Some(true);

    let mut words: Vec<String> = Vec::new();
    for arg in own.get_arguments() {
        let Some(name) = arg.get_long() else { continue };
        let value = match name {
            "verbose" => verbose.then_some("true"),
            "color" => color.as_deref(),
            _ => parsed.value(name),
        };
        match value {
            Some(value) if arg.get_action().takes_values() => {
                words.push(format!("--{name}={value}"))
            }
            Some("true") => words.push(format!("--{name}")),
            _ => {}
        }
    }
    let mut own = diagnosis();
    let mut matches = own.try_get_matches_from_mut(words)?;
    let diagnosis =
        Diagnosis::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut own))?;
    let (plan, output, bundle) = diagnosis.plan();
    let plan = Plan {
        is_login: true,
        url: parsed.positional.into_iter().next(),
        local: parsed.values.get("local").map(|value| value == "true"),
        insecure: parsed.values.get("insecure").map(|value| value == "true"),
        directory: parsed.values.get("cwd").map(Into::into),
        ..plan
    };
    Ok(Login::Run(Box::new((plan, output, bundle))))
}
