//! Finds the job's own OIDC token when the command line names none, or says why there is none.

mod explain;
mod request;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use super::environment::{self, Environment};
use super::token::{self, TokenOutcome};
use crate::evidence::{Candidate, Input, InputProblem, PlatformEnvironment, Source, Token, Tried};
use crate::oidc::jwt;
use crate::oidc::jwt::Decoded;
use crate::platform;
use crate::platform::{Platform, TokenSource};
use crate::pulumi::urn;
use crate::text::secret::Scrubber;

/// What the search for the job's token may read and request.
pub(super) struct AmbientContext<'a> {
    /// The environment variables.
    pub(super) environment: &'a Environment,
    /// The root of the file system, except in tests.
    pub(super) root: &'a Path,
    /// The organization to log in to.
    pub(super) organization: Option<&'a str>,
    /// `--offline`: make no requests.
    pub(super) offline: bool,
    /// `--ca-cert`.
    pub(super) ca_cert: Option<&'a [u8]>,
    /// Removes secrets from the platform's answers.
    pub(super) scrubber: &'a Scrubber,
    /// When to stop waiting for a platform.
    pub(super) deadline: Instant,
}

/// What was read from a token source.
type Found = Result<(Source, TokenOutcome), Unavailable>;

/// A token source that gave no token.
struct Unavailable {
    /// The source's label.
    label: String,
    reason: String,
    /// Nothing is there, as opposed to something unusable.
    absent: bool,
}

impl Unavailable {
    fn absent(label: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { label: label.into(), reason: reason.into(), absent: true }
    }

    fn unusable(label: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { label: label.into(), reason: reason.into(), absent: false }
    }
}

/// Looks for a token, source by source, until one holds something.
///
/// # Errors
/// A description, if TLS cannot be set up for a request.
pub(super) fn find_token(context: &AmbientContext) -> Result<(Input, Option<Decoded>), String> {
    let here = context.environment.platform();
    let mut tried = Vec::new();
    let (source, outcome) = search_platforms(here, context, &mut tried)?
        .unwrap_or_else(|| (Source::None, Err((InputProblem::Missing, Vec::new()))));
    let surroundings = Some(platform_environment(context.environment));
    let (input, decoded) = token::token_evidence(source, outcome);
    Ok((Input { surroundings, tried, ..input }, decoded))
}

fn search_platforms(
    here: Option<&Platform>,
    context: &AmbientContext,
    tried: &mut Vec<Tried>,
) -> Result<Option<(Source, TokenOutcome)>, String> {
    let has_own = here.is_some_and(|here| !here.sources.is_empty());
    let mut elsewhere = Vec::new();
    for platform in platform::ALL {
        // Every pod has a token. In a CI job the login uses the job's token instead.
        if platform.marker.is_none() && has_own {
            continue;
        }
        let is_here = here.is_some_and(|here| here.id == platform.id);
        let mut unavailable = Vec::new();
        let mut found = None;
        for source in platform.sources {
            match read_source(*source, platform, context)? {
                Err(missing) => unavailable.push(missing),
                Ok(token) => {
                    found = Some(token);
                    break;
                }
            }
        }
        match platform.marker {
            Some(_) if !is_here && unavailable.iter().all(|missing| missing.absent) => {
                elsewhere.extend((!unavailable.is_empty()).then_some(platform.name));
            }
            _ => tried.extend(
                unavailable
                    .into_iter()
                    .map(|missing| Tried { source: missing.label, reason: missing.reason }),
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

fn read_source(
    source: TokenSource,
    platform: &Platform,
    context: &AmbientContext,
) -> Result<Found, String> {
    let environment = context.environment;
    Ok(match source {
        TokenSource::Variable(name, hint) => read_variable(name, hint, environment),
        TokenSource::Variables(prefix, hint) => {
            let names: Vec<&str> = environment
                .variables()
                .iter()
                .filter(|(name, value)| has_prefix(name, prefix) && !value.trim().is_empty())
                .map(|(name, _)| name.as_str())
                .collect();
            match names[..] {
                [] => read_variable(prefix, hint, environment),
                [name] => read_variable(name, hint, environment),
                _ => {
                    let mut tokens = token_variables(environment);
                    tokens.retain(|(name, _)| names.contains(name));
                    let reason = format!("{} hold no token", names.join(", "));
                    select_by_audience(tokens, context.organization)
                        .ok_or_else(|| Unavailable::unusable(platform.id.key(), reason))
                }
            }
        }
        TokenSource::AnyOfIssuer(name) => match environment.get(name) {
            None => Err(Unavailable::absent(platform.id.key(), format!("{name} is not set"))),
            Some(issuer) => {
                let mut tokens = token_variables(environment);
                tokens.retain(|(_, decoded)| is_issued_by(&decoded.token, issuer));
                let reason =
                    format!("no variable holds a token of this {}", platform.issuer_name());
                select_by_audience(tokens, context.organization)
                    .ok_or_else(|| Unavailable::absent(platform.id.key(), reason))
            }
        },
        TokenSource::File(path) => read_token_file(path, context),
        TokenSource::Http(http) => {
            token_from_answer(platform, request::request_over_http(http, context)?)
        }
        TokenSource::Program(program) => {
            token_from_answer(platform, request::request_from_program(program, context))
        }
    })
}

fn token_from_answer(platform: &Platform, answer: request::TokenAnswer) -> Found {
    let source = Source::Request { platform: platform.id };
    match answer {
        request::TokenAnswer::Token(token) => Ok((source, jwt::read(token.as_bytes(), true))),
        request::TokenAnswer::Refused(refusal) => {
            let refusal = Box::new(refusal);
            Ok((source, Err((InputProblem::Refused { refusal }, Vec::new()))))
        }
        request::TokenAnswer::NotAsked { reason, absent } => {
            Err(Unavailable { label: source.label(), reason, absent })
        }
    }
}

fn read_variable(name: &str, hint: &str, environment: &Environment) -> Found {
    let source = Source::Environment { name: name.to_owned() };
    let because = if hint.is_empty() { String::new() } else { format!("; {hint}") };
    match environment.get(name) {
        None => Err(Unavailable::absent(source.label(), format!("not set{because}"))),
        Some(value) if value.trim().is_empty() => {
            Err(Unavailable::unusable(source.label(), format!("empty{because}")))
        }
        Some(value) => Ok((source, jwt::read(value.as_bytes(), false))),
    }
}

fn read_token_file(path: &str, context: &AmbientContext) -> Found {
    let absolute = context.root.join(path.trim_start_matches('/'));
    let source =
        Source::File { path: path.to_owned(), absolute: absolute.to_string_lossy().into_owned() };
    let absent = !absolute.exists();
    let left = context.deadline.saturating_duration_since(Instant::now());
    match token::read_token_file(path, &absolute, left).0 {
        Err((InputProblem::FileUnreadable { reason }, _)) => {
            Err(Unavailable { label: source.label(), reason: reason.to_string(), absent })
        }
        outcome => Ok((source, outcome)),
    }
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn is_issued_by(token: &Token, issuer: &str) -> bool {
    let without_slash = |url: &str| url.trim_end_matches('/').to_owned();
    token.text("iss").is_some_and(|iss| without_slash(iss) == without_slash(issuer))
}

/// The variables that hold an OIDC token, decoded. The platforms' own credentials are also JWTs,
/// but not for a login.
fn token_variables(environment: &Environment) -> Vec<(&str, Decoded)> {
    environment
        .variables()
        .iter()
        .filter(|(name, value)| {
            value.trim_start().starts_with("eyJ")
                && !environment::secret_variables().any(|known| known == name.as_str())
        })
        .filter_map(|(name, value)| Some((name.as_str(), jwt::read(value.as_bytes(), true).ok()?)))
        .collect()
}

/// Selects the token for Pulumi Cloud by its audience. `None`: there are no candidates.
fn select_by_audience(
    mut candidates: Vec<(&str, Decoded)>,
    organization: Option<&str>,
) -> Option<(Source, TokenOutcome)> {
    let mut seen = BTreeSet::new();
    candidates.retain(|(_, decoded)| seen.insert(decoded.token.fingerprint.clone()));
    let audience_rules: [&dyn Fn(&str) -> bool; 2] =
        [&|aud| organization.is_some_and(|org| urn::organization_of(aud) == Some(org)), &|aud| {
            urn::organization_of(aud).is_some()
        }];
    for rule in audience_rules {
        let matches =
            |(_, decoded): &(&str, Decoded)| decoded.token.audiences().into_iter().any(rule);
        if candidates.iter().any(matches) {
            candidates.retain(matches);
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

/// The facts about the platform's job that explain a missing token.
pub(super) fn platform_environment(environment: &Environment) -> PlatformEnvironment {
    explain::platform_environment(environment.platform().map(|platform| platform.id), environment)
}

/// Names the variables that hold tokens: the first that holds the chosen token, and those that hold
/// others. Adds every token to the scrubber.
pub(super) fn variables_with_tokens(
    environment: &Environment,
    chosen: Option<&Decoded>,
    scrubber: &Scrubber,
) -> (Option<String>, Vec<String>) {
    let chosen = chosen.map(|decoded| decoded.token.fingerprint.as_str());
    let (mut holder, mut others) = (None, Vec::new());
    for (name, decoded) in token_variables(environment) {
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
        let context = AmbientContext {
            environment: &environment,
            root,
            organization: Some("acme"),
            offline: true,
            ca_cert: None,
            scrubber: &Scrubber::default(),
            deadline: Instant::now() + Duration::from_secs(60),
        };
        find_token(&context).unwrap().0
    }

    #[test]
    fn token_files_are_found_in_order() {
        let root = tempfile::tempdir().unwrap();
        let paths = [
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "/var/run/secrets/pulumi/token",
            "/mnt/pulumi/pulumi.oidc",
            "/mnt/workspace/spacelift.oidc",
        ];
        assert_eq!(found(root.path(), &[]).problem, Some(InputProblem::Missing));
        // Each source comes before those that already exist.
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
        // These platforms give jobs no token.
        for job in ["JENKINS_URL", "TEAMCITY_VERSION", "CI"] {
            let input = found(root.path(), &[(job, "true")]);
            assert!(matches!(input.source, Source::File { .. }), "{job}");
        }
    }

    #[test]
    fn blank_variables_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        let token = jwt(&json!({"sub": "b"}));
        let input =
            found(root.path(), &[("CIRCLE_OIDC_TOKEN_V2", " "), ("CIRCLE_OIDC_TOKEN", &token)]);
        assert_eq!(input.source.label(), "env:CIRCLE_OIDC_TOKEN");
        let row = Tried { source: "env:CIRCLE_OIDC_TOKEN_V2".into(), reason: "empty".into() };
        assert!(input.tried.contains(&row), "{:?}", input.tried);
    }

    #[test]
    fn platform_credentials_are_not_candidates() {
        let own = jwt(&json!({"iss": "https://gitlab.test"}));
        let root = tempfile::tempdir().unwrap();
        let job = [("GITLAB_CI", "true"), ("CI_SERVER_URL", "https://gitlab.test/")];
        let found_with = |name| found(root.path(), &[job[0], job[1], (name, &*own)]);
        assert_eq!(found_with("CI_JOB_TOKEN").problem, Some(InputProblem::Missing));
        assert_eq!(found_with("MINE").source.label(), "env:MINE");
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
            variables_with_tokens(&environment, Some(&chosen), &scrubber),
            (Some("A".into()), vec!["C".into()])
        );
        assert_eq!(variables_with_tokens(&environment, None, &scrubber).1, ["A", "B", "C"]);
    }
}
