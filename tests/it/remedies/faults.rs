//! The faults of logins. Each breaks one thing.

use serde_json::{Value, json};

use super::jobs::{Can, DEFAULT_AUDIENCE, Job};
use super::world::{State, every_run};

/// A fault. Two faults of the same part are never combined.
pub struct Fault {
    pub name: &'static str,
    pub part: Part,
    /// Breaks the login; false if the platform cannot have this fault.
    pub apply: fn(&mut State) -> bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Subject,
    Audience,
    Entry,
    Registration,
    Organization,
    Ask,
    Backend,
    Environment,
    Cli,
    Expiration,
    Answer,
}

const fn fault(name: &'static str, part: Part, apply: fn(&mut State) -> bool) -> Fault {
    Fault { name, part, apply }
}

/// Changes the pattern of a rule in the first entry.
fn change_rule(state: &mut State, claim: &str, change: impl FnOnce(&str) -> String) -> bool {
    let Some(entry) = state.policies_mut().first_mut() else { return false };
    let before = entry["rules"][claim].as_str().unwrap_or_default().to_owned();
    let after = change(&before);
    entry["rules"][claim] = after.clone().into();
    after != before
}

/// Replaces a part of the pattern for `sub`.
fn replace_in_subject(state: &mut State, from: &str, to: &str) -> bool {
    change_rule(state, "sub", |before| before.replacen(from, to, 1))
}

/// Changes the job, if the platform allows that.
fn change_job(state: &mut State, fits: fn(&Can) -> bool, change: impl FnOnce(&mut Job)) -> bool {
    let fits = fits(&state.model.can);
    if fits {
        change(&mut state.job);
    }
    fits
}

fn subject_of(state: &State) -> String {
    state.claims()["sub"].as_str().unwrap().to_owned()
}

fn set_flag(state: &mut State, name: &str, value: &str) -> bool {
    state.login.insert(name.to_owned(), value.to_owned());
    true
}

fn set_variable(state: &mut State, name: &str, value: &str) -> bool {
    state.environment.insert(name.to_owned(), value.to_owned());
    true
}

fn set_registration(state: &mut State, key: &str, value: impl Into<Value>) -> bool {
    state.document["issuers"][0][key] = value.into();
    true
}

fn has_branch(can: &Can) -> bool {
    can.branch
}

pub const ALL: &[Fault] = &[
    // The rule on the subject.
    fault("rule for another branch", Part::Subject, |s| {
        has_branch(&s.model.can) && replace_in_subject(s, "main", "release")
    }),
    fault("rule for another project", Part::Subject, |s| {
        let (own, other) = (subject_of(s), {
            let job = Job { project: "other-project".to_owned(), ..s.job.clone() };
            s.model.claims(&job)["sub"].as_str().unwrap().to_owned()
        });
        own != other && change_rule(s, "sub", |_| every_run(&other))
    }),
    fault("rule for another owner", Part::Subject, |s| {
        let job = Job { owner: "globex".to_owned(), ..s.job.clone() };
        let other = s.model.claims(&job)["sub"].as_str().unwrap().to_owned();
        other != subject_of(s) && change_rule(s, "sub", |_| every_run(&other))
    }),
    fault("project in upper case", Part::Subject, |s| {
        replace_in_subject(s, "web-shop", "Web-Shop")
    }),
    fault("regular expression", Part::Subject, |s| change_rule(s, "sub", |now| format!("^{now}$"))),
    fault("alternatives", Part::Subject, |s| {
        has_branch(&s.model.can) && replace_in_subject(s, "main", "(main|dev)")
    }),
    fault("list in a rule", Part::Subject, |s| {
        let other = "some:other:subject";
        change_rule(s, "sub", |now| format!("{now},{other}"))
    }),
    fault("white space", Part::Subject, |s| change_rule(s, "sub", |now| format!(" {now}"))),
    fault("placeholder", Part::Subject, |s| replace_in_subject(s, "web-shop", "<project>")),
    fault("beginning only", Part::Subject, |s| {
        let has_parts = s.model.claims(&s.job)["sub"].as_str().unwrap().contains(':');
        let start = |now: &str| now.rsplit_once(':').map_or(now, |(start, _)| start).to_owned();
        has_parts && change_rule(s, "sub", start)
    }),
    fault("another platform's subject", Part::Subject, |s| {
        change_rule(s, "sub", |_| "sc://acme/shop/pulumi".to_owned())
    }),
    fault("misspelt key", Part::Subject, |s| {
        let misspelt = [("ref_type", "reftype"), ("repo:", "rep:"), ("system:", "sytem:")];
        misspelt.into_iter().any(|(from, to)| replace_in_subject(s, from, to))
    }),
    fault("pull-request", Part::Subject, |s| {
        let can = s.model.can.pull_request && s.model.name.starts_with("GitHub");
        can && {
            s.job.is_pull_request = true;
            change_rule(s, "sub", |now| {
                let start = now.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
                format!("{start}:pull-request")
            })
        }
    }),
    fault("subject without ids", Part::Subject, |s| {
        let can = s.model.name.starts_with("GitHub") && !s.job.has_ids;
        if can {
            s.job.has_ids = true;
        }
        can
    }),
    fault("rule for an environment", Part::Subject, |s| {
        let job = Job { environment: Some("production".to_owned()), ..s.job.clone() };
        let other = s.model.claims(&job)["sub"].clone();
        s.model.can.environment
            && other != subject_of(s)
            && change_rule(s, "sub", |_| other.as_str().unwrap().to_owned())
    }),
    // Another job.
    fault("other branch", Part::Subject, |s| {
        change_job(s, has_branch, |j| j.branch = "dev".to_owned())
    }),
    fault("unprotected branch", Part::Subject, |s| {
        change_job(
            s,
            |can| can.branch && can.protection,
            |j| {
                j.branch = "dev".to_owned();
                j.is_protected = false;
            },
        )
    }),
    fault("pull request", Part::Subject, |s| {
        change_job(
            s,
            |can| can.pull_request,
            |j| {
                j.is_pull_request = true;
                j.branch = "dev".to_owned();
            },
        )
    }),
    fault("tag", Part::Subject, |s| {
        change_job(
            s,
            |can| can.tag,
            |j| {
                j.is_tag = true;
                j.branch = "v1".to_owned();
            },
        )
    }),
    fault("plan", Part::Subject, |s| change_job(s, |can| can.plan, |j| j.is_plan = true)),
    fault("environment of the job", Part::Subject, |s| {
        change_job(s, |can| can.environment, |j| j.environment = Some("staging".to_owned()))
    }),
    fault("other project", Part::Subject, |s| {
        change_job(s, |_| true, |j| j.project = "other-project".to_owned())
    }),
    // The audience.
    fault("default audience", Part::Audience, |s| {
        let named =
            ["GitHub Actions", "CircleCI", "CircleCI (V2)", "Bitbucket", "Buildkite", "Kubernetes"];
        named.contains(&s.model.name)
            && change_job(s, |can| can.audience, |j| j.audience = DEFAULT_AUDIENCE.to_owned())
    }),
    fault("audience of another service", Part::Audience, |s| {
        change_job(s, |can| can.audience, |j| j.audience = "sts.amazonaws.com".to_owned())
    }),
    fault("audience without URN", Part::Audience, |s| {
        change_job(s, |can| can.audience, |j| j.audience = "pulumi".to_owned())
    }),
    fault("token for another organization", Part::Audience, |s| {
        change_job(s, |can| can.audience, |j| j.audience = "urn:pulumi:org:globex".to_owned())
    }),
    fault("rule on another organization's audience", Part::Audience, |s| {
        change_rule(s, "aud", |_| "urn:pulumi:org:globex".to_owned())
    }),
    fault("rule on an audience without URN", Part::Audience, |s| {
        change_rule(s, "aud", |_| "pulumi".to_owned())
    }),
    fault("audience in another spelling", Part::Audience, |s| {
        let spelled = |now: &str| match now {
            "api://AzureADTokenExchange" => "fb60f99c-7a34-4190-8149-302f77469936".to_owned(),
            "fb60f99c-7a34-4190-8149-302f77469936" => "api://AzureADTokenExchange".to_owned(),
            other => format!("{other} "),
        };
        change_rule(s, "aud", spelled)
    }),
    fault("unexpanded audience", Part::Audience, |s| {
        change_job(s, |can| can.audience, |j| j.audience = "${{AUDIENCE}}".to_owned())
    }),
    // The entry.
    fault("no entries", Part::Entry, |s| {
        s.policies_mut().clear();
        true
    }),
    fault("claim that no token has", Part::Entry, |s| {
        change_rule(s, "tier", |_| "production".to_owned())
    }),
    fault("misspelt claim", Part::Entry, |s| {
        let claims = s.claims();
        let known = ["repository", "project_path", "pipeline_slug", "spaceId"];
        let Some(claim) = known.iter().find(|claim| claims.contains_key(**claim)) else {
            return false;
        };
        let misspelt = claim.replace("ito", "io").replace("_", "-").replace("spaceId", "spaceid");
        let value = claims[*claim].as_str().unwrap().to_owned();
        misspelt != *claim && change_rule(s, &misspelt, |_| value)
    }),
    fault("rule on an environment", Part::Entry, |s| {
        s.model.can.environment && change_rule(s, "environment", |_| "production".to_owned())
    }),
    fault("rule on another ref", Part::Entry, |s| {
        s.claims().contains_key("ref") && change_rule(s, "ref", |_| "refs/heads/release".to_owned())
    }),
    fault("ref without refs/", Part::Entry, |s| {
        let value = s.claims().get("ref").and_then(Value::as_str).map(str::to_owned);
        let short = value.as_deref().and_then(|value| value.strip_prefix("refs/heads/"));
        s.model.name.starts_with("GitHub")
            && short.is_some_and(|short| change_rule(s, "ref", |_| short.to_owned()))
    }),
    fault("protection in words", Part::Entry, |s| {
        s.model.can.protection && change_rule(s, "ref_protected", |_| "True".to_owned())
    }),
    fault("run pinned", Part::Entry, |s| {
        s.claims().contains_key("run_id") && change_rule(s, "run_id", |_| "7".to_owned())
    }),
    fault("deny for this job", Part::Entry, |s| {
        let own = every_run(&subject_of(s));
        s.policies_mut().push(json!({
            "decision": "deny", "tokenType": "organization", "authorizedPermissions": [],
            "rules": {"sub": own},
        }));
        true
    }),
    fault("entry for a team", Part::Entry, |s| {
        let Some(entry) = s.policies_mut().first_mut() else { return false };
        entry["tokenType"] = "team".into();
        entry["teamName"] = "ops".into();
        true
    }),
    fault("entry for a user", Part::Entry, |s| {
        let Some(entry) = s.policies_mut().first_mut() else { return false };
        entry["tokenType"] = "personal".into();
        entry["userLogin"] = "ada".into();
        true
    }),
    fault("team with its scope's prefix", Part::Ask, |s| {
        let Some(entry) = s.policies_mut().first_mut() else { return false };
        entry["tokenType"] = "team".into();
        entry["teamName"] = "team:ops".into();
        set_flag(s, "--oidc-team", "ops")
    }),
    fault("another team", Part::Ask, |s| {
        let Some(entry) = s.policies_mut().first_mut() else { return false };
        entry["tokenType"] = "team".into();
        entry["teamName"] = "ops".into();
        set_flag(s, "--oidc-team", "dev")
    }),
    fault("team without an entry", Part::Ask, |s| set_flag(s, "--oidc-team", "ops")),
    fault("team and user", Part::Ask, |s| {
        set_flag(s, "--oidc-team", "ops") && set_flag(s, "--oidc-user", "ada")
    }),
    fault("admin", Part::Ask, |s| set_flag(s, "--scope", "admin")),
    // The registration.
    fault("another issuer is registered", Part::Registration, |s| {
        set_registration(s, "url", "https://idp.acme.test")
            && set_registration(s, "issuer", "https://idp.acme.test")
    }),
    fault("slash at the end of the issuer", Part::Registration, |s| {
        let issuer = format!("{}/", s.claims()["iss"].as_str().unwrap());
        set_registration(s, "url", issuer.clone()) && set_registration(s, "issuer", issuer)
    }),
    fault("plain http is registered", Part::Registration, |s| {
        let issuer = s.claims()["iss"].as_str().unwrap().replacen("https", "http", 1);
        set_registration(s, "url", issuer.clone()) && set_registration(s, "issuer", issuer)
    }),
    fault("stale static keys", Part::Registration, |s| {
        set_registration(s, "jwks", json!({"keys": [{"kty": "RSA", "kid": "old"}]}))
    }),
    fault("another organization", Part::Organization, |s| {
        s.document["organization"] = "globex".into();
        true
    }),
    fault("no organization", Part::Organization, |s| {
        s.login.remove("--oidc-org");
        true
    }),
    fault("the login names another organization", Part::Organization, |s| {
        set_flag(s, "--oidc-org", "globex")
    }),
    // The login and its surroundings.
    fault("a day as duration", Part::Expiration, |s| set_flag(s, "--oidc-expiration", "1d")),
    fault("no duration", Part::Expiration, |s| set_flag(s, "--oidc-expiration", "soon")),
    fault("URL twice", Part::Backend, |s| {
        set_flag(s, "url", "https://api.pulumi.com")
            && set_flag(s, "--cloud-url", "https://pulumi.acme.test")
    }),
    fault("URL without scheme", Part::Backend, |s| set_flag(s, "url", "pulumi.acme.test")),
    fault("path behind a self-hosted origin", Part::Backend, |s| {
        set_flag(s, "url", "https://pulumi.acme.test/console/")
    }),
    fault("trailing slash", Part::Backend, |s| set_flag(s, "url", "https://pulumi.acme.test/")),
    fault("plain http", Part::Backend, |s| set_flag(s, "url", "http://pulumi.acme.test:8443")),
    fault("console", Part::Backend, |s| set_flag(s, "--cloud-url", "https://app.pulumi.com/acme")),
    fault("variable without scheme", Part::Backend, |s| {
        set_variable(s, "PULUMI_BACKEND_URL", "pulumi.acme.test:8443")
    }),
    fault("scheme misspelt in the project", Part::Backend, |s| {
        s.project = Some("htps://pulumi.acme.test".to_owned());
        true
    }),
    fault("access token", Part::Environment, |s| set_variable(s, "PULUMI_ACCESS_TOKEN", "set")),
    fault("helper on PATH", Part::Cli, |s| {
        s.helper_on_path = true;
        s.cli = "3.276.0".to_owned();
        true
    }),
    fault("helper in a variable", Part::Cli, |s| {
        s.cli = "3.276.0".to_owned();
        set_variable(s, "PULUMI_CREDENTIAL_HELPER", "/opt/helper")
    }),
    fault("old CLI", Part::Cli, |s| {
        s.cli = "3.200.0".to_owned();
        true
    }),
    fault("too many requests", Part::Answer, |s| {
        s.transient_status = Some(429);
        true
    }),
    fault("service unavailable", Part::Answer, |s| {
        s.transient_status = Some(503);
        true
    }),
];
