//! What the verdict rests on, in full: the policy rule by rule, the login, the token and whose
//! access token came out of it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::page::{Page, Row};
use crate::report::{EntryResult, Report};

/// Everything that `-v` adds.
pub(super) fn all(page: &mut Page, report: &Report) {
    login(page, report);
    policy(page, report);
    token(page, report);
    identity(page, report);
}

/// The closest entry, with its rules.
pub(super) fn closest(report: &Report) -> Option<&EntryResult> {
    report.policy.entries.get(report.policy.closest?)
}

pub(super) fn closest_entry(page: &mut Page, entry: &EntryResult) {
    page.value(2, &format!("Closest policy entry: {}", entry_name(entry)));
    page.rules(4, &entry.rules, entry.decision == "allow");
}

/// Names an entry as the document does: the index counts from 0.
fn entry_name(entry: &EntryResult) -> String {
    format!("policies[{}] ({}, {} token)", entry.index, entry.decision, entry.token_type)
}

fn policy(page: &mut Page, report: &Report) {
    let policy = &report.policy;
    page.heading("Policy");
    let mut rows =
        vec![Row::new("source", policy.source, ""), Row::new("decision", policy.decision, "")];
    if let Some(issuer) = &policy.issuer {
        rows.push(Row::new("issuer", issuer, ""));
    }
    page.rows(2, &rows);
    for entry in &policy.entries {
        page.blank();
        let note = match (entry.applies, policy.closest == Some(entry.index)) {
            (false, _) => ", not for this request",
            (true, true) => ", the closest to this token",
            (true, false) => "",
        };
        page.value(2, &format!("{}{note}", entry_name(entry)));
        page.rules(4, &entry.rules, entry.decision == "allow");
    }
}

fn login(page: &mut Page, report: &Report) {
    let request = &report.request;
    page.heading("Login");
    let life =
        request.expiration_seconds.map_or_else(|| "unreadable".to_owned(), |s| format!("{s} s"));
    page.rows(
        2,
        &[
            Row::new("organization", request.organization.as_deref().unwrap_or("(none)"), ""),
            Row::new("token type", request.token_type, ""),
            Row::new("scope", if request.scope.is_empty() { "(none)" } else { &request.scope }, ""),
            Row::new("expiration", life, ""),
            Row::new("backend", &request.backend.url, &request.backend.source),
        ],
    );
}

fn token(page: &mut Page, report: &Report) {
    let Some(token) = &report.token else { return };
    page.heading("Token");
    page.rows(
        2,
        &[Row::new("source", &token.source, ""), Row::new("fingerprint", &token.fingerprint, "")],
    );
    for (name, map) in [("header", &token.header), ("claims", &token.claims)] {
        page.blank();
        page.value(2, name);
        page.rows(4, &members(map));
    }
}

fn identity(page: &mut Page, report: &Report) {
    let Some(identity) = &report.identity else { return };
    page.heading("Identity");
    page.rows(
        2,
        &[
            Row::new("user", &identity.user, ""),
            Row::new("organizations", identity.organizations.join(", "), ""),
        ],
    );
    if let Some(token) = &identity.token {
        page.blank();
        page.value(2, "access token");
        page.rows(4, &members(token));
    }
}

/// The members of a JSON object; strings bare, everything else as JSON text.
fn members(map: &Map<String, Value>) -> Vec<Row> {
    map.iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Row::new(name, text, instant(name, value))
        })
        .collect()
}

/// A `NumericDate` claim as people read it (RFC 7519 section 4.1.4 to 4.1.6).
fn instant(name: &str, value: &Value) -> String {
    let time = ["exp", "nbf", "iat"].contains(&name).then(|| value.as_i64()).flatten();
    time.and_then(|s| Timestamp::from_second(s).ok()).map(|t| t.to_string()).unwrap_or_default()
}
