//! The report of `doctor triage` for people.

use super::finding::{full_finding, short_finding};
use super::page::{Page, Row};
use crate::limits::UNPACKED_RATIO;
use crate::policy::evaluate::value_text;
use crate::render::wording::Headline;
use crate::render::{Style, Verbosity};
use crate::report::triage::{LogClaims, LogPlace, Triage};
use colored::Color;
use jiff::Timestamp;
use serde_json::Value;

/// What the logs show about the login, the findings, and where secrets are.
pub(in crate::render) fn triage(triage: &Triage, style: &Style) -> String {
    let mut page = Page::new(style, None);
    let verbosity = style.verbosity;
    page.headline("triage: ", &headline(triage));
    let context = login_rows(triage);
    if verbosity != Verbosity::Quiet && !context.is_empty() {
        let rows = context.into_iter().map(|[what, value, place]| Row::new(what, value, place));
        page.rows(2, &rows.collect::<Vec<_>>());
    }
    if verbosity != Verbosity::Quiet && triage.files.len() > 1 {
        page.blank();
        page.wrapped_table(2, &["log", "what it has", "line"], &log_rows(triage));
    }
    for (index, found) in triage.findings.iter().enumerate() {
        page.blank();
        match (verbosity, index) {
            (Verbosity::Quiet, 1..) => break,
            (Verbosity::Verbose, _) | (_, 0) => full_finding(&mut page, &found.finding),
            _ => short_finding(&mut page, &found.finding),
        }
    }
    if triage.left_out > 0 {
        page.blank();
        page.unwrapped_line(0, &format!("{} more messages were left out.", triage.left_out));
    }
    for note in unread_notes(triage) {
        page.blank();
        page.prose(0, "", &note);
    }
    secrets(&mut page, triage);
    page.finish()
}

/// A note for each log that was not read to its end.
pub(in crate::render) fn unread_notes(triage: &Triage) -> impl Iterator<Item = String> {
    triage.files.iter().filter_map(|file| {
        let mib = file.stopped_after? >> 20;
        Some(format!(
            "{}: reading stopped after {mib} MiB. It unpacks to more than {UNPACKED_RATIO} times \
             its packed size; what follows was not looked at.",
            file.name
        ))
    })
}

/// The number of logs and lines that were read.
pub(in crate::render) fn amount_read(triage: &Triage) -> String {
    let lines: u64 = triage.files.iter().map(|file| file.lines).sum();
    match triage.files.len() {
        1 if lines == 1 => "1 line".to_owned(),
        1 => format!("{lines} lines"),
        files => format!("{files} logs, {lines} lines"),
    }
}

/// A row for each log: its name, its most likely failure, and the line.
pub(in crate::render) fn log_rows(triage: &Triage) -> Vec<Vec<String>> {
    let row = |name: &str| {
        let first = triage.findings.iter().find_map(|found| {
            let place = found.places.iter().find(|place| place.file == name)?;
            Some((found.finding.code.name(), place.line.to_string()))
        });
        let (what, line) = first.unwrap_or(("no known failure", String::new()));
        [name, what, &line].map(str::to_owned).to_vec()
    };
    triage.files.iter().map(|file| row(&file.name)).collect()
}

pub(in crate::render) fn headline(triage: &Triage) -> Headline {
    let read = amount_read(triage);
    let Some(first) = triage.findings.first() else {
        let text = format!(
            "no known failure in {read}. If a login failed, run `doctor login` in that step."
        );
        return Headline::new(text, Color::Green, "");
    };
    let others = match triage.findings.len() - 1 {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    let codes = format!("{}{others}, in {read}", first.finding.code);
    match triage.root_cause {
        Some(_) => Headline::new("failure", Color::Red, codes),
        None => Headline::new("no failure", Color::Yellow, format!("only hints: {codes}")),
    }
}

/// What the logs show about the login: the names, values and places.
pub(in crate::render) fn login_rows(triage: &Triage) -> Vec<[String; 3]> {
    let context = &triage.context;
    let mut rows = Vec::new();
    let mut row = |what: &str, value: &str, place: String| {
        rows.push([what.to_owned(), value.to_owned(), place]);
    };
    if let Some(platform) = context.platform {
        row("platform", platform, String::new());
    }
    if let Some(version) = &context.pulumi_version {
        row("pulumi", &version.value, place_text(&version.place));
    }
    if let Some(backend) = &context.backend {
        row("backend", &backend.value, place_text(&backend.place));
    }
    for login in &context.logins {
        row("login", &login.value, place_text(&login.place));
    }
    for LogClaims { claims, place } in &context.claims {
        for name in ["iss", "sub", "aud"] {
            if let Some(value) = claims.get(name) {
                row(&format!("token {name}"), &value_text(value), place_text(place));
            }
        }
        if let Some(exp) = claims.get("exp").and_then(Value::as_i64)
            && let Ok(exp) = Timestamp::from_second(exp)
        {
            row("token exp", &exp.to_string(), place_text(place));
        }
    }
    for success in &context.successes {
        row("logged in", "a login worked", place_text(success));
    }
    rows
}

fn secrets(page: &mut Page, triage: &Triage) {
    if triage.secrets.is_empty() {
        return;
    }
    page.heading("Secrets in these logs (they are not shown here)");
    let rows = triage.secrets.iter().map(|secret| {
        Row::new(secret.what, LogPlace::list(&secret.places, secret.count), secret.advice)
    });
    page.rows(2, &rows.collect::<Vec<_>>());
}

/// `FILE:LINE`.
fn place_text(place: &LogPlace) -> String {
    format!("{}:{}", place.file, place.line)
}
