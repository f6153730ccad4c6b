//! Reports in the log of a CI platform: what the platform makes of them, and that nothing in them
//! but the doctor's own commands does anything there.

use std::fs;
use std::rc::Rc;
use std::time::Duration;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::{Value, json};

use crate::support::{Doctor, EXCHANGE, Response, Run, WHOAMI, World, last_screen_line, platforms};

// ------------------------------------------------------------------------------- the platforms

/// A command that a platform would execute: its line from where it begins.
type Commands = Vec<String>;

/// Lines as the Azure agent sees them: a carriage return ends one as well.
fn lines(run: &Run) -> Vec<String> {
    let streams = [&run.stdout, &run.stderr];
    streams.iter().flat_map(|text| text.split(['\n', '\r'])).map(str::to_owned).collect()
}

/// `##vso[` anywhere in a line (`Command.TryParse`), and the log viewer's `##[`; taken as if it
/// stood anywhere, too.
fn azure(run: &Run) -> Commands {
    let command = |line: String| {
        let lower = line.to_lowercase();
        let at = lower.find("##vso[").or_else(|| lower.find("##["))?;
        Some(line[at..].to_owned())
    };
    lines(run).into_iter().filter_map(command).collect()
}

/// `::` after white space (`ActionCommand.TryParseV2`), and `##[` anywhere (`TryParse`).
fn github(run: &Run) -> Commands {
    let command = |line: String| match line.find("##[") {
        _ if line.trim_start().starts_with("::") => Some(line.trim_start().to_owned()),
        Some(at) => Some(line[at..].to_owned()),
        None => None,
    };
    lines(run).into_iter().filter_map(command).collect()
}

/// The commands without what they are about: `##vso[task.logissue type=error;code=x;]`.
fn kinds(commands: &[String], end: char) -> Vec<&str> {
    let kind = |command: &'_ str| command.find(end).map_or(command.len(), |at| at + 1);
    commands.iter().map(|command| &command[..kind(command)]).collect()
}

/// What the agent reads out of a command (`CommandStringConvertor.Unescape`).
fn azure_data(command: &str) -> String {
    let (_, data) = command.split_once(']').unwrap();
    [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%")]
        .into_iter()
        .fold(data.to_owned(), |text, (escape, token)| text.replace(escape, token))
}

/// The page that the agent was asked to show.
fn azure_summary(run: &Run) -> String {
    let commands = azure(run);
    let upload = commands.iter().find(|c| c.starts_with("##vso[task.uploadsummary]")).unwrap();
    fs::read_to_string(azure_data(upload)).unwrap()
}

/// Groups are opened and closed in turns, and closed at the end.
fn assert_groups(run: &Run, open: &str, close: &str) {
    let mut inside = false;
    for line in run.stdout.lines() {
        if line.starts_with(open) {
            assert!(!inside, "{}", run.stdout);
            inside = true;
        } else if line == close {
            assert!(inside, "{}", run.stdout);
            inside = false;
        }
    }
    assert!(!inside, "{}", run.stdout);
}

fn mismatch() -> World {
    let mut world = World::new(&platforms::AZURE_ENTRA);
    world.shape.entry["rules"]["aud"] = "api://AzureADTokenExchange".into();
    world
}

fn on_azure(doctor: Doctor) -> Doctor {
    let directory = doctor.path("agent");
    fs::create_dir(&directory).unwrap();
    doctor.env("TF_BUILD", "True").env("AGENT_TEMPDIRECTORY", directory.to_str().unwrap())
}

fn on_github(doctor: Doctor) -> Doctor {
    let summary = doctor.path("summary.md");
    doctor
        .file("summary.md", "what another program wrote")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())
}

// ------------------------------------------------------------------------------------- formats

#[test]
fn azure_gets_issue_groups_and_summary() {
    let world = mismatch();
    let run = on_azure(world.doctor()).run();
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    assert_groups(&run, "##[group]", "##[endgroup]");
    let commands = azure(&run);
    let kinds = kinds(&commands, ']');
    assert_eq!(kinds[0], "##vso[task.logissue type=error;code=audience-mismatch;]");
    assert_eq!(kinds.last(), Some(&"##vso[task.uploadsummary]"));
    let issue = azure_data(&commands[0]);
    for part in ["api://AzureADTokenExchange", "fb60f99c-7a34-4190-8149-302f77469936", "Fix: "] {
        assert!(issue.contains(part), "{issue}");
    }
    let summary = azure_summary(&run);
    let diff = "```diff\n- \"aud\": \"api://AzureADTokenExchange\"\n+ \"aud\": \"fb60f99c-";
    for part in ["✓ token → ✓ backend → ✓ issuer → ✗ policy → ", diff] {
        assert!(summary.contains(part), "{part} is not in {summary}");
    }
    let file = azure_data(commands.last().unwrap());
    assert!(file.contains("/agent/doctor-") && file.ends_with(".md"), "{file}");
}

#[test]
fn masked_claims_are_split_in_azure_log() {
    let world = mismatch();
    let run = on_azure(world.doctor()).run();
    let (issuer, subject) = (&world.shape.claims["iss"], &world.shape.claims["sub"]);
    let (issuer, subject) = (issuer.as_str().unwrap(), subject.as_str().unwrap());
    let masked = run.stdout.replace(issuer, "***").replace(subject, "***");
    let line_with = |part: &str| {
        let line = masked.lines().find(|line| line.split(' ').any(|word| word == part));
        line.unwrap_or_else(|| panic!("no {part}: {masked}"))
    };
    for part in issuer.split("://").nth(1).unwrap().split('/').chain(subject[1..].split('/')) {
        line_with(part);
    }
    // Decoded out of the subject, where it stands in base64.
    let tenant = world.shape.claims["tid"].as_str().unwrap();
    assert!(masked.contains(&format!("(tenant {tenant})")), "{masked}");
    for name in ["(organization)", "(service connection)"] {
        assert!(masked.contains(name), "{masked}");
    }
    let summary = azure_summary(&run);
    for (claim, value) in [("iss", issuer), ("sub", subject)] {
        assert!(summary.contains(&format!("| `{claim}` | `{value}` |")), "{summary}");
    }
    assert!(summary.contains("| differs | `aud` | `api://AzureADTokenExchange` |"), "{summary}");
}

#[test]
fn azure_devops_names_are_separate() {
    let world = World::new(&platforms::AZURE_DEVOPS);
    let run = on_azure(world.doctor()).run();
    assert_eq!(run.status, 0);
    let subject = world.shape.claims["sub"].as_str().unwrap();
    let parts: Vec<_> = subject.strip_prefix("sc://").unwrap().split('/').collect();
    for (part, name) in parts.iter().zip(["organization", "project", "service connection"]) {
        let found = run.stdout.lines().any(|line| line.contains(part) && !line.contains(subject));
        assert!(found && run.stdout.contains(&format!("({name})")), "{}", run.stdout);
    }
}

#[test]
fn github_gets_annotations_and_summary() {
    let mut world = World::new(&platforms::GITHUB);
    world.shape.entry["rules"]["sub"] = "repo:acme/web-shop:environment:production".into();
    let run = on_github(world.doctor()).run();
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    assert_groups(&run, "::group::", "::endgroup::");
    let commands = github(&run);
    assert!(commands[0].starts_with("::error title="), "{commands:?}");
    assert!(commands[0].contains("[subject-mismatch]::"), "{commands:?}");
    let expected = "expected: repo:acme/web-shop:environment:production. ";
    let actual = "actual: repo:acme/web-shop:ref:refs/heads/main. ";
    for part in [expected, actual, "environment"] {
        assert!(commands[0].contains(part), "{part} is not in {commands:?}");
    }
    let summary = run.file("summary.md");
    assert!(summary.starts_with("what another program wrote\n\n## ✗ Login to "), "{summary}");
    assert!(summary.contains("`repo:acme/web-shop:ref:refs/heads/main`"), "{summary}");
}

#[test]
fn format_defaults_to_platform() {
    let world = mismatch();
    let format = |doctor: Doctor| {
        let run = doctor.run();
        assert_eq!(run.status, 1);
        match run.stdout.as_str() {
            text if text.starts_with('{') => "json",
            text if text.contains("##vso[task.logissue ") => "azure",
            text if text.contains("\n::error title=") => "github",
            _ => "human",
        }
    };
    let doctor = || world.doctor();
    assert_eq!(format(doctor()), "human");
    assert_eq!(format(on_azure(doctor())), "azure");
    assert_eq!(format(on_github(doctor())), "github");
    assert_eq!(format(doctor().env("GITLAB_CI", "true").env("CI", "true")), "human");
    assert_eq!(format(doctor().env("TF_BUILD", "False")), "human");
    assert_eq!(format(on_azure(doctor()).args(["--format", "auto"])), "azure");
    assert_eq!(format(on_azure(doctor()).args(["--format", "human"])), "human");
    assert_eq!(format(on_azure(doctor()).args(["--format", "json"])), "json");
    assert_eq!(format(doctor().args(["--format", "github"])), "github");
    assert_eq!(format(doctor().args(["--format", "azure"]).env("TMPDIR", ".")), "azure");
}

#[test]
fn status_is_same_in_every_format() {
    let healthy = World::new(&platforms::AZURE_ENTRA);
    let unhealthy = mismatch();
    for format in ["human", "json", "azure", "github", "markdown", "html", "junit"] {
        let run = |doctor: Doctor| on_azure(doctor).args(["--format", format]).run().status;
        assert_eq!(run(healthy.doctor()), 0, "{format}");
        assert_eq!(run(unhealthy.doctor()), 1, "{format}");
        assert_eq!(run(healthy.doctor().without("--policy").arg("--offline")), 3, "{format}");
        assert_eq!(run(healthy.doctor().option("--policy", "none.json")), 2, "{format}");
    }
}

#[test]
fn output_file_equals_log_output() {
    let world = mismatch();
    let run = on_azure(world.doctor()).args(["--output", "report.txt"]).run();
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert!(run.file("report.txt").contains("##vso[task.logissue type=error;"));
}

#[test]
fn success_says_little() {
    let world = World::new(&platforms::GITHUB);
    let run = on_github(world.doctor()).run();
    assert_eq!(run.status, 0);
    assert_eq!(github(&run), Commands::new());
    assert!(run.stdout.lines().count() < 5, "{}", run.stdout);
}

#[test]
fn quiet_prints_verdict_and_root_cause() {
    let world = mismatch();
    let run = on_azure(world.doctor()).arg("-q").run();
    let commands = azure(&run);
    let expected =
        ["##vso[task.logissue type=error;code=audience-mismatch;]", "##vso[task.uploadsummary]"];
    assert_eq!(kinds(&commands, ']'), expected);
}

#[test]
fn unwritable_summary_changes_nothing() {
    let world = mismatch();
    let directory = on_github(world.doctor());
    let work = directory.path(".").to_str().unwrap().to_owned();
    for place in [work.as_str(), "none/summary.md", "a\n::error::b/summary.md"] {
        let run = on_github(world.doctor()).env("GITHUB_STEP_SUMMARY", place).run();
        assert_eq!(run.status, 1);
        assert!(run.stderr.starts_with("doctor: no summary: GITHUB_STEP_SUMMARY: "), "{place}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stdout.contains("[audience-mismatch]"));
    }
    // A directory that is not there, or not in one piece: then the system's own.
    for place in ["/nonexistent", "relative", "/tmp/\n##vso[task.complete]"] {
        let doctor = on_azure(world.doctor());
        let own = doctor.path("agent").to_str().unwrap().to_owned();
        let run = doctor.env("AGENT_TEMPDIRECTORY", place).env("TMPDIR", own).run();
        assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{place}");
        assert!(azure_summary(&run).contains("audience-mismatch"));
    }
    let run = on_azure(world.doctor())
        .env("AGENT_TEMPDIRECTORY", "/nonexistent")
        .env("TMPDIR", "/nonexistent")
        .run();
    assert_eq!(run.status, 1);
    assert!(run.stderr.starts_with("doctor: no summary: "), "{}", run.stderr);
    assert!(!run.stdout.contains("uploadsummary"));
}

// -------------------------------------------------------------------------------- hostile text

/// Everything that it must not be, and `%0A` for those who unescape once too often.
const HOSTILE: &str = "x\r\n::error::a\n  ::warning::b\r##vso[task.complete result=Succeeded;]c\
    ##[error]d\u{1b}[2J\u{202e}%0A::error::e%AZP250A##vso[task.logissue type=error]f\
    <img src=x onerror=alert(1)><!-- [g](https://evil.test) ![h](https://evil.test/i.png) `j` ``` |k| \
    # l @octocat #1 www.evil.test m@evil.test";

/// Makes a run of a world.
type Start = fn(&World) -> Doctor;

/// A world in which one place after the other says [`HOSTILE`].
/// An administrator's access token.
const ADMIN: &str = "pul-9a1f0c47be82d35604c7fa1b2e8d35c60f94a1be";

fn hostile_worlds() -> Vec<(&'static str, Rc<World>, Start)> {
    let world = || World::new(&platforms::GITHUB);
    let ordinary: Start = |world| world.doctor();
    let mut all = Vec::new();

    let mut claims = world();
    for name in ["sub", "actor", HOSTILE] {
        claims.shape.claims.insert(name.to_owned(), HOSTILE.into());
    }
    claims.shape.claims.insert("nested".to_owned(), json!({HOSTILE: [HOSTILE]}));
    claims.shape.entry["rules"]["actor"] = "octocat".into();
    all.push(("claims", Rc::new(claims), ordinary));

    let mut audience = world();
    audience.shape.claims.insert("aud".to_owned(), json!([HOSTILE, HOSTILE]));
    audience.shape.header.insert("kid".to_owned(), HOSTILE.into());
    all.push(("audience and key id", Rc::new(audience), ordinary));

    let mut rules = world();
    rules.shape.entry["rules"] = json!({"sub": HOSTILE, "aud": HOSTILE});
    all.push(("policy rules", Rc::new(rules), ordinary));

    let issuer = world();
    issuer.issuer.answer(
        &issuer.issuer.discovery_path(),
        Response::json(200, &json!({"issuer": HOSTILE, "jwks_uri": HOSTILE})),
    );
    all.push(("discovery", Rc::new(issuer), ordinary));

    let page = world();
    let answer = Response::new(503, "text/html", format!("<title>{HOSTILE}</title>"));
    page.issuer.answer(&page.issuer.discovery_path(), answer);
    all.push(("issuer's error page", Rc::new(page), ordinary));

    let refusing = world();
    let answer = json!({"error": HOSTILE, "error_description": HOSTILE});
    refusing.cloud.answer(EXCHANGE, Response::json(400, &answer));
    all.push(("refused exchange", Rc::new(refusing), ordinary));

    let user = world();
    let organization = json!({"githubLogin": HOSTILE, "name": HOSTILE});
    let answer = json!({
        "githubLogin": HOSTILE, "organizations": [organization],
        "tokenInfo": {"name": HOSTILE, "organization": HOSTILE},
    });
    user.cloud.answer(WHOAMI, Response::json(200, &answer));
    all.push(("whoami", Rc::new(user), ordinary));

    // What is registered, read live.
    let ask: fn(&World) -> Doctor = |world| {
        world.cloud.accept_access_token(ADMIN, "ada", "acme");
        world.doctor_without_policy().env("DOCTOR_ACCESS_TOKEN", ADMIN).secret(ADMIN)
    };
    let live = world();
    live.cloud.change_registration(|one| {
        one["name"] = json!(HOSTILE);
        one["lastUsed"] = json!(HOSTILE);
        one["issuer"] = json!(format!("{HOSTILE}x"));
    });
    all.push(("live registration", Rc::new(live), ask));
    let withheld = world();
    let refusal = Response::json(403, &json!({"message": HOSTILE}));
    withheld.cloud.answer("/api/orgs/acme/oidc/issuers", refusal);
    all.push(("live registration refused", Rc::new(withheld), ask));

    let healthy = Rc::new(world());
    let healthy = || Rc::clone(&healthy);
    all.push(("file:// name", healthy(), |world| {
        world.doctor_without_token().arg(format!("file://{HOSTILE}"))
    }));
    all.push(("policy file name", healthy(), |world| world.doctor().option("--policy", HOSTILE)));
    all.push(("policy", healthy(), |world| {
        world.doctor().file("policy.json", json!({HOSTILE: HOSTILE}).to_string())
    }));
    all.push(("project file", healthy(), |world| {
        let project = json!({"name": HOSTILE, "runtime": "go", "backend": {"url": HOSTILE}});
        world.doctor().without("--cloud-url").file("Pulumi.yaml", project.to_string())
    }));
    all.push(("options", healthy(), |world| {
        world.doctor().option("--oidc-org", HOSTILE).option("--cloud-url", HOSTILE).args([
            "--oidc-expiration",
            HOSTILE,
            "--scope",
            HOSTILE,
        ])
    }));
    all.push(("unknown option", healthy(), |world| world.doctor().arg(format!("--{HOSTILE}"))));
    all.push(("value of an option", healthy(), |world| world.doctor().args(["--now", HOSTILE])));
    all.push(("pasted token", healthy(), |world| world.doctor_without_token().arg(HOSTILE)));
    all.push(("environment", healthy(), |world| {
        ["BACKEND_URL", "OPTION_CLOUD_URL", "OPTION_OIDC_ORG", "OPTION_OIDC_TEAM", "HOME"]
            .into_iter()
            .fold(world.doctor().without("--cloud-url"), |doctor, name| {
                doctor.env(&format!("PULUMI_{name}"), HOSTILE)
            })
    }));
    all
}

/// Whether a command is one that the doctor may give.
fn is_ours(format: &str, command: &str) -> bool {
    let titles = ["Issuer and subject in parts, for where this log shows them as ***"];
    let titles = titles.iter().chain(&["Checks", "Login", "Policy", "Token", "Identity"]);
    let group = |open: &str| titles.clone().any(|title| command == format!("{open}{title}"));
    let annotated = |before: &str, after: &str| {
        ["error", "warning"].iter().any(|level| {
            let rest = command.strip_prefix(&before.replace("LEVEL", level));
            let code = rest.and_then(|rest| rest.split_once(after)).map(|(code, _)| code);
            code.is_some_and(|code| {
                let code = code.rsplit('[').next().unwrap().trim_end_matches(']');
                code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            })
        })
    };
    match format {
        "azure" => {
            group("##[group]")
                || command == "##[endgroup]"
                || command.starts_with("##vso[task.uploadsummary]/")
                || annotated("##vso[task.logissue type=LEVEL;code=", ";]")
        }
        "github" => {
            group("::group::") || command == "::endgroup::" || annotated("::LEVEL title=", "::")
        }
        _ => false,
    }
}

/// The page is headings, paragraphs, lists, tables and code; its links are not the hostile ones.
fn assert_harmless_markdown(place: &str, page: &str) {
    let mut in_block = false;
    for event in Parser::new_ext(page, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Image { .. }) => {
                panic!("{place}: {event:?} in {page}")
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(!dest_url.contains("evil"), "{place}: {dest_url}");
            }
            // What GitHub would link by itself stands in code.
            Event::Text(text) if !in_block => {
                assert!(!["@", "#1", "evil"].iter().any(|t| text.contains(t)), "{place}: {text}");
            }
            _ => {}
        }
    }
}

#[test]
fn hostile_text_is_inert_in_every_format() {
    for (place, world, doctor) in hostile_worlds() {
        for format in ["human", "json", "azure", "github", "markdown", "junit"] {
            let doctor = on_github(on_azure(doctor(&world)));
            let run = doctor.args(["--format", format, "-v"]).run();
            let commands: Commands = azure(&run).into_iter().chain(github(&run)).collect();
            for command in &commands {
                assert!(is_ours(format, command), "{place}, {format}: {command}");
            }
            for text in [&run.stdout, &run.stderr] {
                let seen = |c: char| c == '\n' || (!c.is_control() && c != '\u{202e}');
                assert!(text.chars().all(seen), "{place}, {format}: {text:?}");
            }
            match format {
                _ if run.status == 2 => assert_eq!(run.stdout, "", "{place}, {format}"),
                "azure" => assert_harmless_markdown(place, &azure_summary(&run)),
                "github" => assert_harmless_markdown(place, &run.file("summary.md")),
                "markdown" => {
                    // The folds are ours, and stand on lines of their own.
                    let is_fold = |line: &&str| {
                        line.starts_with("<details><summary>") && line.ends_with("</summary>")
                            || *line == "</details>"
                    };
                    let rest: Vec<&str> =
                        run.stdout.lines().filter(|line| !is_fold(line)).collect();
                    assert_harmless_markdown(place, &rest.join("\n"));
                    assert!(run.stdout.lines().filter(is_fold).count() <= 6, "{place}");
                }
                "junit" => {
                    let tags = run.stdout.matches('<').count();
                    assert_eq!(tags, run.stdout.matches('>').count(), "{place}");
                    let known =
                        ["?xml", "testsuite", "testcase", "failure", "skipped", "system-out"];
                    for tag in run.stdout.split('<').skip(1) {
                        let tag = tag.trim_start_matches('/');
                        assert!(known.iter().any(|name| tag.starts_with(name)), "{place}: {tag}");
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn hostile_text_stays_visible() {
    let (_, world, doctor) = hostile_worlds().swap_remove(0);
    let run = on_azure(doctor(&world)).run();
    let issue = azure_data(&azure(&run)[0]);
    assert!(issue.contains("\\r\\n::error::a\\n"), "{issue}");
    // One unescaping gives back the percent sign, and not what it would begin.
    assert!(!issue.contains('\n'), "{issue}");
    let json = doctor(&world).json();
    assert_eq!(json.report["token"]["claims"]["sub"], Value::from(HOSTILE));
}

#[test]
fn markdown_folds_details() {
    let run = mismatch().doctor().args(["--format", "markdown"]).run();
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    for part in [
        "## ✗ Login to acme fails at the policy",
        "`[audience-mismatch]`",
        "<details><summary>Policy</summary>\n\n",
        "<details><summary>Checks</summary>\n\n|",
        "<details><summary>Token</summary>\n\n",
        "| `aud` |",
        "</details>",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
}

#[test]
fn a_test_result_has_every_check() {
    let run = mismatch().doctor().args(["--format", "junit"]).run();
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    let cases = run.stdout.matches("<testcase ").count();
    assert_eq!(cases, doctor::judge::CHECKS.len());
    assert!(run.stdout.contains("<failure type=\"audience-mismatch\""), "{}", run.stdout);
    let healthy = World::new(&platforms::AZURE_ENTRA);
    let run = healthy.doctor().args(["--format", "junit"]).run();
    assert_eq!(run.status, 0);
    assert!(run.stdout.contains("failures=\"0\""), "{}", run.stdout);
}

// ------------------------------------------------------------------------------------ progress

#[cfg(unix)]
#[test]
fn long_wait_shows_progress_at_terminal_only() {
    let world = World::new(&platforms::GITHUB);
    let slow = || {
        let response = Response::json(200, &world.issuer.discovery());
        let response = response.after(Duration::from_millis(1600));
        world.issuer.answer(&world.issuer.discovery_path(), response);
        world.doctor()
    };
    let run = slow().terminal().run();
    assert_eq!(run.status, 0);
    assert!(run.stderr.contains("asking issuer and backend"), "{:?}", run.stderr);
    assert!(!run.stderr.contains('\n'), "{:?}", run.stderr);
    assert_eq!(last_screen_line(&run.stderr), "", "the line is gone: {:?}", run.stderr);
    assert!(run.stdout.starts_with("ok Login to "));
    assert!(!run.stdout.contains('\u{1b}'));

    type Change = fn(Doctor) -> Doctor;
    let silent: [(&str, Change); 5] = [
        ("not a terminal", |doctor| doctor),
        ("quiet", |doctor| doctor.terminal().arg("-q")),
        ("a platform", |doctor| doctor.terminal().env("CI", "true")),
        ("a dumb terminal", |doctor| doctor.terminal().env("TERM", "dumb")),
        ("no wait", |doctor| doctor.terminal().arg("--offline")),
    ];
    for (why, change) in silent {
        assert_eq!(change(slow()).run().stderr, "", "{why}");
    }
}
