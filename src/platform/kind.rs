//! Kinds of job: how the tokens of other jobs differ from a given job's token.
//!
//! Each platform's file says for every kind which claims change, and to what ([`Kinds`]). Values
//! that can be anything, such as another branch's name, are open parts of a template
//! ([`crate::policy::template`]).

#[cfg(test)]
mod tests;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Audience, Platform, by_issuer, fixed_audience};
use crate::policy::claim_path::ClaimPath;
use crate::policy::evaluate::value_text;
use crate::policy::template::{Open, Template};

/// A kind of job (product contract, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    This,
    Branch,
    ProtectedBranch,
    Tag,
    PullRequest,
    Fork,
    Plan,
    Environment,
    Owner,
    Stranger,
    Audience,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::This,
        Self::Branch,
        Self::ProtectedBranch,
        Self::Tag,
        Self::PullRequest,
        Self::Fork,
        Self::Plan,
        Self::Environment,
        Self::Owner,
        Self::Stranger,
        Self::Audience,
    ];

    /// The name in options and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::Branch => "branch",
            Self::ProtectedBranch => "protected-branch",
            Self::Tag => "tag",
            Self::PullRequest => "pull-request",
            Self::Fork => "fork",
            Self::Plan => "plan",
            Self::Environment => "environment",
            Self::Owner => "owner",
            Self::Stranger => "stranger",
            Self::Audience => "audience",
        }
    }

    /// The description for people.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::This => "this job",
            Self::Branch => "another branch",
            Self::ProtectedBranch => "another protected branch",
            Self::Tag => "a tag",
            Self::PullRequest => "a pull request",
            Self::Fork => "a pull request from a fork",
            Self::Plan => "a speculative plan",
            Self::Environment => "another environment",
            Self::Owner => "another project of the same owner",
            Self::Stranger => "somebody else's job",
            Self::Audience => "a token made for another service",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The kinds of a platform's jobs.
pub(crate) struct Kinds {
    /// The tokens of other kinds, given that of one job. Several of one kind are alternatives.
    pub(crate) others: fn(&GivenJob) -> Vec<Variant>,
    /// The kind of the given token itself, if it is often unwanted (product contract, section 5.3).
    pub(crate) unwanted: fn(&GivenJob) -> Option<Kind>,
    /// Claims that repeat a part of the subject: the part, the claim, and the prefix before the
    /// part.
    pub(crate) parts: &'static [(&'static str, &'static str, &'static str)],
}

/// The claims of a given job.
pub(crate) struct GivenJob<'a> {
    pub(crate) claims: &'a Map<String, Value>,
}

impl<'a> GivenJob<'a> {
    /// The text of the claim at a path.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let value = ClaimPath::parse(path).ok()?.lookup(self.claims)?;
        (!value.is_object() && !value.is_array()).then(|| value_text(value))
    }

    pub(crate) fn subject(&self) -> &'a str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn has_value(&self, path: &str, value: &str) -> bool {
        self.text(path).as_deref() == Some(value)
    }

    /// The audiences that rules are compared with.
    pub(crate) fn audiences(&self) -> Vec<&'a str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// The tokens of one kind of job.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) kind: Kind,
    /// The claims that differ from the given token, by path.
    pub(crate) changes: Vec<(&'static str, Change)>,
    /// Whether all other claims are as in the given token, and not only `iss` and `aud`.
    pub(crate) others_stay: bool,
}

/// How a claim changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    To(Template),
    Absent,
    /// The claim may have any value or be absent.
    Unknown,
}

impl Variant {
    /// A variant with the same claims as the given token.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, changes: Vec::new(), others_stay: true }
    }

    pub(super) fn change(mut self, claim: &'static str, change: Change) -> Self {
        self.changes.retain(|(known, _)| *known != claim);
        self.changes.push((claim, change));
        self
    }

    pub(super) fn set(self, claim: &'static str, template: Template) -> Self {
        self.change(claim, Change::To(template))
    }

    pub(super) fn set_text(self, claim: &'static str, text: &str) -> Self {
        self.set(claim, Template::default().text(text))
    }

    pub(super) fn open(self, claim: &'static str, open: Open) -> Self {
        self.set(claim, Template::default().open(open))
    }

    /// Sets an id to any other than the given token's.
    pub(super) fn other_id(self, given: &GivenJob, claim: &'static str, open: Open) -> Self {
        match given.text(claim) {
            Some(own) => self.open(claim, open.excluding(own)),
            None => self.unknown(&[claim]),
        }
    }

    pub(super) fn unknown(self, claims: &[&'static str]) -> Self {
        claims.iter().fold(self, |variant, claim| variant.change(claim, Change::Unknown))
    }
}

/// A template of fixed text.
pub(super) fn text(text: impl Into<String>) -> Template {
    Template::default().text(text)
}

/// The audience of a token for another service, as an example.
const AUDIENCE: Open = Open::new("audience", "sts.amazonaws.com", "");

/// The audiences of other services for which platforms commonly make tokens.
const OTHER_SERVICES: [&str; 5] =
    ["sts.amazonaws.com", "kubernetes.default.svc", "vault", "sigstore", "iam.googleapis.com"];

/// The platform of a token. If the issuer does not tell, the claims do, since many issuers run
/// under a customer's URL.
pub(crate) fn platform_of(
    issuer: Option<&str>,
    claims: &Map<String, Value>,
) -> Option<&'static Platform> {
    let by_claims = || {
        super::ALL.iter().copied().find(|platform| {
            platform.claims.job.as_ref().is_some_and(|job| {
                job.marks.iter().all(|path| GivenJob { claims }.text(path).is_some())
            })
        })
    };
    let known =
        issuer.and_then(|issuer| by_issuer(issuer).or_else(|| super::public_issuer(issuer)));
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    known
        .filter(|platform| platform.kinds.is_some())
        .or_else(by_claims)
        .or_else(|| super::subject::platform_of(issuer.unwrap_or_default(), subject))
        .or(known)
}

/// The kinds of job that may get a token from the same issuer, the given one first.
pub(crate) fn kinds(platform: Option<&Platform>, claims: &Map<String, Value>) -> Vec<Variant> {
    let given = GivenJob { claims };
    let mut all = vec![Variant::new(Kind::This)];
    match platform.and_then(|platform| platform.kinds.as_ref()) {
        Some(kinds) => all.extend((kinds.others)(&given)),
        // The meaning of its subjects is unknown.
        None => all.push(unknown_stranger(&given)),
    }
    let is_fixed = platform.is_some_and(|platform| matches!(platform.audience, Audience::Fixed(_)))
        || given.audiences().into_iter().any(|audience| fixed_audience(audience).is_some());
    if !is_fixed {
        let other = given.audiences().into_iter().fold(AUDIENCE, Open::excluding);
        all.push(Variant::new(Kind::Audience).open("aud", other));
    }
    let per_run = platform.map_or(&[][..], |platform| platform.claims.per_run);
    for variant in all.iter_mut().skip(1) {
        for claim in per_run {
            if !variant.changes.iter().any(|(known, _)| known == claim) {
                variant.changes.push((claim, Change::Unknown));
            }
        }
    }
    all.sort_by_key(|variant| variant.kind);
    all
}

/// Another identity of an unknown issuer.
fn unknown_stranger(given: &GivenJob) -> Variant {
    const SUBJECT: Open = Open::new("subject", "somebody-else", "");
    let stranger = Variant::new(Kind::Stranger).other_id(given, "sub", SUBJECT);
    Variant { others_stay: false, ..stranger }
}

/// Whether an audience is that of another known service, by its name or the beginning of its host.
pub(crate) fn is_of_another_service(audience: &str) -> bool {
    let name = audience.strip_prefix("https:").unwrap_or(audience).trim_matches('/').to_lowercase();
    OTHER_SERVICES.iter().any(|other| {
        name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    })
}
