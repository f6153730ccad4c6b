//! Subjects by shape: what the parts of a platform's `sub` are called.
//!
//! A shape is data: literal text with named parts in braces. The shapes are those that the
//! platforms document for their OIDC tokens; a customised subject has none, and is left as it is.

use crate::entra::EntraSubject;

/// How a platform writes a subject.
struct Shape {
    /// The platform.
    platform: &'static str,
    /// Literal text, with the parts in braces. A part goes to the next literal text, the last one
    /// to the end.
    template: &'static str,
    /// The parts that are another value in every run.
    varying: &'static [&'static str],
}

const fn shape(platform: &'static str, template: &'static str) -> Shape {
    Shape { platform, template, varying: &[] }
}

/// Every shape; of several that fit, the first counts.
const SHAPES: &[Shape] = &[
    shape("GitHub Actions", "repo:{repository}:environment:{environment}"),
    shape("GitHub Actions", "repo:{repository}:ref:refs/heads/{branch}"),
    shape("GitHub Actions", "repo:{repository}:ref:refs/tags/{tag}"),
    shape("GitHub Actions", "repo:{repository}:{event}"),
    shape("Azure DevOps", "sc://{organization}/{project}/{service connection}"),
    shape("Azure DevOps", "p://{organization}/{project}/{pipeline}"),
    shape("GitLab", "project_path:{project}:ref_type:{kind of ref}:ref:{ref}"),
    shape("Kubernetes", "system:serviceaccount:{namespace}:{service account}"),
    shape(
        "CircleCI",
        "org/{organization}/project/{project}/user/{user}/vcs-origin/{repository}/vcs-ref/{ref}",
    ),
    shape("CircleCI", "org/{organization}/project/{project}/user/{user}"),
    Shape {
        platform: "Buildkite",
        template: "organization:{organization}:pipeline:{pipeline}:ref:{ref}:commit:{commit}:step:{step}",
        varying: &["commit"],
    },
    shape(
        "HCP Terraform",
        "organization:{organization}:project:{project}:workspace:{workspace}:run_phase:{run phase}",
    ),
    shape("Spacelift", "space:{space}:stack:{stack}:run_type:{run type}:scope:{scope}"),
    shape("Spacelift", "space:{space}:module:{module}:run_type:{run type}:scope:{scope}"),
    shape(
        "Pulumi Deployments",
        "pulumi:deploy:org:{organization}:project:{project}:stack:{stack}:operation:{operation}:scope:{scope}",
    ),
    shape("Pulumi ESC", "pulumi:environments:org:{organization}:env:{environment}"),
];

/// What a Bitbucket issuer's URL begins with. Its subject is `{REPOSITORY}:{STEP}`, with an
/// environment between them where the step deploys; the braces are part of it.
const BITBUCKET: &str = "https://api.bitbucket.org/";

/// The literal text of all shapes, piece by piece.
pub(crate) fn literals() -> impl Iterator<Item = &'static str> {
    let templates = SHAPES.iter().flat_map(|shape| shape.template.split('{'));
    templates
        .map(|part| part.split_once('}').map_or(part, |(_, literal)| literal))
        .filter(|literal| literal.contains(|c: char| c.is_ascii_alphabetic()))
}

/// A subject in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The platform whose shape it has.
    pub platform: &'static str,
    /// The parts by name, in their order.
    pub parts: Vec<(&'static str, String)>,
    /// A pattern for the same identity in every run: parts that vary are `*`.
    pub pattern: String,
}

/// Takes a subject apart; `None` where it has no platform's shape.
#[must_use]
pub fn describe(issuer: &str, subject: &str) -> Option<Subject> {
    if let Some(entra) = EntraSubject::parse(subject) {
        let parts = entra.parts().map(|(name, value)| (name, value.to_owned())).to_vec();
        return Some(Subject { platform: "Azure DevOps", parts, pattern: subject.to_owned() });
    }
    if issuer.starts_with(BITBUCKET) {
        return bitbucket(subject);
    }
    SHAPES.iter().find_map(|shape| {
        let parts = split(shape.template, subject)?;
        let pattern = fill(shape.template, &parts, shape.varying);
        let parts = parts.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Some(Subject { platform: shape.platform, parts, pattern })
    })
}

fn bitbucket(subject: &str) -> Option<Subject> {
    let (rest, step) = subject.rsplit_once(':')?;
    let mut parts = Vec::new();
    match rest.split_once(':') {
        Some((repository, environment)) => {
            parts.push(("repository", repository.to_owned()));
            parts.push(("environment", environment.to_owned()));
        }
        None => parts.push(("repository", rest.to_owned())),
    }
    parts.push(("step", step.to_owned()));
    Some(Subject { platform: "Bitbucket Pipelines", parts, pattern: format!("{rest}:*") })
}

/// The parts of a rule's pattern and of a subject by the subject's shape: name, pattern, value.
/// `None` where the pattern is of another shape.
pub(crate) fn side_by_side<'a>(
    rule: &'a str,
    subject: &'a str,
) -> Option<Vec<(&'static str, &'a str, &'a str)>> {
    let shape = SHAPES.iter().find(|shape| split(shape.template, subject).is_some())?;
    let (wanted, has) = (split(shape.template, rule)?, split(shape.template, subject)?);
    Some(wanted.into_iter().zip(has).map(|((name, w), (_, h))| (name, w, h)).collect())
}

/// The parts of a text of this shape. None is empty.
fn split<'a>(template: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let (mut template, mut text) = (template, text);
    let mut parts = Vec::new();
    loop {
        let Some((literal, rest)) = template.split_once('{') else {
            return (text == template).then_some(parts);
        };
        text = text.strip_prefix(literal)?;
        let (name, rest) = rest.split_once('}')?;
        let next = rest.split('{').next().unwrap_or_default();
        let end = if next.is_empty() { text.len() } else { text.find(next)? };
        let (value, behind) = text.split_at_checked(end)?;
        if value.is_empty() {
            return None;
        }
        parts.push((name, value));
        (template, text) = (rest, behind);
    }
}

/// The shape with these parts in it, those that vary as `*`.
fn fill(template: &str, parts: &[(&'static str, &str)], varying: &[&str]) -> String {
    parts.iter().fold(template.to_owned(), |text, (name, value)| {
        let value = if varying.contains(name) { "*" } else { value };
        text.replacen(&format!("{{{name}}}"), value, 1)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_platform_s_subject_is_taken_apart() {
        let cases = [
            ("", "repo:acme/web:environment:prod", "GitHub Actions", "environment=prod"),
            (
                "",
                "repo:acme/web:ref:refs/heads/feature/a:b",
                "GitHub Actions",
                "branch=feature/a:b",
            ),
            ("", "repo:acme@1/web@2:ref:refs/tags/v1", "GitHub Actions", "repository=acme@1/web@2"),
            ("", "repo:acme/web:pull_request", "GitHub Actions", "event=pull_request"),
            ("", "sc://acme/Web Shop/prod", "Azure DevOps", "project=Web Shop"),
            ("", "p://acme/web/deploy", "Azure DevOps", "pipeline=deploy"),
            (
                "",
                "/eid1/c/pub/t/rISbSSETf0KqFyZ8ppdXmA/a/rISbSSETf0KqFyZ8ppdXmA/sc/org/conn",
                "Azure DevOps",
                "tenant=499b84ac-1321-427f-aa17-267ca6975798",
            ),
            ("", "project_path:a/b/c:ref_type:tag:ref:v1", "GitLab", "kind of ref=tag"),
            ("", "system:serviceaccount:ci:runner", "Kubernetes", "namespace=ci"),
            ("", "org/o/project/p/user/u", "CircleCI", "user=u"),
            (
                "",
                "org/o/project/p/user/u/vcs-origin/github.com/a/b/vcs-ref/refs/heads/main",
                "CircleCI",
                "repository=github.com/a/b",
            ),
            (
                "",
                "organization:o:pipeline:p:ref:refs/heads/main:commit:c0ffee:step:deploy",
                "Buildkite",
                "ref=refs/heads/main",
            ),
            (
                "",
                "organization:o:project:p:workspace:w:run_phase:apply",
                "HCP Terraform",
                "run phase=apply",
            ),
            ("", "space:s:stack:t:run_type:TRACKED:scope:write", "Spacelift", "stack=t"),
            (
                "",
                "pulumi:deploy:org:o:project:p:stack:s:operation:update:scope:write",
                "Pulumi Deployments",
                "operation=update",
            ),
            (
                "https://api.bitbucket.org/2.0/x",
                "{repo}:{step}",
                "Bitbucket Pipelines",
                "step={step}",
            ),
        ];
        for (issuer, subject, platform, part) in cases {
            let found = describe(issuer, subject).unwrap_or_else(|| panic!("{subject}"));
            let parts: Vec<String> =
                found.parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(found.platform, platform, "{subject}");
            assert!(parts.iter().any(|p| p == part), "{subject}: {parts:?}");
        }
        for other in ["", "ada", "repo:", "repo:acme/web:", "sc://a/b", "system:serviceaccount:x:"]
        {
            assert_eq!(describe("https://a.example", other), None, "{other}");
        }
    }

    #[test]
    fn what_varies_is_open_in_the_pattern() {
        let buildkite = describe("", "organization:o:pipeline:p:ref:r:commit:c0ffee:step:deploy");
        let pattern = "organization:o:pipeline:p:ref:r:commit:*:step:deploy";
        assert_eq!(buildkite.unwrap().pattern, pattern);
        let bitbucket = describe("https://api.bitbucket.org/2.0/x", "{repo}:{step}").unwrap();
        assert_eq!(bitbucket.pattern, "{repo}:*");
        let github = "repo:acme/web:ref:refs/heads/main";
        assert_eq!(describe("", github).unwrap().pattern, github);
    }

    proptest! {
        #[test]
        fn the_parts_make_up_the_whole(index in 0..SHAPES.len(), value in "[a-z0-9_-]{1,12}") {
            let template = SHAPES[index].template;
            let names: Vec<&'static str> =
                template.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
            let parts: Vec<_> = names.iter().map(|name| (*name, value.as_str())).collect();
            let text = fill(template, &parts, &[]);
            let found = describe("", &text);
            prop_assert!(found.is_some(), "{}", text);
            prop_assert!(crate::policy::pattern::matches(&found.unwrap().pattern, &text));
        }

        #[test]
        fn no_text_makes_it_panic(issuer in ".{0,40}", subject in ".{0,80}") {
            let _ = describe(&issuer, &subject);
            let _ = side_by_side(&issuer, &subject);
        }
    }
}
