//! The details behind the verdict: the policy rule by rule, the login, the token, and the user of
//! the new access token.

use serde_json::{Map, Value};

use super::page::{Page, Row};
use crate::platform::azure::entra::EntraSubject;
use crate::platform::subject;
use crate::report::{EntryResult, PolicySummary, Report};

/// Writes everything that `-v` adds.
pub(super) fn write_all(page: &mut Page, report: &Report) {
    login(page, report);
    policy(page, report);
    token(page, report);
    identity(page, report);
}

/// Names an entry by its issuer, its number from 1, what it is for and its place.
pub(in crate::render) fn entry_name(report: &Report, entry: &EntryResult) -> String {
    let PolicySummary { label, file, lines, .. } = &report.policy;
    let issuer = label.as_ref().map_or_else(String::new, |label| format!("issuer {label}, "));
    let place = match (file, lines.get(entry.index)) {
        (Some(file), Some(line @ 1..)) => format!(", {file}:{line}"),
        _ => String::new(),
    };
    let EntryResult { decision, token_type, .. } = entry;
    format!("{issuer}policy {} ({decision}, {token_type} token{place})", entry.index + 1)
}

pub(super) fn policy(page: &mut Page, report: &Report) {
    let policy = &report.policy;
    page.section("Policy");
    let mut rows =
        vec![Row::new("source", policy.source, ""), Row::new("decision", policy.decision, "")];
    if let Some(issuer) = &policy.issuer {
        rows.push(Row::new("issuer", issuer, ""));
    }
    page.rows(2, &rows);
    for entry in &policy.entries {
        page.blank();
        let is_closest = policy.closest == Some(entry.index);
        let matches = entry.rules.iter().all(|rule| rule.matched);
        let note = match entry.decision {
            _ if !entry.applies => ", not for this request",
            "deny" if matches => ", which keeps it out",
            // Admin may still be missing.
            "allow" if matches && policy.decision == "allow" => ", which lets it in",
            _ if is_closest => ", the closest to this token",
            _ => "",
        };
        page.prose(2, "", &format!("{}{note}", entry_name(report, entry)));
        page.rules(4, &entry.rules, entry.decision == "allow");
    }
}

fn login(page: &mut Page, report: &Report) {
    let request = &report.request;
    page.section("Login");
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

/// Writes who issued the token and what its subject means, in the platform's terms.
pub(super) fn subject_section(page: &mut Page, report: &Report) {
    let Some(token) = &report.token else { return };
    let claim = |name: &str| token.claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(subject) = subject::describe(claim("iss"), claim("sub")) else { return };
    page.section("Subject");
    let mut rows = vec![Row::new("platform", subject.platform.platform().issuer_name(), "")];
    rows.extend(subject.parts.iter().map(|(name, value)| Row::new(*name, value, "")));
    page.rows(2, &rows);
}

pub(super) fn token(page: &mut Page, report: &Report) {
    let Some(token) = &report.token else { return };
    page.section("Token");
    page.rows(
        2,
        &[Row::new("source", &token.source, ""), Row::new("fingerprint", &token.fingerprint, "")],
    );
    for (name, map, meanings) in
        [("header", &token.header, &[][..]), ("claims", &token.claims, &token.meanings[..])]
    {
        page.blank();
        page.unwrapped_line(2, name);
        page.rows(4, &member_rows(map, meanings));
    }
}

fn identity(page: &mut Page, report: &Report) {
    let Some(identity) = &report.identity else { return };
    page.section("Identity");
    page.rows(
        2,
        &[
            Row::new("user", &identity.user, ""),
            Row::new("organizations", identity.organizations.join(", "), ""),
        ],
    );
    if let Some(token) = &identity.token {
        page.blank();
        page.unwrapped_line(2, "access token");
        page.rows(4, &member_rows(token, &[]));
    }
}

/// Writes the claims that a platform masks, split into segments. Masking replaces only the whole
/// value, so segments on separate lines stay visible.
pub(super) fn masked_claims(page: &mut Page, report: &Report) {
    let Some(token) = &report.token else { return };
    let claim = |name: &str| token.claims.get(name).and_then(Value::as_str);
    let (issuer, subject) = (claim("iss").unwrap_or_default(), claim("sub").unwrap_or_default());
    let groups = [("iss", issuer_parts(issuer, claim("tid"))), ("sub", subject_parts(subject))];
    if groups.iter().all(|(_, rows)| rows.is_empty()) {
        return;
    }
    page.section("Issuer and subject in parts, for where this log shows them as ***");
    for (name, rows) in groups.iter().filter(|(_, rows)| !rows.is_empty()) {
        page.unwrapped_line(2, name);
        page.rows(4, rows);
    }
}

fn issuer_parts(issuer: &str, tenant: Option<&str>) -> Vec<Row> {
    let issuer = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let mut host = None;
    segments(issuer, &['/'], |_, segment| match host.get_or_insert_with(|| segment.to_owned()) {
        _ if Some(segment) == tenant => "tenant".to_owned(),
        host if host == "vstoken.dev.azure.com" && host != segment => "organization".to_owned(),
        _ => String::new(),
    })
}

fn subject_parts(subject: &str) -> Vec<Row> {
    let entra = EntraSubject::parse(subject);
    let names: &[&str] = match subject.split_once("://") {
        Some(("sc", _)) => &["", "organization", "project", "service connection"],
        Some(("p", _)) => &["", "organization", "project", "pipeline"],
        _ => &[],
    };
    segments(subject, &['/', ':'], |index, _| match (&entra, index) {
        (Some(entra), 4) => format!("tenant {}", entra.tenant),
        (Some(entra), 6) => format!("application {}", entra.application),
        (Some(_), 8) => "organization".to_owned(),
        (Some(_), 9) => "service connection".to_owned(),
        _ => names.get(index).copied().unwrap_or_default().to_owned(),
    })
}

/// The segments of a text, numbered from 1, each with its meaning.
fn segments(
    text: &str,
    separators: &[char],
    mut name: impl FnMut(usize, &str) -> String,
) -> Vec<Row> {
    let segments = text.split(separators).filter(|segment| !segment.is_empty()).enumerate();
    segments
        .map(|(index, segment)| Row::new((index + 1).to_string(), segment, name(index, segment)))
        .collect()
}

fn member_rows(map: &Map<String, Value>, meanings: &[(String, String)]) -> Vec<Row> {
    let rows = described_members(map, meanings).into_iter();
    rows.map(|[name, text, note]| Row::new(name, text, note)).collect()
}

/// The members of a JSON object with their meanings. Strings are bare, other values are JSON.
pub(in crate::render) fn described_members(
    map: &Map<String, Value>,
    meanings: &[(String, String)],
) -> Vec<[String; 3]> {
    map.iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let meaning = meanings.iter().find(|(known, _)| known == name);
            [name.clone(), text, meaning.map_or_else(String::new, |(_, meaning)| meaning.clone())]
        })
        .collect()
}
