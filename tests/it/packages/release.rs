//! One version, one address and one list of platforms, wherever they are written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const NAME: &str = env!("CARGO_PKG_NAME");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap().replace("\r\n", "\n")
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The text files under a folder, without what builds leave there.
fn texts(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != "corpus" {
                texts(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
}

/// What stands before each `/pulumi-oidc-doctor` at an address on GitHub: the owner.
fn owners(text: &str) -> impl Iterator<Item = &str> {
    text.split("github.com/").skip(1).filter_map(|rest| {
        let mut parts = rest.splitn(3, '/');
        let owner = parts.next()?;
        let is_ours = parts
            .next()?
            .strip_prefix(NAME)
            .is_some_and(|end| !end.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'));
        is_ours.then_some(owner)
    })
}

/// Cargo.toml decides on the repository's address. Pages and comments that show it show the same.
#[test]
fn address_is_that_of_cargo_toml() {
    let (server, name) = REPOSITORY.rsplit_once('/').unwrap();
    let owner = server.strip_prefix("https://github.com/").unwrap();
    assert_eq!(name, NAME);
    let mut files = Vec::new();
    texts(root(), &mut files);
    let mut seen = 0;
    for (path, text) in &files {
        for found in owners(text) {
            assert_eq!(found, owner, "{}", path.display());
            seen += 1;
        }
        let placeholder = format!("OWNER/{NAME}");
        assert!(owner == "OWNER" || !text.contains(&placeholder), "{}", path.display());
    }
    assert!(seen > 3, "{seen}");
    // Scripts that run elsewhere know no address.
    for name in ["install.sh", "install.ps1", "action.yml", "pyproject.toml", "tools/release-files"]
    {
        assert_eq!(owners(&read(name)).next(), None, "{name}");
    }
}

#[test]
fn templates_install_this_version() {
    let azure = yaml("templates/azure/doctor.yml");
    let parameters = azure["parameters"].as_array().unwrap();
    let version = parameters.iter().find(|one| one["name"] == "version").unwrap();
    assert_eq!(version["default"], VERSION);
    let gitlab = read("templates/gitlab/doctor.yml");
    let spec: Value = serde_saphyr::from_str(gitlab.split("\n---\n").next().unwrap()).unwrap();
    assert_eq!(spec["spec"]["inputs"]["version"]["default"], VERSION);
    let circleci = yaml("templates/circleci/doctor.yml");
    let parameters = &circleci["commands"][NAME]["parameters"];
    assert_eq!(parameters["version"]["default"], VERSION);
}

/// The tags, references and requirements that pages and comments show are this version's.
#[test]
fn pages_show_this_version() {
    let mut seen = 0;
    for name in [
        "README.md",
        "docs/installing.md",
        "docs/pipelines.md",
        "templates/azure/doctor.yml",
        "templates/gitlab/doctor.yml",
    ] {
        let text = read(name);
        for sign in ["doctor@v", "tags/v", "/raw/v", "download/v", "doctor=="] {
            // A script has the version in a variable.
            for rest in text.split(sign).skip(1).filter(|rest| !rest.starts_with('$')) {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
                assert_eq!(&rest[..end.unwrap_or(rest.len())], VERSION, "{name}: {sign}");
                seen += 1;
            }
        }
    }
    assert!(seen > 5, "{seen}");
}

fn targets() -> BTreeSet<String> {
    let workflow = yaml(".github/workflows/release.yml");
    let matrix = workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().unwrap();
    matrix.iter().map(|one| one["target"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_platform_of_a_release_is_known() {
    let targets = targets();
    assert_eq!(targets.len(), 5);
    let deny = read("deny.toml");
    for target in &targets {
        assert!(deny.contains(&format!("\"{target}\"")), "deny.toml does not look at {target}");
    }
    // The names that the install scripts put together, and what cargo binstall is told.
    let (unix, windows) = (read("install.sh"), read("install.ps1"));
    for target in &targets {
        let (machine, system) = target.split_once('-').unwrap();
        let is_known = match system {
            "pc-windows-msvc" => windows.contains(&format!("'{NAME}-{target}'")),
            _ => {
                unix.contains(&format!("machine={machine} ;;"))
                    && unix.contains(&format!("system={system} ;;"))
            }
        };
        assert!(is_known, "{target}");
    }
}

#[test]
fn binstall_finds_the_archives() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[package.metadata.binstall]\n").nth(1).unwrap();
    let value = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = \""))).unwrap();
        line.trim_end_matches('"').to_owned()
    };
    let unix = value(section, "pkg-url");
    let windows = section.split("x86_64-pc-windows-msvc]\n").nth(1).unwrap();
    // install.sh downloads from there, and tools/release-archive gives the archive its name.
    let folder = "{ repo }/releases/download/v{ version }/";
    assert_eq!(unix, format!("{folder}{{ name }}-{{ target }}.tar.gz"));
    assert_eq!(value(windows, "pkg-url"), format!("{folder}{{ name }}-{{ target }}.zip"));
    assert_eq!(value(section, "bin-dir"), "{ name }-{ target }/{ bin }{ binary-ext }");
    assert!(read("install.sh").contains("from=\"$repository/releases/download/v$version\""));
    let archive = read("tools/release-archive");
    assert!(archive.contains("name = f\"pulumi-oidc-doctor-{target}\""));
}
