//! The credential helper that the CLI would use; it is never run here.
//!
//! The order is that of `Session.configuration` in pkg/auth/credentialhelper/helper.go, and
//! programs are found as Go's os/exec finds them (lp_unix.go, lp_windows.go).

use std::io::ErrorKind;
use std::path::Path;

use crate::evidence::{CredentialHelper, HelperProblem, HelperSource};
use crate::gather::environment::Environment;
use crate::gather::program;
use crate::text::secret::argument;

const NAME: &str = "pulumi-credential-helper";

/// What the command line says of a helper.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--credential-helper`.
    pub helper: Option<String>,
    /// `--credential-helper-arg` is there.
    pub has_arguments: bool,
}

/// `credentialHelper` in the credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Saved {
    /// The program.
    pub(crate) program: String,
    /// The file that names it.
    pub(crate) file: String,
}

/// Looks where the CLI looks. The first source that names a helper decides.
pub(crate) fn find(
    flags: &Flags,
    environment: &Environment,
    heeds_options: bool,
    saved: Option<&Saved>,
    cwd: &Path,
) -> CredentialHelper {
    let variables = environment.variables();
    // A variable stands in for its flag, and one of arguments that is there counts as given.
    let option = |name: &str| variables.get(name).filter(|_| heeds_options);
    let flag = match &flags.helper {
        Some(helper) => Some((helper.as_str(), HelperSource::Flag)),
        None => option("PULUMI_OPTION_CREDENTIAL_HELPER")
            .map(|helper| (helper.as_str(), variable("PULUMI_OPTION_CREDENTIAL_HELPER"))),
    };
    let flag = flag.filter(|(helper, _)| !helper.is_empty());
    let has_arguments =
        flags.has_arguments || option("PULUMI_OPTION_CREDENTIAL_HELPER_ARG").is_some();
    let invalid = |source, path: &str, problem| CredentialHelper::Invalid {
        source,
        path: argument(Path::new(path)),
        problem,
    };
    let resolved = |path: &str, source| match look_up(path, environment, cwd) {
        Ok(()) => CredentialHelper::Found { source, path: argument(Path::new(path)) },
        Err(problem) => invalid(source, path, problem),
    };
    if let Some((helper, source)) = flag {
        return resolved(helper, source);
    }
    if has_arguments {
        return invalid(HelperSource::Flag, "", HelperProblem::ArgumentsAlone);
    }
    match environment.get("PULUMI_CREDENTIAL_HELPER") {
        Some("none") => return CredentialHelper::Disabled,
        Some(helper) => {
            let arguments = variables.get("PULUMI_CREDENTIAL_HELPER_ARGS");
            if arguments.is_some_and(|text| !is_list_of_strings(text)) {
                let source = variable("PULUMI_CREDENTIAL_HELPER_ARGS");
                return invalid(source, helper, HelperProblem::Arguments);
            }
            return resolved(helper, variable("PULUMI_CREDENTIAL_HELPER"));
        }
        None => {}
    }
    if let Some(saved) = saved {
        return resolved(&saved.program, HelperSource::Credentials { path: saved.file.clone() });
    }
    let name = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let beside = program::find("pulumi", environment)
        .and_then(|cli| Some(cli.canonicalize().ok()?.parent()?.join(&name)))
        .filter(|beside| beside.exists());
    if let Some(beside) = beside {
        return resolved(&beside.to_string_lossy(), HelperSource::BesideCli);
    }
    match on_path(&name, environment, cwd) {
        Some(path) if path.is_absolute() => CredentialHelper::Found {
            source: HelperSource::Path,
            path: path.to_string_lossy().into_owned(),
        },
        // `exec.LookPath` reports one that a relative entry leads to as an error, which the CLI
        // takes for none.
        _ => CredentialHelper::None,
    }
}

fn variable(name: &str) -> HelperSource {
    HelperSource::Environment { name: name.to_owned() }
}

/// Go's `json.Unmarshal` into a list of strings: `null` in it is an empty string, and `null` itself
/// is refused by the CLI.
fn is_list_of_strings(text: &str) -> bool {
    serde_json::from_str::<Vec<Option<String>>>(text).is_ok()
}

/// `exec.LookPath`.
fn look_up(name: &str, environment: &Environment, cwd: &Path) -> Result<(), HelperProblem> {
    if name.contains(std::path::is_separator) {
        return executable(&cwd.join(name));
    }
    match on_path(name, environment, cwd) {
        Some(path) if path.is_absolute() => Ok(()),
        Some(_) => Err(HelperProblem::RelativeOnPath),
        None => Err(HelperProblem::NotOnPath),
    }
}

/// The first program of this name on `PATH`, as the entry spells it; an empty entry is the working
/// directory.
fn on_path(name: &str, environment: &Environment, cwd: &Path) -> Option<std::path::PathBuf> {
    let path = environment.get("PATH")?;
    std::env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|path| executable(&cwd.join(path)).is_ok())
}

fn executable(path: &Path) -> Result<(), HelperProblem> {
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

        fn with(mut self, name: &str, value: &str) -> Self {
            self.variables.push((name.to_owned(), value.to_owned()));
            self
        }

        fn file(self, name: &str, mode: u32) -> Self {
            let path = self.path(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            self
        }

        fn path(&self, name: &str) -> String {
            self.directory.path().join(name).to_string_lossy().into_owned()
        }

        fn find(&self, flags: &Flags, saved: Option<&Saved>) -> CredentialHelper {
            let environment = self.variables.iter().cloned().collect();
            find(flags, &environment, true, saved, self.directory.path())
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

    fn flag(helper: &str) -> Flags {
        Flags { helper: Some(helper.to_owned()), has_arguments: false }
    }

    #[test]
    fn helper_sources_follow_cli_order() {
        let none = Flags::default();
        let machine = Machine::new().file("bin/pulumi-credential-helper", 0o755);
        assert_eq!(source(machine.find(&none, None)), "PATH");
        let machine = Machine::new().file("pulumi", 0o755);
        std::os::unix::fs::symlink(machine.path("pulumi"), machine.path("bin/pulumi")).unwrap();
        let machine = machine.file("pulumi-credential-helper", 0o755);
        assert_eq!(source(machine.find(&none, None)), "beside the CLI");
        let machine = machine.file("saved", 0o755);
        let saved = Saved { program: "./saved".to_owned(), file: "c.json".to_owned() };
        assert_eq!(source(machine.find(&none, Some(&saved))), "c.json");
        let machine = machine.file("bin/named", 0o755).with("PULUMI_CREDENTIAL_HELPER", "named");
        assert_eq!(source(machine.find(&none, Some(&saved))), "PULUMI_CREDENTIAL_HELPER");
        assert_eq!(source(machine.find(&flag("./saved"), None)), "--credential-helper");
        let machine = machine.with("PULUMI_OPTION_CREDENTIAL_HELPER", "named");
        assert_eq!(source(machine.find(&none, None)), "PULUMI_OPTION_CREDENTIAL_HELPER");
    }

    #[test]
    fn none_switches_helpers_off() {
        let machine = Machine::new()
            .file("bin/pulumi-credential-helper", 0o755)
            .with("PULUMI_CREDENTIAL_HELPER", "none");
        assert_eq!(machine.find(&Flags::default(), None), CredentialHelper::Disabled);
        let machine = Machine::new().with("PULUMI_CREDENTIAL_HELPER", "None");
        assert_eq!(problem(machine.find(&Flags::default(), None)), HelperProblem::NotOnPath);
        let machine = Machine::new().with("PULUMI_CREDENTIAL_HELPER", "");
        assert_eq!(machine.find(&Flags::default(), None), CredentialHelper::None);
    }

    #[test]
    fn what_cannot_be_run_is_told_apart() {
        let machine = Machine::new().file("plain", 0o644).file("bin/plain", 0o644);
        for (helper, expected) in [
            ("./missing", HelperProblem::NoSuchFile),
            ("./plain", HelperProblem::NotExecutable),
            ("./bin", HelperProblem::Directory),
            ("plain", HelperProblem::NotOnPath),
        ] {
            assert_eq!(problem(machine.find(&flag(helper), None)), expected, "{helper}");
        }
        // Not executable: passed over on PATH, an error beside the CLI.
        let machine = Machine::new().file("bin/pulumi-credential-helper", 0o644);
        assert_eq!(machine.find(&Flags::default(), None), CredentialHelper::None);
        let machine = machine.file("bin/pulumi", 0o755);
        let found = machine.find(&Flags::default(), None);
        assert_eq!(problem(found), HelperProblem::NotExecutable);
    }

    #[test]
    fn arguments_need_a_helper_and_a_form() {
        let alone = Flags { helper: None, has_arguments: true };
        assert_eq!(problem(Machine::new().find(&alone, None)), HelperProblem::ArgumentsAlone);
        let variable = Machine::new().with("PULUMI_OPTION_CREDENTIAL_HELPER_ARG", "");
        let found = variable.find(&Flags::default(), None);
        assert_eq!(problem(found), HelperProblem::ArgumentsAlone);
        for (text, is_valid) in
            [("[]", true), ("[\"a\", null]", true), ("", false), ("null", false), ("a b", false)]
        {
            let machine = Machine::new()
                .file("bin/named", 0o755)
                .with("PULUMI_CREDENTIAL_HELPER", "named")
                .with("PULUMI_CREDENTIAL_HELPER_ARGS", text);
            let found = machine.find(&Flags::default(), None);
            assert_eq!(matches!(found, CredentialHelper::Found { .. }), is_valid, "{text}");
        }
    }
}
