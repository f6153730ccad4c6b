//! The flags of `pulumi login` and the options that `doctor login` adds, in pulumi's own syntax.
//!
//! Sources: pkg/cmd/pulumi/auth/login.go, and pkg/cmd/pulumi/pulumi.go for the global flags.

use std::ffi::OsString;

use crate::pulumi::flags::{self, Flag, FlagError, Kind, Parsed};
use crate::text::nearest;

/// The name of the command.
pub(crate) const NAME: &str = "login";

const fn flag(name: &'static str, short: Option<char>, kind: Kind) -> Flag<'static> {
    Flag { name, short, kind }
}

/// The flags of `pulumi login`.
pub(crate) const PULUMI: &[Flag<'static>] = &[
    flag("cloud-url", Some('c'), Kind::Text),
    flag("credential-helper", None, Kind::Text),
    flag("credential-helper-arg", None, Kind::Text),
    flag("default-org", None, Kind::Text),
    flag("local", Some('l'), Kind::Boolean),
    flag("insecure", None, Kind::Boolean),
    flag("interactive", None, Kind::Boolean),
    flag("oidc-token", None, Kind::Text),
    flag("oidc-org", None, Kind::Text),
    flag("oidc-team", None, Kind::Text),
    flag("oidc-user", None, Kind::Text),
    flag("oidc-expiration", None, Kind::Text),
    flag("color", None, Kind::Text),
    flag("cwd", Some('C'), Kind::Text),
    flag("disable-integrity-checking", None, Kind::Boolean),
    flag("emoji", Some('e'), Kind::Boolean),
    flag("fully-qualify-stack-names", Some('Q'), Kind::Boolean),
    flag("help", Some('h'), Kind::Boolean),
    flag("logflow", None, Kind::Boolean),
    flag("logtostderr", None, Kind::Boolean),
    flag("memprofilerate", None, Kind::Integer),
    flag("non-interactive", None, Kind::Boolean),
    flag("otel-traces", None, Kind::Text),
    flag("profiling", None, Kind::Text),
    flag("tracing", None, Kind::Text),
    flag("tracing-header", None, Kind::Text),
    flag("verbose", Some('v'), Kind::Integer),
];

/// The options that `doctor login` adds. They are listed here because a log may hold such a command
/// line, and its reader must know which words are values.
pub(crate) const DOCTOR: &[Flag<'static>] = &[
    flag("token-env", None, Kind::Text),
    flag("scope", None, Kind::Text),
    flag("pulumi-version", None, Kind::Text),
    flag("policy", None, Kind::Text),
    flag("jwks", None, Kind::Text),
    flag("now", None, Kind::Text),
    flag("offline", None, Kind::Boolean),
    flag("no-exchange", None, Kind::Boolean),
    flag("timeout", None, Kind::Text),
    flag("ca-cert", None, Kind::Text),
    flag("allow-private-issuer", None, Kind::Boolean),
    flag("format", None, Kind::Text),
    flag("output", None, Kind::Text),
    flag("shell", None, Kind::Text),
    flag("strict", None, Kind::Boolean),
    flag("quiet", None, Kind::Boolean),
    flag("details", None, Kind::Boolean),
    flag("bundle", None, Kind::Text),
    flag("redact", None, Kind::Boolean),
    flag("report", None, Kind::Text),
];

/// Why the command line of a login cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// pulumi refuses a flag.
    #[error("{0}")]
    Flag(#[from] FlagError),
    /// An unknown flag with a name similar to a known one.
    #[error("{error}; did you mean --{nearest}?")]
    Misspelt {
        /// pulumi's own message.
        error: FlagError,
        /// The name of the similar flag.
        nearest: &'static str,
    },
    /// More than one positional argument; their number.
    #[error("accepts at most 1 arg(s), received {0}")]
    Arguments(usize),
    /// A value of `--color` that pulumi does not know.
    #[error("unsupported color option; supported values are: auto, always, never, raw")]
    Color,
}

fn all_flags() -> Vec<Flag<'static>> {
    [PULUMI, DOCTOR].concat()
}

/// Adds the name of a similar flag to an error about an unknown one.
fn with_similar_flag(flags: &[Flag<'static>], error: FlagError) -> LoginError {
    let FlagError::Unknown { name } = &error else { return error.into() };
    let nearest = nearest::within_two_edits(name, flags.iter().map(|flag| flag.name));
    match nearest {
        Some(nearest) => LoginError::Misspelt { nearest, error },
        None => error.into(),
    }
}

/// The arguments of `doctor login`, without the program's name and the word `login`; nothing for
/// another command. As with pulumi, flags may come before the word.
pub fn arguments(line: &[OsString]) -> Option<Vec<String>> {
    let mut words: Vec<String> =
        line.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    // Most command lines lack the word; then the table of flags is not needed.
    if !words.iter().any(|word| word == NAME) {
        return None;
    }
    let index = flags::find_command(&all_flags(), NAME, &words)?;
    words.remove(index);
    Some(words)
}

/// Parses the arguments of a login: flags, and at most one URL. A request for help skips the checks
/// of the rest.
///
/// # Errors
/// pulumi refuses the arguments.
pub fn parse(arguments: &[String]) -> Result<Parsed<'static>, LoginError> {
    let flags = all_flags();
    let parsed =
        flags::parse(&flags, arguments).map_err(|error| with_similar_flag(&flags, error))?;
    if parsed.boolean("help") == Some(true) {
        return Ok(parsed);
    }
    if parsed.positional.len() > 1 {
        return Err(LoginError::Arguments(parsed.positional.len()));
    }
    parsed.value("color").map(doctor_color).transpose()?;
    Ok(parsed)
}

/// Translates a value of pulumi's `--color` to one of the doctor's.
///
/// # Errors
/// pulumi does not know the value.
pub(crate) fn doctor_color(value: &str) -> Result<&str, LoginError> {
    match value {
        "always" | "auto" | "never" => Ok(value),
        "raw" => Ok("never"),
        _ => Err(LoginError::Color),
    }
}
