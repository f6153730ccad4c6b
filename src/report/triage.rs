//! What was found in logs, in the shape that `doctor triage --format json` prints. Its renderers
//! read nothing else.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalogue::Code;
use crate::report::Finding;

/// The version of the JSON shape. Within a version, keys may be added, but none removed.
pub const SCHEMA_VERSION: u32 = 1;

/// The report of `doctor triage`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Triage {
    pub schema_version: u32,
    pub doctor_version: String,
    /// What to fix first; null if no known message was found.
    pub root_cause: Option<Code>,
    /// The findings, the most likely root cause first.
    pub findings: Vec<LogFinding>,
    /// How many different messages were dropped because of the limit.
    pub left_out: u64,
    /// What the logs show about the login.
    pub context: LogContext,
    /// The secrets in the logs, by their places only.
    pub secrets: Vec<LogSecret>,
    /// The logs that were read.
    pub files: Vec<LogFile>,
}

/// A failure found in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFinding {
    /// The finding. Its evidence begins with the messages as the log has them.
    #[serde(flatten)]
    pub finding: Finding,
    /// Other codes that the message may mean, the likeliest first.
    pub also_possible: Vec<Code>,
    /// The system whose login failed, if it is not Pulumi Cloud.
    pub system: Option<&'static str>,
    /// Where its messages are, in order, up to a limit.
    pub places: Vec<LogPlace>,
    /// How many lines have them.
    pub count: u64,
}

/// A place in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPlace {
    /// The log's name.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

impl LogPlace {
    /// The first places as text, and how many more there are: `build.log:12, 40 and 3 more`.
    #[must_use]
    pub fn list(places: &[Self], count: u64) -> String {
        const SHOWN: usize = 6;
        let mut text = String::new();
        let mut last = None;
        for place in places.iter().take(SHOWN) {
            match last == Some(&place.file) {
                true => text.push_str(&format!(", {}", place.line)),
                false => {
                    text.push_str(if last.is_some() { "; " } else { "" });
                    text.push_str(&format!("{}:{}", place.file, place.line));
                }
            }
            last = Some(&place.file);
        }
        let others = count.saturating_sub(places.len().min(SHOWN) as u64);
        if others > 0 {
            text.push_str(&format!(" and {others} more"));
        }
        text
    }
}

/// What the logs show about the login.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogContext {
    /// The CI platform.
    pub platform: Option<&'static str>,
    /// The version of pulumi.
    pub pulumi_version: Option<LogValue>,
    /// The backend's URL.
    pub backend: Option<LogValue>,
    /// The login commands that were run.
    pub logins: Vec<LogValue>,
    /// The claims that the log shows, in plain text or in a token.
    pub claims: Vec<LogClaims>,
    /// Where a login succeeded.
    pub successes: Vec<LogPlace>,
}

/// A value and its place in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogValue {
    pub value: String,
    #[serde(flatten)]
    pub place: LogPlace,
}

/// Claims and their place in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogClaims {
    /// The claims, not verified.
    pub claims: Map<String, Value>,
    #[serde(flatten)]
    pub place: LogPlace,
}

/// A secret in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSecret {
    /// What it is: `jwt`, `pulumi-access-token`, `bearer`, `other-token`, `url-credentials`.
    pub kind: &'static str,
    /// The kind in words.
    pub what: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Where it is, in order, up to a limit.
    pub places: Vec<LogPlace>,
    /// How many lines have it.
    pub count: u64,
}

/// A log that was read.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFile {
    pub name: String,
    /// How many lines were read.
    pub lines: u64,
    /// The number of unpacked bytes after which reading stopped, because the log unpacks to more
    /// than 64 MiB and 200 times its packed size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_after: Option<u64>,
}
