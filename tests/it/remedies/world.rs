//! A login that can be broken and repaired: the job, the command, its environment, and the policy
//! in Pulumi Cloud. The evidence for the program is made from it as in a support bundle.

use std::collections::BTreeMap;

use doctor::evidence::{Evidence, PolicySource};
use doctor::policy::document;
use serde_json::{Map, Value, json};

use super::jobs::{Job, Model, ORGANIZATION};
use crate::reference;

/// The time of every run.
const NOW: &str = "2026-09-21T14:14:00Z";

/// A login.
#[derive(Clone)]
pub struct State {
    pub model: &'static Model,
    pub job: Job,
    /// Flags by name, and `url`.
    pub login: BTreeMap<String, String>,
    pub environment: BTreeMap<String, String>,
    /// `backend.url` of the project file.
    pub project: Option<String>,
    /// Whether a credential helper is on `PATH`.
    pub helper_on_path: bool,
    pub cli: String,
    /// The policy document in Pulumi Cloud, in the doctor's form.
    pub document: Value,
    /// Pulumi Cloud's status for the first exchange, if that fails only temporarily.
    pub transient_status: Option<u16>,
}

impl State {
    /// A login that works. The policy is for this job, or for its whole project if `is_wide`.
    pub fn healthy(model: &'static Model, is_wide: bool, has_ids: bool) -> Self {
        let job = Job { has_ids, ..Job::new(model) };
        let claims = model.claims(&job);
        let mut login = BTreeMap::new();
        login.insert("--oidc-org".to_owned(), ORGANIZATION.to_owned());
        Self {
            model,
            login,
            environment: BTreeMap::new(),
            project: None,
            helper_on_path: false,
            cli: "3.270.0".to_owned(),
            document: json!({
                "organization": ORGANIZATION,
                "issuers": [{
                    "name": "ci",
                    "url": claims["iss"],
                    "issuer": claims["iss"],
                    "policies": [entry(&claims, is_wide)],
                }],
            }),
            transient_status: None,
            job,
        }
    }

    pub fn claims(&self) -> Map<String, Value> {
        self.model.claims(&self.job)
    }

    /// The policies of the registration for this token's issuer.
    pub fn policies(&self) -> Vec<Value> {
        let issuer = self.claims()["iss"].clone();
        let issuers = self.document["issuers"].as_array().unwrap();
        let own = issuers.iter().find(|one| one["issuer"] == issuer);
        own.and_then(|one| one["policies"].as_array().cloned()).unwrap_or_default()
    }

    pub fn policies_mut(&mut self) -> &mut Vec<Value> {
        let issuer = self.claims()["iss"].clone();
        let issuers = self.document["issuers"].as_array_mut().unwrap();
        let index = issuers.iter().position(|one| one["issuer"] == issuer).unwrap_or(0);
        issuers[index]["policies"].as_array_mut().unwrap()
    }

    /// Whether the policies let in another job with the same login.
    pub fn admits(&self, policies: &[Value], job: &Job) -> bool {
        let flag = |name: &str| self.login.get(name).map(String::as_str);
        let (team, user) = (flag("--oidc-team"), flag("--oidc-user"));
        let kind = match (team, user) {
            (Some(_), _) => "team",
            (_, Some(_)) => "personal",
            _ => "organization",
        };
        let admin = flag("--scope") == Some("admin");
        reference::decide(policies, &self.model.claims(job), kind, team, user, None, admin)
    }

    /// The organization that the CLI logs in to.
    pub fn organization(&self) -> Option<String> {
        let claims = self.claims();
        let claimed = claims["aud"].as_str().and_then(|aud| aud.strip_prefix("urn:pulumi:org:"));
        self.login.get("--oidc-org").cloned().or(claimed.map(str::to_owned))
    }

    /// Whether the login works, by the documented rules of the CLI and Pulumi Cloud.
    pub fn works(&self) -> bool {
        let claims = self.claims();
        let flag = |name: &str| self.login.get(name).map(String::as_str);
        let claimed = claims["aud"].as_str().and_then(|aud| aud.strip_prefix("urn:pulumi:org:"));
        let conflict = matches!((flag("--oidc-org"), claimed), (Some(a), Some(b)) if a != b);
        let newest = self.cli == "3.276.0";
        let helper = self.environment.get("PULUMI_CREDENTIAL_HELPER").map(String::as_str);
        let has_helper = newest
            && (self.helper_on_path && helper.is_none()
                || helper.is_some_and(|name| name != "none"));
        let both = |one: &str, other: &str| flag(one).is_some() && flag(other).is_some();
        let is_refused = conflict
            || has_helper
            || both("--oidc-team", "--oidc-user")
            || both("url", "--cloud-url");
        let issuers = self.document["issuers"].as_array().unwrap();
        !is_refused
            && self.cli != "3.200.0"
            && !self.environment.contains_key("PULUMI_ACCESS_TOKEN")
            && flag("--oidc-expiration").is_none_or(|text| text.ends_with(['h', 'm', 's']))
            && is_usable(&self.backend())
            && self.organization().as_deref() == self.document["organization"].as_str()
            && issuers.iter().any(|one| one["issuer"] == claims["iss"])
            && !self.has_stale_keys()
            && self.admits(&self.policies(), &self.job)
            && self.transient_status.is_none()
    }

    /// Whether the registration has keys that did not sign the token.
    fn has_stale_keys(&self) -> bool {
        let issuer = self.claims()["iss"].clone();
        let issuers = self.document["issuers"].as_array().unwrap();
        issuers.iter().any(|one| one["issuer"] == issuer && one.get("jwks").is_some())
    }

    /// The backend's URL, by the CLI's precedence.
    pub fn backend(&self) -> String {
        let flag = |name: &str| self.login.get(name).filter(|url| !url.is_empty()).cloned();
        flag("url")
            .or_else(|| flag("--cloud-url"))
            .or_else(|| self.environment.get("PULUMI_BACKEND_URL").cloned())
            .or_else(|| self.project.clone())
            .unwrap_or_else(|| "https://api.pulumi.com".to_owned())
    }

    /// A text that is equal only for equal states.
    pub fn fingerprint(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {} {} {:?} {}",
            self.job,
            self.login,
            self.environment,
            self.project,
            self.helper_on_path,
            self.cli,
            self.transient_status,
            self.document
        )
    }

    /// The evidence that the program would gather.
    pub fn evidence(&self) -> Evidence {
        let flag = |name: &str| self.login.get(name).cloned();
        let nothing = json!({ "outcome": "notRun" });
        let mut candidates = Vec::new();
        let mut add = |url: Option<String>, source: Value| {
            if let Some(url) = url {
                candidates.push(json!({ "url": url, "source": source }));
            }
        };
        add(flag("url"), json!({"kind": "argument"}));
        add(flag("--cloud-url"), json!({"kind": "flag"}));
        add(
            self.environment.get("PULUMI_BACKEND_URL").cloned(),
            json!({"kind": "environment", "name": "PULUMI_BACKEND_URL"}),
        );
        add(self.project.clone(), json!({"kind": "project", "path": "Pulumi.yaml", "line": 3}));
        let twice = match (flag("url"), flag("--cloud-url")) {
            (Some(url), Some(other)) => json!([
                {"url": url, "source": {"kind": "argument"}},
                {"url": other, "source": {"kind": "flag"}},
            ]),
            _ => Value::Null,
        };
        let (keys, signature) = match self.has_stale_keys() {
            true => (json!({"kind": "registration"}), json!({"kind": "keyNotFound"})),
            false => (json!({"kind": "none"}), json!({"kind": "notChecked"})),
        };
        let helper = match self.environment.get("PULUMI_CREDENTIAL_HELPER").map(String::as_str) {
            Some("none") => json!({"kind": "disabled"}),
            Some(path) => json!({"kind": "found", "path": path, "source":
                {"kind": "environment", "name": "PULUMI_CREDENTIAL_HELPER"}}),
            None if self.helper_on_path => json!({"kind": "found",
                "path": "/usr/bin/pulumi-credential-helper", "source": {"kind": "path"}}),
            None => json!({"kind": "none"}),
        };
        let mut evidence: Evidence = serde_json::from_value(json!({
            "startedAt": NOW, "now": NOW, "durationMs": 0,
            "options": {
                "setting": { "kind": "login", "platform": null }, "offline": true,
                "noExchange": false, "nowGiven": false, "allowPrivateIssuer": false,
                "insecure": self.login.contains_key("--insecure"),
            },
            "input": {
                "source": { "kind": "oidcTokenFlag" }, "problem": null, "wrapped": [],
                "typedOnTerminal": false, "tried": [], "unused": [],
            },
            "token": {
                "header": { "alg": "RS256", "kid": "k" }, "claims": self.claims(), "duplicates": [],
                "fingerprint": "", "signatureBytes": 256,
            },
            "login": {
                "tokenNamed": true, "organization": flag("--oidc-org"), "team": flag("--oidc-team"),
                "user": flag("--oidc-user"), "expiration": flag("--oidc-expiration"),
                "scope": flag("--scope"),
                "accessTokenInEnvironment": self.environment.contains_key("PULUMI_ACCESS_TOKEN"),
                "cli": { "kind": "given", "version": self.cli }, "helper": helper,
            },
            "backend": {
                "candidates": candidates, "local": false, "givenTwice": twice,
                "project": { "kind": "notFound" }, "credentials": { "kind": "notFound" },
            },
            "policy": { "kind": "none" },
            "issuer": {
                "addresses": [], "discovery": nothing, "jwks": nothing,
                "keySource": keys, "keys": null, "signature": signature, "chain": null,
            },
            "cloud": {
                "capabilities": nothing, "chain": null, "exchange": self.exchange(&nothing),
                "exchangeSkipped": null, "accessToken": { "kind": "none" }, "whoami": nothing,
            },
        }))
        .unwrap();
        evidence.policy = PolicySource::File {
            path: "policy.json".into(),
            document: document::parse(&self.document.to_string()).unwrap(),
        };
        evidence
    }

    fn exchange(&self, nothing: &Value) -> Value {
        let Some(status) = self.transient_status else { return nothing.clone() };
        json!({ "outcome": "answered", "elapsedMs": 1, "answer": { "kind": "refused", "answer": {
            "url": format!("{}/api/oauth/token", self.backend()), "status": status,
            "contentType": "application/json", "location": null, "retryAfter": null,
            "requestId": null, "route": {}, "clockOffsetSeconds": null, "attempts": 1,
            "body": { "kind": "empty" },
        } } })
    }
}

/// Whether the CLI can make requests to the URL.
fn is_usable(url: &str) -> bool {
    // A path or plain http is only a warning.
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.starts_with("app.pulumi.com"))
}

/// An entry for this job, or for its project if `is_wide`.
fn entry(claims: &Map<String, Value>, is_wide: bool) -> Value {
    let subject = claims["sub"].as_str().unwrap();
    let audience = match &claims["aud"] {
        Value::Array(all) => all.last().unwrap().clone(),
        one => one.clone(),
    };
    json!({
        "decision": "allow", "tokenType": "organization", "authorizedPermissions": [],
        "roleID": "b9d5b6a0-3b7f-4c52-9a55-0f2f1b8a6f3e",
        "rules": {"aud": audience, "sub": if is_wide { every_job_of_project(subject) } else { every_run(subject) }},
    })
}

/// The subject of every run of the job.
pub fn every_run(subject: &str) -> String {
    let parts = subject.split_inclusive([':', '/']).scan("", |before, part| {
        let varies = *before == "commit:" || *before == "user/";
        *before = part;
        let end = part.trim_start_matches(|c| !":/".contains(c));
        Some(if varies { format!("*{end}") } else { part.to_owned() })
    });
    let text: String = parts.collect();
    // Bitbucket's step.
    match text.strip_prefix('{').and_then(|rest| rest.split_once("}:{")) {
        Some((repository, _)) => format!("{{{repository}}}:*"),
        None => text,
    }
}

/// The subject of every job of the project.
fn every_job_of_project(subject: &str) -> String {
    let separator = if subject.contains(':') { ':' } else { '/' };
    let keep = match subject {
        text if text.starts_with("repo:") || text.starts_with("project_path:") => 2,
        text if text.contains(":pipeline:") => 4,
        text if text.starts_with("organization:") => text.split(':').count() - 2,
        text if text.starts_with("org/") => 4,
        text if text.starts_with('{') => 1,
        _ => return every_run(subject),
    };
    let kept: Vec<&str> = subject.split(separator).take(keep).collect();
    format!("{}{separator}*", kept.join(&separator.to_string()))
}
