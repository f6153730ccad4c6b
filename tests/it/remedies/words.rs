//! A real bash parses the printed commands: each value must be exactly one word.

use std::process::Command;

use serde_json::Value;

use super::platforms::ALL;
use super::report;
use super::world::State;

/// Names that a shell would split or execute.
const NAMES: [&str; 9] =
    ["acme", "a b", "it's", "$(touch pwned)", "`id`", "a;id", "\"quoted\"", "a\\b", "--help"];

/// The words of every simple command, as bash parses it. Functions with the programs' names print
/// their arguments; the left side of a pipe is dropped.
fn shell_words(command: &str) -> Vec<Vec<String>> {
    let script = format!(
        "words() {{ printf '%s\\0' \"$@\"; printf '\\1\\0'; }}\n\
         pulumi() {{ words pulumi \"$@\"; }}\n\
         doctor() {{ words doctor \"$@\"; }}\n\
         curl() {{ words curl \"$@\"; }}\n\
         mv() {{ words mv \"$@\"; }}\n\
         TOKEN=the-token\n{command}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new("/bin/bash")
        .args(["--noprofile", "--norc", "-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(folder.path().read_dir().unwrap().next().is_none(), "{command} wrote a file");
    let text = String::from_utf8(run.stdout).unwrap();
    let mut found = vec![Vec::new()];
    for word in text.split_terminator('\0') {
        match word {
            "\u{1}" => found.push(Vec::new()),
            word => found.last_mut().unwrap().push(word.to_owned()),
        }
    }
    found.retain(|words| !words.is_empty());
    found
}

fn commands(state: &State, code: &str) -> Vec<String> {
    let report = report(state);
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == code);
    let finding = finding.unwrap_or_else(|| panic!("no {code}: {}", report["rootCause"]));
    let commands = finding["remediation"]["commands"].as_array().unwrap();
    commands.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn login_commands_keep_values_whole() {
    for name in NAMES {
        let mut state = State::healthy(&ALL[0], false, false);
        state.login.remove("--oidc-org");
        state.job.audience = "pulumi".to_owned();
        state.document["organization"] = name.into();
        state.login.insert("url".to_owned(), "https://pulumi.acme.test".to_owned());
        let found = commands(&state, "organization-missing");
        assert_eq!(found.len(), 1, "{found:?}");
        let expected = [
            "pulumi",
            "login",
            "https://pulumi.acme.test",
            "--oidc-token",
            "the-token",
            "--oidc-org",
            name,
        ];
        assert_eq!(shell_words(&found[0]), [expected], "{}", found[0]);
    }
}

#[test]
fn api_commands_keep_values_whole() {
    for name in NAMES {
        let mut state = State::healthy(&ALL[0], false, false);
        state.document["organization"] = name.into();
        state.login.insert("--oidc-org".to_owned(), name.to_owned());
        state.job.audience = "pulumi".to_owned();
        state.document["issuers"][0]["issuer"] = "https://other.test".into();
        state.document["issuers"][0]["url"] = "https://other.test".into();
        let found = commands(&state, "issuer-not-registered");
        let curl = found.iter().find(|command| command.contains("curl")).unwrap();
        let words = shell_words(curl).remove(0);
        assert_eq!(words[..4], ["curl", "--fail-with-body", "-X", "POST"], "{curl}");
        let url = words.last().unwrap();
        assert!(url.starts_with("https://api.pulumi.com/api/orgs/"), "{url}");
        let body = &words[words.iter().position(|word| word == "-d").unwrap() + 1];
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["url"], "https://token.actions.githubusercontent.com");
    }
}

#[test]
fn durations_stay_one_word() {
    for written in ["1d", "90 min", "soon; id", "$(id)"] {
        let mut state = State::healthy(&ALL[0], false, false);
        state.login.insert("--oidc-expiration".to_owned(), written.to_owned());
        let found = commands(&state, "expiration-invalid");
        let words = shell_words(&format!("words {}", found[0])).remove(0);
        assert_eq!(words.len(), 2, "{words:?}");
        assert_eq!(words[0], "--oidc-expiration");
    }
}
