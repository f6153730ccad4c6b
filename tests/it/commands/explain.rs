//! `doctor explain` and the pages in docs/codes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use doctor::cli::Cli;
use doctor::pulumi::login_flags;
use serde_json::Value;

use crate::support::{Doctor, Run};

fn pages_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes")
}

/// A page of docs/codes.
fn page(name: &str) -> String {
    fs::read_to_string(pages_folder().join(name)).unwrap().replace("\r\n", "\n")
}

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
fn page_fits_on_one_screen() {
    insta::assert_snapshot!(explain(&["token-expires-soon"]).stdout, @r#"
    warning[token-expires-soon]: The token is about to expire
      The token expires in less than a minute.

    How it is detected
      exp is less than 60 s away.

    Causes
      Azure Pipelines      AzureCLI@2 gets the token when the task begins. The script works for a long
                           time before it logs in.
      anywhere             An earlier step requested the token.

    Fix
      Request the token directly before the login.

    Example
      before:
        ./build.sh
        pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme
      after:
        pulumi login https://api.pulumi.com --oidc-token "$idToken" --oidc-org acme
        ./build.sh

    By hand
      Compare the times in the token with the clock of this machine:
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
fn explain_lists_codes_by_category() {
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
fn json_has_documented_keys() {
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
fn copied_code_spellings_are_accepted() {
    let page = explain(&["audience-mismatch"]).stdout;
    for word in ["AUDIENCE_MISMATCH", "error[audience-mismatch]: The token's audience is not ..."] {
        assert_eq!(explain(&[word]).stdout, page, "{word}");
    }
}

#[test]
fn unknown_code_names_nearest() {
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

fn without_colour(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').unwrap().1)
}

#[test]
fn environment_changes_only_colour() {
    let bare = explain(&["token-expired"]).stdout;
    let run =
        |name, value| Doctor::bare().env(name, value).args(["explain", "token-expired"]).run();
    for (name, value) in [("TF_BUILD", "True"), ("GITHUB_ACTIONS", "true"), ("DOCTOR_POLICY", "x")]
    {
        assert_eq!(without_colour(&run(name, value).stdout), bare, "{name}");
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
fn markdown_equals_page() {
    for entry in codes() {
        let code = text(&entry, "/code");
        assert_eq!(explain(&[code, "--format", "markdown"]).stdout, page(&format!("{code}.md")));
    }
}

#[test]
fn index_equals_program_output() {
    let printed = explain(&["--format", "markdown"]).stdout;
    assert!(
        page("README.md") == printed,
        "`cargo run -- explain --format markdown > docs/codes/README.md` brings it up to date"
    );
    // There is one link for each page, and a page for each link.
    let linked = printed.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0);
    let mut linked: Vec<_> = linked.map(str::to_owned).collect();
    linked.sort();
    let files = fs::read_dir(pages_folder()).unwrap();
    let mut files: Vec<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|name| name != "README.md");
    files.sort();
    assert_eq!(linked, files);
}

#[test]
fn report_names_explain_command() {
    let run = Doctor::bare().args(["--oidc-org", "acme", "--offline", "null"]).human();
    assert!(
        run.stdout.contains("\n`doctor explain token-not-a-token` has the causes "),
        "{}",
        run.stdout
    );
}

/// The snippets of a page, with their languages.
fn snippets(entry: &Value) -> [(&str, &str); 3] {
    let language = text(entry, "/example/language");
    [
        (language, text(entry, "/example/before")),
        (language, text(entry, "/example/after")),
        ("sh", text(entry, "/byHand/command")),
    ]
}

#[cfg(unix)]
#[test]
fn bash_parses_every_command() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut parsed = 0;
    for entry in codes() {
        for (_, command) in snippets(&entry).into_iter().filter(|(language, _)| *language == "sh") {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
            assert!(bash.wait().unwrap().success(), "{command}");
            parsed += 1;
        }
    }
    assert!(parsed > 200, "{parsed}");
}

/// The words of each simple command, without quotes and comments.
fn simple_commands(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote) = (None::<String>, None);
    let mut chars = script.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => {
                // The comment and the end of the line, which ends the command.
                chars.by_ref().find(|c| *c == '\n');
                commands.push(Vec::new());
            }
            (None, c) if c.is_whitespace() || ";|&(){}<>".contains(c) => {
                commands.last_mut().unwrap().extend(word.take());
                if c != ' ' {
                    commands.push(Vec::new());
                }
            }
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    commands.last_mut().unwrap().extend(word);
    commands
}

/// The command line of a program, without the YAML and the variables before it.
fn command_line_of<'a>(command: &'a [String], program: &str) -> Option<&'a [String]> {
    let is_prefix = |word: &&String| *word == "-" || *word == "run:" || word.contains('=');
    let line = &command[command.iter().take_while(is_prefix).count()..];
    (line.first()? == program).then_some(line)
}

#[test]
fn simple_commands_are_found() {
    let script = "A=1 doctor --x \"a b\" # c\n- run: pulumi \\\n  up 'c;d' && x=$(y | z)";
    let commands = simple_commands(script);
    let doctor = commands.iter().find_map(|command| command_line_of(command, "doctor")).unwrap();
    assert_eq!(doctor, ["doctor", "--x", "a b"]);
    let pulumi = commands.iter().find_map(|command| command_line_of(command, "pulumi")).unwrap();
    assert_eq!(pulumi, ["pulumi", "up", "c;d"]);
    assert!(command_line_of(&["command".into(), "pulumi".into()], "pulumi").is_none());
}

/// The flags of other commands than `pulumi login` that the pages use.
const PULUMI_FLAGS: [(&str, &[&str]); 5] = [
    ("about", &["--json"]),
    ("logout", &["--all"]),
    ("up", &["--yes", "--stack"]),
    ("version", &[]),
    ("whoami", &["--verbose"]),
];

#[test]
fn commands_on_pages_parse() {
    let (mut doctors, mut logins) = (0, 0);
    for entry in codes() {
        for (_, snippet) in snippets(&entry) {
            for command in simple_commands(snippet) {
                if let Some(line) = command_line_of(&command, "doctor") {
                    let line: Vec<OsString> = line.iter().map(OsString::from).collect();
                    assert!(Cli::read(&line).is_ok(), "{line:?}");
                    doctors += 1;
                } else if let Some(line) = command_line_of(&command, "pulumi") {
                    match line[1].as_str() {
                        "login" => {
                            let login = login_flags::parse(&line[2..]);
                            assert!(login.is_ok(), "{line:?}");
                            logins += 1;
                        }
                        name => {
                            let flags = PULUMI_FLAGS.iter().find(|(known, _)| *known == name);
                            let (_, flags) = flags.unwrap_or_else(|| panic!("{line:?}"));
                            let mut used = line.iter().filter(|word| word.starts_with('-'));
                            assert!(used.all(|flag| flags.contains(&flag.as_str())), "{line:?}");
                        }
                    }
                }
            }
        }
    }
    assert!(doctors > 20 && logins > 80, "{doctors} {logins}");
}
