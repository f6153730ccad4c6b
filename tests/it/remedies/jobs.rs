//! The tokens that jobs of the CI platforms get, and what jobs can choose. From the platforms'
//! documentation and independent of the program.

use serde_json::{Map, Value};

use crate::support::object;

/// What a token says about its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub owner: String,
    pub project: String,
    /// The name of a branch or a tag.
    pub branch: String,
    pub is_tag: bool,
    pub is_protected: bool,
    pub is_pull_request: bool,
    /// A plan, a proposed run or a preview.
    pub is_plan: bool,
    pub environment: Option<String>,
    /// The audience that the job requests, if it can.
    pub audience: String,
    /// Whether GitHub's subject has ids.
    pub has_ids: bool,
    /// The number of the run, from which all values are made that differ in every run.
    pub run: u32,
}

/// A platform.
pub struct Model {
    pub name: &'static str,
    pub issuer: fn(&Job) -> String,
    /// The claims without `iss` and times.
    pub mint: fn(&Job) -> Value,
    pub can: Can,
}

/// What jobs of the platform can choose.
#[derive(Default, Clone, Copy)]
pub struct Can {
    pub audience: bool,
    pub branch: bool,
    pub tag: bool,
    pub environment: bool,
    pub pull_request: bool,
    pub plan: bool,
    pub protection: bool,
}

pub const ORGANIZATION: &str = "acme";

/// Stands for the audience that tokens have if the job requests none.
pub const DEFAULT_AUDIENCE: &str = "default";

impl Job {
    pub fn new(model: &Model) -> Self {
        let audience = if model.can.audience { "urn:pulumi:org:acme" } else { DEFAULT_AUDIENCE };
        Self {
            owner: "acme".to_owned(),
            project: "web-shop".to_owned(),
            branch: "main".to_owned(),
            is_tag: false,
            is_protected: true,
            is_pull_request: false,
            is_plan: false,
            environment: None,
            audience: audience.to_owned(),
            has_ids: false,
            run: 1,
        }
    }

    /// A number derived from the text.
    pub fn numeric_id(text: &str) -> u32 {
        text.bytes().fold(7, |sum, byte| (sum * 31 + u32::from(byte)) % 100_000)
    }

    pub fn uuid(text: &str) -> String {
        let id = Self::numeric_id(text);
        format!("{id:08x}-2c4f-4e0a-9c35-{id:012x}")
    }

    pub fn git_ref(&self) -> String {
        match (self.is_pull_request, self.is_tag) {
            (true, _) => format!("refs/pull/{}/merge", self.run),
            (_, true) => format!("refs/tags/{}", self.branch),
            _ => format!("refs/heads/{}", self.branch),
        }
    }
}

impl Model {
    pub fn claims(&self, job: &Job) -> Map<String, Value> {
        let mut claims = object((self.mint)(job));
        claims.insert("iss".to_owned(), (self.issuer)(job).into());
        claims.insert("iat".to_owned(), 1_790_000_000_u32.into());
        claims.insert("exp".to_owned(), 1_790_003_600_u32.into());
        claims
    }

    /// A job of the project whose token has this claim, if there can be one.
    pub fn with_claim(&self, job: &Job, claim: &str, value: &str) -> Option<Job> {
        if claim == "aud" {
            return self.can.audience.then(|| Job { audience: value.to_owned(), ..job.clone() });
        }
        let has = |job: &Job| {
            crate::reference::rule_matches(&self.claims(job), claim, &Value::from(value))
        };
        let candidates = self.candidates(job, claim, value);
        candidates.into_iter().find(has)
    }

    /// Other jobs of the same project, which may have the claim.
    fn candidates(&self, job: &Job, claim: &str, value: &str) -> Vec<Job> {
        let last = |separator: char| value.rsplit(separator).next().unwrap_or(value).to_owned();
        let names = [
            value.to_owned(),
            last(':'),
            last('/'),
            value
                .split("refs/heads/")
                .last()
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
            value
                .split("refs/tags/")
                .last()
                .unwrap_or_default()
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned(),
        ];
        let mut all = vec![job.clone()];
        for name in names {
            let plain = Job { is_pull_request: false, ..job.clone() };
            if self.can.branch {
                let on = Job { branch: name.clone(), is_tag: false, ..plain.clone() };
                all.push(Job { environment: None, ..on.clone() });
                all.push(on);
            }
            if self.can.tag {
                all.push(Job {
                    branch: name.clone(),
                    is_tag: true,
                    environment: None,
                    ..plain.clone()
                });
            }
            if self.can.environment {
                all.push(Job { environment: Some(name.clone()), ..plain.clone() });
            }
        }
        if self.can.protection {
            all.push(Job { is_protected: !job.is_protected, ..job.clone() });
        }
        if self.can.plan {
            all.push(Job { is_plan: !job.is_plan, ..job.clone() });
        }
        if self.can.pull_request {
            all.push(Job { is_pull_request: !job.is_pull_request, ..job.clone() });
        }
        // Another owner's job is not meant, even if it has the claim.
        all.retain(|one| claim != "sub" || one.owner == job.owner);
        all
    }
}
