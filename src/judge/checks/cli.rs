//! Check `cli`: does the installed CLI support OIDC logins?

use semver::Version;

use crate::catalogue::{Code, Severity};
use crate::evidence::Cli;
use crate::judge::advice::change;
use crate::judge::advice::change::MachinePart;
use crate::judge::context::Context;
use crate::judge::outcome::CheckOutcome;
use crate::pulumi::versions;
use crate::report::{Finding, RemedyOption};
use crate::text::command::Command;

/// The command that installs the newest pulumi.
pub(crate) fn upgrade_command() -> Command {
    Command::each(
        "curl -fsSL https://get.pulumi.com | sh",
        Some("winget upgrade --id Pulumi.Pulumi".to_owned()),
    )
}

/// Upgrades to the newest release that the doctor knows.
pub(crate) fn upgrade(version: Option<&Version>) -> RemedyOption {
    let change = change::fix_machine(MachinePart::Cli)
        .before(version.map(Version::to_string))
        .after(versions::NEWEST.to_string());
    RemedyOption::only(change)
}

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let cli = &context.evidence.login.cli;
    let is_given = matches!(cli, Cli::Given { .. });
    match cli {
        Cli::Given { version } | Cli::Installed { version, .. } => {
            let summary = format!("pulumi {version}");
            let needs_no_oidc = context.evidence.options.run_context.is_login() && !context.uses_oidc_flags();
            let lacks_oidc = !versions::OIDC.holds(Some(version)) && !needs_no_oidc;
            let helper_flag = context.evidence.login.helper_on_command_line;
            let unknown_flag = helper_flag
                .filter(|_| !versions::CREDENTIAL_HELPERS.holds(Some(version)));
            let lacks = match (lacks_oidc, unknown_flag) {
                (true, _) => "has no --oidc flags; they came with 3.209.0".to_owned(),
                (_, Some(flag)) => format!("has no {}; it came with 3.274.0", flag.name()),
                _ => return CheckOutcome::pass(summary),
            };
            let place = match cli {
                Cli::Installed { path, .. } => path.as_str(),
                _ => "--pulumi-version",
            };
            let is_failing_cli = is_given || context.judges_environment();
            let severity = if is_failing_cli { Severity::Error } else { Severity::Info };
            let finding = Finding::new(
                Code::CliTooOld,
                format!("pulumi {version} {lacks}."),
            )
            .severity(severity)
            .proof("pulumi", version.to_string(), place)
            .command(upgrade_command())
            .option(upgrade(Some(version)));
            CheckOutcome::found(summary, vec![finding])
        }
        Cli::Unreadable { path, reason } => CheckOutcome::found(
            "the installed pulumi gave no version",
            vec![
                Finding::new(
                    Code::CliNotFound,
                    format!("{path} is there but gave no version ({reason}); the rules of the newest CLI were used."),
                )
                .proof("pulumi", reason, path),
            ],
        ),
        Cli::NotFound => CheckOutcome::found(
            "no pulumi on PATH",
            vec![Finding::new(
                Code::CliNotFound,
                "The rules of the newest CLI were used for this diagnosis.",
            )],
        ),
    }
}
