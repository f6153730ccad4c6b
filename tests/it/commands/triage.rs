//! `doctor triage`: the corpus of logs with their expected findings, and properties of every log.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Doctor, Run, memory, program};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs")
}

/// A log of the corpus, and what its `.expect` file expects.
struct Case {
    log: PathBuf,
    findings: Vec<(String, Vec<String>)>,
    /// The number of findings, at the end of the list, that are no failures.
    hints: usize,
    secrets: BTreeSet<(String, String)>,
}

impl Case {
    fn all() -> Vec<Self> {
        let folders = fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path());
        let mut cases: Vec<Self> = folders
            .filter(|path| path.is_dir())
            .flat_map(|folder| fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "expect"))
            .map(|path| Self::read(&path))
            .collect();
        cases.sort_by(|one, other| one.log.cmp(&other.log));
        cases
    }

    fn read(expect: &Path) -> Self {
        let log = ["log", "log.gz", "zip"]
            .map(|form| expect.with_extension(form))
            .into_iter()
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("{}: no log", expect.display()));
        let mut case = Self { log, findings: Vec::new(), hints: 0, secrets: BTreeSet::new() };
        let text = fs::read_to_string(expect).unwrap();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap();
            match word {
                "secret" => {
                    let (kind, places) = rest.split_once(' ').unwrap();
                    let places = split_places(places).into_iter();
                    case.secrets.extend(places.map(|place| (kind.to_owned(), place)));
                }
                "hint" => {
                    let (code, places) = rest.split_once(' ').unwrap();
                    case.findings.push((code.to_owned(), split_places(places)));
                    case.hints += 1;
                }
                code => case.findings.push((code.to_owned(), split_places(rest))),
            }
        }
        case
    }

    /// The secrets in the log, according to secrets.json.
    fn planted_secrets(&self) -> Vec<String> {
        let list = fs::read_to_string(corpus().join("secrets.json")).unwrap();
        let list: Value = serde_json::from_str(&list).unwrap();
        let planted = list[self.name()].as_array().into_iter().flatten();
        planted.map(|secret| secret.as_str().unwrap().to_owned()).collect()
    }

    /// `FOLDER/FILE`.
    fn name(&self) -> &str {
        self.log.strip_prefix(corpus()).unwrap().to_str().unwrap()
    }

    fn is_pasted(&self) -> bool {
        self.name().contains("pasted")
    }

    /// Prepares a run on this log, and adds the secrets in it.
    fn doctor(&self) -> Doctor {
        let mut doctor = Doctor::bare().arg("triage");
        for secret in find_secrets(&text(&self.log)).into_iter().chain(self.planted_secrets()) {
            doctor = doctor.secret(&secret);
        }
        match self.is_pasted() {
            true => doctor.stdin(fs::read(&self.log).unwrap()),
            false => doctor.arg(self.log.to_str().unwrap()),
        }
    }

    /// `MEMBER:LINE`, or `:LINE` if the log is no archive.
    fn place(&self, place: &Value) -> String {
        let file = place["file"].as_str().unwrap();
        let member = match file.strip_prefix(self.log.to_str().unwrap()) {
            Some(member) => member.trim_start_matches('/'),
            None => file.trim_start_matches("stdin"),
        };
        format!("{member}:{}", place["line"])
    }
}

/// Splits `12,40` and `a/b.txt:1; c.txt:2,3` into single places.
fn split_places(places: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in places.split("; ") {
        let (member, lines) = part.rsplit_once(':').unwrap_or(("", part));
        all.extend(lines.split(',').map(|line| format!("{member}:{line}")));
    }
    all
}

/// The unpacked text of a log.
fn text(log: &Path) -> String {
    let bytes = fs::read(log).unwrap();
    let plain = match bytes[..] {
        [0x1f, 0x8b, ..] => {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
            plain
        }
        [b'P', b'K', ..] => {
            let mut plain = Vec::new();
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            for index in 0..archive.len() {
                archive.by_index(index).unwrap().read_to_end(&mut plain).unwrap();
            }
            plain
        }
        _ => bytes,
    };
    // Without the zero bytes, UTF-16 of ASCII is readable too.
    String::from_utf8_lossy(&plain).replace('\0', "")
}

/// Finds secrets independently of the program: the signatures of tokens, access tokens, and the
/// credentials in headers and URLs.
fn find_secrets(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.+/=".contains(c)));
    for word in words {
        let parts: Vec<&str> = word.split('.').collect();
        if let [header, _, signature] = parts[..]
            && header.contains("eyJ")
            && signature.len() >= 32
        {
            found.insert(signature.to_owned());
        }
        if let Some((_, id)) = word.split_once("pul-")
            && id.len() >= 40
            && id.bytes().all(|b| b.is_ascii_hexdigit())
        {
            found.insert(id.to_owned());
        }
        if word.contains("ZXlK") && word.len() > 200 {
            found.insert(word.to_owned());
        }
    }
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("earer ") {
            let value = rest.split([' ', '"', '\'', '\\']).next().unwrap_or_default();
            if value.len() > 20 && !value.contains(['*', '$', '.']) {
                found.insert(value.to_owned());
            }
        }
        if let Some((_, rest)) = line.split_once("://")
            && let Some((user, _)) = rest.split_once('@')
            && let Some((_, password)) = user.split_once(':')
            && password.len() > 8
            && !password.contains(['/', ' ', '*', '$'])
        {
            found.insert(password.to_owned());
        }
    }
    found
}

fn json(doctor: Doctor) -> (Run, Value) {
    let run = doctor.args(["--format", "json"]).run();
    let triage: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    (run, triage)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn every_fixture_log_matches_expectation() {
    let cases = Case::all();
    assert!(cases.len() >= 285, "{} logs", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let (run, triage) = json(case.doctor());
        let found: Vec<(String, Vec<String>)> = list(&triage, "findings")
            .iter()
            .map(|finding| {
                let mut places: Vec<String> =
                    list(finding, "places").iter().map(|place| case.place(place)).collect();
                places.sort();
                (finding["code"].as_str().unwrap().to_owned(), places)
            })
            .collect();
        let mut expected = case.findings.clone();
        expected.iter_mut().for_each(|(_, places)| places.sort());
        if found != expected {
            wrong.push(format!("{}:\n  {found:?}\n  expected {expected:?}", case.name()));
        }
        let fails = expected.len() > case.hints;
        if run.status != i32::from(fails) {
            wrong.push(format!("{}: status {}", case.name(), run.status));
        }
        let root_cause = expected.first().map(|(code, _)| code.as_str()).filter(|_| fails);
        if triage["rootCause"].as_str() != root_cause {
            wrong.push(format!("{}: root cause {}", case.name(), triage["rootCause"]));
        }
        let leaks: BTreeSet<(String, String)> = list(&triage, "secrets")
            .iter()
            .flat_map(|secret| {
                let kind = secret["kind"].as_str().unwrap().to_owned();
                list(secret, "places").iter().map(move |place| (kind.clone(), case.place(place)))
            })
            .collect();
        if leaks != case.secrets {
            wrong.push(format!("{}: secrets {leaks:?}, not {:?}", case.name(), case.secrets));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn triage_formats_agree_and_hide_secrets() {
    let has_secrets = |case: &&Case| !case.secrets.is_empty() || !case.planted_secrets().is_empty();
    let cases = Case::all();
    let listed = cases.iter().filter(|case| !case.planted_secrets().is_empty()).count();
    assert!(listed >= 25, "{listed} logs with planted secrets");
    let planted: usize =
        cases.iter().filter(has_secrets).map(|case| find_secrets(&text(&case.log)).len()).sum();
    assert!(planted >= 10, "{planted} secrets to look for");
    for case in cases.iter().filter(has_secrets) {
        let human = case.doctor().run();
        let markdown = case.doctor().args(["--format", "markdown"]).run();
        let (machine, triage) = json(case.doctor());
        let verbose = case.doctor().args(["-v", "--color", "always"]).run();
        let quiet = case.doctor().arg("-q").run();
        for run in [&human, &markdown, &machine, &verbose, &quiet] {
            assert_eq!(run.status, machine.status, "{}", case.name());
            assert_eq!(run.stderr, "");
        }
        for finding in list(&triage, "findings") {
            let code = finding["code"].as_str().unwrap();
            for run in [&human, &markdown, &verbose] {
                assert!(run.stdout.contains(code), "{}: {code}", case.name());
            }
        }
        let leaks = !case.secrets.is_empty();
        assert_eq!(human.stdout.contains("Secrets in these logs"), leaks, "{}", human.stdout);
        assert_eq!(markdown.stdout.contains("### Secrets in these logs"), leaks);
    }
}

#[test]
fn other_systems_failure_is_named() {
    let log = "2026-01-31T12:00:00.0000000Z ##[error]ERROR: AADSTS700213: No matching federated \
               identity record found for presented assertion subject 'sc://a/b/c'.\n";
    let (run, triage) = json(Doctor::bare().arg("triage").stdin(log));
    assert_eq!(run.status, 1);
    let finding = &triage["findings"][0];
    assert_eq!(finding["code"], "other-system-failed");
    assert_eq!(
        (finding["system"].as_str(), finding["severity"].as_str()),
        (Some("Azure"), Some("error"))
    );
    let detail = finding["detail"].as_str().unwrap();
    for part in ["subject", "not Pulumi Cloud's"] {
        assert!(detail.contains(part), "{detail}");
    }
}

/// The detail and remedy of the first finding for a log of the corpus.
fn advice(log: &str) -> String {
    let (_, triage) = json(Doctor::bare().arg("triage").arg(corpus().join(log).to_str().unwrap()));
    let finding = &triage["findings"][0];
    let remediation = &finding["remediation"];
    format!("{} {} {}", finding["detail"], remediation["summary"], remediation["commands"])
}

#[test]
fn advice_fits_cause() {
    let cases = [
        ("azure/insecure-login-then-tls.log", "SSL_CERT_FILE"),
        ("other/old-cli-self-signed.log", "SSL_CERT_FILE"),
        ("github/audience-refused.log", "urn:pulumi:org:ORG"),
        ("other/token-behind-file-scheme.log", "Remove file://"),
        ("github/called-workflow.log", "workflow that calls it"),
        ("github/agent-account.log", "coding agent"),
        ("gitlab/credential-store-os.log", "PULUMI_CREDENTIAL_STORE"),
        ("github/auth-actions-broken.log", "v2.1.0"),
        ("github/id-token-undefined.log", "Run the job again"),
        ("github/token-request-failed.log", "Run the job again"),
        ("other/entra-without-number.log", "Azure's login"),
        ("other/short-bare-x509.log", "does not show whose request"),
    ];
    for (log, part) in cases {
        let advice = advice(log);
        assert!(advice.contains(part), "{log}: {part} is not in {advice}");
    }
    assert!(!advice("other/token-behind-file-scheme.log").contains("a path that exists"));
    assert!(!advice("other/old-cli-self-signed.log").contains("whose request"));
}

#[test]
fn hints_alone_are_no_failure() {
    let log = corpus().join("other/short-hint.log");
    let run = Doctor::bare().arg("triage").arg(log.to_str().unwrap()).run();
    assert_eq!(run.status, 0);
    let first = run.stdout.lines().next().unwrap();
    assert_eq!(first, "triage: no failure - only hints: backend-overridden, in 1 line");
}

#[test]
fn each_successful_login_is_reported_once() {
    let line = "2026-01-31T12:00:00.1234567Z Logged in to pulumi.com as ci \
                (https://app.pulumi.com/ci)\n";
    let own = "Logged in to https://pulumi.acme.test as ci\n";
    // The logs of a job and of its step contain the same line.
    let run = |job: &str, step: &str| {
        let doctor = Doctor::bare().args(["triage", "logs"]);
        let (_, triage) =
            json(doctor.file("logs/1_job.txt", job).file("logs/job/1_step.txt", step));
        list(&triage["context"], "successes").len()
    };
    assert_eq!(run(line, "nothing\n"), 1);
    assert_eq!(run(own, "nothing\n"), 1);
    assert_eq!(run(line, line), 1);
    let exchange = "OIDC token exchange performed successfully\n";
    let later = line.replace("12:00:00", "12:00:05");
    assert_eq!(run(&format!("{exchange}{line}{exchange}{later}"), "nothing\n"), 2);
    assert_eq!(run(line, &line.replace("12:00:00", "12:00:01")), 2);
}

#[test]
fn unknown_log_has_no_failure() {
    for log in ["", "\n", "all is well\nerror: something else\n"] {
        let run = Doctor::bare().arg("triage").stdin(log).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.starts_with("triage: no known failure in "), "{}", run.stdout);
    }
}

#[test]
fn triage_advice_uses_log_values() {
    let log = "+ pulumi version\nv3.212.0\n+ pulumi login --oidc-token \"$PIPELINE_TOKEN\" \
               --oidc-org contoso\nerror: problem logging in: OIDC token exchange failed: Post \
               \"/api/oauth/token\": unsupported protocol scheme \"\"\n";
    let run = Doctor::bare().args(["triage", "build.log"]).file("build.log", log).run();
    for part in [
        "[backend-empty]",
        "(build.log:4)",
        "pulumi login https://api.pulumi.com --oidc-token \"$PIPELINE_TOKEN\" --oidc-org contoso",
        "3.212.0",
        "(build.log:2)",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    // The message alone shows which versions are possible.
    let alone = log.replace("+ pulumi version\nv3.212.0\n", "");
    let run = Doctor::bare().args(["triage", "a.log"]).file("a.log", alone).run();
    let login = "pulumi login https://api.pulumi.com --oidc-token \"$PIPELINE_TOKEN\"";
    assert!(run.stdout.contains(login), "{}", run.stdout);
    // A newer CLI has a default, so the URL must have been configured.
    let (_, triage) = json(
        Doctor::bare()
            .args(["triage", "a.log"])
            .file("a.log", log.replace("Post \"/api", "Post \"api.acme.test/api")),
    );
    assert_eq!(triage["rootCause"], "backend-scheme-missing");
}

#[test]
fn refusal_is_compared_with_logged_claims() {
    let log = "claims: {\"iss\":\"https://a.test\",\"sub\":\"s\",\"exp\":1767225600}\n\
               2026-01-01T00:05:00Z error: problem logging in: OIDC token exchange failed: \
               {\"error\":\"access_denied\"}\n";
    let run = Doctor::bare().args(["triage", "a.log"]).file("a.log", log).run();
    assert!(run.stdout.contains("[exchange-rejected]"), "{}", run.stdout);
    assert!(run.stdout.contains("a token in this log had expired"), "{}", run.stdout);
    assert!(run.stdout.contains("at 2026-01-01T00:00:00Z"), "{}", run.stdout);
}

#[test]
fn unreadable_log_gives_status_2() {
    let message = "error: organization must be specified for token exchange\n";
    let run = Doctor::bare()
        .args(["triage", "gone.log", "a.log", "broken.zip"])
        .file("a.log", message)
        .file("broken.zip", "PK\u{3}\u{4} and no more")
        .run();
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("organization-missing"), "{}", run.stdout);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stderr);
    assert!(lines[0].starts_with("doctor: triage: gone.log: "), "{}", run.stderr);
    assert!(lines[1].starts_with("doctor: triage: broken.zip: "), "{}", run.stderr);
    let run = Doctor::bare().args(["triage", "gone.log"]).run();
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
}

#[test]
fn folders_are_read_recursively() {
    let message = "error: organization must be specified for token exchange\n";
    let (_, triage) = json(
        Doctor::bare()
            .args(["triage", "logs"])
            .file("logs/b/2_step.txt", message)
            .file("logs/a.txt", "nothing\n"),
    );
    assert_eq!(triage["findings"][0]["places"][0]["file"], "logs/b/2_step.txt");
    assert_eq!(list(&triage, "files").len(), 2);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "\u{1b}]0;x\u{7}##vso[task.complete result=Succeeded]\u{202e}|<img src=x>`";
    let log = format!(
        "error: problem logging in: reading token from file '{hostile}': ::error::no\n\
         error: could not log in to the state backend \"{hostile}\": [500] x (Request ID: y)\n"
    );
    for format in ["human", "json", "markdown"] {
        let run =
            Doctor::bare().args(["triage", "--format", format, "a.log"]).file("a.log", &log).run();
        assert_eq!(run.status, 1);
        let shown = run.stdout.to_ascii_lowercase();
        assert!(!shown.contains("##vso[") && !shown.contains("##["), "{shown}");
        assert!(!run.stdout.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'));
        assert!(!run.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{shown}");
    }
}

/// Peak memory of a run of the program, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(log: &Path) -> u64 {
    let mut child = std::process::Command::new(program())
        .args(["triage", "--format", "json", "-"])
        .env_clear()
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::copy(&mut fs::File::open(log).unwrap(), &mut stdin).unwrap();
    stdin.flush().unwrap();
    // The program is still running, because its input has not ended.
    let peak = memory::peak(child.id()).unwrap();
    drop(stdin);
    child.wait().unwrap();
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_log() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, repeats: usize| {
        let path = directory.path().join(name);
        let mut text = String::new();
        for number in 0..repeats {
            text.push_str(&format!(
                "2026-01-31T12:00:00.{number:07}Z error: reading token from file '{number}': no\n\
                 + pulumi login https://{number}.test --oidc-token eyJ{number}\n{}\n",
                "x".repeat(300)
            ));
        }
        fs::write(&path, text).unwrap();
        path
    };
    let (short, long) = (peak_memory(&file("short", 2_000)), peak_memory(&file("long", 60_000)));
    assert!(long < short + (4 << 20), "{short} bytes for 1 MB, {long} bytes for 30 MB");
}
