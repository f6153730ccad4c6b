//! Finds the credential helper that the CLI would use, without running it.
//!
//! The order is that of `Session.configuration` in pkg/auth/credentialhelper/helper.go. Programs
//! are found as by Go's os/exec (lp_unix.go, lp_windows.go).

use std::io::ErrorKind;
use std::path::Path;

use crate::evidence::{CredentialHelper, HelperProblem, HelperSource};
use crate::gather::environment::Environment;
use crate::gather::program;
use crate::text::secret::argument;

const NAME: &str = "pulumi-credential-helper";

/// The command line's flags for a helper.
#[derive(Debug, Clone, Default)]
pub struct HelperFlags {
    /// The value of `--credential-helper`.
    pub helper: Option<String>,
    /// Whether `--credential-helper-arg` is given.
    pub has_arguments: bool,
}

/// The `credentialHelper` of the credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedHelper {
    /// The program.
    pub(crate) program: String,
    /// The file that names it.
    pub(crate) file: String,
}

/// Searches the CLI's sources. The first one that names a helper decides.
pub(crate) fn find_helper(
    flags: &HelperFlags,
    environment: &Environment,
    options_from_environment: bool,
    saved: Option<&SavedHelper>,
    cwd: &Path,
) -> CredentialHelper {
    let variables = environment.variables();
    // A variable replaces a missing flag. The variable for arguments counts even if it is empty.
    let option = |name: &str| variables.get(name).filter(|_| options_from_environment);
    let flag = match &flags.helper {
        Some(helper) => Some((helper.as_str(), HelperSource::Flag)),
        None => option("PULUMI_OPTION_CREDENTIAL_HELPER")
            .map(|helper| (helper.as_str(), variable_source("PULUMI_OPTION_CREDENTIAL_HELPER"))),
    };
    let flag = flag.filter(|(helper, _)| !helper.is_empty());
    let has_arguments =
        flags.has_arguments || option("PULUMI_OPTION_CREDENTIAL_HELPER_ARG").is_some();
    let invalid = |source, path: &str, problem| CredentialHelper::Invalid {
        source,
        path: argument(Path::new(path)),
        problem,
    };
    let check = |path: &str, source| match look_up(path, environment, cwd) {
        Ok(()) => CredentialHelper::Found { source, path: argument(Path::new(path)) },
        Err(problem) => invalid(source, path, problem),
    };
    if let Some((helper, source)) = flag {
        return check(helper, source);
    }
    if has_arguments {
        return invalid(HelperSource::Flag, "", HelperProblem::ArgumentsAlone);
    }
    match environment.get("PULUMI_CREDENTIAL_HELPER") {
        Some("none") => return CredentialHelper::Disabled,
        Some(helper) => {
            let arguments = variables.get("PULUMI_CREDENTIAL_HELPER_ARGS");
            if arguments.is_some_and(|text| !is_list_of_strings(text)) {
                let source = variable_source("PULUMI_CREDENTIAL_HELPER_ARGS");
                return invalid(source, helper, HelperProblem::Arguments);
            }
            return check(helper, variable_source("PULUMI_CREDENTIAL_HELPER"));
        }
        None => {}
    }
    if let Some(saved) = saved {
        return check(&saved.program, HelperSource::Credentials { path: saved.file.clone() });
    }
    let name = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let beside_cli = program::find("pulumi", environment)
        .and_then(|cli| Some(cli.canonicalize().ok()?.parent()?.join(&name)))
        .filter(|helper| helper.exists());
    if let Some(helper) = beside_cli {
        return check(&helper.to_string_lossy(), HelperSource::BesideCli);
    }
    match find_on_path(&name, environment, cwd) {
        Some(path) if path.is_absolute() => CredentialHelper::Found {
            source: HelperSource::Path,
            path: path.to_string_lossy().into_owned(),
        },
        // For a program in a relative entry, `exec.LookPath` returns an error, which the CLI
        // ignores.
        _ => CredentialHelper::None,
    }
}

fn variable_source(name: &str) -> HelperSource {
    HelperSource::Environment { name: name.to_owned() }
}

/// Whether Go's `json.Unmarshal` reads a list of strings: `null` in it is an empty string. The CLI
/// refuses `null` itself.
fn is_list_of_strings(text: &str) -> bool {
    serde_json::from_str::<Vec<Option<String>>>(text).is_ok()
}

/// Go's `exec.LookPath`.
fn look_up(name: &str, environment: &Environment, cwd: &Path) -> Result<(), HelperProblem> {
    if name.contains(std::path::is_separator) {
        return check_executable(&cwd.join(name));
    }
    match find_on_path(name, environment, cwd) {
        Some(path) if path.is_absolute() => Ok(()),
        Some(_) => Err(HelperProblem::RelativeOnPath),
        None => Err(HelperProblem::NotOnPath),
    }
}

/// The first program of this name on `PATH`, relative if the entry is. An empty entry is the
/// working directory.
fn find_on_path(name: &str, environment: &Environment, cwd: &Path) -> Option<std::path::PathBuf> {
    let path = environment.get("PATH")?;
    std::env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|path| check_executable(&cwd.join(path)).is_ok())
}

fn check_executable(path: &Path) -> Result<(), HelperProblem> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Err(HelperProblem::Directory),
        Ok(_) if program::is_executable(path) => Ok(()),
        Ok(_) => Err(HelperProblem::NotExecutable),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(HelperProblem::NotExecutable)
        }
        Err(_) => Err(HelperProblem::NoSuchFile),
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A directory with programs, and an environment whose `PATH` is its `bin`.
    struct Machine {
        directory: tempfile::TempDir,
        variables: Vec<(String, String)>,
    }

    impl Machine {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            fs::create_dir(directory.path().join("bin")).unwrap();
            let path = directory.path().join("bin").to_string_lossy().into_owned();
            Self { directory, variables: vec![("PATH".to_owned(), path)] }
        }

        fn set(mut self, name: &str, value: &str) -> Self {
            self.variables.push((name.to_owned(), value.to_owned()));
            self
        }

        fn add_file(self, name: &str, mode: u32) -> Self {
            let path = self.path(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            self
        }

        fn path(&self, name: &str) -> String {
            self.directory.path().join(name).to_string_lossy().into_owned()
        }

        fn find(&self, flags: &HelperFlags, saved: Option<&SavedHelper>) -> CredentialHelper {
            let environment = self.variables.iter().cloned().collect();
            find_helper(flags, &environment, true, saved, self.directory.path())
        }
    }

    fn problem(helper: CredentialHelper) -> HelperProblem {
        match helper {
            CredentialHelper::Invalid { problem, .. } => problem,
            other => panic!("{other:?}"),
        }
    }

    fn source(helper: CredentialHelper) -> String {
        match helper {
            CredentialHelper::Found { source, .. } => source.label().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn flag(helper: &str) -> HelperFlags {
        HelperFlags { helper: Some(helper.to_owned()), has_arguments: false }
    }

    #[test]
    fn helper_sources_follow_cli_order() {
        let none = HelperFlags::default();
        let machine = Machine::new().add_file("bin/pulumi-credential-helper", 0o755);
        assert_eq!(source(machine.find(&none, None)), "PATH");
        let machine = Machine::new().add_file("pulumi", 0o755);
        std::os::unix::fs::symlink(machine.path("pulumi"), machine.path("bin/pulumi")).unwrap();
        let machine = machine.add_file("pulumi-credential-helper", 0o755);
        assert_eq!(source(machine.find(&none, None)), "beside the CLI");
        let machine = machine.add_file("saved", 0o755);
        let saved = SavedHelper { program: "./saved".to_owned(), file: "c.json".to_owned() };
        assert_eq!(source(machine.find(&none, Some(&saved))), "c.json");
        let machine = machine.add_file("bin/named", 0o755).set("PULUMI_CREDENTIAL_HELPER", "named");
        assert_eq!(source(machine.find(&none, Some(&saved))), "PULUMI_CREDENTIAL_HELPER");
        assert_eq!(source(machine.find(&flag("./saved"), None)), "--credential-helper");
        let machine = machine.set("PULUMI_OPTION_CREDENTIAL_HELPER", "named");
        assert_eq!(source(machine.find(&none, None)), "PULUMI_OPTION_CREDENTIAL_HELPER");
    }

    #[test]
    fn none_disables_helpers() {
        let machine = Machine::new()
            .add_file("bin/pulumi-credential-helper", 0o755)
            .set("PULUMI_CREDENTIAL_HELPER", "none");
        assert_eq!(machine.find(&HelperFlags::default(), None), CredentialHelper::Disabled);
        let machine = Machine::new().set("PULUMI_CREDENTIAL_HELPER", "None");
        assert_eq!(problem(machine.find(&HelperFlags::default(), None)), HelperProblem::NotOnPath);
        let machine = Machine::new().set("PULUMI_CREDENTIAL_HELPER", "");
        assert_eq!(machine.find(&HelperFlags::default(), None), CredentialHelper::None);
    }

    #[test]
    fn unusable_helpers_are_distinguished() {
        let machine = Machine::new().add_file("plain", 0o644).add_file("bin/plain", 0o644);
        for (helper, expected) in [
            ("./missing", HelperProblem::NoSuchFile),
            ("./plain", HelperProblem::NotExecutable),
            ("./bin", HelperProblem::Directory),
            ("plain", HelperProblem::NotOnPath),
        ] {
            assert_eq!(problem(machine.find(&flag(helper), None)), expected, "{helper}");
        }
        // A helper that is not executable is ignored on PATH, but is an error beside the CLI.
        let machine = Machine::new().add_file("bin/pulumi-credential-helper", 0o644);
        assert_eq!(machine.find(&HelperFlags::default(), None), CredentialHelper::None);
        let machine = machine.add_file("bin/pulumi", 0o755);
        let found = machine.find(&HelperFlags::default(), None);
        assert_eq!(problem(found), HelperProblem::NotExecutable);
    }

    #[test]
    fn arguments_need_helper_and_valid_list() {
        let alone = HelperFlags { helper: None, has_arguments: true };
        assert_eq!(problem(Machine::new().find(&alone, None)), HelperProblem::ArgumentsAlone);
        let variable = Machine::new().set("PULUMI_OPTION_CREDENTIAL_HELPER_ARG", "");
        let found = variable.find(&HelperFlags::default(), None);
        assert_eq!(problem(found), HelperProblem::ArgumentsAlone);
        for (text, is_valid) in
            [("[]", true), ("[\"a\", null]", true), ("", false), ("null", false), ("a b", false)]
        {
            let machine = Machine::new()
                .add_file("bin/named", 0o755)
                .set("PULUMI_CREDENTIAL_HELPER", "named")
                .set("PULUMI_CREDENTIAL_HELPER_ARGS", text);
            let found = machine.find(&HelperFlags::default(), None);
            assert_eq!(matches!(found, CredentialHelper::Found { .. }), is_valid, "{text}");
        }
    }
}
