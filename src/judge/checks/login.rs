//! Checks `login` and `cli`: what the CLI itself would refuse before any request
//! (`pkg/cmd/pulumi/auth/login.go`, `NewAuthContextForTokenExchange` in
//! `sdk/go/common/workspace/creds.go`).

use crate::catalogue::{Code, Severity};
use crate::evidence::{Cli, InputProblem};
use crate::judge::{Context, Outcome};
use crate::pulumi::backend_url::PULUMI_CLOUD;
use crate::pulumi::duration;
use crate::pulumi::login_command::LoginCommand;
use crate::pulumi::request::{Conflict, Provenance, Request};
use crate::pulumi::versions;
use crate::report::Finding;
use crate::text;

pub(crate) fn check(context: &Context) -> Outcome {
    let request = &context.request;
    let login = &context.evidence.login;
    let mut findings = Vec::new();
    let asked = context.asks_for_exchange();
    // With an empty token the CLI asks for no exchange, and uses this one.
    let is_empty = context.evidence.input.problem == Some(InputProblem::Empty);
    if asked && !is_empty && login.access_token_in_environment {
        findings.push(access_token_set(context));
    }
    // Without a token nothing can be read from its claims, and what is wrong is the token.
    let organization_may_be_claimed = context.evidence.token.is_none() && !claims_hidden(context);
    // A CLI without OIDC does not come to ask; a newer one may find the name in the token.
    let asks = asked && !context.has_no_oidc();
    if asks && request.organization.is_none() && !organization_may_be_claimed {
        findings.push(organization_missing(context));
    }
    findings.extend(request.conflicts.iter().map(conflict));
    if let (Some(written), Err(error)) = (&login.expiration, &request.expiration_seconds) {
        findings.push(expiration_invalid(written, &error.to_string()));
    }
    if let Some((first, second)) = &context.evidence.backend.given_twice {
        findings.push(
            Finding::new(
                Code::UrlGivenTwice,
                format!(
                    "{} and {} both say which backend.",
                    first.source.label(),
                    second.source.label()
                ),
            )
            .proof("first", &first.url, first.source.label())
            .proof("second", &second.url, second.source.label()),
        );
    }
    let mut summary = summary(request);
    if context.evidence.options.setting.is_login() {
        summary = format!("{summary}; pulumi login {}", context.what_pulumi_does());
    }
    Outcome::found(summary, findings)
}

fn summary(request: &Request) -> String {
    let organization = request.organization.as_deref().unwrap_or("(none)");
    let kind = request.ask.token_type.name();
    match request.scope.as_str() {
        "" => format!("organization {organization}, {kind} token"),
        scope => format!("organization {organization}, {kind} token, scope {scope}"),
    }
}

/// Whether the CLI reads no claims at all: a file's, or by its version.
fn claims_hidden(context: &Context) -> bool {
    matches!(context.evidence.input.source, crate::evidence::Source::File { .. })
        || !versions::READS_CLAIMS.holds(context.evidence.rules())
}

fn access_token_set(context: &Context) -> Finding {
    let severity = if context.in_pipeline() { Severity::Error } else { Severity::Info };
    let detail = if context.in_pipeline() {
        "The CLI refuses the token exchange while PULUMI_ACCESS_TOKEN is set, whatever its value. \
         Pipeline variables and variable groups become environment variables of every step."
    } else {
        "In this shell `pulumi login --oidc-token` would be refused because of it. The pipeline \
         that the token comes from may have no such variable."
    };
    Finding::new(Code::AccessTokenSet, detail)
        .severity(severity)
        .proof("PULUMI_ACCESS_TOKEN", "(set)", "environment")
        .command("unset PULUMI_ACCESS_TOKEN          # bash, sh")
        .command("Remove-Item Env:PULUMI_ACCESS_TOKEN  # PowerShell")
}

fn organization_missing(context: &Context) -> Finding {
    let token = context.evidence.token.as_ref();
    let audience = token.map(|t| t.audiences().join(", ")).unwrap_or_default();
    let why = if matches!(context.evidence.input.source, crate::evidence::Source::File { .. }) {
        "With --oidc-token file://… the CLI reads nothing from the token's claims, so the \
         organization has to be given."
    } else if claims_hidden(context) {
        "A CLI before 3.217.0 reads nothing from the token's claims, so the organization has to \
         be given."
    } else {
        "The CLI takes the organization from --oidc-org, or from an aud claim that is the one \
         string urn:pulumi:org:NAME."
    };
    let mut finding = Finding::new(Code::OrganizationMissing, why);
    if !audience.is_empty() {
        finding = finding.proof("token aud", audience, "token claim aud");
    }
    let named = context.evidence.policy.document().and_then(|d| d.organization.as_deref());
    let login = LoginCommand {
        url: Some(&context.login_url()),
        variable: context.token_variable(),
        organization: named,
    };
    finding.command(login.to_string())
}

fn conflict(conflict: &Conflict) -> Finding {
    let against = |code, name: &str, flag: &str, claim: &str, place: &str| {
        Finding::new(
            code,
            format!("--oidc-{name} says {flag}, the token's {place} claim says {claim}."),
        )
        .proof(format!("--oidc-{name}"), flag, "command line")
        .proof("token", claim, format!("token claim {place}"))
        .step(format!(
            "If {claim} is meant, leave --oidc-{name} out; if {flag} is meant, request a token \
             for it."
        ))
    };
    match conflict {
        Conflict::Organization { flag, claim } => {
            against(Code::OrganizationConflict, "org", flag, claim, "aud")
        }
        Conflict::Team { flag, claim } => against(Code::TeamConflict, "team", flag, claim, "scope"),
        Conflict::User { flag, claim } => against(Code::UserConflict, "user", flag, claim, "scope"),
        Conflict::TeamAndUser { team, team_from, user, user_from } => Finding::new(
            Code::TeamAndUser,
            format!("Asked for are the team {team} and the user {user}."),
        )
        .proof("team", team, provenance(*team_from, "--oidc-team"))
        .proof("user", user, provenance(*user_from, "--oidc-user")),
    }
}

fn provenance(from: Provenance, flag: &str) -> String {
    match from {
        Provenance::Flag => flag.to_owned(),
        Provenance::AudienceClaim => "token claim aud".to_owned(),
        Provenance::ScopeClaim => "token claim scope".to_owned(),
    }
}

fn expiration_invalid(written: &str, error: &str) -> Finding {
    let finding = Finding::new(
        Code::ExpirationInvalid,
        format!("The CLI stops with `could not parse expiration duration: {error}`."),
    )
    .proof("--oidc-expiration", written, "command line");
    match duration::suggest(written) {
        Some(meant) => finding.command(format!("--oidc-expiration {}", text::shell(&meant))),
        None => finding.command("--oidc-expiration 2h"),
    }
}

pub(crate) fn check_cli(context: &Context) -> Outcome {
    let cli = &context.evidence.login.cli;
    let explicit = matches!(cli, Cli::Given { .. });
    match cli {
        Cli::Given { version } | Cli::Installed { version, .. } => {
            let summary = format!("pulumi {version}");
            let unused = context.evidence.options.setting.is_login() && !context.uses_oidc_flags();
            if versions::OIDC.holds(Some(version)) || unused {
                return Outcome::pass(summary);
            }
            let place = match cli {
                Cli::Installed { path, .. } => path.as_str(),
                _ => "--pulumi-version",
            };
            let judged = explicit || context.in_pipeline();
            let severity = if judged { Severity::Error } else { Severity::Info };
            let finding = Finding::new(
                Code::CliTooOld,
                format!("pulumi {version} has no --oidc flags; they came with 3.209.0."),
            )
            .severity(severity)
            .proof("pulumi", version.to_string(), place)
            .command("curl -fsSL https://get.pulumi.com | sh");
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

impl Context<'_> {
    /// The variable to print into a login command: the one that holds the token, if one does and
    /// a shell can name it.
    pub(crate) fn token_variable(&self) -> &str {
        let is_name = |name: &&str| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        self.evidence.input.held_by.as_deref().filter(is_name).unwrap_or("TOKEN")
    }

    /// The URL to print into a login command: the one in use if it can be used, else what it was
    /// meant to be, else Pulumi Cloud's.
    pub(crate) fn login_url(&self) -> String {
        let usable =
            self.backend.url.starts_with("https://") || self.backend.url.starts_with("http://");
        let bad = super::backend::has_error(self);
        if usable && !bad {
            return self.backend.url.clone();
        }
        let insecure = self.evidence.options.insecure;
        let problems = crate::pulumi::backend_url::problems(&self.backend, insecure);
        let meant =
            problems.first().and_then(|p| super::backend::replacement(p, &self.backend.url));
        meant.unwrap_or_else(|| PULUMI_CLOUD.to_owned())
    }
}
