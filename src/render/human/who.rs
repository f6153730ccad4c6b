//! The report of `doctor policy who` for people.

use super::page::{Page, Row};
use crate::policy::evaluate::value_text;
use crate::render::ci::LogCommands;
use crate::render::wording;
use crate::render::{Style, Verbosity};
use crate::report::who::{KindOfJob, Who};

const HEADER: [&str; 5] = ["kind", "gets in", "policies", "token types", "what it is"];

/// A table of each issuer's kinds of job, and an annotation for each forbidden kind that gets in.
pub(in crate::render) fn who(
    who: &Who,
    style: &Style,
    platform: Option<&'static LogCommands>,
) -> String {
    let mut page = Page::new(style, platform).unfolded();
    page.headline("who: ", &wording::who::headline(who));
    for row in &who.kinds {
        if let Some(decision) = row.forbidden_decision() {
            let level = if decision == "allow" { "error" } else { "warning" };
            let code = format!("forbid-{}", row.kind.name());
            page.issue(level, &code, &wording::who::title(row), &wording::who::sentence(who, row));
        }
    }
    if style.verbosity == Verbosity::Quiet {
        return page.finish();
    }
    for kinds in group_by_issuer(who) {
        page.blank();
        page.unwrapped_line(0, &wording::who::issuer(kinds[0]));
        let rows: Vec<Vec<String>> = kinds.iter().map(|row| cells(row)).collect();
        page.wrapped_table(2, &HEADER, &rows);
        if style.verbosity == Verbosity::Verbose {
            examples(&mut page, &kinds);
        }
    }
    page.finish()
}

/// Groups the kinds of job by issuer.
fn group_by_issuer(who: &Who) -> Vec<Vec<&KindOfJob>> {
    let mut groups: Vec<Vec<&KindOfJob>> = Vec::new();
    for row in &who.kinds {
        let has_issuer = |group: &&mut Vec<&KindOfJob>| {
            group[0].issuer == row.issuer && group[0].name == row.name
        };
        match groups.iter_mut().find(has_issuer) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn cells(row: &KindOfJob) -> Vec<String> {
    let entries: Vec<String> = row.entries.iter().map(|index| (index + 1).to_string()).collect();
    let forbidden = if row.forbidden { " (forbidden)" } else { "" };
    vec![
        row.kind.name().to_owned(),
        format!("{}{forbidden}", wording::who::answer(row)),
        entries.join(", "),
        row.token_types.join(", "),
        row.kind.meaning().to_owned(),
    ]
}

/// Writes the claims by which jobs that get in differ from the issuer's first kind.
fn examples(page: &mut Page, kinds: &[&KindOfJob]) {
    for row in kinds.iter().skip(1).filter(|row| row.decision == "allow") {
        let base = &kinds[0].claims;
        let differing = row.claims.iter().filter(|(name, value)| base.get(*name) != Some(*value));
        let rows: Vec<Row> =
            differing.map(|(name, value)| Row::new(name, value_text(value), "")).collect();
        page.blank();
        page.unwrapped_line(2, &format!("{}, for example", row.kind.meaning()));
        page.rows(4, &rows);
    }
}
