//! The flags of `pulumi login`, and the options that `doctor login` adds to them, in pulumi's own
//! syntax.
//!
//! The flags are those of pkg/cmd/pulumi/auth/login.go and the global ones of
//! pkg/cmd/pulumi/pulumi.go.

use std::ffi::OsString;

use crate::pulumi::flags::{self, Flag, FlagError, Kind, Parsed};
use crate::text::nearest;

/// The word that this command line begins with.
pub(crate) const NAME: &str = "login";

const fn flag(name: &'static str, short: Option<char>, kind: Kind) -> Flag<'static> {
    Flag { name, short, kind }
}

/// What `pulumi login` takes.
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

/// What `doctor login` takes besides. A log may hold such a line too, and a reader has to know
/// which word is a flag's value.
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
    /// pulumi would refuse it as well.
    #[error("{0}")]
    Flag(#[from] FlagError),
    /// A flag that neither has, but one that is spelt nearly so.
    #[error("{error}; did you mean --{nearest}?")]
    Misspelt {
        /// pulumi's own message.
        error: FlagError,
        /// The flag that may be meant.
        nearest: &'static str,
    },
    /// More than one URL.
    #[error("accepts at most 1 arg(s), received {0}")]
    Arguments(usize),
    /// `--color` with something else than pulumi knows.
    #[error("unsupported color option; supported values are: auto, always, never, raw")]
    Color,
}

fn all() -> Vec<Flag<'static>> {
    [PULUMI, DOCTOR].concat()
}

/// Adds the flag that a misspelt one may stand for.
fn suggest(flags: &[Flag<'static>], error: FlagError) -> LoginError {
    let FlagError::Unknown { name } = &error else { return error.into() };
    let nearest = nearest::within_two_edits(name, flags.iter().map(|flag| flag.name));
    match nearest {
        Some(nearest) => LoginError::Misspelt { nearest, error },
        None => error.into(),
    }
}

/// The arguments of `doctor login`, if that is what a command line says: without the program's
/// name and the word itself, which flags may precede as with pulumi.
pub fn arguments(line: &[OsString]) -> Option<Vec<String>> {
    let mut words: Vec<String> =
        line.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    // Most command lines do without the word, and what could precede it need not be known then.
    if !words.iter().any(|word| word == NAME) {
        return None;
    }
    let at = flags::find_command(&all(), NAME, &words)?;
    words.remove(at);
    Some(words)
}

/// Takes the arguments of a login apart: at most one of them is not a flag, the URL. Where help is
/// asked for, the rest is not looked at.
///
/// # Errors
/// What pulumi would refuse.
pub fn parse(arguments: &[String]) -> Result<Parsed<'static>, LoginError> {
    let flags = all();
    let parsed = flags::parse(&flags, arguments).map_err(|error| suggest(&flags, error))?;
    if parsed.boolean("help") == Some(true) {
        return Ok(parsed);
    }
    if parsed.positional.len() > 1 {
        return Err(LoginError::Arguments(parsed.positional.len()));
    }
    parsed.value("color").map(color).transpose()?;
    Ok(parsed)
}

/// A value of `--color`, as the doctor's option of that name takes it.
///
/// # Errors
/// pulumi has no such value.
pub(crate) fn color(value: &str) -> Result<&str, LoginError> {
    match value {
        "always" | "auto" | "never" => Ok(value),
        "raw" => Ok("never"),
        _ => Err(LoginError::Color),
    }
}
