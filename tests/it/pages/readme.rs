//! The README and the pages in docs/ say what the program does.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::support::{Doctor, World, platforms};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Pages whose commands are run.
const PAGES: [&str; 5] =
    ["README.md", "docs/agents.md", "docs/pipelines.md", "docs/bundles.md", "docs/json.md"];

fn page(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap().replace("\r\n", "\n")
}

fn readme() -> String {
    page("README.md")
}

fn pages() -> String {
    PAGES.map(page).join("\n")
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn its_commands_are_understood() {
    let mut commands = 0;
    for block in blocks(&pages(), "sh") {
        for command in block.replace("\\\n", " ").lines() {
            let Some(arguments) = command.strip_prefix("doctor ") else { continue };
            if arguments.starts_with("explain ") || arguments.starts_with("step ") {
                let doctor = Doctor::bare().args(arguments.split_whitespace());
                assert_eq!(doctor.run().status, 0, "{command}");
                commands += 1;
                continue;
            }
            if arguments.starts_with("triage ") {
                let log = |name: &str| fs::read(path(&format!("fixtures/logs/{name}"))).unwrap();
                let run = Doctor::bare()
                    .file("build.log", log("azure/backend-empty.log"))
                    .file("logs.zip", log("azure/export.zip"))
                    .stdin(log("azure/backend-empty.log"))
                    .args(arguments.split('<').next().unwrap().split_whitespace())
                    .run();
                // Of many logs, none decides.
                let is_many = arguments.contains("--ndjson");
                let notes = (run.status, run.stderr.lines().count());
                assert_eq!(notes, (i32::from(!is_many), usize::from(is_many)), "{command}");
                commands += 1;
                continue;
            }
            if arguments.starts_with("replay ") {
                let kept = path("fixtures/bundles/v1/healthy.json");
                let doctor = Doctor::bare().file("bundle.json", fs::read(kept).unwrap());
                assert_eq!(doctor.args(arguments.split_whitespace()).run().status, 0, "{command}");
                commands += 1;
                continue;
            }
            if let Some(arguments) = arguments.strip_prefix("policy ") {
                policy_command(arguments);
                commands += 1;
                continue;
            }
            let world = World::new(&platforms::AZURE_ENTRA);
            let token = world.token();
            if let Some(arguments) = arguments.strip_prefix("decode ") {
                let words = arguments.split('<').next().unwrap().split_whitespace();
                let doctor = Doctor::bare().command("decode").args(words).secret(&token);
                assert_eq!(doctor.stdin(token.clone()).run().status, 0, "{command}");
                commands += 1;
                continue;
            }
            let policy = world.policy().to_string();
            let run = Doctor::bare()
                .file("token.jwt", &token)
                .file("policy.yaml", &policy)
                .file("saved.json", &policy)
                .file("keys.json", world.issuer.jwks().to_string())
                // The world's own address for the default one, which is not to be spoken to.
                .args(arguments.replace("--format json", "").split_whitespace())
                .args(["--cloud-url", world.cloud.url(), "--timeout", "5s"])
                .stdin(token.clone())
                .secret(&token)
                .json();
            assert_ne!(run.status, 2, "{command}: {}", run.stderr);
            assert_ne!(run.report["token"], json!(null), "{command}");
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands} commands");
}

/// A command on policies alone works on the world's, and finds it right.
fn policy_command(arguments: &str) {
    let world = World::new(&platforms::AZURE_ENTRA);
    let claims = serde_json::Value::Object(world.shape.claims.clone()).to_string();
    let run = Doctor::bare()
        .file("policy.yaml", world.policy().to_string())
        .file("claims.json", &claims)
        .file("token.jwt", world.token())
        .file("tokens.ndjson", [world.token(), world.token()].join("\n"))
        .file("keys.json", world.issuer.jwks().to_string())
        .args(["policy"])
        .args(arguments.split_whitespace())
        .stdin(claims)
        .run();
    if arguments.starts_with("pull ") {
        assert_eq!(run.status, 3, "there is nothing to pull with: {}", run.stderr);
        return;
    }
    assert_eq!(run.status, 0, "{arguments}: {}{}", run.stdout, run.stderr);
    // What is to be known of a suggestion is told beside it.
    let is_note = |line: &str| {
        arguments.starts_with("suggest") && line.starts_with("note: ")
            || arguments.contains("--ndjson")
            || arguments.starts_with("fix") && line.starts_with("policy fix: nothing to change")
    };
    assert!(run.stderr.lines().all(is_note), "{arguments}: {}", run.stderr);
}

#[test]
fn readme_is_short_and_docs_indexed() {
    assert!(readme().lines().count() <= 150);
    let index = page("docs/README.md");
    for entry in fs::read_dir(path("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "README.md" {
            assert!(index.contains(&format!("]({name})")), "{name} is not in docs/README.md");
        }
    }
}

/// Links between the pages lead to files.
#[test]
fn links_lead_to_files() {
    let others = [
        "docs/README.md",
        "docs/performance.md",
        "docs/reliability.md",
        "docs/policy.md",
        "docs/scale.md",
    ];
    for name in PAGES.into_iter().chain(others).chain(["CONTRIBUTING.md", "SECURITY.md"]) {
        let folder = path(name).parent().unwrap().to_owned();
        let text = page(name);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let is_file = file.is_empty() || file.starts_with("http") || folder.join(file).exists();
            assert!(is_file, "{name}: {link}");
        }
    }
}

#[test]
fn its_policy_is_one() {
    let policies: Vec<String> = blocks(&page("docs/policy.md"), "yaml")
        .into_iter()
        .filter(|b| b.contains("issuers:"))
        .collect();
    assert!(!policies.is_empty());
    for policy in policies {
        let document = doctor::policy::document::parse(&policy).unwrap();
        assert_eq!(document.issuers[0].policies.as_ref().unwrap()[0].rules.len(), 2);
    }
}

#[test]
fn its_yaml_is_yaml() {
    for block in blocks(&pages(), "yaml") {
        let parsed = serde_saphyr::from_str::<serde_json::Value>(&block);
        assert!(parsed.is_ok(), "{block}");
    }
}

#[test]
fn its_quick_start_is_what_ci_runs() {
    let ci = fs::read_to_string(path(".ci/run")).unwrap();
    // CI takes them from here.
    let commands = blocks(&readme(), "sh");
    let expected = ["uvx pulumi-oidc-doctor demo\n", "cargo run -- demo\n", "cargo test\n"];
    assert_eq!(commands[..3], expected);
    assert!(ci.contains("readme_command 2") && ci.contains("readme_command 3"), "{ci}");
}

#[test]
fn its_numbers_are_those_of_the_program() {
    let readme = readme();
    let manifest = fs::read_to_string(path("Cargo.toml")).unwrap();
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(readme.contains(&format!("Rust toolchain ({version} or newer)")), "{version}");

    use doctor::report::Verdict;
    let statuses = [
        (Verdict::Healthy.exit_status(), "healthy"),
        (Verdict::Unhealthy.exit_status(), "unhealthy"),
        (doctor::command::exit::USAGE, "bad usage"),
        (Verdict::Inconclusive.exit_status(), "inconclusive"),
        (doctor::command::exit::INTERNAL_ERROR, "internal error"),
    ];
    for (status, meaning) in statuses {
        assert!(readme.contains(&format!("| {status} | {meaning}")), "{status} {meaning}");
    }
    assert!(Doctor::bare().arg("--help").run().stdout.contains("[default: 15s]"));
    assert!(readme.contains("`--timeout` (15 s)"));
}

/// The page's figures are those that `benches/run` prints: every row is one of a benchmark, and
/// every benchmark is run.
#[test]
fn performance_table_matches_benchmarks() {
    let sources: String = fs::read_dir(path("benches"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let text = page("docs/performance.md");
    // The sections after the first are of other benchmarks.
    let first = text.lines().take_while(|line| !line.starts_with("## "));
    let rows = first.filter(|line| line.starts_with("| ")).skip(2);
    let mut seen = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, _, ratio] = cells[..] else { panic!("{row}") };
        assert!(what.split(": ").all(|part| sources.contains(part)), "{what}");
        let (_, of) = ratio.split_once(" times ").unwrap();
        assert!(sources.contains(of), "{of}");
        seen += 1;
    }
    let manifest = fs::read_to_string(path("Cargo.toml")).unwrap();
    let run = fs::read_to_string(path("benches/run")).unwrap();
    let mut benchmarks = 0;
    for named in manifest.split("[[bench]]\nname = \"").skip(1) {
        let name = named.split('"').next().unwrap();
        assert!(run.contains(&format!("--bench {name}")), "{name}");
        benchmarks += 1;
    }
    assert!(seen > 2 * benchmarks && benchmarks > 3, "{seen} rows, {benchmarks} benchmarks");
}
