//! docs/dependencies.md lists what Cargo.toml has.

use std::collections::BTreeMap;
use std::fs;

/// The dependencies of the program and those of the tests: their features by their names.
type Lists = [BTreeMap<String, String>; 2];

fn read(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// One dependency a line, as `cargo add` writes them.
fn of_manifest(manifest: &str) -> Lists {
    let mut lists = Lists::default();
    for section in manifest.split("\n[").skip(1) {
        let (title, lines) = section.split_once("]\n").unwrap();
        let is_dev = title.ends_with("dev-dependencies");
        if !title.ends_with("dependencies") {
            continue;
        }
        for line in lines.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, value) = line.split_once(" = ").unwrap();
            let features = value.split_once("features = [\"").map(|(_, rest)| {
                let names = rest.split_once("\"]").unwrap().0;
                format!("`{}`", names.replace("\", \"", "`, `"))
            });
            let features = features.unwrap_or_else(|| {
                let is_bare = value.contains("default-features = false");
                if is_bare { "none" } else { "default" }.to_owned()
            });
            lists[usize::from(is_dev)].insert(name.to_owned(), features);
        }
    }
    lists
}

/// The rows of the page's tables: the first two cells.
fn of_page(page: &str) -> Lists {
    let (program, tests) = page.split_once("\n## The tests\n").unwrap();
    [program, tests].map(|part| {
        let rows = part.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
        let cells = rows.map(|row| row.split(" | ").map(|cell| cell.trim_start_matches("| ")));
        let rows = cells.map(|mut cells| [cells.next(), cells.next()].map(Option::unwrap));
        let rows = rows.filter(|[name, _]| *name != "crate");
        rows.map(|[name, features]| (name.to_owned(), features.to_owned())).collect()
    })
}

#[test]
fn every_direct_dependency_has_its_row() {
    let [manifest, page] =
        [of_manifest(&read("Cargo.toml")), of_page(&read("docs/dependencies.md"))];
    assert!(manifest.iter().all(|list| list.len() > 5), "{manifest:?}");
    assert_eq!(manifest, page);
}
