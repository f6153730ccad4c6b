//! The report: what the judge found, in the shape that `--format json` prints
//! (product contract, section 3). Every renderer reads this and nothing else.
//!
//! `docs/report.schema.json` is generated from these types by `doctor generate schema`, with their
//! documentation as its descriptions.

pub mod triage;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalogue::{Category, Code, Severity};

/// Version of the JSON shape: keys may come, none go within a version.
pub const SCHEMA_VERSION: u32 = 1;

/// One run's report.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this shape: keys may come, none go within a version.
    pub schema_version: u32,
    /// The program's version.
    pub doctor_version: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// What to fix first; only when unhealthy.
    pub root_cause: Option<Code>,
    /// Every registered check, once each.
    pub checks: Vec<CheckResult>,
    /// The findings, the root cause first.
    pub findings: Vec<Finding>,
    /// The token, if one was decoded.
    pub token: Option<TokenSummary>,
    /// What the login asks for.
    pub request: RequestSummary,
    /// What the policy decides.
    pub policy: PolicySummary,
    /// Who the access token belongs to, if whoami answered.
    pub identity: Option<Identity>,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Nothing that decides a login is wrong.
    Healthy,
    /// Something is.
    Unhealthy,
    /// Nothing failed, but what decides a login could not be checked.
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
    /// Nothing wrong.
    Pass,
    /// A warning.
    Warn,
    /// An error.
    Fail,
    /// Could not run.
    Skip,
}

/// A check's result.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// The check's id.
    pub id: &'static str,
    /// Its category.
    pub category: Category,
    /// How it ended.
    pub status: Status,
    /// One line: what was seen.
    pub summary: String,
    /// How long it took, in milliseconds; 0 for what needs no network.
    pub duration_ms: u64,
    /// Why it did not run: the id of the check that stopped it, or the option that switched it
    /// off.
    pub skipped_because: Option<String>,
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
    /// How bad it is in this run.
    pub severity: Severity,
    /// The id of the check that raised it.
    pub check: &'static str,
    /// The code's title.
    pub title: &'static str,
    /// What is wrong, in this run's own values.
    pub detail: String,
    /// The proof.
    pub evidence: Vec<Proof>,
    /// What to change.
    pub remediation: Remediation,
}

/// A piece of evidence.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// What it is: `token aud`, `expected`.
    pub what: String,
    /// Its value.
    pub value: String,
    /// Where it stands: `token claim aud`, `policy.yaml:12`.
    #[serde(rename = "where")]
    pub place: String,
}

/// What to change.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Remediation {
    /// In one sentence.
    pub summary: String,
    /// Step by step. A step may hold a snippet of several lines.
    pub steps: Vec<String>,
    /// Commands or snippets to paste, quoted for what they are meant for.
    pub commands: Vec<String>,
    /// The documentation they rest on.
    pub links: Vec<String>,
}

/// The token as the report shows it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenSummary {
    /// Where it came from.
    pub source: String,
    /// Its header.
    pub header: Map<String, Value>,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// A digest that identifies it without showing it.
    pub fingerprint: String,
}

/// What the login asks for.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestSummary {
    /// The organization, if one is known.
    pub organization: Option<String>,
    /// The requested token type.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["organization", "team", "personal", "runner"])))]
    pub token_type: &'static str,
    /// The requested scope.
    pub scope: String,
    /// The requested life, in seconds; null where it cannot be read.
    pub expiration_seconds: Option<i64>,
    /// The backend.
    pub backend: BackendSummary,
}

/// The backend that is spoken to.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackendSummary {
    /// Its URL; empty where the CLI has none.
    pub url: String,
    /// Where it comes from.
    pub source: String,
}

/// What the policy decides.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicySummary {
    /// `file`, `live` or `none`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["file", "live", "none"])))]
    pub source: &'static str,
    /// The registered issuer whose policy it is.
    pub issuer: Option<String>,
    /// `allow`, `deny` or `unknown`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["allow", "deny", "unknown"])))]
    pub decision: &'static str,
    /// The closest entry, counted from 0 over all of them.
    pub closest: Option<usize>,
    /// That entry's rules.
    pub rules: Vec<RuleResult>,
    /// Every entry.
    pub entries: Vec<EntryResult>,
}

/// A rule's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// The claim path.
    pub claim: String,
    /// The pattern.
    pub pattern: String,
    /// The claim's value, as JSON text unless it is a string; null where the token has none.
    pub actual: Option<String>,
    /// Whether it matches.
    pub matched: bool,
    /// Whether it matches is not known: the pattern hangs on an expression that the document does
    /// not resolve, or a limit kept it from being matched.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undetermined: bool,
    /// The limit that kept it from being matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// A limit that keeps a rule from being matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// The pattern is longer than 4 KiB.
    Length,
    /// All rules together take too much work.
    Work,
}

/// An entry's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntryResult {
    /// Its index, from 0.
    pub index: usize,
    /// `allow` or `deny`.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["allow", "deny"])))]
    pub decision: &'static str,
    /// The token type that it is for.
    #[cfg_attr(feature = "generate", schemars(extend("enum" = ["organization", "team", "personal", "runner"])))]
    pub token_type: &'static str,
    /// Whether it is for this request at all.
    pub applies: bool,
    /// Its rules.
    pub rules: Vec<RuleResult>,
}

/// Who the access token belongs to.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "generate", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The login name.
    pub user: String,
    /// The organizations.
    pub organizations: Vec<String>,
    /// `tokenInfo` as the service gives it.
    pub token: Option<Map<String, Value>>,
}
