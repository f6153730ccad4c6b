#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use super::*;
use crate::policy::claim_path::ClaimPath;

type IsSet = fn(&Platform) -> bool;

/// The fields of a platform's file, each with a test whether it is set.
const FIELDS: &[(&str, IsSet)] = &[
    ("marker", |p| p.marker.is_some()),
    ("sources", |p| !p.sources.is_empty()),
    ("audience", |p| !matches!(p.audience, Audience::Unknown)),
    ("issuer", |p| p.issuer.is_some()),
    ("issuer's URL", |p| p.issuer.as_ref().is_some_and(|own| !own.urls.is_empty())),
    ("owner", |p| p.issuer.as_ref().is_some_and(|own| own.shared.is_some())),
    ("subjects", |p| !p.subjects.shapes.is_empty()),
    ("beginnings", |p| !p.subjects.beginnings.is_empty()),
    ("notes", |p| !p.subjects.notes.is_empty()),
    ("claims", |p| !p.claims.documented.is_empty()),
    ("per-run claims", |p| !p.claims.per_run.is_empty()),
    ("job claims", |p| p.claims.job.is_some()),
    ("kinds of job", |p| p.kinds.is_some()),
    ("secrets", |p| !p.secrets.is_empty()),
    ("log", |p| !p.log.platform.is_empty()),
    ("missing token", |p| p.missing_token.is_some()),
    ("step", |p| p.step.is_some()),
];

const NO_CI: &str = "it is an issuer, no CI system";
const NO_ISSUER: &str = "no token of it is known";
const ONLY_AN_ISSUER: &[(&str, &str)] = &[
    ("marker", NO_CI),
    ("sources", NO_CI),
    ("audience", "each application has its own"),
    ("owner", "every customer has a URL of its own"),
    ("subjects", "they are ids, of users and applications"),
    ("beginnings", "they are ids, of users and applications"),
    ("notes", "no subject is taken apart"),
    ("claims", "every customer chooses some"),
    ("per-run claims", "no run has a part in them"),
    ("job claims", "no job has a part in them"),
    ("kinds of job", "its subjects are ids, of users and applications"),
    ("secrets", NO_CI),
    ("log", NO_CI),
    ("missing token", NO_CI),
    ("step", NO_CI),
];
const ONLY_A_MARKER: &[(&str, &str)] = &[
    ("sources", "no source of tokens is known"),
    ("audience", NO_ISSUER),
    ("issuer", NO_ISSUER),
    ("issuer's URL", NO_ISSUER),
    ("owner", NO_ISSUER),
    ("subjects", NO_ISSUER),
    ("beginnings", NO_ISSUER),
    ("notes", NO_ISSUER),
    ("claims", NO_ISSUER),
    ("per-run claims", NO_ISSUER),
    ("job claims", NO_ISSUER),
    ("kinds of job", NO_ISSUER),
    ("secrets", "none is known"),
    ("log", "its marks would be known, and no message of its is"),
    ("missing token", "the advice is --token-env, for all of them"),
    ("step", "it would need the source of a token"),
];
const OWN_URL: &str = "every customer has a URL of its own";
const NO_SECRET: &str = "the token is the only secret that it sets";
const NO_NOTE: &str = "a rule on its subject lets in what it seems to";
const NO_STEP: &str = "the product contract asks for none";
const SET_BY_ITSELF: &str = "it sets the token in every job";
const NO_LOG: &str = "what it writes into logs is not known";

/// The fields that a platform's file leaves out, and why.
fn left_out(id: Id) -> Vec<(&'static str, &'static str)> {
    let combined = |common: &'static [(&str, &str)],
                    more: &'static [(&'static str, &'static str)]| {
        common.iter().chain(more).copied().collect()
    };
    match id {
        Id::AzurePipelines => vec![("owner", "the URL is that of one organization")],
        Id::GitHubActions => {
            vec![("missing token", "the job's own environment tells what it lacks")]
        }
        Id::GitLab => vec![("missing token", "the job's own environment tells what it lacks")],
        Id::CircleCi => vec![
            ("owner", "the URL is that of one organization"),
            ("notes", NO_NOTE),
            ("secrets", NO_SECRET),
        ],
        Id::Bitbucket => vec![
            ("owner", "the URL is that of one workspace"),
            ("beginnings", "a subject begins with the repository's id"),
            ("notes", NO_NOTE),
            ("secrets", NO_SECRET),
            ("step", NO_STEP),
        ],
        Id::Buildkite => vec![("notes", NO_NOTE), ("step", NO_STEP)],
        Id::HcpTerraform => {
            vec![("secrets", NO_SECRET), ("log", NO_LOG), ("step", NO_STEP)]
        }
        Id::Spacelift => vec![
            ("issuer's URL", OWN_URL),
            ("owner", OWN_URL),
            ("secrets", NO_SECRET),
            ("log", NO_LOG),
            ("missing token", SET_BY_ITSELF),
            ("step", NO_STEP),
        ],
        Id::PulumiDeployments => vec![
            ("beginnings", "they are those of the shared issuer's owner"),
            ("per-run claims", "none is documented"),
            ("secrets", NO_SECRET),
            ("log", NO_LOG),
            ("missing token", SET_BY_ITSELF),
            ("step", NO_STEP),
        ],
        Id::Kubernetes => vec![
            ("marker", "a pod has none that tells whose it is"),
            ("issuer's URL", "every cluster has a URL of its own"),
            ("owner", "every cluster has a URL of its own"),
            ("notes", NO_NOTE),
            ("secrets", "its tokens are in files"),
            ("log", "it is no CI system"),
            ("missing token", "what projects the token is the pod's own affair"),
            ("step", NO_STEP),
        ],
        Id::Entra => vec![
            ("marker", NO_CI),
            ("sources", "Azure Pipelines has them"),
            ("audience", "each application has its own"),
            ("owner", "the URL is that of one tenant"),
            ("subjects", "Azure Pipelines decodes those of service connections"),
            ("notes", "Azure Pipelines has them"),
            (
                "job claims",
                "tid, azp and oid are the same for every service connection of a tenant",
            ),
            ("secrets", NO_CI),
            ("log", NO_CI),
            ("missing token", NO_CI),
            ("step", NO_CI),
        ],
        Id::PulumiEsc => vec![
            ("marker", NO_CI),
            ("sources", "no job gets its tokens"),
            ("audience", "no job gets its tokens"),
            ("issuer", "Pulumi Deployments has it"),
            ("issuer's URL", "Pulumi Deployments has it"),
            ("owner", "Pulumi Deployments has it"),
            ("beginnings", "they are those of the shared issuer's owner"),
            ("notes", NO_NOTE),
            ("claims", "none is documented"),
            ("per-run claims", "none is documented"),
            ("job claims", "none is documented"),
            ("kinds of job", "no job gets its tokens"),
            ("secrets", NO_CI),
            ("log", NO_CI),
            ("missing token", NO_CI),
            ("step", NO_CI),
        ],
        Id::Google => combined(ONLY_AN_ISSUER, &[]),
        Id::Auth0 | Id::Okta => combined(ONLY_AN_ISSUER, &[("issuer's URL", OWN_URL)]),
        Id::Jenkins | Id::TeamCity | Id::Harness | Id::Codefresh | Id::OtherCi => {
            combined(ONLY_A_MARKER, &[])
        }
    }
}

#[test]
fn missing_platform_fields_have_reasons() {
    for platform in ALL {
        let reasons = left_out(platform.id);
        for (field, is_set) in FIELDS {
            let reason = reasons.iter().find(|(name, _)| name == field).map(|(_, reason)| reason);
            match (is_set(platform), reason) {
                (false, None) => panic!("{}: say {field}, or why not", platform.name),
                (true, Some(reason)) => panic!("{} says {field}: {reason}", platform.name),
                _ => {}
            }
        }
        for (name, _) in reasons {
            assert!(FIELDS.iter().any(|(field, _)| *field == name), "{name} is no field");
        }
    }
}

#[test]
fn keys_and_names_are_unique() {
    let mut seen = BTreeSet::new();
    for platform in ALL {
        assert_eq!(platform.id.platform().name, platform.name);
        assert!(seen.insert(platform.id.key()) && seen.insert(platform.name), "{}", platform.name);
    }
}

#[test]
fn unknown_platform_becomes_other_ci() {
    assert_eq!(Id::from("github-actions".to_owned()), Id::GitHubActions);
    assert_eq!(Id::from("of-the-future".to_owned()), Id::OtherCi);
    assert_eq!(Id::named("GitHub Actions"), Id::GitHubActions);
    assert_eq!(Id::named("Of The Future"), Id::OtherCi);
}

#[test]
fn manual_names_every_source() {
    for platform in ALL {
        let words = platform.sources_for_manual;
        assert_eq!(words.is_empty(), platform.sources.is_empty(), "{}", platform.name);
        for source in platform.sources {
            let names = match *source {
                TokenSource::Variable(name, _) | TokenSource::Variables(name, _) => vec![name],
                TokenSource::Http(request) => vec![request.url, request.credential],
                TokenSource::Program(program) => vec![program.name],
                TokenSource::File(path) => vec![&path[..path.len().min("/var/run/secrets".len())]],
                // The pipeline names the variable.
                TokenSource::AnyOfIssuer(_) => Vec::new(),
            };
            for name in names {
                assert!(words.contains(name), "{}: {name}", platform.name);
            }
        }
    }
}

#[test]
fn claim_lists_are_consistent() {
    for Platform { name, claims, .. } in ALL {
        let is_documented = |claim: &str| {
            let known =
                |known: &&str| *known == claim || known.ends_with('_') && claim.starts_with(*known);
            claims.documented.iter().any(known)
        };
        let job = claims.job.as_ref();
        let ways = job.into_iter().flat_map(|job| job.ways.iter().flat_map(|way| way.claims));
        let job_claims: Vec<&str> = job
            .into_iter()
            .flat_map(|job| job.marks.iter().chain(job.parts))
            .chain(ways)
            .copied()
            .collect();
        let values = claims.values.iter().map(|(claim, _)| claim);
        let lists = [claims.personal, claims.per_run, claims.names, &job_claims];
        for claim in lists.into_iter().flatten().chain(values) {
            assert!(is_documented(claim), "{name}: {claim}");
        }
        for claim in job_claims {
            assert!(!claims.per_run.contains(&claim), "{name}: {claim} changes in every run");
        }
        for path in claims.documented {
            let dotted = ClaimPath::parse(path).unwrap().keys()[0].contains('.');
            assert_eq!(dotted, path.starts_with('"'), "{name}: {path}");
        }
    }
}
