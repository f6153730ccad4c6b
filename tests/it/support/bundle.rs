//! Judges the bundles of all diagnoses in the tests again.
//!
//! Every diagnosis writes a bundle. Judging it takes two more runs of the program, so a test does
//! that only once for each outcome: the codes and the statuses of the checks. In the security tests
//! the texts are what is tested: there it is done for each text, without its digits (ports, times).

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};
use std::thread;

use serde_json::Value;

use super::command::program;
use super::harmless::assert_harmless;
use super::reading;

/// Arguments of runs that write their own bundle, or make no diagnosis.
const ARGUMENTS_WITHOUT_BUNDLE: [&str; 8] =
    ["--redact", "--bundle", "help", "--help", "-h", "-lh", "--version", "-V"];

/// Tests whose diagnoses depend on a name, so that their redacted bundles have other codes.
const TESTS_DEPENDING_ON_NAMES: [&str; 2] = [
    "security::hostile::hostile_text_is_inert_in_every_place",
    "security::addresses::unusual_spellings_are_not_repaired",
];

/// The bundle that a run writes.
pub struct Bundle {
    file: PathBuf,
    is_strict: bool,
}

impl Bundle {
    /// The bundle for a run with these arguments; `None` if the run makes no diagnosis or writes
    /// its own bundle.
    pub fn for_arguments(arguments: &[String], directory: &Path) -> Option<Self> {
        static COMMANDS: LazyLock<Vec<String>> = LazyLock::new(|| {
            let definition = doctor::cli::command();
            definition.get_subcommands().map(|command| command.get_name().to_owned()).collect()
        });
        let is_other =
            arguments.first().is_some_and(|first| first != "login" && COMMANDS.contains(first));
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        let is_excluded = ARGUMENTS_WITHOUT_BUNDLE.into_iter().any(has);
        (!is_other && !is_excluded)
            .then(|| Self { file: directory.join("bundle.json"), is_strict: has("--strict") })
    }

    /// The option that makes the run write the bundle.
    pub fn option(&self) -> [String; 2] {
        ["--bundle".to_owned(), self.file.to_str().unwrap().to_owned()]
    }

    /// Judges the bundle again and compares the reports. If `stdout` is a JSON report, also judges
    /// a redacted bundle. Returns the texts of the bundles.
    pub fn check(&self, status: i32, stdout: &str) -> Vec<String> {
        let original: Option<Value> =
            serde_json::from_str(stdout).ok().filter(|report: &Value| report["schemaVersion"] == 1);
        if !self.is_new(status, original.as_ref()) {
            return vec![fs::read_to_string(&self.file).unwrap()];
        }
        let redacted = self.file.with_extension("redacted.json");
        let mut replay = self.replay(&self.file);
        let human_report = self.file.with_extension("txt");
        if original.is_some() {
            replay.arg("--redact").arg("--bundle").arg(&redacted);
            replay.arg("--report").arg(&human_report).env("COLUMNS", reading::WIDTH.to_string());
        }
        let replayed = run(&mut replay);
        assert_eq!(status, status_of(&replayed), "the bundle of {stdout}");
        let text = fs::read_to_string(&self.file).unwrap();
        assert_harmless(&text, "a bundle");
        let Some(original) = original else { return vec![text] };

        let again = report(&replayed);
        reading::assert_reads_well(&fs::read_to_string(&human_report).unwrap(), &again);
        assert_eq!(original["findings"].to_string(), again["findings"].to_string());
        assert_eq!(without_claims(original), without_claims(again.clone()));
        let replayed = run(&mut self.replay(&redacted));
        let other = report(&replayed);
        let (original_codes, redacted_codes) = (codes(&again), codes(&other));
        let recorded = other["recorded"]["codes"].as_array().map(Vec::len);
        assert_eq!(recorded, Some(original_codes.1.len()));
        let test = thread::current().name().unwrap_or_default().to_owned();
        if !TESTS_DEPENDING_ON_NAMES.contains(&test.as_str()) {
            assert_eq!(original_codes, redacted_codes, "{again}");
            assert_eq!(status, status_of(&replayed), "{again}");
        }
        let redacted = fs::read_to_string(redacted).unwrap();
        assert_harmless(&redacted, "a bundle with other names");
        vec![text, redacted]
    }

    /// Whether this test has not had this outcome before. The harness names the thread after the
    /// test.
    fn is_new(&self, status: i32, report: Option<&Value>) -> bool {
        static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
        let test = thread::current().name().unwrap_or_default().to_owned();
        let mut outcome = format!("{test} {} {status}", self.is_strict);
        if let Some(report) = report {
            if test.starts_with("security::") {
                let findings = report["findings"].to_string();
                outcome.extend(findings.chars().filter(|c| !c.is_ascii_digit()));
            }
            let first_refusal = &report["request"]["cli"]["code"];
            outcome += &format!(" {:?} {first_refusal}", codes(report));
            for check in report["checks"].as_array().unwrap() {
                outcome += &format!(" {} {}", check["id"], check["status"]);
            }
        }
        SEEN.lock().unwrap().insert(outcome)
    }

    fn replay(&self, file: &Path) -> Command {
        let mut command = Command::new(program());
        command.env_clear().arg("replay").arg(file).args(["--format", "json"]);
        command.args(self.is_strict.then_some("--strict"));
        command
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "", "{command:?}");
    output
}

fn status_of(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Removes the claims: a bundle lacks the values that no finding shows.
fn without_claims(mut report: Value) -> Value {
    for place in ["/token/header", "/token/claims", "/identity/token"] {
        if let Some(value) = report.pointer_mut(place) {
            value.take();
        }
    }
    report
}

/// The root cause and all codes, sorted: their order follows severity, which may depend on a name.
fn codes(report: &Value) -> (Value, Vec<String>) {
    let findings = report["findings"].as_array().unwrap();
    let mut codes: Vec<_> = findings.iter().map(|found| found["code"].to_string()).collect();
    codes.sort_unstable();
    (report["rootCause"].clone(), codes)
}
