//! Reads and validates the project file that the CLI would read.
//!
//! The search is that of `DetectProjectPathFrom` (sdk/go/common/workspace/paths.go). The rules are
//! those of `ValidateProject` and its JSON schema (sdk/go/common/workspace/project.go and
//! project.json). `pulumi login` stops at an invalid file whatever its flags are.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, MessageFormatter as _, UserMessageFormatter};

use super::file::read_file;
use super::settings::candidate;
use crate::evidence::{BackendCandidate, BackendSource, ProjectFile};
use crate::limits;
use crate::policy::Place;
use crate::policy::document::tree::{Key as Name, Kind, Node};
use crate::pulumi::go::json::syntax_error;
use crate::text::secret::Scrubber;

/// The names of project files, in the CLI's order within a directory
/// (sdk/go/common/encoding/marshal.go, `Exts`).
const NAMES: [&str; 3] = ["Pulumi.json", "Pulumi.yaml", "Pulumi.yml"];

/// The project file, and the backend that it names.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// The file as evidence.
    pub file: ProjectFile,
    /// The backend that `backend.url` names.
    pub backend: Option<BackendCandidate>,
}

/// Finds the project file in a directory or its ancestors, and reads it.
pub(crate) fn find_and_read(cwd: &Path) -> Project {
    let Some(path) = cwd.ancestors().find_map(find_in_directory) else { return Project::default() };
    let shown = path.to_string_lossy().into_owned();
    match read_login_settings(&path) {
        Ok(LoginSettings { backend, lacks_runtime }) => Project {
            backend: backend.and_then(|(url, line)| {
                candidate(Some(&url), BackendSource::Project { path: shown.clone(), line })
            }),
            file: ProjectFile::Read { path: shown, lacks_runtime },
        },
        Err(fault) => Project { file: fault.into_evidence(shown), backend: None },
    }
}

/// Finds a project file in a directory. Subdirectories with its name do not count.
fn find_in_directory(directory: &Path) -> Option<PathBuf> {
    NAMES
        .into_iter()
        .map(|name| directory.join(name))
        .find(|path| path.metadata().is_ok_and(|found| !found.is_dir()))
}

/// Why the CLI refuses a project file.
#[derive(Debug)]
struct Fault {
    reason: String,
    /// Line and column, from 1; none if the fault is about the whole file.
    place: Option<(u64, u64)>,
    /// The CLI's own message, if it is known: a verb for what it tried, and the cause.
    message: Option<(&'static str, String)>,
}

impl Fault {
    fn in_whole_file(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: None, message: None }
    }

    fn at(place: Place, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: Some((place.line, place.column)), message: None }
    }

    /// Marks the reason as the CLI's own message.
    fn in_cli_wording(self) -> Self {
        Self { message: Some(("validate", self.reason.clone())), ..self }
    }

    fn into_evidence(self, path: String) -> ProjectFile {
        ProjectFile::Invalid {
            line: self.place.map(|(line, _)| line),
            column: self.place.map(|(_, column)| column),
            reason: self.reason,
            message: self.message.map(|(verb, text)| format!("could not {verb} '{path}': {text}")),
            path,
        }
    }
}

/// The entries of a mapping.
type Section = [(Name, Node)];

fn get<'a>(section: &'a Section, name: &str) -> Option<&'a Node> {
    section.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn as_section(node: &Node) -> Option<&Section> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ => None,
    }
}

/// The settings of a valid project file that affect a login.
struct LoginSettings {
    /// The value of `backend.url`, and its line.
    backend: Option<(String, u64)>,
    /// Whether the file has no `runtime`.
    lacks_runtime: bool,
}

fn read_login_settings(path: &Path) -> Result<LoginSettings, Fault> {
    let bytes = read_file(path).map_err(Fault::in_whole_file)?;
    let text = decode_text(&bytes)
        .ok_or_else(|| Fault::in_whole_file("it is neither UTF-8 nor UTF-16"))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    if is_json {
        check_json(&text)?;
    }
    let root = parse_first_document(&text, is_json)?;
    let Some(project) = root.as_ref().and_then(as_section) else {
        let fault = Fault::in_whole_file("it is not a mapping of keys to values");
        let is_empty = root.as_ref().is_none_or(|root| matches!(root.kind, Kind::Null));
        let message = ("validate", "expected project to be an object, was '<nil>'".to_owned());
        return Err(Fault { message: is_empty.then_some(message), ..fault });
    };
    validate(project)?;
    let url = get(project, "backend").and_then(as_section).and_then(|backend| get(backend, "url"));
    let backend = url.and_then(|url| match &url.kind {
        Kind::Text(text) => Some((text.clone(), url.place.line)),
        _ => None,
    });
    Ok(LoginSettings { backend, lacks_runtime: get(project, "runtime").is_none() })
}

/// Decodes UTF-8, or UTF-16 with a byte order mark, which Go's YAML reader accepts too
/// (readerc.go).
fn decode_text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    type Unit = fn([u8; 2]) -> u16;
    let (units, unit): (&[u8], Unit) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => (rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => {
            return str::from_utf8(rest).ok().map(Cow::Borrowed);
        }
    };
    let units = units.as_chunks().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).collect::<Result<String, _>>().ok().map(Cow::Owned)
}

/// Checks that Pulumi.json is valid JSON: the YAML parser, which reads it afterwards, is less
/// strict.
fn check_json(text: &str) -> Result<(), Fault> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = error.to_string();
            let cause = message.rsplit_once(" at line ").map_or(&*message, |(cause, _)| cause);
            Err(Fault {
                reason: format!("it is not valid JSON: {cause}"),
                place: Some((error.line().max(1) as u64, error.column().max(1) as u64)),
                message: syntax_error(text.as_bytes()).map(|cause| ("unmarshal", cause)),
            })
        }
    }
}

/// Parses the first document of a YAML file, which is the one that the CLI reads.
fn parse_first_document(text: &str, is_json: bool) -> Result<Option<Node>, Fault> {
    // Go takes the last of several JSON members with the same name.
    let duplicate_keys =
        if is_json { DuplicateKeyPolicy::LastWins } else { DuplicateKeyPolicy::Error };
    let options = serde_saphyr::options! {
        duplicate_keys: duplicate_keys,
        // Go's yaml.v3 reads `yes` and `on` as strings.
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
    };
    serde_saphyr::from_multiple_with_options(text, options)
        .map(|documents: Vec<Node>| documents.into_iter().next())
        .map_err(|error| {
            let location = error.location().filter(|location| *location != Location::UNKNOWN);
            let cause = UserMessageFormatter.format_message(error.without_snippet());
            let cause = Scrubber::default().scrub(&cause);
            Fault {
                reason: format!("it is not valid YAML: {cause}"),
                place: location.map(|place| (place.line(), place.column())),
                message: None,
            }
        })
}

/// A key of the project's JSON schema.
struct Key {
    name: &'static str,
    types: &'static [&'static str],
    /// The keys that the schema allows below this one; empty if it allows any.
    allowed_keys: &'static [&'static str],
}

const fn key(
    name: &'static str,
    types: &'static [&'static str],
    allowed_keys: &'static [&'static str],
) -> Key {
    Key { name, types, allowed_keys }
}

const KEYS: [Key; 12] = [
    key("description", &["string", "null"], &[]),
    key("author", &["string", "null"], &[]),
    key("website", &["string", "null"], &[]),
    key("license", &["string", "null"], &[]),
    key("main", &["string", "null"], &[]),
    key("stackConfigDir", &["string", "null"], &[]),
    key("config", &["mapping", "string", "null"], &[]),
    key("runtime", &["string", "mapping"], &["name", "options"]),
    key("backend", &["mapping", "null"], &["url"]),
    key("options", &["mapping", "null"], &["refresh"]),
    key("packages", &["mapping"], &[]),
    key("plugins", &["mapping"], &[]),
];

fn type_name(value: &Node) -> &'static str {
    match value.kind {
        Kind::Null => "null",
        Kind::Bool(_) => "boolean",
        Kind::Number(_) => "number",
        Kind::Text(_) | Kind::Unresolved(_) => "string",
        Kind::List(_) => "list",
        Kind::Map(_) => "mapping",
    }
}

fn validate(project: &Section) -> Result<(), Fault> {
    let Some(name) = get(project, "name") else {
        let missing = "project is missing a 'name' attribute";
        return Err(
            match nearest("name", key_names(project))
                .and_then(|key| Some((key, get(project, key)?)))
            {
                Some((key, value)) => {
                    Fault::at(value.place, format!("{missing}; found '{key}' instead"))
                        .in_cli_wording()
                }
                None => Fault::in_whole_file(missing).in_cli_wording(),
            },
        );
    };
    if !matches!(&name.kind, Kind::Text(text) if !text.is_empty()) {
        let reason = "project is missing a non-empty string 'name' attribute";
        return Err(Fault::at(name.place, reason).in_cli_wording());
    }
    for Key { name, types, allowed_keys } in &KEYS {
        let Some(found) = get(project, name) else { continue };
        let at = |reason: String| Err(Fault::at(found.place, reason));
        let actual = type_name(found);
        if !types.contains(&actual) {
            return at(format!("'{name}' is a {actual}, expected {}", types.join(" or ")));
        }
        if let Some(section) = as_section(found).filter(|_| !allowed_keys.is_empty())
            && let Some(reason) = unknown_key_reason(name, section, allowed_keys)
        {
            return at(reason);
        }
    }
    let backend = get(project, "backend");
    match backend.and_then(|backend| Some((backend, get(as_section(backend)?, "url")?))) {
        Some((backend, url)) if !matches!(url.kind, Kind::Text(_)) => {
            let reason = format!("'backend.url' is a {}, expected string", type_name(url));
            Err(Fault::at(backend.place, reason))
        }
        _ => Ok(()),
    }
}

fn key_names(section: &Section) -> impl Iterator<Item = &str> {
    section.iter().map(|(key, _)| key.text.as_str())
}

fn unknown_key_reason(name: &str, section: &Section, allowed_keys: &[&str]) -> Option<String> {
    let unknown = key_names(section).find(|key| !allowed_keys.contains(key))?;
    let hint = match nearest(unknown, allowed_keys.iter().copied()) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("allowed: '{}'", allowed_keys.join("', '")),
    };
    Some(format!("'{name}' has an attribute '{unknown}' that is not allowed; {hint}"))
}

/// The CLI's `findClosestKey`: the closest key within two edits without regard to case; of several
/// the first in alphabetical order.
fn nearest<'a>(meant: &str, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if meant.len() > limits::NAME {
        return None;
    }
    let meant = meant.to_lowercase();
    // Much longer keys are more than two edits away, and comparing them would be slow.
    keys.filter(|key| key.len() <= meant.len() + 8)
        .map(|key| (strsim::levenshtein(&meant, &key.to_lowercase()), key))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn project(name: &str, text: impl AsRef<[u8]>) -> Project {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(name), text).unwrap();
        find_and_read(directory.path())
    }

    fn invalid(name: &str, text: &str) -> (String, Option<u64>, Option<u64>) {
        match project(name, text).file {
            ProjectFile::Invalid { reason, line, column, .. } => (reason, line, column),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn nearest_ancestor_file_is_read() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.path().join("Pulumi.yml"), "name: outer\n").unwrap();
        // A directory with the name of a project file does not count.
        fs::create_dir(root.path().join("a/Pulumi.yaml")).unwrap();
        let path = |project: Project| match project.file {
            ProjectFile::Read { path, .. } => PathBuf::from(path),
            other => panic!("{other:?}"),
        };
        assert_eq!(path(find_and_read(&inner)), root.path().join("Pulumi.yml"));
        fs::write(root.path().join("Pulumi.yaml"), "name: yaml\n").unwrap();
        assert_eq!(path(find_and_read(&inner)), root.path().join("Pulumi.yaml"));
        fs::write(root.path().join("Pulumi.json"), "{\"name\": \"json\"}").unwrap();
        assert_eq!(path(find_and_read(&inner)), root.path().join("Pulumi.json"));
    }

    #[test]
    fn backend_has_its_line() {
        let table = [
            ("Pulumi.yaml", "name: x\nbackend:\n  # here\n  url: https://a.test\n", 4),
            ("Pulumi.yaml", "\u{feff}name: x\nbackend: {url: https://a.test}\n", 2),
            ("Pulumi.yaml", "name: x\nbackend: {url: https://a.test}\n---\nother: 1\n", 2),
            (
                "Pulumi.json",
                "{\n\t\"name\": \"x\",\n\t\"backend\":{\"url\":\"https:\\/\\/a.test\"}}",
                3,
            ),
        ];
        for (name, text, expected) in table {
            let found = project(name, text).backend.expect(text);
            assert_eq!(found.url, "https://a.test");
            let BackendSource::Project { line, .. } = found.source else { panic!() };
            assert_eq!(line, expected, "{text}");
        }
        for text in
            ["name: x\nbackend:\n", "name: x\nbackend: {}\n", "name: x\nbackend: {url: ''}\n"]
        {
            let found = project("Pulumi.yaml", text);
            assert!(matches!(found.file, ProjectFile::Read { .. }), "{text}: {found:?}");
            assert_eq!(found.backend, None, "{text}");
        }
    }

    #[test]
    fn valid_project_files_are_accepted() {
        for text in [
            "name: yes\nruntime: nodejs\n",
            "name: x\nruntime: {name: python, options: {virtualenv: venv}}\nconfig: ./dir\n",
            "name: x\nunknown: 1\nx: .nan\nd: 2001-01-01\n",
            "name: ${PROJECT}\ndescription: ${DESCRIPTION}\n",
            "name: &n x\ntemplate: {displayName: *n}\n",
        ] {
            let found = project("Pulumi.yaml", text);
            assert!(matches!(found.file, ProjectFile::Read { .. }), "{text}: {found:?}");
        }
    }

    #[test]
    fn invalid_files_have_reason_and_position() {
        let missing = "project is missing a 'name' attribute";
        let empty = "project is missing a non-empty string 'name' attribute";
        let table = [
            ("runtime: nodejs\n", missing.to_owned(), None),
            ("runtime: nodejs\nNam: x\n", format!("{missing}; found 'Nam' instead"), Some(2)),
            ("name: ''\n", empty.into(), Some(1)),
            ("runtime: go\nname: 12\n", empty.into(), Some(2)),
            ("name:\n", empty.into(), Some(1)),
            (
                "name: x\nbackend:\n  ulr: https://a.test\n",
                "'backend' has an attribute 'ulr' that is not allowed; did you mean 'url'?".into(),
                Some(3),
            ),
            (
                "name: x\nbackend: https://a.test\n",
                "'backend' is a string, expected mapping or null".into(),
                Some(2),
            ),
            (
                "name: x\nbackend: {url: 5}\n",
                "'backend.url' is a number, expected string".into(),
                Some(2),
            ),
            ("- name: x\n", "it is not a mapping of keys to values".into(), None),
            ("", "it is not a mapping of keys to values".into(), None),
            (
                "name: x\nname: y\n",
                "it is not valid YAML: duplicate mapping key `name` is not allowed here".into(),
                Some(2),
            ),
        ];
        for (text, expected, line) in table {
            let (reason, found, _) = invalid("Pulumi.yaml", text);
            assert_eq!(reason, expected, "{text}");
            assert_eq!(found, line, "{text}");
        }
        let (reason, line, column) = invalid("Pulumi.yaml", "name: x\nbackend: [\n");
        assert!(reason.starts_with("it is not valid YAML: "), "{reason}");
        assert_eq!((line, column), (Some(2), Some(10)));
        let (reason, ..) = invalid("Pulumi.json", "{\"name\": \"x\",}");
        assert!(reason.starts_with("it is not valid JSON: "), "{reason}");
        let found = project("Pulumi.yaml", b"name: \xff\n");
        assert!(matches!(found.file, ProjectFile::Invalid { .. }));
        let found = project("Pulumi.yaml", "x".repeat(2 << 20));
        assert!(
            matches!(found.file, ProjectFile::Invalid { reason, .. } if reason.contains("1 MiB"))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn reading_never_panics(text in "([a-z]{1,4}|name|backend|url|[:{}\\[\\],&*!|>'\"\\n ~-]){0,30}") {
            let _ = project("Pulumi.yaml", &text);
            let _ = project("Pulumi.json", &text);
        }
    }
}
