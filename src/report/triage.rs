//! What was found in logs, in the shape that `doctor triage --format json` prints. Every renderer
//! of it reads this and nothing else.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalogue::Code;
use crate::report::Finding;

/// Version of the JSON shape: keys may come, none go within a version.
pub const SCHEMA_VERSION: u32 = 1;

/// What logs tell.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Triage {
    /// The version of this shape.
    pub schema_version: u32,
    /// The program's version.
    pub doctor_version: String,
    /// What to fix first; null where nothing known was found.
    pub root_cause: Option<Code>,
    /// What is known of what was found, the most likely root cause first.
    pub findings: Vec<LogFinding>,
    /// How many more different messages there were than could be kept.
    pub left_out: u64,
    /// What the logs tell of the login.
    pub context: LogContext,
    /// Where secrets stand; the secrets themselves are shown nowhere.
    pub secrets: Vec<LogSecret>,
    /// The logs.
    pub files: Vec<LogFile>,
}

/// A failure found in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFinding {
    /// The finding. Its evidence begins with the messages, as they stand in the log.
    #[serde(flatten)]
    pub finding: Finding,
    /// Other codes that the message may stand for, the likelier first.
    pub also_possible: Vec<Code>,
    /// Whose login failed, where that is not Pulumi Cloud's.
    pub system: Option<&'static str>,
    /// Where its messages stand, in order; not all, where there are very many.
    pub places: Vec<LogPlace>,
    /// On how many lines.
    pub count: u64,
}

/// A place in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPlace {
    /// The log.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
}

impl LogPlace {
    /// Places in words, the first of them: `build.log:12, 40`, and how many there are.
    #[must_use]
    pub fn list(places: &[Self], count: u64) -> String {
        /// More are counted only.
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

/// What logs tell of the login.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogContext {
    /// The CI platform.
    pub platform: Option<&'static str>,
    /// The version of pulumi.
    pub pulumi_version: Option<LogValue>,
    /// The backend's URL.
    pub backend: Option<LogValue>,
    /// The logins that were called.
    pub logins: Vec<LogValue>,
    /// The claims that were printed, as such or within a token.
    pub claims: Vec<LogClaims>,
    /// Where a login worked.
    pub successes: Vec<LogPlace>,
}

/// A value in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogValue {
    /// The value.
    pub value: String,
    /// Where it stands.
    #[serde(flatten)]
    pub place: LogPlace,
}

/// Claims in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogClaims {
    /// The claims. Nothing was verified.
    pub claims: Map<String, Value>,
    /// Where they stand.
    #[serde(flatten)]
    pub place: LogPlace,
}

/// A secret in a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSecret {
    /// What it is: `jwt`, `pulumi-access-token`, `bearer`, `other-token`, `url-credentials`.
    pub kind: &'static str,
    /// The same in words.
    pub what: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Where it stands; not all places, where there are very many.
    pub places: Vec<LogPlace>,
    /// On how many lines.
    pub count: u64,
}

/// A log that was read.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// How many lines were read.
    pub lines: u64,
    /// After how many unpacked bytes reading was stopped, because it unpacks to more than 64 MiB and
    /// 200 times what it is packed; what follows was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_after: Option<u64>,
}
