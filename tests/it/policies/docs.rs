//! Tests docs/policy.md: its documents, commands and table work with the program.

use crate::policies::command::policy;
use crate::support::Doctor;

const PAGE: &str = include_str!("../../../docs/policy.md");

/// The page's code blocks of a language, in order.
fn code_blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let page = PAGE.replace("\r\n", "\n");
    let found = page.split(&fence).skip(1);
    found.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn page_document() -> String {
    code_blocks("yaml").remove(0)
}

#[test]
fn page_table_matches_who_output() {
    let run = policy("who")
        .args(["--policy", "policy.yaml"])
        .file("policy.yaml", page_document())
        .human();
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(run.stdout, code_blocks("text")[0]);
}

#[test]
fn page_cases_pass() {
    let run = policy("test")
        .args(["--policy", "policy.yaml", "--cases", "cases.yaml"])
        .file("policy.yaml", page_document())
        .file("cases.yaml", &code_blocks("yaml")[1])
        .run();
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("cases: passed - 3 cases as expected"), "{}", run.stdout);
}

/// Runs every command of the page, with files in place of the reader's.
#[test]
fn page_commands_run() {
    let all = code_blocks("sh").join("") + &code_blocks("yaml")[2].replace("      - run: ", "");
    let commands: Vec<&str> = all.lines().filter(|line| line.starts_with("doctor ")).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    let claims = r#"{"iss": "https://token.actions.githubusercontent.com",
        "aud": "urn:pulumi:org:acme", "sub": "repo:acme/web:ref:refs/heads/main"}"#;
    for command in commands {
        let run = Doctor::bare()
            .args(command.split(' ').skip(1))
            .file("policy.yaml", page_document())
            .file("cases.yaml", &code_blocks("yaml")[1])
            .file("token.jwt", claims)
            .run();
        // Without an access token, nothing can be pulled.
        let expected = if command.contains(" pull ") { 3 } else { 0 };
        assert_eq!(run.status, expected, "{command}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn page_workflow_is_valid_yaml() {
    let workflow: serde_json::Value = serde_saphyr::from_str(&code_blocks("yaml")[2]).unwrap();
    assert_eq!(workflow["jobs"]["test"]["steps"].as_array().unwrap().len(), 4);
}
