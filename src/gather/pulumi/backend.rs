//! Gathers all sources of a backend URL, in the CLI's order (pkg/cmd/pulumi/auth/login.go,
//! `GetCurrentCloudURLWithSource` in pkg/workspace/creds.go).

use std::collections::BTreeMap;
use std::path::Path;

use super::settings::{candidate, is_true, variable};
use super::{cli_folder, credentials_file, project_file};
use crate::evidence::{Backend, BackendCandidate, BackendSource};

/// The command line's options for the backend.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    /// The positional URL of `doctor login`.
    pub url: Option<String>,
    /// The value of `--cloud-url`.
    pub cloud_url: Option<String>,
    /// The value of `--local`, if it was given: `--local=false` overrides `PULUMI_OPTION_LOCAL`.
    pub local: Option<bool>,
}

/// Gathers the sources. `options_from_environment`: whether `PULUMI_OPTION_…` counts (product
/// contract, section 2).
pub(crate) fn gather_backend(
    arguments: &Arguments,
    environment: &BTreeMap<String, String>,
    options_from_environment: bool,
    cwd: &Path,
    credentials: &credentials_file::StoredCredentials,
) -> Backend {
    let option = |name: &str| {
        variable(environment, name).filter(|_| options_from_environment).map(|value| {
            let source = BackendSource::Environment { name: name.to_owned() };
            (value, source)
        })
    };
    let argument = candidate(arguments.url.as_deref(), BackendSource::Argument);
    // A flag on the command line overrides its variable.
    let flag = match &arguments.cloud_url {
        Some(url) => candidate(Some(url), BackendSource::Flag),
        None => {
            option("PULUMI_OPTION_CLOUD_URL").and_then(|(url, source)| candidate(Some(url), source))
        }
    };
    let local = match arguments.local {
        Some(local) => local.then_some(BackendSource::Local),
        None => option("PULUMI_OPTION_LOCAL")
            .filter(|(value, _)| is_true(value))
            .map(|(_, source)| source),
    };
    let local_candidate = local.map(|source| BackendCandidate::new("file://~", source));
    // An empty argument names no URL, but conflicts with the flag.
    let empty_argument = (arguments.url.is_some() && argument.is_none())
        .then(|| BackendCandidate::new("", BackendSource::Argument));
    let given_argument = argument.clone().or(empty_argument.filter(|_| flag.is_some()));
    let given_twice = match (&given_argument, &flag, &local_candidate) {
        (Some(first), Some(second), _)
        | (Some(first), None, Some(second))
        | (None, Some(first), Some(second)) => Some((first.clone(), second.clone())),
        _ => None,
    };
    let variable_candidate = |name: &str| {
        let source = BackendSource::Environment { name: name.to_owned() };
        candidate(variable(environment, name), source)
    };
    let project = project_file::find_and_read(cwd);
    Backend {
        local: local_candidate.is_some(),
        candidates: [
            argument,
            flag,
            variable_candidate("PULUMI_BACKEND_URL"),
            project.backend,
            credentials.current.clone(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        without_token: variable_candidate("PULUMI_API"),
        given_twice,
        project: project.file,
        credentials: credentials.file.clone(),
        folder: cli_folder::inspect(environment, cwd),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn labels(backend: &Backend) -> Vec<String> {
        backend.candidates.iter().map(|c| format!("{}={}", c.source.label(), c.url)).collect()
    }

    fn url(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn backend_sources_follow_cli_order() {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().join("Pulumi.yaml");
        std::fs::write(&project, "name: x\nbackend:\n  url: https://u:pw@project.test\n").unwrap();
        let stored = home.path().join("credentials.json");
        std::fs::write(&stored, "{\n\"current\": \"https://stored.test\"}").unwrap();
        let environment = environment(&[
            ("PULUMI_HOME", home.path().to_str().unwrap()),
            ("PULUMI_BACKEND_URL", "https://variable.test"),
            ("PULUMI_OPTION_CLOUD_URL", "https://option.test"),
        ]);
        let credentials = credentials_file::read_credentials(&environment, home.path());
        let gather = |arguments: &Arguments, options| {
            gather_backend(arguments, &environment, options, home.path(), &credentials)
        };
        let found = gather(&Arguments::default(), true);
        assert_eq!(
            labels(&found),
            [
                "PULUMI_OPTION_CLOUD_URL=https://option.test".to_owned(),
                "PULUMI_BACKEND_URL=https://variable.test".to_owned(),
                format!("{}:3=https://u:pw@project.test", project.display()),
                format!("{}:2=https://stored.test", stored.display()),
            ]
        );
        assert_eq!(found.given_twice, None);
        assert_eq!(labels(&gather(&Arguments::default(), false)).len(), 3);

        let flag = Arguments { cloud_url: url("https://flag.test"), ..Arguments::default() };
        let found = gather(&flag, true);
        assert_eq!(labels(&found)[0], "--cloud-url=https://flag.test");
        assert_eq!(labels(&found).len(), 4, "the flag takes the variable's place");
        assert_eq!(found.given_twice, None);
    }

    #[test]
    fn second_url_is_reported() {
        let nowhere = tempfile::tempdir().unwrap();
        let table = [
            (url("https://a.test"), url("https://b.test"), None, "", "", true),
            (url("https://a.test"), None, None, "https://b.test", "", true),
            (url("https://a.test"), None, Some(true), "", "", true),
            (None, url("https://b.test"), Some(true), "", "", true),
            (None, None, Some(true), "https://b.test", "", true),
            (None, url("https://b.test"), None, "https://c.test", "", false),
            (url("https://a.test"), None, None, "", "TRUE", true),
            (url("https://a.test"), None, Some(false), "", "true", false),
            (url("https://a.test"), url(""), None, "", "no", false),
            (url(""), url("https://b.test"), None, "", "", true),
            (url(""), None, Some(true), "", "", false),
            (None, None, Some(true), "", "", false),
        ];
        for (url, cloud_url, local, option, option_local, twice) in table {
            let arguments = Arguments { url, cloud_url, local };
            let environment = environment(&[
                ("PULUMI_OPTION_CLOUD_URL", option),
                ("PULUMI_OPTION_LOCAL", option_local),
            ]);
            let found = gather_backend(
                &arguments,
                &environment,
                true,
                nowhere.path(),
                &credentials_file::StoredCredentials::default(),
            );
            assert_eq!(found.given_twice.is_some(), twice, "{arguments:?} {environment:?}");
        }
    }
}
