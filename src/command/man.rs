//! `doctor man`: the manual page in roff, one page for all commands.

use clap::{Arg, Command};
use clap_mangen::Man;
use roff::{Roff, bold, italic, roman};

use crate::cli;
use crate::cli::examples;
use crate::platform::Id;

/// Exit statuses (product contract, section 3).
const STATUSES: &[(&str, &str)] = &[
    ("0", "healthy; warnings are allowed unless --strict"),
    ("1", "unhealthy: something stops the login"),
    ("2", "bad usage, or an input file that cannot be used"),
    ("3", "inconclusive: nothing failed, but what decides the login could not be checked"),
    ("70", "internal error"),
    ("130, 141, 143", "ended by Ctrl-C, by a closed pipe, by a termination signal"),
];

/// The variables that control the doctor. Apart from these, it reads the variables that the failing
/// login would read.
const VARIABLES: &[(&str, &str)] = &[
    ("DOCTOR_ACCESS_TOKEN", "an access token to read issuers and policies with"),
    ("DOCTOR_POLICY", "the policy document, as --policy"),
    ("PULUMI_ACCESS_TOKEN", "the same where DOCTOR_ACCESS_TOKEN is not set; stops an OIDC login"),
    ("PULUMI_BACKEND_URL, PULUMI_API", "the backend, as for pulumi"),
    ("PULUMI_HOME, PULUMI_CREDENTIALS_PATH", "where pulumi keeps its credentials, as for pulumi"),
    ("PULUMI_OPTION_*", "pulumi's flags (PULUMI_OPTION_OIDC_ORG); read by doctor login and in CI"),
    ("PATH", "where pulumi is looked for, to judge by its version"),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "trust roots instead of this machine's"),
    (
        "HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
        "the proxy, and the hosts that are asked without it, by the rules of Go",
    ),
    ("TF_BUILD, GITHUB_ACTIONS", "whether --format auto is azure, or github"),
    ("AGENT_TEMPDIRECTORY, GITHUB_STEP_SUMMARY", "where the summary pages of those two go"),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "whether to colour, with --color auto"),
];

/// The place of a job's own token, for each platform.
fn tokens() -> Vec<(&'static str, &'static str)> {
    Id::with_tokens().map(|id| (id.name(), id.platform().sources_for_manual)).collect()
}

/// The manual page.
pub(crate) fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    // Leave out the date, which would differ between builds.
    let preamble = Roff::new().render();
    format!(".TH DOCTOR 1 \"\" \"doctor {version}\" \"User Commands\"\n{preamble}{}", body())
}

fn body() -> String {
    let mut whole = cli::bare_command();
    whole.build();
    let about = whole.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = Roff::new();
    page.control("SH", ["NAME"]).text([roman(format!("doctor - {}", lower_first(&about)))]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([
        bold("doctor"),
        roman(" ["),
        italic("OPTIONS"),
        roman("] ["),
        italic("TOKEN"),
        roman("]"),
    ]);
    page.control("br", []);
    page.text([bold("doctor"), roman(" "), italic("COMMAND"), roman(" ...")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(format!(
        "{about}. Without a command it makes the diagnosis: it takes the token, and looks at \
         everything that decides the login."
    ))]);
    let mut text = page.to_roff() + &options(whole.clone());
    text += ".SH COMMANDS\n";
    commands(&mut text, &whole, &whole, &mut Vec::new());
    let mut page = Roff::new();
    for (title, rows) in [
        ("EXIT STATUS", STATUSES),
        ("ENVIRONMENT", VARIABLES),
        ("TOKENS OF CI PLATFORMS", &tokens()),
    ] {
        page.control("SH", [title]);
        if title == "EXIT STATUS" {
            page.text([roman("Of the diagnosis; commands say above where theirs differ.")]);
        }
        for (name, meaning) in rows {
            page.control("TP", []).text([bold(*name)]).text([roman(*meaning)]);
        }
    }
    page.control("SH", ["EXAMPLES"]);
    show_examples(&mut page, &[]);
    text + &page.to_roff()
}

/// The options of a command, with a section for each group.
fn options(command: Command) -> String {
    let mut section = Vec::new();
    // Writing to memory cannot fail.
    let _ = Man::new(command).render_options_section(&mut section);
    let section = String::from_utf8_lossy(&section);
    // Skip the beginning, which is that of a page.
    section.find(".SH").map_or_else(String::new, |start| section[start..].to_owned())
}

/// Describes the subcommands of a command, without the options of the diagnosis.
fn commands(text: &mut String, whole: &Command, above: &Command, path: &mut Vec<String>) {
    let mut shown: Vec<&Command> =
        above.get_subcommands().filter(|command| is_shown(command)).collect();
    shown.sort_by_key(|command| command.get_display_order());
    for command in shown {
        path.push(command.get_name().to_owned());
        if command.has_subcommands() {
            commands(text, whole, command, path);
        } else {
            *text += &one_command(whole, command, path);
        }
        path.pop();
    }
}

fn one_command(whole: &Command, command: &Command, path: &[String]) -> String {
    let mut page = Roff::new();
    let usage = command.clone().render_usage().to_string();
    page.control("SS", [usage.trim_start_matches("Usage: ")]);
    let about = command.get_long_about().or(command.get_about());
    paragraphs(&mut page, &about.map(ToString::to_string).unwrap_or_default());
    let is_own = |arg: &Arg| {
        let known = whole.get_arguments().find(|known| known.get_id() == arg.get_id());
        known.is_none_or(|known| known.get_help() != arg.get_help())
    };
    let is_help = |arg: &Arg| arg.get_id() == "help";
    // Remove the groups, whose headings would become sections of the page.
    let own = command.clone().mut_args(|arg| {
        let hidden = arg.is_hide_set() || !is_own(&arg) || is_help(&arg);
        arg.hide(hidden).help_heading(None)
    });
    let mut text = page.to_roff() + options(own).trim_start_matches(".SH OPTIONS\n");
    let known = command.get_arguments().filter(|a| !a.is_hide_set() && !is_own(a) && !is_help(a));
    let known: Vec<String> =
        known.filter_map(Arg::get_long).map(|long| format!("--{long}")).collect();
    let mut page = Roff::new();
    if !known.is_empty() {
        page.control("PP", []);
        page.text([roman(format!("And, as above: {}.", known.join(", ")))]);
    }
    if let Some(prose) = command.get_after_help() {
        page.control("PP", []);
        paragraphs(&mut page, &prose.to_string());
    }
    page.control("PP", []);
    show_examples(&mut page, &path.iter().map(String::as_str).collect::<Vec<_>>());
    text += &page.to_roff();
    text
}

fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// Shows examples as typed, without filling or breaking lines.
fn show_examples(page: &mut Roff, path: &[&str]) {
    page.control("nf", []);
    for line in examples::examples_text(path).lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
}

fn paragraphs(page: &mut Roff, text: &str) {
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        page.text([roman(paragraph)]);
    }
}

/// Lowers the first letter: apropos expects no sentence in the NAME section.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
