//! Check `login`: would the CLI refuse the login before any request? The rules are from
//! `pkg/cmd/pulumi/auth/login.go` and `NewAuthContextForTokenExchange` in
//! `sdk/go/common/workspace/creds.go`.

use crate::catalogue::{Code, Severity};
use crate::evidence::{
    BackendCandidate, CredentialHelper, HelperProblem, HelperSource, InputProblem, Source,
};
use crate::judge::advice::{change, without_token};
use crate::judge::context::Context;
use crate::judge::finding::capitalize;
use crate::judge::outcome::CheckOutcome;
use crate::platform::by_issuer;
use crate::policy::pattern;
use crate::pulumi::duration;
use crate::pulumi::request::{Conflict, Provenance, Request};
use crate::pulumi::{urn, versions};
use crate::report::{Finding, RemedyOption};
use crate::text;
use crate::text::command::Command;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let request = &context.request;
    let login = &context.evidence.login;
    let mut findings = Vec::new();
    let asks_for_exchange = context.asks_for_exchange();
    findings.extend(credential_helper(context));
    // With an empty token the CLI makes no exchange and uses PULUMI_ACCESS_TOKEN.
    let is_empty = context.evidence.input.problem == Some(InputProblem::Empty);
    if asks_for_exchange && !is_empty && login.access_token_in_environment {
        findings.push(access_token_set(context));
    }
    // If the token is missing, that is the failure: its claims might name the organization.
    let organization_may_be_claimed =
        context.evidence.token.is_none() && !cli_ignores_claims(context);
    // A CLI without OIDC does not look for an organization.
    let looks_for_organization = asks_for_exchange && !context.cli_lacks_oidc();
    if looks_for_organization && request.organization.is_none() && !organization_may_be_claimed {
        findings.push(organization_missing(context));
    }
    let meant = policy_organization(context);
    let can_choose = can_choose_audience(context);
    findings.extend(request.conflicts.iter().map(|found| conflict(found, meant, can_choose)));
    if let (Some(written), Err(error)) = (&login.expiration, &request.expiration_seconds) {
        findings.push(expiration_invalid(written, &error.to_string()));
    }
    if let Some((first, second)) = &context.evidence.backend.given_twice {
        findings.push(url_given_twice(first, second));
    }
    let mut summary = summary(request);
    if context.evidence.options.run_context.is_login() {
        summary = format!("{summary}; pulumi login {}", without_token::describe_login(context));
    }
    CheckOutcome::found(summary, findings)
}

fn url_given_twice(first: &BackendCandidate, second: &BackendCandidate) -> Finding {
    let finding = Finding::new(
        Code::UrlGivenTwice,
        format!("{} and {} both say which backend.", first.source.label(), second.source.label()),
    )
    .proof("first", &first.url, first.source.label())
    .proof("second", &second.url, second.source.label());
    let is_same = first.url == second.url;
    let keep = |kept: &BackendCandidate, other: &BackendCandidate| {
        let change = change::remove_url(&other.source, &other.url)?;
        Some(match is_same {
            true => RemedyOption::only(change),
            false => RemedyOption::when(format!("{} is meant", kept.url), change),
        })
    };
    let options = keep(first, second).into_iter().chain(keep(second, first));
    options.take(if is_same { 1 } else { 2 }).fold(finding, Finding::option)
}

/// A credential helper. Since 3.274.0 the CLI refuses an OIDC login with one. The flag excludes
/// `--oidc-token` even if its value is empty.
fn credential_helper(context: &Context) -> Option<Finding> {
    let login = &context.evidence.login;
    if !versions::CREDENTIAL_HELPERS.holds(context.evidence.rules()) {
        return None;
    }
    let severity = if context.judges_environment() { Severity::Error } else { Severity::Info };
    let disable =
        |finding: Finding| finding.command(Command::set("PULUMI_CREDENTIAL_HELPER", "none"));
    let drop_flag = |finding: Finding| {
        finding.fix("Remove --credential-helper and --credential-helper-arg, and their variables.")
    };
    let excludes = login.helper_flag_given && login.token_named;
    let finding = match &login.helper {
        CredentialHelper::Found { source: HelperSource::Flag, .. } | CredentialHelper::None
            if excludes =>
        {
            drop_flag(Finding::new(
                Code::CredentialHelperActive,
                "The CLI takes either --oidc-token or --credential-helper, even if one is empty.",
            ))
            .proof("--credential-helper", "(given)", "pulumi login")
            .option(RemedyOption::only(change::flag(
                "--credential-helper",
                Some(helper_path(&login.helper)),
                None,
            )))
        }
        CredentialHelper::Found { source, path } if context.has_token() => {
            let detail = format!(
                "{} names the credential helper {path}. With one, the CLI refuses every OIDC token.",
                capitalize(source.label())
            );
            let finding = Finding::new(Code::CredentialHelperActive, detail).proof(
                "credential helper",
                path,
                source.label(),
            );
            let finding = finding.option(RemedyOption::only(change::disable_helper(source, path)));
            let is_option = source.label().starts_with("PULUMI_OPTION_");
            if is_option { drop_flag(finding) } else { disable(finding) }
        }
        CredentialHelper::Invalid { source, path, problem }
            if context.has_token() || *problem == HelperProblem::ArgumentsAlone =>
        {
            let finding = Finding::new(
                Code::CredentialHelperInvalid,
                describe_helper_problem(path, *problem),
            )
            .proof("credential helper", path, source.label())
            .option(remove_invalid_helper(source, path, *problem));
            match (source, problem) {
                (HelperSource::Flag, _) => drop_flag(finding),
                (_, HelperProblem::Arguments) => finding
                    .command(Command::unset("PULUMI_CREDENTIAL_HELPER"))
                    .command(Command::unset("PULUMI_CREDENTIAL_HELPER_ARGS")),
                _ => disable(finding),
            }
        }
        _ => return None,
    };
    Some(finding.severity(severity))
}

fn helper_path(helper: &CredentialHelper) -> &str {
    match helper {
        CredentialHelper::Found { path, .. } | CredentialHelper::Invalid { path, .. } => path,
        CredentialHelper::None | CredentialHelper::Disabled => "",
    }
}

fn remove_invalid_helper(
    source: &HelperSource,
    path: &str,
    problem: HelperProblem,
) -> RemedyOption {
    match problem {
        HelperProblem::ArgumentsAlone => {
            RemedyOption::only(change::flag("--credential-helper-arg", None, None))
        }
        HelperProblem::Arguments => RemedyOption::only(change::disable_helper(source, path))
            .and(change::variable("PULUMI_CREDENTIAL_HELPER_ARGS", None, None)),
        _ => RemedyOption::only(change::disable_helper(source, path)),
    }
}

fn describe_helper_problem(path: &str, problem: HelperProblem) -> String {
    match problem {
        HelperProblem::ArgumentsAlone => {
            "There are arguments of a credential helper, and no --credential-helper.".to_owned()
        }
        HelperProblem::Arguments => {
            "PULUMI_CREDENTIAL_HELPER_ARGS has to be a JSON array of strings, such as \
             [\"--profile\", \"ci\"]."
                .to_owned()
        }
        HelperProblem::NotOnPath => format!("No program named {path} is on PATH."),
        HelperProblem::NoSuchFile => format!("The credential helper {path} does not exist."),
        HelperProblem::Directory => format!("The credential helper {path} is a directory."),
        HelperProblem::NotExecutable => {
            format!("The credential helper {path} is not executable.")
        }
        HelperProblem::RelativeOnPath => {
            format!("A relative entry of PATH leads to {path}; the CLI runs no such program.")
        }
    }
}

fn summary(request: &Request) -> String {
    let organization = request.organization.as_deref().unwrap_or("(none)");
    let kind = request.ask.token_type.name();
    match request.scope.as_str() {
        "" => format!("organization {organization}, {kind} token"),
        scope => format!("organization {organization}, {kind} token, scope {scope}"),
    }
}

/// Whether the CLI ignores the token's claims: those of a token file, or all before 3.217.0.
fn cli_ignores_claims(context: &Context) -> bool {
    matches!(context.evidence.input.source, Source::File { .. })
        || !versions::READS_CLAIMS.holds(context.evidence.rules())
}

fn access_token_set(context: &Context) -> Finding {
    let severity = if context.judges_environment() { Severity::Error } else { Severity::Info };
    let detail = if context.judges_environment() {
        "The CLI refuses the token exchange while PULUMI_ACCESS_TOKEN is set, whatever its value. \
         Pipeline variables and variable groups become environment variables of every step."
    } else {
        "In this shell `pulumi login --oidc-token` would be refused because of it. The pipeline \
         that the token comes from may have no such variable."
    };
    Finding::new(Code::AccessTokenSet, detail)
        .severity(severity)
        .proof("PULUMI_ACCESS_TOKEN", "(set)", "environment")
        .command(Command::unset("PULUMI_ACCESS_TOKEN"))
        .option(unset_access_token())
}

/// Leaves out the value before, which is a secret.
pub(crate) fn unset_access_token() -> RemedyOption {
    RemedyOption::only(change::variable("PULUMI_ACCESS_TOKEN", None, None))
}

/// The organization of the policy, if known: that of its registration or document, or the one that
/// all its rules on the audience name.
fn policy_organization<'a>(context: &Context<'a>) -> Option<&'a str> {
    let evidence = context.evidence;
    let of_registration = evidence.registration().and_then(|r| r.organization.as_deref());
    let of_document = || evidence.policy.document().and_then(|d| d.organization.as_deref());
    let of_audience_rules = || {
        let entries = evidence.registration().and_then(|r| r.policies.as_deref());
        let rules = entries.unwrap_or_default().iter().flat_map(|entry| &entry.rules);
        let mut names = rules
            .filter(|rule| rule.claim == "aud")
            .filter_map(|rule| urn::organization_of(&rule.pattern));
        let first = names.next().filter(|name| pattern::is_literal(name))?;
        names.all(|other| other == first).then_some(first)
    };
    of_registration.or_else(of_document).or_else(of_audience_rules)
}

/// Whether a job can request a token with another audience from the issuer.
fn can_choose_audience(context: &Context) -> bool {
    let issuer = context.evidence.token.as_ref().and_then(|token| token.text("iss"));
    issuer.is_some_and(|issuer| {
        by_issuer(issuer).is_none_or(|platform| platform.audience.is_chosen())
    })
}

fn organization_missing(context: &Context) -> Finding {
    let token = context.evidence.token.as_ref();
    let audience = token.map(|t| t.audiences().join(", ")).unwrap_or_default();
    let why = if matches!(context.evidence.input.source, Source::File { .. }) {
        "With --oidc-token file://… the CLI reads nothing from the token's claims, so the \
         organization has to be given."
    } else if cli_ignores_claims(context) {
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
    let named = policy_organization(context);
    let finding = finding.commands(context.job().login_to_organization(named));
    match named {
        Some(name) => {
            finding.option(RemedyOption::only(change::flag("--oidc-org", None, Some(name))))
        }
        None => finding,
    }
}

/// A flag that contradicts a claim, or a team and a user together. `meant`: the organization of the
/// policy. `can_choose_audience`: the job can request another audience.
pub(crate) fn conflict(
    conflict: &Conflict,
    meant: Option<&str>,
    can_choose_audience: bool,
) -> Finding {
    let flag_conflict = |code, name: &str, flag: &str, claim: &str, place: &str| {
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
            let mut ways = vec![RemedyOption::when(
                format!("organization {claim} is meant"),
                change::flag("--oidc-org", Some(flag), None),
            )];
            if can_choose_audience {
                ways.push(RemedyOption::when(
                    format!("organization {flag} is meant"),
                    change::claim(
                        "aud",
                        Some(&urn::organization(claim).into()),
                        urn::organization(flag),
                    ),
                ));
            }
            if meant == Some(flag) {
                ways.reverse();
            }
            let finding = flag_conflict(Code::OrganizationConflict, "org", flag, claim, "aud");
            ways.into_iter().fold(finding, Finding::option)
        }
        Conflict::Team { flag, claim } => {
            flag_conflict(Code::TeamConflict, "team", flag, claim, "scope").option(
                RemedyOption::when(
                    format!("team {claim} is meant"),
                    change::flag("--oidc-team", Some(flag), None),
                ),
            )
        }
        Conflict::User { flag, claim } => {
            flag_conflict(Code::UserConflict, "user", flag, claim, "scope").option(
                RemedyOption::when(
                    format!("user {claim} is meant"),
                    change::flag("--oidc-user", Some(flag), None),
                ),
            )
        }
        Conflict::TeamAndUser { team, team_from, user, user_from } => {
            let finding = Finding::new(
                Code::TeamAndUser,
                format!("The login asks for the team {team} and the user {user}."),
            )
            .proof("team", team, provenance(*team_from, "--oidc-team"))
            .proof("user", user, provenance(*user_from, "--oidc-user"));
            // Only a flag can be left out, not a claim of the token.
            let drop_flag = |from: Provenance, flag: &str, value: &str, meant: String| {
                let change = change::flag(flag, Some(value), None);
                (from == Provenance::Flag).then(|| RemedyOption::when(meant, change))
            };
            let ways = [
                drop_flag(
                    *user_from,
                    "--oidc-user",
                    user,
                    format!("a token for team {team} is meant"),
                ),
                drop_flag(
                    *team_from,
                    "--oidc-team",
                    team,
                    format!("a token for user {user} is meant"),
                ),
            ];
            ways.into_iter().flatten().fold(finding, Finding::option)
        }
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
    Finding::new(
        Code::ExpirationInvalid,
        format!("The CLI stops with `could not parse expiration duration: {error}`."),
    )
    .proof("--oidc-expiration", written, "command line")
    .command(expiration_option(written))
    .option(expiration_change(written))
}

/// Corrects the duration, or drops the flag if the intended duration is unclear.
pub(crate) fn expiration_change(written: &str) -> RemedyOption {
    let meant = duration::suggest(written);
    RemedyOption::only(change::flag("--oidc-expiration", Some(written), meant.as_deref()))
}

/// The flag with the corrected duration.
pub(crate) fn expiration_option(written: &str) -> String {
    let meant = duration::suggest(written);
    format!("--oidc-expiration {}", meant.map_or_else(|| "2h".to_owned(), |d| text::shell(&d)))
}
