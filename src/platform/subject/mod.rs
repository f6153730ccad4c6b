//! Subjects by shape: what the parts of a platform's `sub` are called.
//!
//! A shape is data: literal text with named parts in braces. The shapes are those that the
//! platforms document for their OIDC tokens; a customised subject has none, and is left as it is.

#[cfg(test)]
mod tests;

use crate::platform::entra::EntraSubject;
use crate::policy::pattern;
use crate::policy::rule_pattern::{Piece, RefusedValue, RulePattern};

/// How a platform writes a subject.
struct Shape {
    /// The platform.
    platform: &'static str,
    /// What the issuer's URL begins with, where the text alone would fit others too.
    issuer: &'static str,
    /// Literal text, with the parts in braces. A part goes to the next literal text, the last one
    /// to the end.
    template: &'static str,
    /// The parts that are another value in another run.
    varying: &'static [Varying],
    /// A part that is a name, and the path of the claim that holds the id of what it names.
    id: Option<(&'static str, &'static str)>,
    /// Paths of claims that say of the job what this subject leaves out.
    beside: &'static [&'static str],
}

/// A part that is another value in another run of the same job.
#[derive(Debug, PartialEq, Eq)]
pub struct Varying {
    /// The part.
    pub name: &'static str,
    /// The pattern for all of its values.
    pattern: &'static str,
    /// How it varies: what a sentence goes on with that begins with its name.
    pub why: &'static str,
}

const COMMIT: Varying = Varying {
    name: "commit",
    // A hash; `HEAD` leaves it open.
    pattern: "........................................",
    why: "is whichever is built",
};
const STEP: Varying = Varying { name: "step", pattern: UUID, why: "is another one in every run" };
// Of fixed length, so that its pattern cannot reach into a branch's name.
const USER: Varying = Varying {
    name: "user",
    pattern: "........-....-....-....-............",
    why: "is whoever starts the run",
};

const PHASE: Varying =
    Varying { name: "run phase", pattern: "*", why: "is plan, then apply of the same run" };

/// A Bitbucket step's id: of fixed length, so that its pattern cannot reach over an environment.
const UUID: &str = "{........-....-....-....-............}";
const BITBUCKET: &str = "https://api.bitbucket.org/";

const fn shape(platform: &'static str, template: &'static str) -> Shape {
    Shape { platform, issuer: "", template, varying: &[], id: None, beside: &[] }
}

const fn github(template: &'static str) -> Shape {
    Shape { id: Some(("repository", "repository_id")), ..shape("GitHub Actions", template) }
}

const fn circleci(template: &'static str, beside: &'static [&'static str]) -> Shape {
    Shape { varying: &[USER], beside, ..shape("CircleCI", template) }
}

const fn buildkite(template: &'static str) -> Shape {
    Shape { varying: &[COMMIT], ..shape("Buildkite", template) }
}

const fn bitbucket(template: &'static str, beside: &'static [&'static str]) -> Shape {
    Shape { issuer: BITBUCKET, varying: &[STEP], beside, ..shape("Bitbucket Pipelines", template) }
}

/// Every shape; of several that fit, the first counts.
const SHAPES: &[Shape] = &[
    bitbucket("{repository}:{environment}:{step}", &[]),
    bitbucket("{repository}:{step}", &["branchName"]),
    github("repo:{repository}:environment:{environment}"),
    github("repo:{repository}:ref:refs/heads/{branch}"),
    github("repo:{repository}:ref:refs/tags/{tag}"),
    github("repo:{repository}:{context}"),
    shape("Azure DevOps", "sc://{organization}/{project}/{service connection}"),
    shape("Azure DevOps", "p://{organization}/{project}/{pipeline}"),
    Shape {
        id: Some(("project", "project_id")),
        ..shape("GitLab", "project_path:{project}:ref_type:{kind of ref}:ref:{ref}")
    },
    Shape {
        id: Some(("service account", "\"kubernetes.io\".serviceaccount.uid")),
        ..shape("Kubernetes", "system:serviceaccount:{namespace}:{service account}")
    },
    circleci(
        "org/{organization}/project/{project}/user/{user}/vcs-origin/{repository}/vcs-ref/{ref}",
        &[],
    ),
    circleci(
        "org/{organization}/project/{project}/user/{user}",
        &["\"oidc.circleci.com/vcs-origin\"", "\"oidc.circleci.com/vcs-ref\""],
    ),
    // A step may have no key.
    buildkite(
        "organization:{organization}:pipeline:{pipeline}:ref:{ref}:commit:{commit}:step:{step}",
    ),
    buildkite("organization:{organization}:pipeline:{pipeline}:ref:{ref}:commit:{commit}:step:"),
    Shape {
        varying: &[PHASE],
        id: Some(("workspace", "terraform_workspace_id")),
        ..shape(
            "HCP Terraform",
            "organization:{organization}:project:{project}:workspace:{workspace}:run_phase:{run phase}",
        )
    },
    shape("Spacelift", "space:{space}:stack:{stack}:run_type:{run type}:scope:{scope}"),
    shape("Spacelift", "space:{space}:module:{module}:run_type:{run type}:scope:{scope}"),
    shape(
        "Pulumi Deployments",
        "pulumi:deploy:org:{organization}:project:{project}:stack:{stack}:operation:{operation}:scope:{scope}",
    ),
    shape("Pulumi ESC", "pulumi:environments:org:{organization}:env:{environment}"),
];

/// The literal text of all shapes, piece by piece.
pub(crate) fn literals() -> impl Iterator<Item = &'static str> {
    let templates = SHAPES.iter().flat_map(|shape| shape.template.split('{'));
    templates
        .map(|part| part.split_once('}').map_or(part, |(_, literal)| literal))
        .filter(|literal| literal.contains(|c: char| c.is_ascii_alphabetic()))
}

/// The paths of the claims that hold the id of what a subject names.
#[cfg(test)]
pub(crate) fn id_claims() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().filter_map(|shape| shape.id).map(|(_, claim)| claim)
}

/// A subject in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The platform whose shape it has.
    pub platform: &'static str,
    /// The parts by name, in their order.
    pub parts: Vec<(&'static str, String)>,
    /// The pattern for the same identity in every run: parts that vary are open in it. Or why the
    /// other parts cannot be a rule.
    pub pattern: Result<RulePattern, RefusedValue>,
    /// The parts that are open.
    pub varying: &'static [Varying],
    /// A part that is a name, and the path of the claim that holds the id of what it names.
    pub id: Option<(&'static str, &'static str)>,
    /// Paths of claims that say of the job what the subject leaves out (CircleCI's branch).
    pub beside: &'static [&'static str],
}

/// Takes a subject apart; `None` where it has no platform's shape.
#[must_use]
pub fn describe(issuer: &str, subject: &str) -> Option<Subject> {
    if let Some(entra) = EntraSubject::parse(subject) {
        return Some(Subject {
            platform: "Azure DevOps",
            parts: entra.parts().map(|(name, value)| (name, value.to_owned())).to_vec(),
            pattern: RulePattern::of_value("sub", subject),
            varying: &[],
            id: None,
            beside: &[],
        });
    }
    let (shape, parts) = shape_of(issuer, subject)?;
    let open = |name: &str, value: &str| -> Option<&'static str> {
        let varying = shape.varying.iter().find(|varying| varying.name == name)?;
        Some(if pattern::matches(varying.pattern, value) { varying.pattern } else { "*" })
    };
    let pattern = RulePattern::new("sub", &pieces(shape.template, &parts, open));
    Some(Subject {
        platform: shape.platform,
        pattern,
        varying: shape.varying,
        parts: parts.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        id: shape.id,
        beside: shape.beside,
    })
}

/// A part of a subject that does not match a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    /// The part.
    pub(crate) name: &'static str,
    /// What the rule has there; `None` where it has not the subject's shape, so that only the place
    /// is known at which both part.
    pub(crate) wanted: Option<&'a str>,
    /// What the subject has.
    pub(crate) has: &'a str,
}

/// The parts in which a subject differs from a rule's pattern: each of them, where the pattern has
/// the subject's shape, else the first.
pub(crate) fn differences<'a>(
    issuer: &str,
    rule: &'a str,
    subject: &'a str,
) -> Vec<Difference<'a>> {
    let Some((shape, parts)) = shape_of(issuer, subject) else { return Vec::new() };
    if let Some(wanted) = split(shape.template, rule) {
        let both = wanted.into_iter().zip(&parts);
        let found: Vec<Difference<'_>> = both
            .filter(|((_, wanted), (_, has))| !pattern::matches(wanted, has))
            .map(|((name, wanted), (_, has))| Difference { name, wanted: Some(wanted), has })
            .collect();
        // A `*` may reach over several parts; then no part by itself is at fault.
        if !found.is_empty() {
            return found;
        }
    }
    // A rule that only ends too early differs in no part.
    if subject.starts_with(rule) {
        return Vec::new();
    }
    let common = pattern::divergence(rule, subject);
    let Some((at, _)) = subject.char_indices().nth(common) else { return Vec::new() };
    // Where the rule goes on behind the part's end, it is the part that differs.
    let within = |(_, value): &&(&str, &str)| {
        let start = value.as_ptr().addr() - subject.as_ptr().addr();
        (start..=start + value.len()).contains(&at)
    };
    let found = parts.iter().find(within);
    found.map(|(name, has)| Difference { name, wanted: None, has }).into_iter().collect()
}

/// Parts by name.
type Parts<'a> = Vec<(&'static str, &'a str)>;

fn shape_of<'a>(issuer: &str, subject: &'a str) -> Option<(&'static Shape, Parts<'a>)> {
    let mut fitting = SHAPES.iter().filter(|shape| issuer.starts_with(shape.issuer));
    fitting.find_map(|shape| Some((shape, split(shape.template, subject)?)))
}

/// The parts of a text of this shape. None is empty.
fn split<'a>(template: &'static str, text: &'a str) -> Option<Parts<'a>> {
    let (mut template, mut text) = (template, text);
    let mut parts = Vec::new();
    loop {
        let Some((literal, rest)) = template.split_once('{') else {
            return (text == template).then_some(parts);
        };
        text = text.strip_prefix(literal)?;
        let (name, rest) = rest.split_once('}')?;
        let next = rest.split('{').next().unwrap_or_default();
        let end = match next {
            "" => text.len(),
            // What closes the template closes the text.
            _ if next.len() == rest.len() => text.len().checked_sub(next.len())?,
            _ => text.find(next)?,
        };
        let (value, behind) = text.split_at_checked(end)?;
        if value.is_empty() {
            return None;
        }
        parts.push((name, value));
        (template, text) = (rest, behind);
    }
}

/// The shape with these parts in it, or with what stands for the parts that vary.
fn pieces<'a>(
    template: &'static str,
    parts: &Parts<'a>,
    open: impl Fn(&str, &str) -> Option<&'static str>,
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    // Every part in the template ends with a brace, and the literal text behind it follows.
    for (index, piece) in template.split('{').enumerate() {
        let (_, literal) = piece.split_once('}').unwrap_or(("", piece));
        if let Some((name, value)) = index.checked_sub(1).and_then(|at| parts.get(at)) {
            pieces.push(open(name, value).map_or(Piece::Value(value), Piece::Varies));
        }
        pieces.push(Piece::Value(literal));
    }
    pieces
}

impl Subject {
    /// The parts that are open in the pattern, a sentence each.
    pub(crate) fn open_parts(&self) -> impl Iterator<Item = String> {
        self.varying.iter().map(|varying| {
            let part = self.parts.iter().find(|(name, _)| *name == varying.name);
            format!(
                "The {} in sub ({}) {}: it is open in the rule.",
                varying.name,
                part.map_or("", |(_, value)| value),
                varying.why
            )
        })
    }
}
