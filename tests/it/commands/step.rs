//! `doctor step` prints YAML for the platform. Its script, run as on the platform, finds out why
//! the login fails.

use serde_json::{Value, json};

use crate::support::{Doctor, RELEASE};

// The scripts are for Unix shells.
#[cfg(unix)]
mod scripts;

/// The output of `doctor step`.
fn step(arguments: &[&str]) -> String {
    let run = Doctor::bare().command("step").args(arguments.iter().copied()).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
    assert!(run.stdout.is_ascii() && !run.stdout.contains('\r'), "{arguments:?}: {}", run.stdout);
    assert!(run.stdout.ends_with('\n'), "{arguments:?}: {}", run.stdout);
    run.stdout
}

#[track_caller]
fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// The JSON pointer to each platform's script.
const SCRIPTS: [(&str, &str); 4] = [
    ("azure", "/0/inputs/inlineScript"),
    ("circleci", "/0/run/command"),
    ("github", "/0/run"),
    ("gitlab", "/login/after_script/0"),
];

fn script(yaml: &str, pointer: &str) -> String {
    parse(yaml).pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

// --------------------------------------------------------------------------------- the YAML

fn pipx() -> String {
    format!("pipx run --spec {RELEASE} doctor --oidc-org acme\n")
}

#[test]
fn azure_step_runs_after_failed_task() {
    for (shell, script_type) in [("bash", "bash"), ("pwsh", "pscore")] {
        let task = json!([{
            "task": "AzureCLI@2",
            "displayName": "Why the login to Pulumi Cloud fails",
            "condition": "failed()",
            "inputs": {
                "azureSubscription": "my-service-connection",
                "addSpnToEnvironment": true,
                "scriptType": script_type,
                "scriptLocation": "inlineScript",
                "inlineScript": pipx(),
            },
        }]);
        let yaml = step(&["azure", "--oidc-org", "acme", "--shell", shell]);
        assert_eq!(parse(&yaml), task);
    }
}

#[test]
fn github_step_runs_after_failed_step() {
    for shell in ["bash", "pwsh"] {
        let yaml = step(&["github", "--oidc-org", "acme", "--shell", shell]);
        let expected = json!([{
            "name": "Why the login to Pulumi Cloud fails",
            "if": "failure()",
            "shell": shell,
            "run": pipx(),
        }]);
        assert_eq!(parse(&yaml), expected);
        // The permission belongs to the job, so in a step it can only be a comment.
        let block: Vec<&str> = yaml
            .lines()
            .skip_while(|line| *line != "#   permissions:")
            .map_while(|line| line.strip_prefix("#   "))
            .collect();
        let expected = json!({"permissions": {"id-token": "write", "contents": "read"}});
        assert_eq!(parse(&block.join("\n")), expected);
    }
}

#[test]
fn gitlab_step_runs_after_failed_job() {
    let script = format!(
        "if [ \"$CI_JOB_STATUS\" != success ]; then
  packages=\"$(mktemp -d)\"
  python3 -m pip install --quiet --target \"$packages\" {RELEASE} &&
    \"$packages/bin/doctor\" --oidc-org acme
fi
"
    );
    let job = json!({"login": {"after_script": [script]}});
    assert_eq!(parse(&step(&["gitlab", "--oidc-org", "acme"])), job);
}

#[test]
fn circleci_step_runs_after_failed_step() {
    let yaml = parse(&step(&["circleci", "--oidc-org", "acme"]));
    assert_eq!(yaml[0]["run"]["when"], "on_fail");
    let script = yaml[0]["run"]["command"].as_str().unwrap();
    assert!(script.contains(r#"--claims '{"aud":"urn:pulumi:org:acme"}'"#), "{script}");
}

#[test]
fn step_says_what_it_needs() {
    for (platform, pointer) in SCRIPTS {
        for arguments in [&[platform][..], &[platform, "--oidc-org", ""]] {
            let yaml = step(arguments);
            assert!(yaml.contains("# ORG stands for the organization in Pulumi Cloud."), "{yaml}");
            assert!(script(&yaml, pointer).contains("--oidc-org ORG\n"), "{yaml}");
        }
        let named = step(&[platform, "--oidc-org", "acme"]);
        assert!(!named.contains("ORG"), "{named}");
        assert!(named.contains("does not change its result"), "{named}");
        assert!(script(&named, pointer).contains(RELEASE), "{named}");
        assert_eq!(step(&[platform]).matches("\n# ORG stands").count(), 1);
        assert!(named.lines().all(|line| line.len() <= 105), "{named}");
    }
}

#[test]
fn page_contains_every_step() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pipelines.md");
    let page = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    for platform in ["azure", "github", "gitlab", "circleci"] {
        let block = format!("```yaml\n{}```\n", step(&[platform, "--oidc-org", "acme"]));
        assert!(page.contains(&block), "not in docs/pipelines.md:\n{block}");
    }
}

#[test]
fn wrong_usage_is_refused() {
    for (arguments, words) in [
        (&["step"][..], "<PLATFORM>"),
        (&["step", "jenkins"], "azure, github"),
        (&["step", "gitlab", "--shell", "pwsh"], "no step for gitlab in PowerShell"),
        (&["step", "azure", "--shell", "pwsh", "--oidc-org", "it's"], "cannot be written safely"),
        (
            &["step", "github", "--shell", "pwsh", "--oidc-org", "${{ x }}"],
            "cannot be written safely",
        ),
        (&["step", "azure", "--shell", "fish"], "bash, pwsh"),
        (&["step", "azure", "github"], "unexpected argument"),
        (&["step", "azure", "--oidc-org"], "a value is required"),
        (&["step", "azure", "--oidc-org", "caf\u{e9}"], "ASCII only"),
    ] {
        let run = Doctor::bare().args(arguments.iter().copied()).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
}

/// Names of organizations that a shell, a YAML parser or a platform could take for syntax.
const HOSTILE: [&str; 15] = [
    "a b",
    "it's",
    "\"; touch pwned; \"",
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "${{ github.token }}",
    "$[ variables.x ]",
    "<< pipeline.id >>",
    "a\n  - touch pwned",
    "##vso[task.complete result=Succeeded;]",
    "##[error]x",
    "a\n::error::x",
    "a # b: c",
    "\u{1b}[31m\\\t",
];

#[test]
fn hostile_organization_stays_one_value() {
    for name in HOSTILE {
        for (platform, pointer) in SCRIPTS {
            let yaml = step(&[platform, &format!("--oidc-org={name}")]);
            let printable = |c: char| c == '\n' || (' '..='~').contains(&c);
            assert!(yaml.chars().all(printable), "{yaml:?}");
            assert!(!yaml.contains("##vso[") && !yaml.contains("##["), "{yaml}");
            assert!(!yaml.lines().any(|line| line.trim_start().starts_with("::")), "{yaml}");
            // No platform may expand the name as an expression.
            let filled_in = script(&yaml, pointer);
            let filled_in = filled_in.rsplit("--oidc-org ").next().unwrap();
            let expands = ["$(", "${{", "$[", "<<"].iter().any(|sign| filled_in.contains(sign));
            assert!(!expands, "{yaml}");
            let parsed = parse(&yaml);
            let entries = parsed.as_array().map(Vec::len).or(parsed.as_object().map(|o| o.len()));
            assert_eq!(entries, Some(1), "{yaml}");
        }
    }
}
