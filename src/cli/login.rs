//! `doctor login` takes the arguments of `pulumi login` in pulumi's own syntax, and the long form
//! of every other option of the diagnosis.
//!
//! If a name is both pulumi's and the doctor's, pulumi's syntax holds and both meanings apply:
//! `--color raw` prints no colour; `-v` takes a number and shows every check if that is above 0.

use clap::{Arg, ArgAction, Args as _, Command, FromArgMatches as _};

use super::args::{BundleArgs, Diagnosis, OutputArgs};
use super::examples;
use crate::gather::Plan;
use crate::gather::environment::Environment;
use crate::gather::pulumi::credential_helper::HelperFlags;
use crate::pulumi::flags::{Flag, Kind};
use crate::pulumi::login_flags::{self, NAME, PULUMI};

const USAGE: &str = "doctor login [URL] [FLAGS]";

/// Help for those of pulumi's flags that are no options of the diagnosis but have an effect here.
const HELP: &[(&str, &str)] = &[
    ("credential-helper", "The credential helper, which no OIDC login may have; it is not run"),
    ("credential-helper-arg", "An argument of the credential helper"),
    ("cwd", "Where to look for the project file, and where a relative file:// begins"),
    ("help", "Print help"),
];
const NO_EFFECT: &str = "Accepted; changes nothing here";

/// Why the command line of `doctor login` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// pulumi would refuse this command line as well.
    #[error("{0}")]
    Pulumi(#[from] login_flags::LoginError),
    /// An invalid value for an option of the doctor, or options that exclude each other.
    #[error("{0}")]
    Clap(#[from] clap::Error),
}

/// A parsed `doctor login` command line.
pub(crate) enum Login {
    /// Print this help text.
    Help(String),
    /// Run the diagnosis.
    Run(Box<(Plan, OutputArgs, BundleArgs)>),
}

/// The clap definition that the help is printed from.
pub(crate) fn command() -> Command {
    let command = Diagnosis::augment_args(Command::new(NAME).display_name("doctor login"))
        .bin_name("doctor login")
        .override_usage(USAGE)
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
        .mut_arg("details", |arg| arg.short(None).alias(None));
    let command = pulumi_only_flags().fold(command, |command, (flag, help)| {
        let Flag { name, short, kind } = *flag;
        let arg = Arg::new(name).long(name).short(short).help(help);
        let arg = match kind {
            Kind::Boolean => arg.action(ArgAction::SetTrue),
            Kind::Text => arg.value_name("TEXT"),
            Kind::Integer => arg.value_name("N"),
        };
        // The flags without effect are hidden so that the others are easy to find.
        command.arg(arg.hide(help == NO_EFFECT))
    });
    command.mut_arg("cwd", |arg| arg.value_name("DIR").help_heading("Login"))
}

/// Those of pulumi's flags that are no options of the diagnosis, with their help.
fn pulumi_only_flags() -> impl Iterator<Item = (&'static Flag<'static>, &'static str)> {
    let diagnosis = diagnosis_command();
    let is_pulumi_only =
        move |flag: &&Flag| !diagnosis.get_arguments().any(|arg| arg.get_long() == Some(flag.name));
    PULUMI.iter().filter(is_pulumi_only).map(|flag| {
        let help = HELP.iter().find(|(name, _)| *name == flag.name);
        (flag, help.map_or(NO_EFFECT, |(_, help)| help))
    })
}

/// The text below the list of options.
fn after_help() -> String {
    let without_effect = pulumi_only_flags().filter(|(_, help)| *help == NO_EFFECT);
    let names: Vec<String> = without_effect.map(|(flag, _)| format!("--{}", flag.name)).collect();
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

/// The clap definition of the diagnosis's own options, which checks their values.
fn diagnosis_command() -> Command {
    Diagnosis::augment_args(Command::new("doctor login").no_binary_name(true)).override_usage(USAGE)
}

/// Parses the arguments of `doctor login`. Of pulumi's environment variables, only
/// `PULUMI_OPTION_COLOR` is read here; the others are evidence, which `gather` reads.
///
/// # Errors
/// Arguments that pulumi, or an option of the doctor, refuses.
pub(crate) fn parse(arguments: &[String], environment: &Environment) -> Result<Login, LoginError> {
    let parsed = login_flags::parse(arguments)?;
    if parsed.boolean("help") == Some(true) {
        let mut command = examples::add_examples(command(), &[NAME]);
        return Ok(Login::Help(command.render_help().to_string()));
    }
    let color = parsed.value("color").or_else(|| environment.get("PULUMI_OPTION_COLOR"));
    let color = color.map(login_flags::doctor_color).transpose()?;

    let mut definition = diagnosis_command();
    let mut words: Vec<String> = Vec::new();
    for arg in definition.get_arguments() {
        let Some(name) = arg.get_long() else { continue };
        if matches!(arg.get_action(), ArgAction::Append) {
            let given = parsed.given.iter().filter(|(given, _)| *given == name);
            words.extend(given.map(|(_, value)| format!("--{name}={value}")));
            continue;
        }
        let value = match name {
            "color" => color,
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
    let mut matches = definition.try_get_matches_from_mut(words)?;
    let diagnosis = Diagnosis::from_arg_matches_mut(&mut matches)
        .map_err(|error| error.format(&mut definition))?;
    let (plan, output, bundle) = diagnosis.into_plan();
    let plan = Plan {
        is_login: true,
        local: parsed.boolean("local"),
        insecure: parsed.boolean("insecure"),
        directory: parsed.value("cwd").map(Into::into),
        helper: HelperFlags {
            helper: parsed.value("credential-helper").map(str::to_owned),
            has_arguments: parsed.value("credential-helper-arg").is_some(),
        },
        url: parsed.positional.into_iter().next(),
        ..plan
    };
    Ok(Login::Run(Box::new((plan, output, bundle))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pulumi::login_flags::DOCTOR;

    #[test]
    fn flag_tables_name_every_option() {
        let is_pulumi = |name: &str| PULUMI.iter().any(|flag| flag.name == name);
        let diagnosis = diagnosis_command();
        let options = diagnosis.get_arguments().filter_map(|arg| {
            let name = arg.get_long().filter(|name| !is_pulumi(name))?;
            let kind = if arg.get_action().takes_values() { Kind::Text } else { Kind::Boolean };
            Some((name, kind))
        });
        let table = DOCTOR.iter().map(|flag| (flag.name, flag.kind));
        assert_eq!(options.collect::<Vec<_>>(), table.collect::<Vec<_>>());
    }
}
