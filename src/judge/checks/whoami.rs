//! Check `whoami`: whose the access token is.

use serde_json::Value;

use crate::catalogue::{Code, Severity};
use crate::evidence::{
    AccessTokenSource, Answer, Body, CheckId, Exchange, FailureKind, Probe, SkipReason,
};
use crate::judge::answer::{identity, is_transient, proofs, words};
use crate::judge::context::Context;
use crate::judge::finding::again;
use crate::judge::network::failure::network_failure;
use crate::judge::outcome::Outcome;
use crate::report::{Finding, Identity};

pub(crate) fn check(context: &Context) -> Outcome {
    let cloud = &context.evidence.cloud;
    let mut findings = expired(context).into_iter().collect::<Vec<_>>();
    let mut outcome = match &cloud.whoami {
        Probe::NotRun if context.evidence.options.offline => {
            Outcome::skip(SkipReason::Offline, "not asked")
        }
        Probe::NotRun => not_asked(context),
        Probe::Failed { .. } if context.failed(CheckId::Cloud) => {
            Outcome::skip(CheckId::Cloud, "not asked: the backend gave no answer")
        }
        Probe::Failed { failure, .. } => {
            let code = match failure.kind {
                FailureKind::TooLarge => Code::WhoamiMalformed,
                _ => Code::WhoamiFailed,
            };
            Outcome::found("no answer", vec![network_failure(code, failure)])
        }
        Probe::Answered { answer, .. } => answered(context, answer),
    };
    findings.append(&mut outcome.findings);
    if !context.uses_access_token() {
        // A token that this login does not use says nothing about the login.
        for finding in &mut findings {
            finding.severity = Severity::Info;
        }
    }
    outcome.with(findings)
}

fn not_asked(context: &Context) -> Outcome {
    let cloud = &context.evidence.cloud;
    let usable = !context.failed(CheckId::Backend);
    if usable && context.evidence.sends_no_credentials() {
        return Outcome::skip(
            SkipReason::CloudUrl,
            format!("not asked: {}", context.why_unnamed()),
        );
    }
    let minted = matches!(cloud.exchange.answer(), Some(Exchange::Minted { .. }));
    // Without an exchange, whoami is asked with an existing access token.
    let switched_off =
        cloud.exchange_skipped.is_some_and(|why| !matches!(why, SkipReason::Check(_)));
    if usable && (minted || switched_off) && context.is_plain_http() {
        return Outcome::skip(
            CheckId::Backend,
            "not asked: no access token is sent over plain http",
        );
    }
    Outcome::skip(context.cause(CheckId::Exchange), "there is no access token")
}

fn answered(context: &Context, answer: &Answer) -> Outcome {
    let whose = match &context.evidence.cloud.access_token {
        AccessTokenSource::None | AccessTokenSource::Exchange => String::new(),
        AccessTokenSource::Environment { name } => format!(" (token from {name})"),
        AccessTokenSource::Stored { path, .. } => format!(" (token from {path})"),
    };
    if !answer.is_success() {
        let finding = proofs(refusal(answer), answer);
        return Outcome::found(format!("status {}{whose}", answer.status), vec![finding]);
    }
    let Some(identity) = identity(answer) else {
        let finding = Finding::new(
            Code::WhoamiMalformed,
            format!(
                "Status {}, but the answer names no user: githubLogin, which has the login name, is \
                 missing, or an organization has none.",
                answer.status
            ),
        );
        return Outcome::found("names nobody", vec![proofs(finding, answer)]);
    };
    let known = organization_names(answer);
    let wrong = [wrong_user(context, &identity), wrong_organization(context, &identity, &known)];
    let findings = wrong.into_iter().flatten().collect();
    let again = again(answer.attempts);
    Outcome::found(format!("{}{whose}{again}", identity.user), findings)
}

fn refusal(answer: &Answer) -> Finding {
    match answer.status {
        401 if single_sign_on(answer) => Finding::new(
            Code::WhoamiUnauthorized,
            "The organization asks for a new single sign-on (SAML) before it accepts this token.",
        )
        .fix("Sign in again through the organization's single sign-on page."),
        401 => Finding::new(Code::WhoamiUnauthorized, "Status 401: the access token is not valid."),
        403 if says(answer, "enforces a max access token expiry") => Finding::new(
            Code::AccessTokenPolicy,
            "The organization accepts no access token that lives this long. Tokens of an OIDC login \
             are exempt, so this one is of another kind.",
        ),
        403 => Finding::new(Code::WhoamiForbidden, "Status 403."),
        status => Finding::new(Code::WhoamiFailed, format!("Status {status}."))
            .retryable(is_transient(status)),
    }
}

fn says(answer: &Answer, text: &str) -> bool {
    words(answer).iter().any(|said| said.contains(text))
}

/// `pulumiAPICall` in `client/api.go`: an error of one of these types asks for single sign-on.
fn single_sign_on(answer: &Answer) -> bool {
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

/// A personal token is its user's.
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

/// The display names of the user's organizations, beside their logins.
fn organization_names(answer: &Answer) -> Vec<(String, String)> {
    let Body::Json(body) = &answer.body else { return Vec::new() };
    let all = body.get("organizations").and_then(Value::as_array).into_iter().flatten();
    let text = |one: &Value, key: &str| Some(one.get(key)?.as_str()?.to_owned());
    all.filter_map(|one| Some((text(one, "githubLogin")?, text(one, "name")?))).collect()
}

/// How a name is written in an address: `Platform Team` is `platform-team`.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Organizations and teams are compared by name and by slug: the service shows either.
fn wrong_organization(
    context: &Context,
    identity: &Identity,
    known: &[(String, String)],
) -> Option<Finding> {
    let field = |key: &str| {
        let text = identity.token.as_ref()?.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let differs = |a: &str, b: &str| slug(a) != slug(b);
    let is_named = |asked: &str, has: &str| {
        let named = known.iter().find(|(login, name)| !differs(login, has) || !differs(name, has));
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

fn expired(context: &Context) -> Option<Finding> {
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
