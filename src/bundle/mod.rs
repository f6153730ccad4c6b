//! Support bundles: the evidence of a run as a file that can be shown to somebody else, and judged
//! again there.
//!
//! A bundle is one JSON object: [`VERSION`], the doctor that wrote it, whether names were replaced, and
//! the evidence. [`allow_list`] lists what may be in it. A new field of the evidence, an unknown member
//! of a server's answer and an unknown claim stay out. The list has everything that a finding can show,
//! so a replay has the same findings as the run, byte by byte.
//!
//! With `--redact`, names are replaced as well ([`redact`]). Few diagnoses depend on a name, but some
//! do (which of two policy entries is closer to a subject), so the codes that the run found are in
//! the bundle, and a replay shows them beside its own if they differ.
//!
//! Bundles are kept for a long time. A field that is added to the evidence is optional
//! (`serde(default)`), so that older bundles can be read; any other change needs a new
//! [`VERSION`] and a conversion here. `fixtures/bundles/v1` holds bundles of version 1, which are
//! never edited: they are what was written then.

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
use crate::limits::json::Refused;
use crate::report::{RecordedCodes, Replayed, Report};
use crate::text;
use filter::Outline;
use redact::certain;
use redact::names::Names;

/// The version of the file's shape that this program writes.
pub const VERSION: u32 = 1;

/// A bundle.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// The version of the program that wrote it; empty for the bundle of this run.
    #[serde(default)]
    pub doctor_version: String,
    /// Whether its names were replaced.
    pub redacted: bool,
    /// What the run found before its names were replaced. Older bundles do not say.
    #[serde(default)]
    pub recorded: Option<RecordedCodes>,
    /// The evidence.
    pub evidence: Evidence,
}

/// The members that every version has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    bundle_version: u32,
    doctor_version: String,
}

/// The file as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
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
    /// It is not the JSON of a bundle.
    #[error("{line}:{column}: {problem}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A later program wrote it.
    #[error(
        "doctor {} wrote it, as a bundle of version {version}; this one reads versions up to \
         {VERSION}: use that doctor or a newer one",
        text::clip(doctor, LONGEST_SHOWN)
    )]
    Newer {
        /// The bundle's version.
        version: u32,
        /// The program's version.
        doctor: String,
    },
    /// It holds more than any bundle that a doctor writes.
    #[error("more than {most} {what}: no doctor wrote it")]
    TooLarge {
        /// The most that there may be.
        most: usize,
        /// What there is too much of.
        what: &'static str,
    },
    /// Versions begin with 1.
    #[error("there are no bundles of version 0: they begin with 1")]
    Zero,
}

/// How much of a version is shown, in characters.
const LONGEST_SHOWN: usize = 40;

impl ReadError {
    fn of_json(error: &serde_json::Error, what: &str) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = format!("{what}{}", text.strip_suffix(&place).unwrap_or(&text));
        Self::Malformed { line: error.line(), column: error.column(), problem }
    }
}

/// Reads a bundle of any version.
///
/// # Errors
/// When it is not a bundle (with line and column), or a newer doctor wrote it.
pub fn read(content: &str) -> Result<Bundle, ReadError> {
    let text = content.strip_prefix('\u{feff}').unwrap_or(content);
    if let Err(Refused::TooManyValues { .. }) = json::check(text.as_bytes(), BUNDLE_VALUES) {
        return Err(ReadError::TooLarge { most: BUNDLE_VALUES, what: "JSON values" });
    }
    let head: Head = serde_json::from_str(text).map_err(|error| {
        ReadError::of_json(&error, "not a support bundle (--bundle writes one): ")
    })?;
    if head.bundle_version == 0 {
        return Err(ReadError::Zero);
    }
    if head.bundle_version > VERSION {
        let (version, doctor) = (head.bundle_version, head.doctor_version);
        return Err(ReadError::Newer { version, doctor });
    }
    let mut bundle: Bundle =
        serde_json::from_str(text).map_err(|error| ReadError::of_json(&error, ""))?;
    within_limits(&bundle.evidence)?;
    bundle.evidence.complete();
    // Somebody may have written it by hand, and older programs kept more of a URL.
    bundle.evidence.hide_url_parts();
    Ok(bundle)
}

/// Refuses what goes over the limits of what a run reads ([`limits`]): a bundle may be hostile too.
/// Longer patterns may come from Pulumi Cloud; evaluating the policy sees to them.
fn within_limits(evidence: &Evidence) -> Result<(), ReadError> {
    let at_most = |most, found, what| match found > most {
        true => Err(ReadError::TooLarge { most, what }),
        false => Ok(()),
    };
    if let Some(token) = &evidence.token {
        let bytes = bytes_of(&token.header) + bytes_of(&token.claims);
        at_most(limits::TOKEN, bytes, "bytes of header and claims")?;
    }
    let Some(document) = evidence.policy.document() else { return Ok(()) };
    let entries = || document.issuers.iter().flat_map(|issuer| issuer.policies.iter().flatten());
    at_most(limits::IN_ALL, document.issuers.len(), "issuers")?;
    at_most(limits::IN_ALL, entries().count(), "policy entries")?;
    at_most(limits::IN_ALL, entries().map(|entry| entry.rules.len()).sum(), "rules")
}

/// The length of all keys and texts of an object, in bytes.
fn bytes_of(object: &serde_json::Map<String, serde_json::Value>) -> usize {
    fn of(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(items) => items.iter().map(of).sum(),
            serde_json::Value::Object(members) => bytes_of(members),
            _ => 1,
        }
    }
    object.iter().map(|(key, value)| key.len() + of(value)).sum()
}

impl Bundle {
    /// The bundle as text. `redact`: names are replaced, and the codes of this run go along,
    /// because other names can lead to other codes.
    ///
    /// # Errors
    /// The evidence has no JSON form.
    pub fn write(&self, redact: bool) -> Result<String, serde_json::Error> {
        let found = || RecordedCodes::from_report(&judge::judge(&self.evidence, false));
        let recorded = || redact.then(found);
        let written = Written {
            bundle_version: VERSION,
            doctor_version: env!("CARGO_PKG_VERSION"),
            redacted: redact || self.redacted,
            recorded: self.recorded.clone().or_else(recorded),
            evidence: if redact { redacted(&self.evidence)? } else { plain(&self.evidence)? },
        };
        Ok(text::json(&written) + "\n")
    }

    /// Judges the evidence. The report says which codes the run found, if other names may have
    /// changed them.
    pub fn judge(&self, strict: bool) -> Report {
        let report = judge::judge(&self.evidence, strict);
        let is_replay = !self.doctor_version.is_empty();
        let replayed = is_replay.then(|| Replayed {
            started_at: report.started_at,
            platform: self.evidence.options.run_context.platform().map(|id| id.platform().name),
            doctor_version: text::clip(&self.doctor_version, LONGEST_SHOWN),
            is_redacted: self.redacted,
        });
        Report { recorded: self.recorded.clone(), replayed, ..report }
    }
}

fn plain(evidence: &Evidence) -> Result<serde_json::Value, serde_json::Error> {
    Ok(Outline::new(evidence, None).apply(serde_json::to_value(evidence)?))
}

/// The evidence with its names replaced. Rules and issuers keep how they compared with the token.
fn redacted(evidence: &Evidence) -> Result<serde_json::Value, serde_json::Error> {
    let mut evidence = evidence.clone();
    evidence.record_comparisons();
    let value = serde_json::to_value(&evidence)?;
    let mut names = Names::default();
    certain::collect(&value, &mut names);
    Ok(Outline::new(&evidence, Some(&names)).apply(value))
}
