//! The project file that the CLI would read, and what it would say of it.
//!
//! The search is that of `DetectProjectPathFrom` (sdk/go/common/workspace/paths.go), the rules are
//! those of `ValidateProject` and its JSON schema (sdk/go/common/workspace/project.go and
//! project.json). `pulumi login` stops at an invalid file whatever the command line says.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, MessageFormatter as _, UserMessageFormatter};

use super::file::read_file;
use super::source::candidate;
use crate::evidence::{BackendCandidate, BackendSource, ProjectFile};
use crate::limits;
use crate::policy::Place;
use crate::policy::document::tree::{Key as Name, Kind, Node};
use crate::pulumi::go::json::syntax_error;
use crate::text::secret::Scrubber;

/// The names of a project file, in the CLI's order within a directory
/// (sdk/go/common/encoding/marshal.go, `Exts`).
const NAMES: [&str; 3] = ["Pulumi.json", "Pulumi.yaml", "Pulumi.yml"];

/// The project file and the backend that it names.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// The file, as far as it concerns a login.
    pub file: ProjectFile,
    /// `backend.url`, if there is one.
    pub backend: Option<BackendCandidate>,
}

/// Looks for the project file from a directory upwards and reads it.
pub(crate) fn find(cwd: &Path) -> Project {
    let Some(path) = cwd.ancestors().find_map(in_directory) else { return Project::default() };
    let shown = path.to_string_lossy().into_owned();
    match read(&path) {
        Ok(Content { backend, lacks_runtime }) => Project {
            backend: backend.and_then(|(url, line)| {
                candidate(Some(&url), BackendSource::Project { path: shown.clone(), line })
            }),
            file: ProjectFile::Read { path: shown, lacks_runtime },
        },
        Err(fault) => Project { file: fault.in_file(shown), backend: None },
    }
}

/// A directory of that name is not a project; one that cannot be looked into has none.
fn in_directory(directory: &Path) -> Option<PathBuf> {
    NAMES
        .into_iter()
        .map(|name| directory.join(name))
        .find(|path| path.metadata().is_ok_and(|found| !found.is_dir()))
}

/// Why the CLI stops at a project file.
#[derive(Debug)]
struct Fault {
    reason: String,
    /// Line and column, from 1; none where the whole file is meant.
    place: Option<(u64, u64)>,
    /// The CLI's own words for it, where they are known: what it does with the file, and what it says.
    message: Option<(&'static str, String)>,
}

impl Fault {
    fn whole(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: None, message: None }
    }

    fn at(place: Place, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: Some((place.line, place.column)), message: None }
    }

    /// The reason is the CLI's own.
    fn of_cli(self) -> Self {
        Self { message: Some(("validate", self.reason.clone())), ..self }
    }

    fn in_file(self, path: String) -> ProjectFile {
        ProjectFile::Invalid {
            line: self.place.map(|(line, _)| line),
            column: self.place.map(|(_, column)| column),
            reason: self.reason,
            message: self.message.map(|(verb, text)| format!("could not {verb} '{path}': {text}")),
            path,
        }
    }
}

/// The keys of a mapping and their values.
type Section = [(Name, Node)];

fn get<'a>(section: &'a Section, name: &str) -> Option<&'a Node> {
    section.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn section(node: &Node) -> Option<&Section> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ => None,
    }
}

/// What of a valid project file concerns a login.
struct Content {
    /// `backend.url`, and its line.
    backend: Option<(String, u64)>,
    /// It has no `runtime`.
    lacks_runtime: bool,
}

fn read(path: &Path) -> Result<Content, Fault> {
    let bytes = read_file(path).map_err(Fault::whole)?;
    let text = text(&bytes).ok_or_else(|| Fault::whole("it is neither UTF-8 nor UTF-16"))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    if is_json {
        json(&text)?;
    }
    let root = first_document(&text, is_json)?;
    let Some(project) = root.as_ref().and_then(section) else {
        let fault = Fault::whole("it is not a mapping of keys to values");
        let is_empty = root.as_ref().is_none_or(|root| matches!(root.kind, Kind::Null));
        let message = ("validate", "expected project to be an object, was '<nil>'".to_owned());
        return Err(Fault { message: is_empty.then_some(message), ..fault });
    };
    validate(project)?;
    let url = get(project, "backend").and_then(section).and_then(|backend| get(backend, "url"));
    let backend = url.and_then(|url| match &url.kind {
        Kind::Text(text) => Some((text.clone(), url.place.line)),
        _ => None,
    });
    Ok(Content { backend, lacks_runtime: get(project, "runtime").is_none() })
}

/// A byte order mark tells UTF-16, which Go's YAML reader takes as well (readerc.go).
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
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

/// JSON is stricter than the YAML that contains it, and the CLI reads Pulumi.json as JSON.
fn json(text: &str) -> Result<(), Fault> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let said = error.to_string();
            let words = said.rsplit_once(" at line ").map_or(said.as_str(), |(words, _)| words);
            Err(Fault {
                reason: format!("it is not valid JSON: {words}"),
                place: Some((error.line().max(1) as u64, error.column().max(1) as u64)),
                message: syntax_error(text.as_bytes()).map(|cause| ("unmarshal", cause)),
            })
        }
    }
}

/// The first document of a YAML file, which is the one that the CLI reads.
fn first_document(text: &str, is_json: bool) -> Result<Option<Node>, Fault> {
    // Of the members of one name in JSON, Go takes the last.
    let duplicate_keys =
        if is_json { DuplicateKeyPolicy::LastWins } else { DuplicateKeyPolicy::Error };
    let options = serde_saphyr::options! {
        duplicate_keys: duplicate_keys,
        // Go's yaml.v3 takes `yes` and `on` for strings.
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
    };
    serde_saphyr::from_multiple_with_options(text, options)
        .map(|documents: Vec<Node>| documents.into_iter().next())
        .map_err(|error| {
            let known = error.location().filter(|place| *place != Location::UNKNOWN);
            let words = UserMessageFormatter.format_message(error.without_snippet());
            let words = Scrubber::default().scrub(&words);
            Fault {
                reason: format!("it is not valid YAML: {words}"),
                place: known.map(|place| (place.line(), place.column())),
                message: None,
            }
        })
}

/// A key of the project's JSON schema: the types that it may have, and, where the schema allows
/// no others, the keys below it.
struct Key {
    name: &'static str,
    types: &'static [&'static str],
    only: &'static [&'static str],
}

const fn key(
    name: &'static str,
    types: &'static [&'static str],
    only: &'static [&'static str],
) -> Key {
    Key { name, types, only }
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
            match nearest("name", names(project)).and_then(|key| Some((key, get(project, key)?))) {
                Some((key, value)) => {
                    Fault::at(value.place, format!("{missing}; found '{key}' instead")).of_cli()
                }
                None => Fault::whole(missing).of_cli(),
            },
        );
    };
    if !matches!(&name.kind, Kind::Text(text) if !text.is_empty()) {
        let reason = "project is missing a non-empty string 'name' attribute";
        return Err(Fault::at(name.place, reason).of_cli());
    }
    for Key { name, types, only } in &KEYS {
        let Some(found) = get(project, name) else { continue };
        let at = |reason: String| Err(Fault::at(found.place, reason));
        let actual = type_name(found);
        if !types.contains(&actual) {
            return at(format!("'{name}' is a {actual}, expected {}", types.join(" or ")));
        }
        if let Some(section) = section(found).filter(|_| !only.is_empty())
            && let Some(reason) = foreign_key(name, section, only)
        {
            return at(reason);
        }
    }
    let backend = get(project, "backend");
    match backend.and_then(|backend| Some((backend, get(section(backend)?, "url")?))) {
        Some((backend, url)) if !matches!(url.kind, Kind::Text(_)) => {
            let reason = format!("'backend.url' is a {}, expected string", type_name(url));
            Err(Fault::at(backend.place, reason))
        }
        _ => Ok(()),
    }
}

fn names(section: &Section) -> impl Iterator<Item = &str> {
    section.iter().map(|(key, _)| key.text.as_str())
}

fn foreign_key(name: &str, section: &Section, only: &[&str]) -> Option<String> {
    let foreign = names(section).find(|key| !only.contains(key))?;
    let hint = match nearest(foreign, only.iter().copied()) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("allowed: '{}'", only.join("', '")),
    };
    Some(format!("'{name}' has an attribute '{foreign}' that is not allowed; {hint}"))
}

/// The CLI's `findClosestKey`: at most two edits away without regard to case, the first in
/// alphabetical order.
fn nearest<'a>(meant: &str, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if meant.len() > limits::NAME {
        return None;
    }
    let meant = meant.to_lowercase();
    // Long keys are further away than two edits, and comparing them would be slow.
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
        find(directory.path())
    }

    fn invalid(name: &str, text: &str) -> (String, Option<u64>, Option<u64>) {
        match project(name, text).file {
            ProjectFile::Invalid { reason, line, column, .. } => (reason, line, column),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn the_nearest_file_upwards_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.path().join("Pulumi.yml"), "name: outer\n").unwrap();
        // A directory of that name is not a project.
        fs::create_dir(root.path().join("a/Pulumi.yaml")).unwrap();
        let path = |project: Project| match project.file {
            ProjectFile::Read { path, .. } => PathBuf::from(path),
            other => panic!("{other:?}"),
        };
        assert_eq!(path(find(&inner)), root.path().join("Pulumi.yml"));
        fs::write(root.path().join("Pulumi.yaml"), "name: yaml\n").unwrap();
        assert_eq!(path(find(&inner)), root.path().join("Pulumi.yaml"));
        fs::write(root.path().join("Pulumi.json"), "{\"name\": \"json\"}").unwrap();
        assert_eq!(path(find(&inner)), root.path().join("Pulumi.json"));
    }

    #[test]
    fn the_backend_has_its_line() {
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
    fn what_the_cli_takes_is_taken() {
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
    fn policy_errors_name_their_place() {
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
        fn nothing_panics(text in "([a-z]{1,4}|name|backend|url|[:{}\\[\\],&*!|>'\"\\n ~-]){0,30}") {
            let _ = project("Pulumi.yaml", &text);
            let _ = project("Pulumi.json", &text);
        }
    }
}
