//! `doctor explain`: the catalogue, from the outside.

use serde_json::Value;

use crate::support::{Doctor, Run};

fn explain(arguments: &[&str]) -> Run {
    let run = Doctor::bare().command("explain").args(arguments.iter().copied()).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run
}

fn json(arguments: &[&str]) -> Value {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--format", "json"]);
    serde_json::from_str(&explain(&arguments).stdout).unwrap()
}

fn codes() -> Vec<Value> {
    json(&[])["codes"].as_array().unwrap().clone()
}

fn text<'a>(entry: &'a Value, pointer: &str) -> &'a str {
    entry.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {entry}"))
}

#[test]
fn a_code_is_told_on_one_screen() {
    insta::assert_snapshot!(explain(&["token-expires-soon"]).stdout, @r#"
    warning[token-expires-soon]: The token is about to expire
      Less than a minute is left.

    How it is found
      exp is less than 60 s away.

    Likely causes
      Azure Pipelines      The token of AzureCLI@2 is from the beginning of the task, and the script
                           works long before it logs in.
      anywhere             The token was requested in an earlier step.

    Fix
      Request the token right before the login.
      before:
        ./build.sh
        pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme
      after:
        pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme
        ./build.sh

    By hand
      Compare the token's times with this machine's:
        # token.jwt holds the token
        cut -d. -f2 token.jwt | tr '_-' '/+' |
          jq -R '@base64d | fromjson | {now: now, iat, exp} | map_values(todate)'

    Related: token-expired, clock-skew
    See https://www.pulumi.com/docs/administration/concepts/oidc-issuers/
    "#);
    for entry in codes() {
        let code = text(&entry, "/code");
        let page = explain(&[code]).stdout;
        assert!(page.starts_with(&format!("{}[{code}]: ", text(&entry, "/severity"))), "{page}");
        assert!(page.lines().count() <= 50, "{} lines\n{page}", page.lines().count());
        for line in page.lines() {
            assert!(line.len() <= 100, "{line}");
        }
    }
}

#[test]
fn the_list_has_every_code_under_its_category() {
    let list = explain(&[]).stdout;
    let mut category = "";
    let mut found = Vec::new();
    for line in list.lines() {
        if let Some((name, _)) = line.split_once(": ").filter(|_| !line.starts_with(' ')) {
            category = name;
        } else if let [word, code, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
            && ["error", "warn", "info"].contains(&word)
        {
            found.push((category.to_owned(), word.to_owned(), code.to_owned()));
        }
    }
    let expected: Vec<_> = codes()
        .iter()
        .map(|entry| {
            let word = text(entry, "/severity").replace("warning", "warn");
            (text(entry, "/category").to_owned(), word, text(entry, "/code").to_owned())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn json_has_the_documented_keys() {
    let one = json(&["audience-mismatch"]);
    let keys: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    let documented = [
        "schemaVersion",
        "code",
        "category",
        "severity",
        "title",
        "meaning",
        "detection",
        "causes",
        "fix",
        "example",
        "byHand",
        "related",
        "link",
    ];
    assert_eq!(keys, documented);
    assert_eq!(one["schemaVersion"], 1);
    assert_eq!(one["causes"][0]["platform"], "Azure Pipelines");
    assert_eq!(one["example"]["language"], "yaml");
    let help = explain(&["--help"]).stdout;
    for key in documented {
        assert!(help.contains(key), "{key}\n{help}");
    }
    for entry in codes() {
        let mut alone = json(&[text(&entry, "/code")]);
        alone.as_object_mut().unwrap().shift_remove("schemaVersion");
        assert_eq!(alone, entry);
    }
}

#[test]
fn a_code_is_known_however_it_was_copied() {
    let page = explain(&["audience-mismatch"]).stdout;
    for word in ["AUDIENCE_MISMATCH", "error[audience-mismatch]: The token's audience is not ..."] {
        assert_eq!(explain(&[word]).stdout, page, "{word}");
    }
}

#[test]
fn of_an_unknown_code_the_nearest_are_named() {
    for (word, words) in [
        ("audiense-mismatch", "did you mean audience-mismatch? (`doctor explain` lists all codes)"),
        ("thumbprint", "did you mean thumbprint-mismatch?"),
        ("token-expire", "token-expired"),
        ("zzz", "there is no such code; `doctor explain` lists all codes"),
        ("", "there is no such code"),
        ("##vso[task.complete result=Succeeded]\n::error::x", "there is no such code"),
    ] {
        for format in ["human", "json", "markdown"] {
            let run = Doctor::bare().args(["explain", word, "--format", format]).run();
            assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{word}");
            assert!(run.stderr.contains(words), "{word}: {}", run.stderr);
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        }
    }
    let secret = "pul-0123456789abcdef0123456789abcdef01234567";
    assert_eq!(Doctor::bare().args(["explain", secret]).secret(secret).run().status, 2);
}

#[test]
fn nothing_but_colour_depends_on_the_environment() {
    let bare = explain(&["token-expired"]).stdout;
    let run =
        |name, value| Doctor::bare().env(name, value).args(["explain", "token-expired"]).run();
    for (name, value) in [("TF_BUILD", "True"), ("GITHUB_ACTIONS", "true"), ("DOCTOR_POLICY", "x")]
    {
        assert_eq!(run(name, value).stdout, bare, "{name}");
    }
    let coloured = run("CLICOLOR_FORCE", "1").stdout;
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let plain = Doctor::bare()
        .env("CLICOLOR_FORCE", "1")
        .args(["explain", "token-expired", "--color", "never"])
        .run();
    assert_eq!(plain.stdout, bare);
}

#[test]
fn markdown_is_what_the_document_has() {
    let document = explain(&["--format", "markdown"]).stdout;
    for entry in codes() {
        let section = explain(&[text(&entry, "/code"), "--format", "markdown"]).stdout;
        assert!(document.contains(&section), "{section}");
    }
}

#[test]
fn a_report_names_the_command_for_its_root_cause() {
    let run = Doctor::bare().args(["--oidc-org", "acme", "--offline", "null"]).human();
    assert!(
        run.stdout.contains("\nMore: `doctor explain token-not-a-token`; -v "),
        "{}",
        run.stdout
    );
}

/// Before, after and the check by hand, where they are for a shell.
#[cfg(unix)]
#[test]
fn bash_understands_every_command() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut asked = 0;
    for entry in codes() {
        let mut commands = vec![text(&entry, "/byHand/command")];
        if text(&entry, "/example/language") == "sh" {
            commands.extend([text(&entry, "/example/before"), text(&entry, "/example/after")]);
        }
        for command in commands {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
            assert!(bash.wait().unwrap().success(), "{command}");
            asked += 1;
        }
    }
    assert!(asked > 200, "{asked}");
}
