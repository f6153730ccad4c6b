//! The options of a command, in roff.

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

/// What is to be listed.
fn shown<'a>(
    command: &'a Command,
    wanted: impl Fn(&Arg) -> bool + 'a,
) -> impl Iterator<Item = &'a Arg> {
    command.get_arguments().filter(move |arg| !arg.is_hide_set() && wanted(arg))
}

/// The names of those that are wanted, as they are typed.
pub(super) fn names(command: &Command, wanted: impl Fn(&Arg) -> bool) -> Vec<String> {
    let flags = shown(command, wanted).filter_map(Arg::get_long);
    flags.map(|long| format!("--{long}")).collect()
}

/// The headings that they stand under, each once, in their order; none comes first.
fn headings<'a>(command: &'a Command, wanted: impl Fn(&Arg) -> bool + 'a) -> Vec<Option<&'a str>> {
    let mut headings = Vec::new();
    for heading in shown(command, wanted).map(Arg::get_help_heading) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    headings.sort_by_key(Option::is_some);
    headings
}

/// Those of a command that are wanted, group by group.
pub(super) fn all(page: &mut Roff, command: &Command, wanted: impl Fn(&Arg) -> bool) {
    for heading in headings(command, &wanted) {
        if let Some(heading) = heading {
            page.control("PP", []).text([italic(heading)]);
        }
        for arg in shown(command, &wanted).filter(|arg| arg.get_help_heading() == heading) {
            page.control("TP", []).text(name(arg));
            let help = arg.get_long_help().or(arg.get_help());
            let help = help.map(ToString::to_string).unwrap_or_default();
            let help = help.replace("\n\n", ". ");
            page.text([roman(help.trim_end_matches('.').to_owned() + &values(arg))]);
        }
    }
}

/// `-c, --cloud-url URL`, or `[TOKEN]`.
fn name(arg: &Arg) -> Vec<Inline> {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let value = arg.get_action().takes_values().then(|| {
        let names = arg.get_value_names().unwrap_or_default();
        names.first().map_or_else(|| arg.get_id().to_string().to_uppercase(), ToString::to_string)
    });
    let separator = if flags.is_empty() { "" } else { " " };
    let value = value.into_iter().flat_map(|value| [roman(separator), italic(value)]);
    std::iter::once(bold(flags.join(", "))).chain(value).collect()
}

/// What it takes, and what it is without being given.
fn values(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let possible = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    let possible = possible.map(|value| match value.get_help() {
        Some(help) if !help.to_string().eq_ignore_ascii_case(value.get_name()) => {
            format!("{} ({help})", value.get_name())
        }
        _ => value.get_name().to_owned(),
    });
    let possible: Vec<String> = possible.collect();
    let default: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    let mut text = String::new();
    if !possible.is_empty() {
        text += &format!(". One of {}", possible.join("; "));
    }
    if !default.is_empty() {
        text += &format!(". Default: {}", default.join(", "));
    }
    text
}
