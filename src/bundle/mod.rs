//! Support bundles: the evidence of a run in a file that someone else can judge again.
//!
//! A bundle is one JSON object: [`VERSION`], the version of the doctor that wrote it, whether names
//! were replaced, and the evidence. [`allow_list`] lists what it may hold. A new field of the
//! evidence, an unknown member of a server's answer, and the value of an unknown claim are left
//! out. The list has everything that a finding can show, so a replay has the same findings as the
//! run, byte by byte.
//!
//! `--redact` also replaces names ([`redact`]). Some diagnoses depend on a name (which of two
//! policy entries is closer to a subject). So the bundle records the codes that the run found, and
//! a replay shows them beside its own if they differ.
//!
//! People keep bundles for a long time. A new field of the evidence is optional (`serde(default)`),
//! so that older bundles can be read; any other change needs a new [`VERSION`] and a conversion
//! here. `fixtures/bundles/v1` holds bundles as version 1 wrote them; they are never edited.

mod allow_list;
mod filter;
mod redact;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::judge;
use crate::limits;
use crate::limits::BUNDLE_VALUES;
use crate::limits::json;
use crate::limits::json::JsonError;
use crate::report::{RecordedCodes, Replayed, Report};
use crate::text;
use filter::EvidenceFilter;
use redact::certain_names;
use redact::names::Names;

/// The version of the file format that this program writes.
pub const VERSION: u32 = 1;

/// A bundle as it was read, or that of this run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// The version of the program that wrote it; empty for the bundle of this run.
    #[serde(default)]
    pub doctor_version: String,
    /// Whether its names were replaced.
    pub redacted: bool,
    /// The codes that the run found before its names were replaced; absent from older bundles.
    #[serde(default)]
    pub recorded: Option<RecordedCodes>,
    /// What the run gathered.
    pub evidence: Evidence,
}

/// The members that bundles of every version have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleHeader {
    bundle_version: u32,
    doctor_version: String,
}

/// A bundle as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleFile {
    bundle_version: u32,
    doctor_version: &'static str,
    redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<RecordedCodes>,
    evidence: serde_json::Value,
}

/// Why a file cannot be used as a bundle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The text is not the JSON of a bundle.
    #[error("{line}:{column}: {problem}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A newer doctor wrote the bundle.
    #[error(
        "doctor {} wrote it, as a bundle of version {version}; this one reads versions up to \
         {VERSION}: use that doctor or a newer one",
        text::clip(doctor, MAX_VERSION_LENGTH)
    )]
    Newer {
        /// The bundle's version.
        version: u32,
        /// The program's version.
        doctor: String,
    },
    /// The bundle holds more than any doctor writes.
    #[error("more than {most} {what}: doctor did not write it")]
    TooLarge {
        /// The limit.
        most: usize,
        /// What exceeds the limit.
        what: &'static str,
    },
    /// The bundle has version 0; versions begin with 1.
    #[error("bundle versions begin with 1")]
    Zero,
}

/// How many characters of a doctor's version are shown.
const MAX_VERSION_LENGTH: usize = 40;

impl ReadError {
    /// `prefix` goes before serde's own message.
    fn from_json_error(error: &serde_json::Error, prefix: &str) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = format!("{prefix}{}", text.strip_suffix(&place).unwrap_or(&text));
        Self::Malformed { line: error.line(), column: error.column(), problem }
    }
}

/// Reads a bundle of any version.
///
/// # Errors
/// The text is no bundle (with line and column), is too large, or a newer doctor wrote it.
pub fn read(content: &str) -> Result<Bundle, ReadError> {
    let text = content.strip_prefix('\u{feff}').unwrap_or(content);
    if let Err(JsonError::TooManyValues { .. }) = json::check(text.as_bytes(), BUNDLE_VALUES) {
        return Err(ReadError::TooLarge { most: BUNDLE_VALUES, what: "JSON values" });
    }
    let header: BundleHeader = serde_json::from_str(text).map_err(|error| {
        ReadError::from_json_error(&error, "not a support bundle (--bundle writes one): ")
    })?;
    if header.bundle_version == 0 {
        return Err(ReadError::Zero);
    }
    if header.bundle_version > VERSION {
        let (version, doctor) = (header.bundle_version, header.doctor_version);
        return Err(ReadError::Newer { version, doctor });
    }
    let mut bundle: Bundle =
        serde_json::from_str(text).map_err(|error| ReadError::from_json_error(&error, ""))?;
    check_limits(&bundle.evidence)?;
    bundle.evidence.upgrade();
    // A person may have edited the bundle, and older doctors kept more of a URL.
    bundle.evidence.hide_url_parts();
    Ok(bundle)
}

/// Refuses evidence that exceeds the limits of a run ([`limits`]), because a bundle may be hostile.
/// The length of patterns is not checked: Pulumi Cloud may send longer ones too, and the evaluation
/// of the policy limits them.
fn check_limits(evidence: &Evidence) -> Result<(), ReadError> {
    let check_limit = |most, found, what| match found > most {
        true => Err(ReadError::TooLarge { most, what }),
        false => Ok(()),
    };
    if let Some(token) = &evidence.token {
        let bytes = bytes_of(&token.header) + bytes_of(&token.claims);
        check_limit(limits::TOKEN, bytes, "bytes of header and claims")?;
    }
    let Some(document) = evidence.policy.document() else { return Ok(()) };
    let entries = || document.issuers.iter().flat_map(|issuer| issuer.policies.iter().flatten());
    check_limit(limits::IN_DOCUMENT, document.issuers.len(), "issuers")?;
    check_limit(limits::IN_DOCUMENT, entries().count(), "policy entries")?;
    check_limit(limits::IN_DOCUMENT, entries().map(|entry| entry.rules.len()).sum(), "rules")
}

/// The total length of all keys and texts of an object, in bytes.
fn bytes_of(object: &serde_json::Map<String, serde_json::Value>) -> usize {
    fn bytes_of_value(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(items) => items.iter().map(bytes_of_value).sum(),
            serde_json::Value::Object(members) => bytes_of(members),
            _ => 1,
        }
    }
    object.iter().map(|(key, value)| key.len() + bytes_of_value(value)).sum()
}

impl Bundle {
    /// Writes the bundle as JSON. `redact` replaces names and records the codes of this run,
    /// because other names can lead to other codes.
    ///
    /// # Errors
    /// The evidence cannot be written as JSON.
    pub fn write(&self, redact: bool) -> Result<String, serde_json::Error> {
        let record_codes = || RecordedCodes::from_report(&judge::judge(&self.evidence, false));
        let file = BundleFile {
            bundle_version: VERSION,
            doctor_version: env!("CARGO_PKG_VERSION"),
            redacted: redact || self.redacted,
            recorded: self.recorded.clone().or_else(|| redact.then(record_codes)),
            evidence: if redact { redacted(&self.evidence)? } else { filtered(&self.evidence)? },
        };
        Ok(text::json(&file) + "\n")
    }

    /// Judges the evidence. The report has the codes that the run found, if the bundle records
    /// them.
    pub fn judge(&self, strict: bool) -> Report {
        let report = judge::judge(&self.evidence, strict);
        let is_replay = !self.doctor_version.is_empty();
        let replayed = is_replay.then(|| Replayed {
            started_at: report.started_at,
            platform: self.evidence.options.run_context.platform().map(|id| id.platform().name),
            doctor_version: text::clip(&self.doctor_version, MAX_VERSION_LENGTH),
            is_redacted: self.redacted,
        });
        Report { recorded: self.recorded.clone(), replayed, ..report }
    }
}

/// The evidence as a bundle holds it, with its names.
fn filtered(evidence: &Evidence) -> Result<serde_json::Value, serde_json::Error> {
    Ok(EvidenceFilter::new(evidence, None).apply(serde_json::to_value(evidence)?))
}

/// The evidence as a bundle holds it, with its names replaced. How rules and issuers compared with
/// the token is recorded before.
fn redacted(evidence: &Evidence) -> Result<serde_json::Value, serde_json::Error> {
    let mut evidence = evidence.clone();
    evidence.record_comparisons();
    let value = serde_json::to_value(&evidence)?;
    let mut names = Names::default();
    certain_names::collect(&value, &mut names);
    Ok(EvidenceFilter::new(&evidence, Some(&names)).apply(value))
}
