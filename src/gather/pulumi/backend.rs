//! Every source of a backend URL, in the order in which the CLI asks them
//! (pkg/cmd/pulumi/auth/login.go, `GetCurrentCloudURLWithSource` in pkg/workspace/creds.go).

use std::collections::BTreeMap;
use std::path::Path;

use super::source::{candidate, is_true, variable};
use super::{cli_folder, credentials_file, project_file};
use crate::evidence::{Backend, BackendCandidate, BackendSource};

/// What the command line says of the backend.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    /// The positional URL of `doctor login`.
    pub url: Option<String>,
    /// `--cloud-url`.
    pub cloud_url: Option<String>,
    /// `--local`, where it was given: `--local=false` overrides `PULUMI_OPTION_LOCAL`.
    pub local: Option<bool>,
}

/// Gathers the sources. `options_from_environment` says whether `PULUMI_OPTION_…` is heeded
/// (product contract, section 2). `credentials` are what [`credentials_file::read`] found.
pub(crate) fn gather(
    arguments: &Arguments,
    environment: &BTreeMap<String, String>,
    options_from_environment: bool,
    cwd: &Path,
    credentials: &credentials_file::Stored,
) -> Backend {
    let option = |name: &str| {
        variable(environment, name).filter(|_| options_from_environment).map(|value| {
            let source = BackendSource::Environment { name: name.to_owned() };
            (value, source)
        })
    };
    let argument = candidate(arguments.url.as_deref(), BackendSource::Argument);
    // The variable replaces the flag: a flag on the command line wins over it.
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
    // An empty argument names nothing, but counts beside the flag.
    let empty_argument = (arguments.url.is_some() && argument.is_none())
        .then(|| BackendCandidate::new("", BackendSource::Argument));
    let first = argument.clone().or(empty_argument.filter(|_| flag.is_some()));
    let given_twice = match (&first, &flag, &local_candidate) {
        (Some(one), Some(other), _)
        | (Some(one), None, Some(other))
        | (None, Some(one), Some(other)) => Some((one.clone(), other.clone())),
        _ => None,
    };
    let of_variable = |name: &str| {
        let source = BackendSource::Environment { name: name.to_owned() };
        candidate(variable(environment, name), source)
    };
    let project = project_file::find(cwd);
    Backend {
        local: local_candidate.is_some(),
        candidates: [
            argument,
            flag,
            of_variable("PULUMI_BACKEND_URL"),
            project.backend,
            credentials.current.clone(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        without_token: of_variable("PULUMI_API"),
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

    fn some(text: &str) -> Option<String> {
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
        let credentials = credentials_file::read(&environment, home.path());
        let all = |arguments: &Arguments, options| {
            gather(arguments, &environment, options, home.path(), &credentials)
        };
        let found = all(&Arguments::default(), true);
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
        assert_eq!(labels(&all(&Arguments::default(), false)).len(), 3);

        let flag = Arguments { cloud_url: some("https://flag.test"), ..Arguments::default() };
        let found = all(&flag, true);
        assert_eq!(labels(&found)[0], "--cloud-url=https://flag.test");
        assert_eq!(labels(&found).len(), 4, "the flag takes the variable's place");
        assert_eq!(found.given_twice, None);
    }

    #[test]
    fn two_urls_are_one_too_many() {
        let nowhere = tempfile::tempdir().unwrap();
        let table = [
            (some("https://a.test"), some("https://b.test"), None, "", "", true),
            (some("https://a.test"), None, None, "https://b.test", "", true),
            (some("https://a.test"), None, Some(true), "", "", true),
            (None, some("https://b.test"), Some(true), "", "", true),
            (None, None, Some(true), "https://b.test", "", true),
            (None, some("https://b.test"), None, "https://c.test", "", false),
            (some("https://a.test"), None, None, "", "TRUE", true),
            (some("https://a.test"), None, Some(false), "", "true", false),
            (some("https://a.test"), some(""), None, "", "no", false),
            (some(""), some("https://b.test"), None, "", "", true),
            (some(""), None, Some(true), "", "", false),
            (None, None, Some(true), "", "", false),
        ];
        for (url, cloud_url, local, option, option_local, twice) in table {
            let arguments = Arguments { url, cloud_url, local };
            let environment = environment(&[
                ("PULUMI_OPTION_CLOUD_URL", option),
                ("PULUMI_OPTION_LOCAL", option_local),
            ]);
            let found = gather(
                &arguments,
                &environment,
                true,
                nowhere.path(),
                &credentials_file::Stored::default(),
            );
            assert_eq!(found.given_twice.is_some(), twice, "{arguments:?} {environment:?}");
        }
    }
}
