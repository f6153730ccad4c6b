//! The image: what it is built from, what it is, and that the program can do with as little.
//!
//! No engine is needed here. That the image can be built is for the release (docs/releasing.md).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::dockerfile::{Instruction, includes_path, stages};

const SAMPLE: &str = "# syntax\nFROM a AS b\nrun one \\\n# why\n  two\n\nFROM scratch\n\
                      COPY --from=b --chmod=755 /x y /z\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap().replace("\r\n", "\n")
}

/// The stages of the project's own Dockerfile: the one that builds, the one that is the image.
fn own() -> [Vec<Instruction>; 2] {
    stages(&read("Dockerfile")).try_into().unwrap()
}

fn only<'a>(stage: &'a [Instruction], name: &str) -> &'a Instruction {
    let mut found = stage.iter().filter(|instruction| instruction.name == name);
    let first = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(found.next(), None, "more than one {name}");
    first
}

/// A value of Cargo.toml's first section.
fn manifest(key: &str) -> String {
    let manifest = read("Cargo.toml");
    let value = manifest.split(&format!("\n{key} = \"")).nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
}

/// What is copied out of the context, by any stage.
fn sources() -> Vec<String> {
    let instructions = own().concat();
    let copies = instructions.iter().filter(|i| i.name == "COPY" && i.flag("from").is_none());
    let sources = copies.flat_map(|copy| {
        let words = copy.words();
        let (_, sources) = words.split_last().unwrap();
        sources.iter().map(|&source| source.to_owned()).collect::<Vec<_>>()
    });
    sources.collect()
}

/// The files under a path of the repository, relative to it; of a file, the file.
fn files(path: &Path, found: &mut BTreeSet<PathBuf>) {
    let whole = root().join(path);
    if whole.is_dir() {
        for entry in fs::read_dir(&whole).unwrap() {
            files(&path.join(entry.unwrap().file_name()), found);
        }
    } else {
        found.insert(path.to_owned());
    }
}

/// Every file that the Dockerfile copies.
fn copied() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for source in sources() {
        files(Path::new(&source), &mut found);
    }
    found
}

#[test]
fn dockerfile_reader_follows_its_rules() {
    let [build, last]: [_; 2] = stages(SAMPLE).try_into().unwrap();
    let run = Instruction { name: "RUN".into(), rest: "one   two".into() };
    assert_eq!(build[1..], [run]);
    assert_eq!(only(&last, "COPY").words(), ["/x", "y", "/z"]);
    assert_eq!(only(&last, "COPY").flag("from"), Some("b"));
    let ignore = "# x\n*\n!src\nsrc/old\n";
    for (path, through) in [
        ("src/a.rs", true),
        ("src", true),
        ("src/old/b.rs", false),
        ("srcs", false),
        (".git", false),
    ] {
        assert_eq!(includes_path(ignore, Path::new(path)), through, "{path}");
    }
}

#[test]
fn image_uses_oldest_rust() {
    let [build, _] = own();
    let image = only(&build, "FROM").words()[0].to_owned();
    let wanted = format!("rust:{}-alpine", manifest("rust-version"));
    assert!(image.starts_with(&wanted), "{image}: {wanted} comes from rust-version");
    let run = build.iter().find(|instruction| instruction.name == "RUN").unwrap();
    assert_eq!(run.rest, "cargo build --release --locked");
}

#[test]
fn the_context_is_what_is_copied() {
    let ignore = read(".dockerignore");
    for source in sources() {
        assert!(root().join(&source).exists(), "COPY {source}: there is none");
    }
    let copied = copied();
    for path in &copied {
        assert!(includes_path(&ignore, path), "{}: .dockerignore keeps it out", path.display());
    }
    for folder in ["", "docs"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = Path::new(folder).join(entry.unwrap().file_name());
            // Of docs only a folder is let through.
            if name == Path::new("docs") {
                continue;
            }
            let is_copied = copied.iter().any(|path| path.starts_with(&name));
            assert_eq!(includes_path(&ignore, &name), is_copied, "{}", name.display());
        }
    }
    for name in [".git", ".env", "token.jwt", "target/release/doctor", "fixtures"] {
        assert!(!includes_path(&ignore, Path::new(name)), "{name}");
    }
}

/// The path in an `include_str!("…")` and the like, relative to the file that it stands in. Of
/// `include_str!(concat!("…", …))` it is the folder.
fn included(source: &str) -> impl Iterator<Item = &str> {
    ["include!(\"", "include_str!(\"", "include_bytes!(\"", "include_str!(concat!(\""]
        .into_iter()
        .flat_map(|start| source.split(start).skip(1).map(|rest| rest.split('"').next().unwrap()))
}

/// Whether a file of src/ is compiled for tests alone, by the names that those have here.
fn is_of_tests(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

#[test]
fn image_copies_all_build_inputs() {
    let copied = copied();
    let (mut seen, mut included_files) = (0, 0);
    for path in copied.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        seen += 1;
        let source = read(path.to_str().unwrap());
        let program = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for name in included(program).filter(|_| !is_of_tests(path)) {
            let whole = root().join(path.parent().unwrap()).join(name).canonicalize().unwrap();
            let inside = whole.strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned();
            let mut wanted = BTreeSet::new();
            files(&inside, &mut wanted);
            assert!(wanted.is_subset(&copied), "{} includes {name}", path.display());
            included_files += wanted.len();
        }
    }
    assert!(seen > 100 && included_files > 90, "{seen} files, which include {included_files}");

    // The manifest of the copy is complete: no target, no file that cargo looks for is missing.
    // `fetch` reads it as `build` does, `metadata` overlooks a missing benchmark.
    let context = tempfile::tempdir().unwrap();
    for path in &copied {
        let to = context.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join(path), to).unwrap();
    }
    let cargo = Command::new(env!("CARGO"))
        .args(["fetch", "--locked", "--offline", "--target", "host-tuple"])
        .current_dir(context.path())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
}

#[test]
fn it_holds_the_program_and_is_nobody() {
    let [build, image] = own();
    assert_eq!(only(&image, "FROM").rest, "scratch");
    let (user, group) = only(&image, "USER").rest.split_once(':').unwrap();
    // A number: there is no /etc/passwd, and Kubernetes' runAsNonRoot cannot judge a name.
    assert!([user, group].iter().all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");

    // The exec form, as JSON: the other one needs a shell, and gives the program no arguments.
    let entry: Vec<String> = serde_json::from_str(&only(&image, "ENTRYPOINT").rest).unwrap();
    let built = image.iter().filter(|i| i.flag("from").is_some());
    let built: Vec<_> = built.map(|i| (i.flag("from").unwrap(), i.words().concat())).collect();
    let directory = &only(&build, "WORKDIR").rest;
    let name = only(&build, "FROM").rest.split(" AS ").nth(1).unwrap();
    let program = format!("{directory}/target/release/doctor{}", entry.concat());
    assert_eq!(built.last(), Some(&(name, program)));
    // What the dependencies' licences ask for.
    assert_eq!(built[0], (name, format!("{directory}/THIRD-PARTY.txt/THIRD-PARTY.txt")));
    assert_eq!(built.len(), 2);

    let label = only(&image, "LABEL");
    for (name, value) in [
        ("title", manifest("name")),
        ("description", manifest("description")),
        ("licenses", manifest("license")),
    ] {
        let wanted = format!("org.opencontainers.image.{name}=\"{value}\"");
        assert!(label.rest.contains(&wanted), "{wanted}: {}", label.rest);
    }
}

/// The crate, as `cargo package` makes it, and the image hold the same.
#[test]
fn crate_holds_image_inputs() {
    let cargo = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let list = String::from_utf8(cargo.stdout).unwrap();
    let packed: BTreeSet<PathBuf> = list.lines().map(PathBuf::from).collect();
    for path in copied() {
        assert!(packed.contains(&path), "{}", path.display());
    }
    for path in &packed {
        let place = path.components().next().unwrap().as_os_str().to_str().unwrap();
        assert!(!["fixtures", "fuzz", "tests", ".ci"].contains(&place), "{}", path.display());
    }
}

#[test]
fn child_gets_no_secret_variables() {
    let allowed = ["FROM", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "ENTRYPOINT"];
    for instruction in own().concat() {
        assert!(allowed.contains(&instruction.name.as_str()), "{instruction:?}");
    }
}
