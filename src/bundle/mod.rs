//! Support bundles: the evidence of a run as a file that can be shown to somebody else, and judged
//! again there.
//!
//! A bundle is one JSON object: [`VERSION`], the doctor that wrote it, whether names were
//! replaced, and the evidence. What of the evidence may be in it is a list ([`fields`]): what the
//! list does not name stays out, be it a new field of the evidence, an unknown member of a
//! server's answer or a claim that nothing is known of. The list names everything that a finding
//! can show, so the findings of a replay are those of the run, byte by byte.
//!
//! With `--redact`, names are replaced as well ([`pseudonym`]), and the diagnosis is made again to
//! see that it stays the same.
//!
//! Bundles are kept for a long time. A field that is added to the evidence is optional
//! (`serde(default)`), so that older bundles can be read; whatever else changes takes a new
//! [`VERSION`] and a conversion here. `fixtures/bundles/v1` holds bundles of version 1, which are
//! never edited: they are what was written then.

mod allow_list;
mod filter;
pub mod redact;
#[cfg(test)]
mod tests;

use crate::bundle::redact::names;
use crate::bundle::redact::pseudonym;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::judge;
use crate::limits;
use crate::limits::BUNDLE_VALUES;
use crate::limits::json;
use crate::limits::json::Refused;
use crate::report::Report;
use crate::text;
use filter::Outline;
use redact::pseudonym::Pseudonyms;

/// The version of the file's shape that this program writes.
pub const VERSION: u32 = 1;

/// A bundle.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// Whether names in it are pseudonyms.
    pub redacted: bool,
    /// The evidence.
    pub evidence: Evidence,
}

/// What every version of the file begins with.
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
    evidence: serde_json::Value,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The evidence has no JSON form.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// No random number is to be had for the pseudonyms.
    #[error("this system gives no random numbers")]
    Random,
    /// There is so much text that replacing the names in it would take too long.
    #[error("there is too much text in it to replace all names; leave --redact out")]
    TooLarge,
    /// Every way of replacing the names changes the diagnosis.
    #[error("the diagnosis would be another one with other names{0}; leave --redact out")]
    Diagnosis(Cause),
}

/// Why other names make another diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A name is a word that a diagnosis rests on.
    Word,
    /// A pattern has a wildcard inside a word.
    Wildcard,
    /// Neither.
    Unknown,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Word => " (a name is also a word that the diagnosis rests on)",
            Self::Wildcard => {
                " (a pattern's wildcard cuts through a word that means something by itself)"
            }
            Self::Unknown => "",
        })
    }
}

/// Why a file cannot be used as a bundle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON, or not that of a bundle.
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
        /// Of what.
        what: &'static str,
    },
    /// No program wrote it.
    #[error("there are no bundles of version 0: they begin with 1")]
    Zero,
}

/// More of a version is not shown, in characters.
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
/// With line and column where it is none; or that a newer doctor wrote it.
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
    /// The bundle as text. `redact`: names are replaced.
    ///
    /// # Errors
    /// Names cannot be replaced without another diagnosis.
    pub fn write(&self, redact: bool) -> Result<String, WriteError> {
        let evidence = if redact { redacted(&self.evidence)? } else { plain(&self.evidence)? };
        let written = Written {
            bundle_version: VERSION,
            doctor_version: env!("CARGO_PKG_VERSION"),
            redacted: redact || self.redacted,
            evidence,
        };
        Ok(text::json(&written) + "\n")
    }
}

fn plain(evidence: &Evidence) -> Result<serde_json::Value, WriteError> {
    Ok(Outline::new(evidence, None).apply(serde_json::to_value(evidence)?))
}

/// So many sets of pseudonyms are tried. How far two names are apart decides which policy entry
/// is the closest, and is not the same for their pseudonyms; seldom does that make a difference.
const ATTEMPTS: usize = 16;

/// The evidence with other names and the same diagnosis: the same in every respect that pseudonyms
/// can keep, or at least the same codes.
fn redacted(evidence: &Evidence) -> Result<serde_json::Value, WriteError> {
    let value = serde_json::to_value(evidence)?;
    // What stays out of the bundle costs nothing.
    let attempts = limits::REDACTION / cost(evidence, &plain(evidence)?);
    if attempts == 0 {
        return Err(WriteError::TooLarge);
    }
    let attempts = attempts.min(ATTEMPTS);
    let certain = names::collect(&value);
    if let Some(value) = renamed(evidence, &value, &certain, attempts)? {
        return Ok(value);
    }
    let without = HashSet::new();
    Err(WriteError::Diagnosis(if renamed(evidence, &value, &without, attempts)?.is_some() {
        Cause::Word
    } else if pseudonym::has_pieces(evidence) {
        Cause::Wildcard
    } else {
        Cause::Unknown
    }))
}

/// The evidence with other names; `None`: each set of them makes another diagnosis.
fn renamed(
    evidence: &Evidence,
    value: &serde_json::Value,
    certain: &HashSet<String>,
    attempts: usize,
) -> Result<Option<serde_json::Value>, WriteError> {
    let original = judge::judge(evidence, false);
    let mut second_best = None;
    for attempt in 0..attempts {
        let names =
            Pseudonyms::new(evidence, certain, attempt % 2 == 1).ok_or(WriteError::Random)?;
        let value = Outline::new(evidence, Some(&names)).apply(value.clone());
        // What the pseudonyms have made unreadable is another diagnosis too. Read as text, as a
        // bundle is: a second way to read the evidence is a fiftieth of the program's size.
        let Ok(other) = serde_json::from_str(&value.to_string()) else { continue };
        let other = judge::judge(&other, false);
        if codes(&original) != codes(&other) {
            continue;
        }
        if details(&original) == details(&other) {
            return Ok(Some(value));
        }
        second_best = Some(value);
    }
    Ok(second_best)
}

/// The pseudonym of a longer word is not kept, in bytes.
const LONG: usize = pseudonym::LONGEST_KNOWN;

/// What one attempt costs, in steps, at least 1: replacing every text, then judging again.
fn cost(evidence: &Evidence, value: &serde_json::Value) -> usize {
    fn texts(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::String(text) => {
                let words = text.split(|c: char| !c.is_alphanumeric()).map(str::len);
                // Every character of a long word is replaced; a short one is known the next time.
                let long: usize = words.filter(|length| *length > LONG).sum();
                text.len() + 3 * long
            }
            serde_json::Value::Array(items) => items.iter().map(texts).sum(),
            serde_json::Value::Object(members) => members.values().map(texts).sum(),
            _ => 1,
        }
    }
    let claims = value.pointer("/token/claims").map_or(0, texts);
    let entries = evidence.registration().into_iter().flat_map(|r| r.policies.iter().flatten());
    let rules = entries.flat_map(|entry| &entry.rules);
    let rules: usize = rules.map(|rule| rule.claim.len() + rule.pattern.len()).sum();
    // See `policy::pattern`: 64 characters of a text are matched at once.
    let judging = (rules * (1 + claims / 64)).min(limits::EVALUATION as usize) / 8;
    texts(value) + judging + 1
}

/// The verdict, the root cause, and every finding's code, severity and check.
fn codes(report: &Report) -> impl PartialEq {
    let findings = report.findings.iter().map(|f| (f.code, f.severity, f.check));
    (report.verdict, report.root_cause, findings.collect::<Vec<_>>())
}

/// How the checks ended, and which rules of which entry matched.
fn details(report: &Report) -> impl PartialEq {
    let checks = report.checks.iter().map(|c| (c.id, c.status, c.skipped_because));
    let entries = report.policy.entries.iter().map(|entry| {
        let rules = entry.rules.iter().map(|rule| (rule.matched, rule.undetermined));
        (entry.applies, rules.collect::<Vec<_>>())
    });
    (
        checks.collect::<Vec<_>>(),
        report.policy.decision,
        report.policy.closest,
        entries.collect::<Vec<_>>(),
    )
}
