//! The report: what the judge found, in the shape that `--format json` prints
//! (product contract, section 3). Renderers read nothing else.
//!
//! `doctor generate schema` generates `docs/report.schema.json` from these types, with their doc
//! comments as descriptions.

pub mod cases;
pub mod remedy;
pub mod triage;
pub mod who;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

pub use self::remedy::{Change, RemedyOption, Target};
use crate::catalogue::{Category, Code, Severity};
use crate::evidence::{CheckId, SkipReason};
pub use crate::policy::evaluate::{EntryResult, Limit, RuleResult};
use crate::text::command::{Command, Shell};

/// The version of the JSON shape. Within a version, keys may be added, but none removed.
pub const SCHEMA_VERSION: u32 = 1;

/// One run's report.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this shape. Within a version, keys may be added, but none removed.
    pub schema_version: u32,
    /// The program's version.
    pub doctor_version: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// What to fix first; null unless the verdict is `unhealthy`.
    pub root_cause: Option<Code>,
    /// The results of all checks, in order.
    pub checks: Vec<CheckResult>,
    /// The findings, the root cause first.
    pub findings: Vec<Finding>,
    /// The token, if one was decoded.
    pub token: Option<TokenSummary>,
    /// What the login requests.
    pub request: RequestSummary,
    /// The policy's decision.
    pub policy: PolicySummary,
    /// The owner of the access token, if whoami answered.
    pub identity: Option<Identity>,
    /// In the replay of a bundle with replaced names, the codes that the original run found. Other
    /// names can lead to other codes.
    pub recorded: Option<RecordedCodes>,
    /// The run that a replay judges again.
    #[serde(skip)]
    pub replayed: Option<Replayed>,
}

/// The run that a support bundle records.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// When it began.
    pub started_at: Timestamp,
    /// The CI platform that it ran on.
    pub platform: Option<&'static str>,
    /// The version of the program that wrote the bundle.
    pub doctor_version: String,
    /// Whether names in the bundle were replaced.
    pub is_redacted: bool,
}

/// The codes that a run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordedCodes {
    /// The code to fix first.
    pub root_cause: Option<String>,
    /// The codes of all findings, in order. A later version may have more codes.
    pub codes: Vec<String>,
}

impl RecordedCodes {
    pub(crate) fn from_report(report: &Report) -> Self {
        let name = |code: Code| code.name().to_owned();
        Self {
            root_cause: report.root_cause.map(name),
            codes: report.findings.iter().map(|finding| name(finding.code)).collect(),
        }
    }
}

impl Report {
    /// The recorded codes, if this replay finds others. The root cause is compared only if one was
    /// recorded: under `--strict`, the replay may name a warning.
    pub(crate) fn changed_codes(&self) -> Option<&RecordedCodes> {
        let sorted = |codes: &RecordedCodes| {
            let mut codes = codes.codes.clone();
            codes.sort_unstable();
            codes
        };
        let found = RecordedCodes::from_report(self);
        self.recorded.as_ref().filter(|recorded| {
            let has_other_root_cause =
                recorded.root_cause.is_some() && recorded.root_cause != found.root_cause;
            has_other_root_cause || sorted(recorded) != sorted(&found)
        })
    }
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Nothing prevents the login.
    Healthy,
    /// Something prevents the login.
    Unhealthy,
    /// Nothing failed, but something that decides the login could not be checked.
    Inconclusive,
}

impl Verdict {
    /// The exit status.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Unhealthy => 1,
            Self::Inconclusive => 3,
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It found nothing wrong.
    Pass,
    /// It found a warning.
    Warn,
    /// It found an error.
    Fail,
    /// It did not run.
    Skip,
}

/// A check's result.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// The check's id.
    #[cfg_attr(feature = "generate", schemars(with = "String"))]
    pub id: CheckId,
    /// Its category.
    pub category: Category,
    /// How it ended.
    pub status: Status,
    /// What was seen, in one line.
    pub summary: String,
    /// How long it took, in milliseconds; 0 if it needs no network.
    pub duration_ms: u64,
    /// Why it did not run: the id of the check that stopped it, or the option that switched it
    /// off.
    #[cfg_attr(feature = "generate", schemars(with = "Option<String>"))]
    pub skipped_because: Option<SkipReason>,
}

/// A finding.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// Its category.
    pub category: Category,
    /// Its severity in this run.
    pub severity: Severity,
    /// The id of the check that raised it.
    #[cfg_attr(feature = "generate", schemars(with = "String"))]
    pub check: FoundBy,
    /// The code's title.
    pub title: &'static str,
    /// What is wrong, with the values of this run.
    pub detail: String,
    /// Whether running the job again may help without any change: after 429, 5xx, or a failure of
    /// the CI platform to issue a token.
    pub retryable: bool,
    /// The values that prove it.
    pub evidence: Vec<Proof>,
    /// How the first two values of the evidence differ, where they should be equal.
    #[serde(skip)]
    pub difference: Option<Difference>,
    /// What to change.
    pub remediation: Remediation,
}

/// What raised a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    Check(CheckId),
    /// A message in a log, found by `doctor triage`.
    Triage,
}

impl Serialize for FoundBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Check(check) => check.name(),
            Self::Triage => "triage",
        })
    }
}

/// How two values differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The index of the second value's first differing character; `None` if the values are to be
    /// compared as plain text.
    pub from: Option<usize>,
}

/// A piece of evidence.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The name of the value: `token aud`, `expected`.
    pub what: String,
    /// The value.
    pub value: String,
    /// Where the value is from: `token claim aud`, `policy.yaml:12`.
    #[serde(rename = "where")]
    pub place: String,
    /// Whether it says how other values of the evidence compare.
    #[serde(skip)]
    pub is_comparison: bool,
}

impl Proof {
    pub(crate) fn new(
        what: impl Into<String>,
        value: impl Into<String>,
        place: impl Into<String>,
    ) -> Self {
        let (what, value, place) = (what.into(), value.into(), place.into());
        Self { what, value, place, is_comparison: false }
    }
}

/// What to change.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Remediation {
    /// The change in one sentence.
    pub summary: String,
    /// The steps of the change. A step may hold a snippet of several lines.
    #[cfg_attr(feature = "generate", schemars(with = "Vec<String>"))]
    pub steps: Vec<Step>,
    /// Commands or snippets to paste, quoted for their destination.
    #[cfg_attr(feature = "generate", schemars(with = "Vec<String>"))]
    pub commands: Vec<Command>,
    /// Links to documentation.
    pub links: Vec<String>,
    /// The change as data. Each option is one complete way to repair the failure, the preferred one
    /// first. Empty if no change can be named.
    pub options: Vec<RemedyOption>,
}

impl Remediation {
    /// Keeps the commands that can be written for `shell`, quoted for it.
    pub(crate) fn select_shell(&mut self, shell: Shell) {
        let commands = std::mem::take(&mut self.commands);
        self.commands = commands.into_iter().filter_map(|c| c.in_shell(shell)).collect();
        self.drop_idle_introductions();
    }

    /// Drops the steps that introduce commands if there are no commands.
    pub(crate) fn drop_idle_introductions(&mut self) {
        if self.commands.is_empty() {
            self.steps.retain(|step| !step.introduces_commands);
        }
    }
}

/// A step of a remediation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub text: String,
    /// Whether it introduces the commands: it comes last, and is dropped without them.
    pub introduces_commands: bool,
    /// Whether the lines after the first are a diff.
    pub is_diff: bool,
    /// Whether it only informs: there is nothing to do.
    pub is_note: bool,
}

impl Step {
    /// The first line, and the snippet or diff after it, which may be empty.
    pub(crate) fn split_snippet(&self) -> (&str, &str) {
        self.text.split_once('\n').unwrap_or((&self.text, ""))
    }
}

impl From<String> for Step {
    fn from(text: String) -> Self {
        Self { text, introduces_commands: false, is_diff: false, is_note: false }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The token as the report shows it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenSummary {
    /// The source of the token.
    pub source: String,
    /// Its header.
    pub header: Map<String, Value>,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// A digest that identifies it without showing it.
    pub fingerprint: String,
    /// The names of claims, and a few words on the meaning of each.
    #[serde(skip)]
    pub meanings: Vec<(String, String)>,
}

/// What the login requests.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestSummary {
    /// The organization, if known.
    pub organization: Option<String>,
    /// The requested token type.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["organization", "team", "personal", "runner"])))]
    pub token_type: &'static str,
    /// The requested scope.
    pub scope: String,
    /// The requested expiration, in seconds; null if it is invalid.
    pub expiration_seconds: Option<i64>,
    /// The backend.
    pub backend: BackendSummary,
    /// How `pulumi login` itself ends; null if that is unknown.
    pub cli: Option<CliSummary>,
}

/// How `pulumi login` itself ends.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CliSummary {
    /// The CLI version whose rules were used.
    pub version: String,
    /// The code of its first error; null if the login succeeds.
    pub code: Option<Code>,
    /// The text of that error, without `error: `; null if the login succeeds or the exact text is
    /// unknown.
    pub message: Option<String>,
    /// Its exit status.
    pub exit_status: u8,
}

/// The backend of the login.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackendSummary {
    /// Its URL; empty if the CLI has none.
    pub url: String,
    /// The source of the URL.
    pub source: String,
}

/// The policy's decision.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicySummary {
    /// `file`, `live` or `none`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["file", "live", "none"])))]
    pub source: &'static str,
    /// The registered issuer of the policy.
    pub issuer: Option<String>,
    /// The display name of that issuer.
    #[serde(skip)]
    pub label: Option<String>,
    /// The file that holds the policy.
    #[serde(skip)]
    pub file: Option<String>,
    /// The lines of the entries in the file, in order; empty if the policy is not in a file.
    #[serde(skip)]
    pub lines: Vec<u64>,
    /// `allow`, `deny` or `unknown`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["allow", "deny", "unknown"])))]
    pub decision: &'static str,
    /// The index of the entry that comes closest to this token, from 0.
    pub closest: Option<usize>,
    /// The rules of that entry.
    pub rules: Vec<RuleResult>,
    /// All entries.
    pub entries: Vec<EntryResult>,
}

/// The owner of the access token.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The login name.
    pub user: String,
    /// The user's organizations.
    pub organizations: Vec<String>,
    /// `tokenInfo` as the service returns it.
    pub token: Option<Map<String, Value>>,
}
