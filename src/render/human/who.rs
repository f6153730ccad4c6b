//! Who a policy lets in, for people.

use super::page::{Page, Row};
use crate::policy::evaluate::value_text;
use crate::render::ci::LogCommands;
use crate::render::wording;
use crate::render::{Style, Verbosity};
use crate::report::who::{KindOfJob, Who};

const HEADER: [&str; 5] = ["kind", "gets in", "policies", "token types", "what it is"];

/// A table for each issuer, and an annotation for each forbidden kind that gets in.
pub(in crate::render) fn who(
    who: &Who,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    page.headline("who: ", &wording::kinds::headline(who));
    for row in &who.kinds {
        if let Some(decision) = row.breach() {
            let level = if decision == "allow" { "error" } else { "warning" };
            let code = format!("forbid-{}", row.kind.name());
            page.issue(
                level,
                &code,
                &wording::kinds::title(row),
                &wording::kinds::sentence(who, row),
            );
        }
    }
    if style.verbosity == Verbosity::Quiet {
        return page.finish();
    }
    for issuer in issuers(who) {
        let first = issuer[0];
        page.blank();
        page.value(0, &wording::kinds::issuer(first));
        let rows: Vec<Vec<String>> = issuer.iter().map(|row| cells(row)).collect();
        page.grid(2, &HEADER, &rows);
        if style.verbosity == Verbosity::Verbose {
            examples(&mut page, &issuer);
        }
    }
    page.finish()
}

/// The rows, issuer by issuer.
pub(in crate::render) fn issuers(who: &Who) -> Vec<Vec<&KindOfJob>> {
    let mut all: Vec<Vec<&KindOfJob>> = Vec::new();
    for row in &who.kinds {
        let same = |issuer: &&mut Vec<&KindOfJob>| {
            issuer[0].issuer == row.issuer && issuer[0].name == row.name
        };
        match all.iter_mut().find(same) {
            Some(issuer) => issuer.push(row),
            None => all.push(vec![row]),
        }
    }
    all
}

fn cells(row: &KindOfJob) -> Vec<String> {
    let entries: Vec<String> = row.entries.iter().map(|index| (index + 1).to_string()).collect();
    let forbidden = if row.forbidden { " (forbidden)" } else { "" };
    vec![
        row.kind.name().to_owned(),
        format!("{}{forbidden}", wording::kinds::answer(row)),
        entries.join(", "),
        row.token_types.join(", "),
        row.kind.meaning().to_owned(),
    ]
}

/// The claims by which a job that gets in differs from the first one.
fn examples(page: &mut Page, issuer: &[&KindOfJob]) {
    for row in issuer.iter().skip(1).filter(|row| row.decision == "allow") {
        let base = &issuer[0].claims;
        let differing = row.claims.iter().filter(|(name, value)| base.get(*name) != Some(*value));
        let rows: Vec<Row> =
            differing.map(|(name, value)| Row::new(name, value_text(value), "")).collect();
        page.blank();
        page.value(2, &format!("{}, for example", row.kind.meaning()));
        page.rows(4, &rows);
    }
}
