//! Check `registration`: is the token's issuer registered, in the right organization and with
//! limits that the login respects?

use crate::catalogue::{Code, Severity};
use crate::evidence::{CheckId, PolicySource, SkipReason, Token};
use crate::judge::advice::api_request::post_to_issuers;
use crate::judge::advice::job::Job;
use crate::judge::advice::policy_change::WayWriter;
use crate::judge::advice::project_backend::policy_not_read;
use crate::judge::advice::{change, unknown_policy};
use crate::judge::compare::diff::mark_difference;
use crate::judge::compare::issuer::{self, IssuerSource};
use crate::judge::context::Context;
use crate::judge::finding::human_duration;
use crate::judge::outcome::CheckOutcome;
use crate::judge::policy::smallest_change::correction::TokenIdentity;
use crate::judge::policy::smallest_change::ways::{RequestedLogin, new_entry};
use crate::limits;
use crate::limits::Work;
use crate::platform::{Id, by_issuer};
use crate::policy::evaluate;
use crate::policy::{Decision, Document, Likeness, Registration};
use crate::pulumi::urn;
use crate::report::{Change, Finding, RemedyOption, Target};
use crate::text;
use crate::text::command::{Command, CommandLine};

/// The CLI's default for `--oidc-expiration`, in seconds.
const CLI_DEFAULT_EXPIRATION: i64 = 7_200;

pub(crate) fn check(context: &Context) -> CheckOutcome {
    let Some(token) = &context.evidence.token else {
        return CheckOutcome::skip(context.blocked_by(CheckId::Token), "there is no decoded token");
    };
    let Some(issuer) = token.text("iss") else {
        return CheckOutcome::skip(CheckId::Token, "the token names no issuer");
    };
    let retiring = retiring_issuer(issuer, token.text("sub").unwrap_or_default());
    let Some(document) = context.evidence.policy.document() else {
        let (because, summary) = policy_not_read(context).unwrap_or_else(|| {
            let summary = || "no policy document says which issuers are registered".to_owned();
            (
                SkipReason::Policy,
                context
                    .evidence
                    .policy
                    .read_failure()
                    .map_or_else(summary, unknown_policy::summary),
            )
        });
        return CheckOutcome::skip(because, summary).with_findings(retiring.into_iter().collect());
    };
    if !document.names_issuers() {
        return CheckOutcome::skip(
            SkipReason::Policy,
            "the policy document holds entries only, no issuer",
        )
        .with_findings(retiring.into_iter().collect());
    }
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(wrong_organization(context, document));
    let summary = match context.evidence.registration() {
        None if document.may_register(issuer) => {
            return CheckOutcome::skip(
                SkipReason::Policy,
                "which issuers are registered is not resolved",
            )
            .with_findings(findings.into_iter().chain(retiring).collect());
        }
        None => {
            findings.push(not_registered(context, document, issuer));
            "not registered".to_owned()
        }
        Some(registration) => {
            findings.extend(differs_in_slash(registration, issuer));
            findings.extend(registered_twice(context, token));
            findings.extend(expiration_exceeds_maximum(context, registration));
            let name = registration.name.as_deref().unwrap_or(issuer);
            let used = registration.last_used.as_deref();
            let used = used.map_or_else(String::new, |at| format!(", last used {at}"));
            format!("registered as {name}{used}")
        }
    };
    findings.extend(retiring);
    CheckOutcome::found(summary, findings)
}

fn differs_in_slash(registration: &Registration, issuer: &str) -> Option<Finding> {
    if registration.likeness(issuer) == Likeness::Same {
        return None;
    }
    let url = registration.url.as_deref().unwrap_or_default();
    Some(
        Finding::new(
            Code::IssuerNotRegistered,
            "The registered URL and the token's issuer differ in the slash at the end. Pulumi \
             Cloud compares with the issuer that it read from the discovery document, which the \
             policy document does not say; this is an assumption.",
        )
        .severity(Severity::Warning)
        .proof("registered", url, "policy document url")
        .proof("token iss", issuer, "token claim iss")
        .fix("If the login is refused, register the issuer under exactly the token's iss."),
    )
}

/// Several registrations have the token's issuer. Lists the decision of each.
fn registered_twice(context: &Context, token: &Token) -> Option<Finding> {
    let all = context.evidence.registrations();
    if all.len() < 2 {
        return None;
    }
    let detail = format!(
        "{} registrations have the issuer of this token. Which of them Pulumi Cloud uses is not \
         documented.",
        all.len()
    );
    let finding = Finding::new(Code::IssuerRegisteredTwice, detail);
    let finding = all.iter().take(MAX_SHOWN).fold(finding, |finding, registration| {
        let decided =
            evaluate::evaluate_registration(registration, &token.claims, &context.request.ask);
        let decision = match decided.map(|evaluation| evaluation.decision()) {
            Some(Some(Decision::Allow)) => "lets this token in",
            Some(Some(Decision::Deny)) => "does not let this token in",
            Some(None) => "leaves it open",
            None => "has no known policies",
        };
        let name = registration.name.as_deref().unwrap_or("a registration");
        let url = registration.url.as_deref().or(registration.identifier()).unwrap_or_default();
        let place = context.policy_place(registration.place.line, "issuer");
        finding.proof(format!("{name}, {url}"), decision, place)
    });
    Some(finding)
}

/// At most so many registrations of one issuer are listed.
const MAX_SHOWN: usize = 5;

fn wrong_organization(context: &Context, document: &Document) -> Option<Finding> {
    let own = context.evidence.registration().and_then(|r| r.organization.as_deref());
    let registered = own.or(document.organization.as_deref())?;
    let asked = context.request.organization.as_deref()?;
    if registered == asked {
        return None;
    }
    let same_but_case = registered.to_lowercase() == asked.to_lowercase();
    let detail = if same_but_case {
        format!(
            "The login asks for {asked}, the registration is in {registered}: they differ in \
             case only. Whether Pulumi Cloud tells them apart is not documented."
        )
    } else {
        format!("The login asks for {asked}, the registration is in {registered}.")
    };
    Some(
        Finding::new(Code::IssuerWrongOrganization, detail)
            .severity(if same_but_case { Severity::Warning } else { Severity::Error })
            .proof("asked for", asked, "--oidc-org or token claim aud")
            .proof("registered in", registered, "policy document organization")
            .commands(login_in_use(context, Some(registered)).map(Command::from)),
    )
    .map(|finding| add_organization_options(finding, context, asked, registered, same_but_case))
}

/// Adds the ways out: log in to the organization with the registration, or register the issuer in
/// the requested one. The token's audience must change with the flag, since both must agree.
fn add_organization_options(
    finding: Finding,
    context: &Context,
    asked: &str,
    registered: &str,
    same_but_case: bool,
) -> Finding {
    let Some(token) = &context.evidence.token else { return finding };
    let mut changes = Vec::new();
    let flag = context.evidence.login.organization.as_deref();
    let claimed = token.text("aud").and_then(urn::organization_of);
    if claimed.is_some_and(|claimed| claimed != registered) {
        changes.push(change::claim("aud", token.claims.get("aud"), urn::organization(registered)));
    }
    if flag.is_some() || claimed.is_none() {
        changes.push(change::flag("--oidc-org", flag, Some(registered)));
    }
    let use_registered = RemedyOption {
        when: Some(format!("organization {registered} is meant")),
        only_if_meant: false,
        changes,
    };
    let finding = match claimed {
        Some(claimed) if claimed != registered => {
            let audience = urn::organization(registered);
            finding.step(format!(
                "If {registered} is meant, request the token for the audience {audience} as well."
            ))
        }
        _ => finding,
    }
    .option(use_registered);
    // The names probably mean the same organization.
    if same_but_case {
        return finding;
    }
    let issuer = token.text("iss").unwrap_or_default();
    let finding =
        finding.step(format!("If {asked} is meant, register the issuer in {asked} as well."));
    register_with_entry(finding, context, issuer, Some(&format!("organization {asked} is meant")))
}

/// The body of a request that registers an issuer.
fn registration_body(issuer: &str) -> serde_json::Value {
    let host = issuer.split("://").nth(1).and_then(|rest| rest.split('/').next());
    serde_json::json!({"name": host.unwrap_or("ci"), "url": issuer})
}

/// Adds a registration of the issuer, without policies.
fn new_registration(context: &Context, issuer: &str) -> Change {
    let change = Change::new(Target::Registration, "")
        .for_issuer(Some(issuer))
        .after(registration_body(issuer));
    match &context.evidence.policy {
        PolicySource::File { path, .. } => change.in_file(path, 0),
        PolicySource::None | PolicySource::Live { .. } | PolicySource::Unavailable { .. } => change,
    }
}

/// The login at the current backend, even if its URL is wrong.
fn login_in_use(context: &Context, organization: Option<&str>) -> Option<CommandLine> {
    Job { url: Some(context.backend.url.clone()), organization, ..context.job() }
        .login_line("pulumi")
}

fn not_registered(context: &Context, document: &Document, issuer: &str) -> Finding {
    let registered: Vec<&Registration> =
        document.issuers.iter().filter(|r| r.identifier().is_some()).collect();
    let mut work = Work::new(limits::NEAR_MISS);
    let mut near: Vec<(issuer::NearMiss, &Registration)> = Vec::new();
    let mut not_compared = 0;
    for registration in &registered {
        let identifier = registration.identifier().unwrap_or_default();
        match issuer::compare(IssuerSource::Registration, identifier, issuer, &mut work) {
            Ok(found) => near.extend(found.map(|miss| (miss, *registration))),
            Err(issuer::BudgetExceeded) => not_compared += 1,
        }
    }
    near.sort_by_key(|(miss, _)| miss.distance);
    let detail = match near.first() {
        Some((miss, _)) => format!("The nearest registration differs in {}.", miss.what),
        None if registered.is_empty() => "No issuer is registered.".to_owned(),
        None => "No registration comes near the token's issuer.".to_owned(),
    };
    let detail = match not_compared {
        0 => detail,
        _ => format!(
            "{detail} {not_compared} of {} registrations were not compared, to keep to the time \
             limit.",
            registered.len()
        ),
    };
    let mut finding = Finding::new(Code::IssuerNotRegistered, detail).proof(
        "token iss",
        issuer,
        "token claim iss",
    );
    let shown: Vec<&Registration> = if near.is_empty() {
        registered.into_iter().take(5).collect()
    } else {
        near.iter().take(3).map(|(_, r)| *r).collect()
    };
    for registration in shown {
        finding = finding.proof(
            "registered",
            registration.identifier().unwrap_or_default(),
            context.policy_place(
                registration.place.line,
                &registration
                    .name
                    .as_deref()
                    .map_or_else(|| "a registration".to_owned(), |name| format!("issuer {name}")),
            ),
        );
    }
    if let Some((_, nearest)) = near.first() {
        let nearest = nearest.identifier().unwrap_or_default();
        finding = finding.with_difference(None).comparison(
            "registered -> token",
            mark_difference(nearest, issuer),
            "what differs, in brackets",
        );
    }
    for (miss, registration) in near.iter().skip(1).take(2) {
        finding = finding.step(format!(
            "Also near: {}, which differs in {}.",
            registration.identifier().unwrap_or_default(),
            miss.what
        ));
    }
    // Only a valid issuer URL can be registered.
    if crate::oidc::issuer_url::parse(issuer).is_err() {
        return finding.fix(
            "Do not register this value of iss: it is not a usable URL. Configure the issuer's \
             address first, so that its tokens carry an https URL.",
        );
    }
    if text::lacks_url_parts(issuer) {
        return finding;
    }
    register_issuer(finding, context, issuer)
}

/// Adds how to register an issuer.
pub(crate) fn register_issuer(finding: Finding, context: &Context, issuer: &str) -> Finding {
    let organization = context.request.organization.as_deref().unwrap_or("ORG");
    let finding = finding
        .step(format!(
            "In the console of organization {organization}, under Settings, Access Management, \
             OIDC Issuers, register an issuer with the URL {issuer} (the URL of an existing one \
             cannot be changed)."
        ))
        .announce("Or register it with an organization admin's access token:")
        .commands(register_command(context, organization, issuer));
    register_with_entry(finding, context, issuer, None)
}

/// Adds options to register the issuer with an entry for this token.
fn register_with_entry(
    finding: Finding,
    context: &Context,
    issuer: &str,
    intent: Option<&str>,
) -> Finding {
    let Some(token) = &context.evidence.token else { return finding };
    let login = RequestedLogin {
        ask: &context.request.ask,
        organization: context.request.organization.as_deref(),
    };
    let (ways, _) = new_entry(TokenIdentity::of(token), &login);
    let writer = WayWriter {
        context,
        token,
        closest: None,
        add: "add this entry to the new issuer's policies:",
    };
    writer.add_registration_ways(finding, &new_registration(context, issuer), &ways, intent)
}

/// The request `RegisterOidcIssuer` of Pulumi Cloud's API.
fn register_command(context: &Context, organization: &str, issuer: &str) -> Option<Command> {
    let body = registration_body(issuer);
    Some(post_to_issuers(&context.job().url?, organization, "", Some(&body)))
}

fn retiring_issuer(issuer: &str, subject: &str) -> Option<Finding> {
    // Only service connections (sc://) move to Entra, not a pipeline's own token (p://).
    let is_own = by_issuer(issuer).is_some_and(|platform| platform.id == Id::AzurePipelines);
    if !is_own || !subject.starts_with("sc://") {
        return None;
    }
    Some(
        Finding::new(
            Code::AzureIssuerRetiring,
            "This service connection still uses Azure DevOps' own issuer, which retires on \
             1 July 2027. Converting the connection changes iss, sub and aud: the registration and \
             the policy both have to follow.",
        )
        .proof("token iss", issuer, "token claim iss"),
    )
}

fn expiration_exceeds_maximum(context: &Context, registration: &Registration) -> Option<Finding> {
    let maximum = registration.max_expiration?;
    let asked = *context.request.expiration_seconds.as_ref().ok()?;
    if asked <= maximum {
        return None;
    }
    let is_default = asked == CLI_DEFAULT_EXPIRATION && context.evidence.login.expiration.is_none();
    let source = if is_default { "default of pulumi login" } else { "--oidc-expiration" };
    Some(
        Finding::new(
            Code::ExpirationExceedsMaximum,
            format!(
                "The login asks for {}, the registration allows {}. Whether Pulumi Cloud shortens or \
                 refuses this is not documented.",
                human_duration(asked),
                human_duration(maximum)
            ),
        )
        .severity(if is_default { Severity::Info } else { Severity::Warning })
        .proof("asked for", format!("{asked} s"), source)
        .proof("allowed", format!("{maximum} s"), "registration maxExpiration")
        .commands(
            login_in_use(context, context.request.organization.as_deref())
                .map(|login| login.raw("--oidc-expiration").word(&format!("{maximum}s")).end()),
        )
        .option(RemedyOption::only(change::flag(
            "--oidc-expiration",
            context.evidence.login.expiration.as_deref(),
            Some(&format!("{maximum}s")),
        ))),
    )
}
