#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

#[test]
fn subjects_of_every_platform_are_split() {
    let cases = [
        ("", "repo:acme/web:environment:prod", Id::GitHubActions, "environment=prod"),
        ("", "repo:acme/web:ref:refs/heads/feature/a:b", Id::GitHubActions, "branch=feature/a:b"),
        ("", "repo:acme@1/web@2:ref:refs/tags/v1", Id::GitHubActions, "repository=acme@1/web@2"),
        ("", "repo:acme/web:pull_request", Id::GitHubActions, "context=pull_request"),
        ("", "sc://acme/Web Shop/prod", Id::AzurePipelines, "project=Web Shop"),
        ("", "p://acme/web/deploy", Id::AzurePipelines, "pipeline=deploy"),
        (
            "",
            "/eid1/c/pub/t/rISbSSETf0KqFyZ8ppdXmA/a/rISbSSETf0KqFyZ8ppdXmA/sc/org/conn",
            Id::AzurePipelines,
            "tenant=499b84ac-1321-427f-aa17-267ca6975798",
        ),
        ("", "project_path:a/b/c:ref_type:tag:ref:v1", Id::GitLab, "kind of ref=tag"),
        ("", "system:serviceaccount:ci:runner", Id::Kubernetes, "namespace=ci"),
        ("", "org/o/project/p/user/u", Id::CircleCi, "user=u"),
        (
            "",
            "org/o/project/p/user/u/vcs-origin/github.com/a/b/vcs-ref/refs/heads/main",
            Id::CircleCi,
            "repository=github.com/a/b",
        ),
        (
            "",
            "organization:o:pipeline:p:ref:refs/heads/main:commit:c0ffee:step:deploy",
            Id::Buildkite,
            "ref=refs/heads/main",
        ),
        (
            "",
            "organization:o:project:p:workspace:w:run_phase:apply",
            Id::HcpTerraform,
            "run phase=apply",
        ),
        ("", "space:s:stack:t:run_type:TRACKED:scope:write", Id::Spacelift, "stack=t"),
        (
            "",
            "pulumi:deploy:org:o:project:p:stack:s:operation:update:scope:write",
            Id::PulumiDeployments,
            "operation=update",
        ),
        ("https://api.bitbucket.org/2.0/x", "{repo}:{step}", Id::Bitbucket, "step={step}"),
    ];
    let more = [
        (
            "",
            "repo:acme/web:job_workflow_ref:a/b@c",
            Id::GitHubActions,
            "context=job_workflow_ref:a/b@c",
        ),
        ("", "organization:o:pipeline:p:ref:r:commit:c0ffee:step:", Id::Buildkite, "commit=c0ffee"),
        ("https://api.bitbucket.org/2.0/x", "{r}:{e}:{s}", Id::Bitbucket, "environment={e}"),
    ];
    for (issuer, subject, platform, part) in cases.into_iter().chain(more) {
        let found = describe(issuer, subject).unwrap_or_else(|| panic!("{subject}"));
        let parts: Vec<String> =
            found.parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found.platform, platform, "{subject}");
        assert!(parts.iter().any(|p| p == part), "{subject}: {parts:?}");
    }
    for other in ["", "ada", "repo:", "repo:acme/web:", "sc://a/b", "system:serviceaccount:x:"] {
        assert_eq!(describe("https://a.example", other), None, "{other}");
    }
}

#[test]
fn varying_parts_are_wildcards() {
    let bitbucket = "https://api.bitbucket.org/2.0/x";
    let step = "{9b1e4d70-5a2c-4f83-8d96-0c7e3f5a2b18}";
    let cases = [
        (
            "",
            "organization:o:pipeline:p:ref:r:commit:c0ffee:step:deploy".to_owned(),
            "organization:o:pipeline:p:ref:r:commit:*:step:deploy",
        ),
        (
            "",
            format!("organization:o:pipeline:p:ref:r:commit:{}:step:k", "c0ffee00".repeat(5)),
            &format!("organization:o:pipeline:p:ref:r:commit:{}:step:k", ".".repeat(40)),
        ),
        (
            "",
            "organization:o:pipeline:p:ref:r:commit:HEAD:step:".to_owned(),
            "organization:o:pipeline:p:ref:r:commit:*:step:",
        ),
        ("", "org/o/project/p/user/u".to_owned(), "org/o/project/p/user/*"),
        (bitbucket, "{repo}:{step}".to_owned(), "{repo}:*"),
        (bitbucket, format!("{{repo}}:{step}"), "{repo}:{........-....-....-....-............}"),
        (
            bitbucket,
            format!("{{step}}:{{e}}:{step}"),
            "{step}:{e}:{........-....-....-....-............}",
        ),
        ("", "repo:acme/web:ref:refs/heads/main".to_owned(), "repo:acme/web:ref:refs/heads/main"),
    ];
    for (issuer, subject, pattern) in cases {
        assert_eq!(
            describe(issuer, &subject).unwrap().pattern.unwrap().as_str(),
            pattern,
            "{subject}"
        );
    }
}

#[test]
fn differing_parts_are_named() {
    // Rule, subject, name, what the rule wants, what the subject has.
    type Expected = &'static [(&'static str, Option<&'static str>, &'static str)];
    let cases: [(&str, &str, Expected); 9] = [
        (
            "sc://acme/shop/test",
            "sc://acme/web/prod",
            &[("project", Some("shop"), "web"), ("service connection", Some("test"), "prod")],
        ),
        ("sc://acme/*", "sc://globex/web/prod", &[("organization", None, "globex")]),
        ("sc://acme/web/*", "sc://acme/shop/prod", &[("project", Some("web"), "shop")]),
        (
            "project_path:acme/*:ref_type:branch:ref:main",
            "project_path:acme/web:ref_type:tag:ref:v1",
            &[("kind of ref", Some("branch"), "tag"), ("ref", Some("main"), "v1")],
        ),
        (
            "project_path:acme/w*",
            "project_path:acme/shop:ref_type:tag:ref:v1",
            &[("project", None, "acme/shop")],
        ),
        ("sc://acme/web-2/*", "sc://acme/web/prod", &[("project", Some("web-2"), "web")]),
        ("sc://acme/web-2*", "sc://acme/web/prod", &[("project", None, "web")]),
        ("sc://acme/web", "sc://acme/web/prod", &[]),
        ("x", "y", &[]),
    ];
    for (rule, subject, told) in cases {
        let found = differences("", rule, subject);
        let found: Vec<_> = found.iter().map(|d| (d.name, d.wanted, d.has)).collect();
        assert_eq!(found, told, "{rule} / {subject}");
    }
}

proptest! {
    #[test]
    fn shape_with_parts_is_recognised(index in 0..shapes().count(), value in "[a-z0-9_-]{1,12}") {
        let (platform, shape) = shapes().nth(index).unwrap();
        let template = shape.template;
        let names: Vec<&'static str> =
            template.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let parts: Vec<_> = names.iter().map(|name| (*name, value.as_str())).collect();
        let text: String = pieces(template, &parts, |_, _| None)
            .into_iter()
            .map(|piece| match piece {
                Piece::Value(text) | Piece::Varies(text) | Piece::OfRule(text) => text,
            })
            .collect();
        let issuer = platform.issuer.as_ref().and_then(|own| own.urls.first().copied());
        let found = describe(issuer.unwrap_or_default(), &text);
        prop_assert!(found.is_some(), "{}", text);
        let pattern = found.unwrap().pattern.unwrap();
        prop_assert!(crate::policy::pattern::matches(pattern.as_str(), &text));
    }

    #[test]
    fn any_subject_is_described(issuer in ".{0,40}", subject in ".{0,80}") {
        let _ = describe(&issuer, &subject);
        let _ = differences(&issuer, &subject, &subject);
        let _ = differences("", "repo:*:ref:x", &subject);
    }
}
