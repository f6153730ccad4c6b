//! The token that nothing named: where a CI platform keeps it, and why it is not there.

mod explain;
mod request;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use super::environment::{self, Environment};
use super::token::{self, Outcome};
use crate::evidence::{Candidate, Input, InputProblem, PlatformEnvironment, Source, Token, Tried};
use crate::oidc::jwt;
use crate::oidc::jwt::Decoded;
use crate::platform;
use crate::platform::{Platform, TokenSource};
use crate::pulumi::urn;
use crate::text::secret::Scrubber;

/// Where to look, and what may be done for it.
pub(super) struct AmbientContext<'a> {
    /// The environment variables.
    pub(super) environment: &'a Environment,
    /// The directory that the platforms' files are under: the root of the file system.
    pub(super) root: &'a Path,
    /// The organization that the login is for.
    pub(super) organization: Option<&'a str>,
    /// `--offline`: no request is made.
    pub(super) offline: bool,
    /// `--ca-cert`.
    pub(super) ca_cert: Option<&'a [u8]>,
    /// What a platform's answer must not repeat.
    pub(super) scrubber: &'a Scrubber,
    /// When waiting for a platform ends.
    pub(super) deadline: Instant,
}

/// What a place holds: something that is meant to be a token, or nothing.
type Found = Result<(Source, Outcome), Gap>;

/// A place that gave nothing.
struct Gap {
    /// The place's label.
    label: String,
    /// Why.
    reason: String,
    /// There is nothing, rather than something that could not be used.
    absent: bool,
}

impl Gap {
    fn absent(label: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { label: label.into(), reason: reason.into(), absent: true }
    }

    fn unusable(label: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { label: label.into(), reason: reason.into(), absent: false }
    }
}

/// Looks for a token, place by place, until one holds something.
///
/// # Errors
/// In words, when TLS cannot be set up for a request.
pub(super) fn acquire(around: &AmbientContext) -> Result<(Input, Option<Decoded>), String> {
    let here = around.environment.platform();
    let mut tried = Vec::new();
    let (source, outcome) = search(here, around, &mut tried)?
        .unwrap_or_else(|| (Source::None, Err((InputProblem::Missing, Vec::new()))));
    let surroundings = Some(shown(around.environment));
    let (input, decoded) = token::finish(source, outcome);
    Ok((Input { surroundings, tried, ..input }, decoded))
}

fn search(
    here: Option<&Platform>,
    around: &AmbientContext,
    tried: &mut Vec<Tried>,
) -> Result<Option<(Source, Outcome)>, String> {
    let has_own = here.is_some_and(|here| !here.sources.is_empty());
    let mut elsewhere = Vec::new();
    for platform in platform::ALL {
        // Every pod has a token. In a CI job it is not the one for Pulumi Cloud.
        if platform.marker.is_none() && has_own {
            continue;
        }
        let is_here = here.is_some_and(|here| here.id == platform.id);
        let mut gaps = Vec::new();
        let mut found = None;
        for source in platform.sources {
            match look(*source, platform, around)? {
                Err(gap) => gaps.push(gap),
                Ok(token) => {
                    found = Some(token);
                    break;
                }
            }
        }
        match platform.marker {
            Some(_) if !is_here && gaps.iter().all(|gap| gap.absent) => {
                elsewhere.extend((!gaps.is_empty()).then_some(platform.name));
            }
            _ => tried.extend(
                gaps.into_iter().map(|gap| Tried { source: gap.label, reason: gap.reason }),
            ),
        }
        if found.is_some() {
            return Ok(found);
        }
    }
    // Explain only the job's own platform.
    if !has_own {
        let reason = format!("no job of {}", elsewhere.join(", "));
        tried.insert(0, Tried { source: "environment".to_owned(), reason });
    }
    Ok(None)
}

fn look(
    source: TokenSource,
    platform: &Platform,
    around: &AmbientContext,
) -> Result<Found, String> {
    let environment = around.environment;
    Ok(match source {
        TokenSource::Variable(name, hint) => variable(name, hint, environment),
        TokenSource::Variables(prefix, hint) => {
            let names: Vec<&str> = environment
                .variables()
                .iter()
                .filter(|(name, value)| is_tagged(name, prefix) && !value.trim().is_empty())
                .map(|(name, _)| name.as_str())
                .collect();
            match names[..] {
                [] => variable(prefix, hint, environment),
                [name] => variable(name, hint, environment),
                _ => {
                    let mut tokens = tokens(environment);
                    tokens.retain(|(name, _)| names.contains(name));
                    let reason = format!("{} hold no token", names.join(", "));
                    choose(tokens, around.organization)
                        .ok_or_else(|| Gap::unusable(platform.id.key(), reason))
                }
            }
        }
        TokenSource::AnyOfIssuer(name) => match environment.get(name) {
            None => Err(Gap::absent(platform.id.key(), format!("{name} is not set"))),
            Some(issuer) => {
                let mut tokens = tokens(environment);
                tokens.retain(|(_, decoded)| is_issued_by(&decoded.token, issuer));
                let reason =
                    format!("no variable holds a token of this {}", platform.issuer_name());
                choose(tokens, around.organization)
                    .ok_or_else(|| Gap::absent(platform.id.key(), reason))
            }
        },
        TokenSource::File(path) => file(path, around),
        TokenSource::Http(http) => requested(platform, request::over_http(http, around)?),
        TokenSource::Program(program) => requested(platform, request::of_program(program, around)),
    })
}

fn requested(platform: &Platform, answer: request::Answer) -> Found {
    let source = Source::Request { platform: platform.id };
    match answer {
        request::Answer::Token(token) => Ok((source, jwt::read(token.as_bytes(), true))),
        request::Answer::Refused(refusal) => {
            let refusal = Box::new(refusal);
            Ok((source, Err((InputProblem::Refused { refusal }, Vec::new()))))
        }
        request::Answer::NotAsked { reason, absent } => {
            Err(Gap { label: source.label(), reason, absent })
        }
    }
}

fn variable(name: &str, hint: &str, environment: &Environment) -> Found {
    let source = Source::Environment { name: name.to_owned() };
    let because = if hint.is_empty() { String::new() } else { format!("; {hint}") };
    match environment.get(name) {
        None => Err(Gap::absent(source.label(), format!("not set{because}"))),
        Some(value) if value.trim().is_empty() => {
            Err(Gap::unusable(source.label(), format!("empty{because}")))
        }
        Some(value) => Ok((source, jwt::read(value.as_bytes(), false))),
    }
}

fn file(path: &str, around: &AmbientContext) -> Found {
    let absolute = around.root.join(path.trim_start_matches('/'));
    let source =
        Source::File { path: path.to_owned(), absolute: absolute.to_string_lossy().into_owned() };
    let absent = !absolute.exists();
    let left = around.deadline.saturating_duration_since(Instant::now());
    match token::from_file(path, &absolute, left).0 {
        Err((InputProblem::FileUnreadable { reason }, _)) => {
            Err(Gap { label: source.label(), reason: reason.to_string(), absent })
        }
        outcome => Ok((source, outcome)),
    }
}

fn is_tagged(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn is_issued_by(token: &Token, issuer: &str) -> bool {
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    token.text("iss").is_some_and(|iss| bare(iss) == bare(issuer))
}

/// The variables that hold a bare token which says who somebody is, with what they hold. The
/// platforms' own credentials are tokens as well, but not for this.
fn tokens(environment: &Environment) -> Vec<(&str, Decoded)> {
    environment
        .variables()
        .iter()
        .filter(|(name, value)| {
            value.trim_start().starts_with("eyJ")
                && !environment::secrets().any(|known| known == name.as_str())
        })
        .filter_map(|(name, value)| Some((name.as_str(), jwt::read(value.as_bytes(), true).ok()?)))
        .collect()
}

/// The one token that is meant, by its audience; `None` where there is no candidate.
fn choose(
    mut candidates: Vec<(&str, Decoded)>,
    organization: Option<&str>,
) -> Option<(Source, Outcome)> {
    let mut seen = BTreeSet::new();
    candidates.retain(|(_, decoded)| seen.insert(decoded.token.fingerprint.clone()));
    let tests: [&dyn Fn(&str) -> bool; 2] =
        [&|aud| organization.is_some_and(|org| urn::organization_of(aud) == Some(org)), &|aud| {
            urn::organization_of(aud).is_some()
        }];
    for test in tests {
        let meant =
            |(_, decoded): &(&str, Decoded)| decoded.token.audiences().into_iter().any(test);
        if candidates.iter().any(meant) {
            candidates.retain(meant);
        }
    }
    if candidates.len() > 1 {
        let candidates = candidates.into_iter().map(|(name, Decoded { token, .. })| Candidate {
            name: name.to_owned(),
            audiences: token.audiences().into_iter().map(str::to_owned).collect(),
            expires: token.seconds("exp"),
        });
        let problem = InputProblem::Ambiguous { candidates: candidates.collect() };
        return Some((Source::None, Err((problem, Vec::new()))));
    }
    let (name, decoded) = candidates.pop()?;
    Some((Source::Environment { name: name.to_owned() }, Ok(decoded)))
}

/// What a platform's environment shows to explain why a named source gave nothing.
pub(super) fn shown(environment: &Environment) -> PlatformEnvironment {
    explain::of(environment.platform().map(|platform| platform.id), environment)
}

/// The variables that look like tokens, by name: the first that holds this one, and those that
/// hold others. Every such value becomes a known secret.
pub(super) fn holders(
    environment: &Environment,
    chosen: Option<&Decoded>,
    scrubber: &Scrubber,
) -> (Option<String>, Vec<String>) {
    let chosen = chosen.map(|decoded| decoded.token.fingerprint.as_str());
    let (mut holder, mut others) = (None, Vec::new());
    for (name, decoded) in tokens(environment) {
        scrubber.add(decoded.compact.reveal());
        if Some(decoded.token.fingerprint.as_str()) == chosen {
            holder.get_or_insert_with(|| name.to_owned());
        } else {
            others.push(name.to_owned());
        }
    }
    (holder, others)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::fs;
    use std::time::Duration;

    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use serde_json::{Value, json};

    use super::*;

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
    }

    fn found(root: &Path, variables: &[(&str, &str)]) -> Input {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let around = AmbientContext {
            environment: &environment,
            root,
            organization: Some("acme"),
            offline: true,
            ca_cert: None,
            scrubber: &Scrubber::default(),
            deadline: Instant::now() + Duration::from_secs(60),
        };
        acquire(&around).unwrap().0
    }

    #[test]
    fn files_of_platforms_and_pods() {
        let root = tempfile::tempdir().unwrap();
        let paths = [
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "/var/run/secrets/pulumi/token",
            "/mnt/pulumi/pulumi.oidc",
            "/mnt/workspace/spacelift.oidc",
        ];
        assert_eq!(found(root.path(), &[]).problem, Some(InputProblem::Missing));
        // Each comes before those that were there already.
        for path in paths {
            let file = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, " \n").unwrap();
            let input = found(root.path(), &[]);
            let row = |t: &&Tried| t.source == format!("file://{path}");
            assert_eq!(input.tried.iter().find(row).unwrap().reason, "is empty");
            fs::write(&file, jwt(&json!({"sub": "a"})) + "\n").unwrap();
            let input = found(root.path(), &[]);
            assert_eq!(input.source.label(), format!("file://{path}"));
            assert_eq!((input.problem, input.wrapped), (None, vec![]));
        }
        let variable = [("PULUMI_OIDC_TOKEN", &*jwt(&json!({"sub": "b"})))];
        fs::remove_file(root.path().join("mnt/workspace/spacelift.oidc")).unwrap();
        assert_eq!(found(root.path(), &variable).source.label(), "env:PULUMI_OIDC_TOKEN");
    }

    #[test]
    fn pod_token_is_not_job_token() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("var/run/secrets/kubernetes.io/serviceaccount/token");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, jwt(&json!({"sub": "system:serviceaccount:ci:runner"}))).unwrap();
        for job in ["GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI", "BITBUCKET_BUILD_NUMBER"] {
            let input = found(root.path(), &[(job, "true")]);
            assert_eq!(input.problem, Some(InputProblem::Missing), "{job}");
        }
        // These have none of their own.
        for job in ["JENKINS_URL", "TEAMCITY_VERSION", "CI"] {
            let input = found(root.path(), &[(job, "true")]);
            assert!(matches!(input.source, Source::File { .. }), "{job}");
        }
    }

    #[test]
    fn blank_variables_are_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let token = jwt(&json!({"sub": "b"}));
        let input =
            found(root.path(), &[("CIRCLE_OIDC_TOKEN_V2", " "), ("CIRCLE_OIDC_TOKEN", &token)]);
        assert_eq!(input.source.label(), "env:CIRCLE_OIDC_TOKEN");
        let row = Tried { source: "env:CIRCLE_OIDC_TOKEN_V2".into(), reason: "empty".into() };
        assert!(input.tried.contains(&row), "{:?}", input.tried);
    }

    #[test]
    fn the_platforms_own_credentials_are_no_candidates() {
        let own = jwt(&json!({"iss": "https://gitlab.test"}));
        let root = tempfile::tempdir().unwrap();
        let job = [("GITLAB_CI", "true"), ("CI_SERVER_URL", "https://gitlab.test/")];
        let with = |name| found(root.path(), &[job[0], job[1], (name, &*own)]);
        assert_eq!(with("CI_JOB_TOKEN").problem, Some(InputProblem::Missing));
        assert_eq!(with("MINE").source.label(), "env:MINE");
    }

    #[test]
    fn copies_of_token_are_not_unused() {
        let [one, other] = ["a", "b"].map(|sub| jwt(&json!({"sub": sub})));
        let environment = [("A", &one), ("B", &one), ("C", &other), ("SYSTEM_ACCESSTOKEN", &other)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into_iter()
            .collect();
        let chosen = jwt::read(one.as_bytes(), false).unwrap();
        let scrubber = Scrubber::default();
        assert_eq!(
            holders(&environment, Some(&chosen), &scrubber),
            (Some("A".into()), vec!["C".into()])
        );
        assert_eq!(holders(&environment, None, &scrubber).1, ["A", "B", "C"]);
    }
}
