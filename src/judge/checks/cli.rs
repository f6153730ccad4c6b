//! Check `cli`: does the CLI know OIDC logins?

use semver::Version;

use crate::catalogue::{Code, Severity};
use crate::evidence::Cli;
use crate::judge::advice::change;
use crate::judge::advice::change::Machine;
use crate::judge::context::Context;
use crate::judge::outcome::Outcome;
use crate::pulumi::versions;
use crate::report::{Finding, RemedyOption};
use crate::text::command::Command;

/// Installs the newest pulumi.
pub(crate) fn upgrade_command() -> Command {
    Command::each(
        "curl -fsSL https://get.pulumi.com | sh",
        Some("winget upgrade --id Pulumi.Pulumi".to_owned()),
    )
}

/// The newest release whose rules are known has every flag.
pub(crate) fn upgrade(version: Option<&Version>) -> RemedyOption {
    let change = change::machine(Machine::Cli)
        .before(version.map(Version::to_string))
        .after(versions::NEWEST.to_string());
    RemedyOption::only(change)
}

pub(crate) fn check(context: &Context) -> Outcome {
    let cli = &context.evidence.login.cli;
    let explicit = matches!(cli, Cli::Given { .. });
    match cli {
        Cli::Given { version } | Cli::Installed { version, .. } => {
            let summary = format!("pulumi {version}");
            let unused = context.evidence.options.run_context.is_login() && !context.uses_oidc_flags();
            let lacks_oidc = !versions::OIDC.holds(Some(version)) && !unused;
            let helper_flag = context.evidence.login.helper_on_command_line;
            let unknown = helper_flag
                .filter(|_| !versions::CREDENTIAL_HELPERS.holds(Some(version)));
            let lacks = match (lacks_oidc, unknown) {
                (true, _) => "has no --oidc flags; they came with 3.209.0".to_owned(),
                (_, Some(flag)) => format!("has no {}; it came with 3.274.0", flag.name()),
                _ => return Outcome::pass(summary),
            };
            let place = match cli {
                Cli::Installed { path, .. } => path.as_str(),
                _ => "--pulumi-version",
            };
            let judged = explicit || context.judges_environment();
            let severity = if judged { Severity::Error } else { Severity::Info };
            let finding = Finding::new(
                Code::CliTooOld,
                format!("pulumi {version} {lacks}."),
            )
            .severity(severity)
            .proof("pulumi", version.to_string(), place)
            .command(upgrade_command())
            .option(upgrade(Some(version)));
            Outcome::found(summary, vec![finding])
        }
        Cli::Unreadable { path, reason } => Outcome::found(
            "the installed pulumi gave no version",
            vec![
                Finding::new(
                    Code::CliNotFound,
                    format!("{path} is there but gave no version ({reason}); the rules of the newest CLI were used."),
                )
                .proof("pulumi", reason, path),
            ],
        ),
        Cli::NotFound => Outcome::found(
            "no pulumi on PATH",
            vec![Finding::new(
                Code::CliNotFound,
                "The rules of the newest CLI were used for this diagnosis.",
            )],
        ),
    }
}
