//! Check `whoami`: does the access token work, and is it for the right user, organization and team?

use serde_json::Value;

use crate::catalogue::{Code, Severity};
use crate::evidence::{
    AccessTokenSource, Answer, Body, CheckId, Exchange, FailureKind, Probe, SkipReason,
};
use crate::judge::answer::{add_answer, is_transient, messages, parse_identity};
use crate::judge::context::Context;
use crate::judge::finding::retry_suffix;
use crate::judge::network::failure::network_failure;
use crate::judge::outcome::CheckOutcome;
use crate::report::{Finding, Identity};

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let cloud = &context.evidence.cloud;
    let mut findings = stored_token_expired(context).into_iter().collect::<Vec<_>>();
    let mut outcome = match &cloud.whoami {
        Probe::NotRun if context.evidence.options.offline => {
            CheckOutcome::skip(SkipReason::Offline, "not asked")
        }
        Probe::NotRun => not_asked(context),
        Probe::Failed { .. } if context.failed(CheckId::Cloud) => {
            CheckOutcome::skip(CheckId::Cloud, "not asked: the backend gave no answer")
        }
        Probe::Failed { failure, .. } => {
            let code = match failure.kind {
                FailureKind::TooLarge => Code::WhoamiMalformed,
                _ => Code::WhoamiFailed,
            };
            CheckOutcome::found("no answer", vec![network_failure(code, failure)])
        }
        Probe::Answered { answer, .. } => answered(context, answer),
    };
    findings.append(&mut outcome.findings);
    if !context.whoami_used_login_token() {
        // Another access token shows nothing about this login.
        for finding in &mut findings {
            finding.severity = Severity::Info;
        }
    }
    outcome.with_findings(findings)
}

fn not_asked(context: &Context) -> CheckOutcome {
    let cloud = &context.evidence.cloud;
    let backend_usable = !context.failed(CheckId::Backend);
    if backend_usable && context.evidence.sends_no_credentials() {
        return CheckOutcome::skip(
            SkipReason::CloudUrl,
            format!("not asked: {}", context.untrusted_backend()),
        );
    }
    let minted = matches!(cloud.exchange.answer(), Some(Exchange::Minted { .. }));
    // If the exchange is switched off, whoami uses an existing access token.
    let exchange_switched_off =
        cloud.exchange_skipped.is_some_and(|why| !matches!(why, SkipReason::Check(_)));
    if backend_usable && (minted || exchange_switched_off) && context.is_plain_http() {
        return CheckOutcome::skip(
            CheckId::Backend,
            "not asked: no access token is sent over plain http",
        );
    }
    CheckOutcome::skip(context.blocked_by(CheckId::Exchange), "there is no access token")
}

fn answered(context: &Context, answer: &Answer) -> CheckOutcome {
    let token_source = match &context.evidence.cloud.access_token {
        AccessTokenSource::None | AccessTokenSource::Exchange => String::new(),
        AccessTokenSource::Environment { name } => format!(" (token from {name})"),
        AccessTokenSource::Stored { path, .. } => format!(" (token from {path})"),
    };
    if !answer.is_success() {
        let finding = add_answer(refused(answer), answer);
        let summary = format!("status {}{token_source}", answer.status);
        return CheckOutcome::found(summary, vec![finding]);
    }
    let Some(identity) = parse_identity(answer) else {
        let finding = Finding::new(
            Code::WhoamiMalformed,
            format!(
                "Status {}, but the answer names no user: githubLogin, which has the login name, is \
                 missing, or an organization has none.",
                answer.status
            ),
        );
        return CheckOutcome::found("names no user", vec![add_answer(finding, answer)]);
    };
    let names = organization_names(answer);
    let findings = wrong_user(context, &identity)
        .into_iter()
        .chain(wrong_organization(context, &identity, &names))
        .collect();
    let retries = retry_suffix(answer.attempts);
    CheckOutcome::found(format!("{}{token_source}{retries}", identity.user), findings)
}

fn refused(answer: &Answer) -> Finding {
    match answer.status {
        401 if asks_for_single_sign_on(answer) => Finding::new(
            Code::WhoamiUnauthorized,
            "The organization asks for a new single sign-on (SAML) before it accepts this token.",
        )
        .fix("Sign in again through the organization's single sign-on page."),
        401 => Finding::new(Code::WhoamiUnauthorized, "Status 401: the access token is not valid."),
        403 if has_message(answer, "enforces a max access token expiry") => Finding::new(
            Code::AccessTokenPolicy,
            "The organization accepts no access token that lives this long. Tokens of an OIDC login \
             are exempt, so this one is of another kind.",
        ),
        403 => Finding::new(Code::WhoamiForbidden, "Status 403."),
        status => Finding::new(Code::WhoamiFailed, format!("Status {status}."))
            .retryable(is_transient(status)),
    }
}

fn has_message(answer: &Answer, text: &str) -> bool {
    messages(answer).iter().any(|said| said.contains(text))
}

/// Whether an error asks for single sign-on, by its type (`pulumiAPICall` in `client/api.go`).
fn asks_for_single_sign_on(answer: &Answer) -> bool {
    let Body::Json(body) = &answer.body else { return false };
    body.get("errors").and_then(Value::as_array).into_iter().flatten().any(|error| {
        ["type", "errorType"].iter().any(|key| {
            matches!(
                error.get(key).and_then(Value::as_str),
                Some("saml_reauth_required" | "saml_login_required")
            )
        })
    })
}

/// A personal token must be that of the requested user.
fn wrong_user(context: &Context, identity: &Identity) -> Option<Finding> {
    let asked = context.request.ask.user.as_deref()?;
    if asked.eq_ignore_ascii_case(&identity.user) {
        return None;
    }
    let detail = format!(
        "The login asks for a token of the user {asked}; the access token is that of {}.",
        identity.user
    );
    Some(Finding::new(Code::WhoamiWrongUser, detail).proof("asked for", asked, "user").proof(
        "access token",
        &identity.user,
        "GET /api/user githubLogin",
    ))
}

/// The user's organizations, each as login and display name.
fn organization_names(answer: &Answer) -> Vec<(String, String)> {
    let Body::Json(body) = &answer.body else { return Vec::new() };
    let all = body.get("organizations").and_then(Value::as_array).into_iter().flatten();
    let text = |one: &Value, key: &str| Some(one.get(key)?.as_str()?.to_owned());
    all.filter_map(|one| Some((text(one, "githubLogin")?, text(one, "name")?))).collect()
}

/// The slug of a name: `Platform Team` becomes `platform-team`.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Compares organizations and teams by name and by slug, since the service shows either. `names`:
/// the login and display name of each organization.
fn wrong_organization(
    context: &Context,
    identity: &Identity,
    names: &[(String, String)],
) -> Option<Finding> {
    let field = |key: &str| {
        let text = identity.token.as_ref()?.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let differs = |a: &str, b: &str| slug(a) != slug(b);
    let is_named = |asked: &str, has: &str| {
        let named = names.iter().find(|(login, name)| !differs(login, has) || !differs(name, has));
        named.is_some_and(|(login, name)| !differs(login, asked) || !differs(name, asked))
    };
    let asked = context.request.organization.as_deref();
    let wrong = |what: &str, asked: &str, has: String, place: &str| {
        Finding::new(
            Code::WhoamiWrongOrganization,
            format!("The login asks for the {what} {asked}; the access token is of {has}."),
        )
        .proof("asked for", asked, what)
        .proof("access token", has, place)
    };
    if let (Some(asked), Some(has)) = (asked, field("organization")) {
        if differs(asked, &has) && !is_named(asked, &has) {
            return Some(wrong("organization", asked, has, "GET /api/user tokenInfo.organization"));
        }
    } else if let Some(asked) = asked
        && !identity.organizations.is_empty()
        && identity.organizations.iter().all(|has| differs(asked, has) && !is_named(asked, has))
    {
        return Some(
            Finding::new(
                Code::WhoamiWrongOrganization,
                format!("The user {} is not a member of {asked}.", identity.user),
            )
            .proof("asked for", asked, "organization")
            .proof(
                "organizations",
                identity.organizations.join(", "),
                "GET /api/user organizations",
            ),
        );
    }
    let team = context.request.ask.team.as_deref()?;
    let has = field("team")?;
    if team.eq_ignore_ascii_case(&has) {
        return None;
    }
    let is_spelling = !differs(team, &has);
    let finding = wrong("team", team, has, "GET /api/user tokenInfo.team");
    Some(match is_spelling {
        true => Finding {
            detail: format!(
                "{} They differ in spelling only: one is the team's name, the other its slug.",
                finding.detail
            ),
            ..finding.severity(Severity::Warning)
        },
        false => finding,
    })
}

fn stored_token_expired(context: &Context) -> Option<Finding> {
    let AccessTokenSource::Stored { path, expires_at: Some(expires) } =
        &context.evidence.cloud.access_token
    else {
        return None;
    };
    if expires.as_second() > context.evidence.started_at.as_second() {
        return None;
    }
    Some(
        Finding::new(
            Code::WhoamiTokenExpired,
            "The stored access token's life was over before this run.",
        )
        .proof("expiresAt", expires.to_string(), path),
    )
}
