//! What logs tell, for a person.

use colored::Color;

use super::finding::{finding, listed};
use super::page::{Page, Row};
use crate::limits::UNPACKED_RATIO;
use crate::render::wording::Headline;
use crate::render::{Style, Verbosity};
use crate::report::triage::{LogPlace, Triage};

/// The findings, what the logs tell of the login, and where secrets stand.
pub(in crate::render) fn triage(triage: &Triage, style: &Style) -> String {
    let mut page = Page::new(style, None);
    let verbosity = style.verbosity;
    page.headline("triage: ", &headline(triage));
    let context = about(triage);
    if verbosity != Verbosity::Quiet && !context.is_empty() {
        let rows = context.into_iter().map(|[what, value, place]| Row::new(what, value, place));
        page.rows(2, &rows.collect::<Vec<_>>());
    }
    if verbosity != Verbosity::Quiet && triage.files.len() > 1 {
        page.blank();
        page.grid(2, &["log", "what it has", "line"], &logs(triage));
    }
    for (index, found) in triage.findings.iter().enumerate() {
        page.blank();
        match (verbosity, index) {
            (Verbosity::Quiet, 1..) => break,
            (Verbosity::Verbose, _) | (_, 0) => finding(&mut page, &found.finding),
            _ => listed(&mut page, &found.finding),
        }
    }
    if triage.left_out > 0 {
        page.blank();
        page.value(0, &format!("{} more messages were left out.", triage.left_out));
    }
    for note in stopped(triage) {
        page.blank();
        page.prose(0, "", &note);
    }
    secrets(&mut page, triage);
    page.finish()
}

/// A sentence for each log that was not read to its end.
pub(in crate::render) fn stopped(triage: &Triage) -> impl Iterator<Item = String> {
    triage.files.iter().filter_map(|file| {
        let mib = file.stopped_after? >> 20;
        Some(format!(
            "{}: reading stopped after {mib} MiB. It unpacks to more than {UNPACKED_RATIO} times \
             its packed size; what follows was not looked at.",
            file.name
        ))
    })
}

/// How much was read.
pub(in crate::render) fn read(triage: &Triage) -> String {
    let lines: u64 = triage.files.iter().map(|file| file.lines).sum();
    match triage.files.len() {
        1 if lines == 1 => "1 line".to_owned(),
        1 => format!("{lines} lines"),
        files => format!("{files} logs, {lines} lines"),
    }
}

/// Each log with what it has: the most likely failure, and where.
pub(in crate::render) fn logs(triage: &Triage) -> Vec<Vec<String>> {
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

/// The verdict in a word, and what it means.
pub(in crate::render) fn headline(triage: &Triage) -> Headline {
    let read = read(triage);
    let Some(first) = triage.findings.first() else {
        let said = format!(
            "no known failure in {read}. If a login failed, run `doctor login` in that step."
        );
        return Headline::new(said, Color::Green, "");
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

/// What the logs tell of the login: what it is, its value, where it stands.
pub(in crate::render) fn about(triage: &Triage) -> Vec<[String; 3]> {
    let context = &triage.context;
    let mut rows = Vec::new();
    let mut row = |what: &str, value: &str, place: String| {
        rows.push([what.to_owned(), value.to_owned(), place]);
    };
    if let Some(platform) = context.platform {
        row("platform", platform, String::new());
    }
    if let Some(version) = &context.pulumi_version {
        row("pulumi", &version.value, place(&version.place));
    }
    if let Some(backend) = &context.backend {
        row("backend", &backend.value, place(&backend.place));
    }
    for login in &context.logins {
        row("login", &login.value, place(&login.place));
    }
    for told in &context.claims {
        for name in ["iss", "sub", "aud"] {
            if let Some(value) = told.claims.get(name) {
                let value = crate::policy::evaluate::value_text(value);
                row(&format!("token {name}"), &value, place(&told.place));
            }
        }
        if let Some(exp) = told.claims.get("exp").and_then(serde_json::Value::as_i64)
            && let Ok(exp) = jiff::Timestamp::from_second(exp)
        {
            row("token exp", &exp.to_string(), place(&told.place));
        }
    }
    for success in &context.successes {
        row("logged in", "a login worked", place(success));
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
fn place(place: &LogPlace) -> String {
    format!("{}:{}", place.file, place.line)
}
