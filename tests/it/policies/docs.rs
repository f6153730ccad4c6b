//! docs/policy.md: its documents are read, its commands are understood, and its table is the
//! program's.

use crate::policies::command::policy;
use crate::support::Doctor;

const PAGE: &str = include_str!("../../../docs/policy.md");

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let page = PAGE.replace("\r\n", "\n");
    let found = page.split(&fence).skip(1);
    found.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn document() -> String {
    blocks("yaml").remove(0)
}

#[test]
fn its_table_is_the_program_s() {
    let run =
        policy("who").args(["--policy", "policy.yaml"]).file("policy.yaml", document()).human();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stdout, blocks("text")[0]);
}

#[test]
fn its_cases_are_as_expected() {
    let run = policy("test")
        .args(["--policy", "policy.yaml", "--cases", "cases.yaml"])
        .file("policy.yaml", document())
        .file("cases.yaml", &blocks("yaml")[1])
        .run();
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("cases: passed - 3 cases as expected"), "{}", run.stdout);
}

/// Each command of its blocks and of its workflow, with what stands for files of the reader.
#[test]
fn its_commands_are_understood() {
    let all = blocks("sh").join("") + &blocks("yaml")[2].replace("      - run: ", "");
    let commands: Vec<&str> = all.lines().filter(|line| line.starts_with("doctor ")).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    let claims = r#"{"iss": "https://token.actions.githubusercontent.com",
        "aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:ref:refs/heads/main"}"#;
    for command in commands {
        let run = Doctor::bare()
            .args(command.split(' ').skip(1))
            .file("policy.yaml", document())
            .file("cases.yaml", &blocks("yaml")[1])
            .file("token.jwt", claims)
            .run();
        // Nothing can be pulled here. The example lets pull requests in without a rule of their
        // own.
        let expected = if command.contains(" pull ") { 3 } else { 0 };
        assert_eq!(run.status, expected, "{command}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn its_workflow_is_yaml() {
    let workflow: serde_json::Value = serde_saphyr::from_str(&blocks("yaml")[2]).unwrap();
    assert_eq!(workflow["jobs"]["test"]["steps"].as_array().unwrap().len(), 4);
}
