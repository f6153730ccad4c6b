//! Holds the structure of `src`: a folder imports only from the folders below it, and no two files
//! import each other, directly or through others.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use syn::visit::{self, Visit};

/// The folders, lowest first. Those of one line do not import each other. `src/lib.rs` lists them in
/// the same order.
const LAYERS: &[&[&str]] = &[
    &["text", "limits", "console", "loopback"],
    &["policy"],
    &["platform"],
    &["catalogue"],
    &["known_messages"],
    &["evidence"],
    &["oidc", "pulumi"],
    &["report"],
    &["judge", "render"],
    &["gather"],
    &["bundle"],
    &["cli"],
    &["demo"],
    &["command"],
];

/// The path of a module: `["judge", "checks", "policy"]`.
type Module = Vec<String>;

/// The modules outside tests, each with the modules that it imports from.
static IMPORTS: LazyLock<BTreeMap<Module, BTreeSet<Module>>> = LazyLock::new(imports);

fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&source, &mut Vec::new(), &mut files);
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    let of = |(module, text): (&Module, &String)| {
        let mut paths = Paths { module: module.clone(), found: Vec::new() };
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{module:?}: {error}"));
        paths.visit_file(&file);
        let resolved = paths.found.iter().filter_map(|path| {
            (1..=path.len())
                .rev()
                .map(|length| path[..length].to_vec())
                .find(|m| modules.contains(m))
        });
        (module.clone(), resolved.filter(|other| other != module).collect())
    };
    files.iter().map(of).collect()
}

fn collect(folder: &Path, module: &mut Module, files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // The programs are above all layers.
        let is_program = name == "bin" || path == folder.join("main.rs");
        if name == "tests" || path == folder.join("lib.rs") || is_program {
            continue;
        }
        let is_folder = path.is_dir();
        if !is_folder && path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        if name != "mod" {
            module.push(name.clone());
        }
        if is_folder {
            collect(&path, module, files);
        } else {
            files.insert(module.clone(), fs::read_to_string(&path).unwrap());
        }
        if name != "mod" {
            module.pop();
        }
    }
}

/// Collects the paths of a file that begin at the crate, outside tests.
struct Paths {
    module: Module,
    found: Vec<Module>,
}

impl Paths {
    fn add(&mut self, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("super" | "self") => self.module.clone(),
            // A child, or nothing of ours.
            _ => {
                self.found.push([&self.module, path].concat());
                return;
            }
        };
        let is_keyword = |part: &&String| matches!(part.as_str(), "crate" | "super" | "self");
        let keywords = path.iter().take_while(is_keyword).count();
        let up = path[..keywords].iter().filter(|part| *part == "super").count();
        base.truncate(base.len().saturating_sub(up));
        base.extend_from_slice(&path[keywords..]);
        self.found.push(base);
    }

    fn add_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let joined = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&path.tree, &joined(&path.ident)),
            syn::UseTree::Name(name) => self.add(&joined(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&joined(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_tree(tree, before));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        };
        if !attributes.iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.add(&parts);
        visit::visit_path(self, path);
    }

    /// What a macro is given is no syntax yet: its paths are found by their beginning.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        for after in item.tokens.to_string().split("crate ::").skip(1) {
            let parts = after.split("::").map(|part| {
                let part = part.trim_start();
                part[..part.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(part.len())]
                    .to_owned()
            });
            let path: Vec<_> = ["crate".to_owned()].into_iter().chain(parts.take(4)).collect();
            self.add(&path);
        }
    }
}

fn layer(folder: &str) -> usize {
    let layer = LAYERS.iter().position(|layer| layer.contains(&folder));
    layer.unwrap_or_else(|| panic!("src/{folder} belongs to no layer"))
}

#[test]
fn imports_point_down() {
    for (module, imports) in &*IMPORTS {
        for import in imports {
            let (from, to) = (&module[0], &import[0]);
            assert!(
                from == to || layer(to) < layer(from),
                "{} imports {}: {from} is not above {to}",
                module.join("/"),
                import.join("/"),
            );
        }
    }
}

#[test]
fn no_files_import_each_other() {
    // A folder's mod.rs and what is below it belong together.
    let related = |a: &Module, b: &Module| a.starts_with(b) || b.starts_with(a);
    let imports: BTreeMap<_, BTreeSet<_>> = IMPORTS
        .iter()
        .map(|(module, others)| {
            let others = others.iter().filter(|other| !related(module, other)).cloned().collect();
            (module.clone(), others)
        })
        .collect();
    // What is left when everything is taken away that imports nothing of what is left.
    let mut left: BTreeSet<&Module> = imports.keys().collect();
    loop {
        let leaves: Vec<_> = left
            .iter()
            .copied()
            .filter(|m| !imports[*m].iter().any(|i| left.contains(i)))
            .collect();
        if leaves.is_empty() {
            break;
        }
        leaves.iter().for_each(|leaf| assert!(left.remove(leaf)));
    }
    // The same from above leaves the cycles alone.
    loop {
        let tops: Vec<_> = left
            .iter()
            .copied()
            .filter(|m| !left.iter().any(|o| imports[*o].contains(*m)))
            .collect();
        if tops.is_empty() {
            break;
        }
        tops.iter().for_each(|top| assert!(left.remove(top)));
    }
    let cycles: Vec<_> = left
        .iter()
        .map(|module| {
            let within = imports[*module].iter().filter(|other| left.contains(other));
            format!(
                "{} -> {}",
                module.join("/"),
                within.map(|o| o.join("/")).collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert!(cycles.is_empty(), "cycles:\n{}", cycles.join("\n"));
}

#[test]
fn the_crate_lists_its_layers() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let listed: Vec<_> =
        text.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';')).collect();
    let expected: Vec<_> = LAYERS.iter().copied().flatten().copied().collect();
    assert_eq!(listed, expected);
}

#[test]
fn contributing_names_paths_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let is_path = |word: &&str| word.contains('/') && !word.contains([' ', '*']);
    let paths: Vec<_> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    assert!(paths.len() > 15, "{paths:?}");
    for path in paths {
        let path = path.replace("CODE.md", "policy-denied.md").replace("NAME.rs", "gitlab.rs");
        assert!(root.join(&path).exists(), "CONTRIBUTING.md names {path}");
    }
}
