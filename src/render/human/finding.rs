//! A finding for a person: the cause, the two values that differ, the fix, the rest of the evidence.

use super::page::{Page, Row};
use crate::render::wording;
use crate::render::wording::chain::Mark;
use crate::render::wording::finding::{difference, evidence, is_named_in_fix};
use crate::report::{Finding, Proof};

/// What to act on first; the report's first line has named it. Gives the evidence that comes later.
pub(super) fn lead(page: &mut Page, finding: &Finding) -> Vec<Row> {
    page.annotation(finding);
    page.blank();
    body(page, finding)
}

/// A finding with its title and everything that is known of it.
pub(super) fn finding(page: &mut Page, finding: &Finding) {
    title(page, finding);
    let rest = body(page, finding);
    if !rest.is_empty() || !finding.remediation.links.is_empty() {
        page.blank();
    }
    page.rows(2, &rest);
    links(page, finding);
}

/// Where it is documented. A link is never broken.
pub(super) fn links(page: &mut Page, finding: &Finding) {
    for link in &finding.remediation.links {
        page.value(2, &format!("See {link}"));
    }
}

/// A further finding: what is wrong, the values, the fix in one sentence.
pub(super) fn listed(page: &mut Page, finding: &Finding) {
    title(page, finding);
    page.prose(2, "", &finding.detail);
    let (values, _) = evidence(finding);
    page.rows(4, &values.into_iter().map(row).collect::<Vec<_>>());
    if !finding.remediation.summary.is_empty() {
        page.prose(2, "Fix: ", &finding.remediation.summary);
    }
}

/// A finding of which it is enough to know that it is there.
pub(super) fn named(page: &mut Page, finding: &Finding) {
    page.finding_title(Mark::of_severity(finding.severity), finding.title, finding.code.name());
}

fn title(page: &mut Page, finding: &Finding) {
    page.annotation(finding);
    named(page, finding);
}

fn body(page: &mut Page, finding: &Finding) -> Vec<Row> {
    page.prose(2, "", &finding.detail);
    let (values, rest) = evidence(finding);
    values_of(page, finding, &values);
    fix(page, finding);
    rest.into_iter().map(row).collect()
}

fn row(proof: &Proof) -> Row {
    Row::new(&proof.what, &proof.value, place(proof))
}

/// Where a value comes from, unless its name says so.
fn place(proof: &Proof) -> &str {
    let place = proof.place.as_str();
    match place.strip_prefix("token claim ").map(|claim| format!("token {claim}")) {
        Some(name) if name == proof.what || proof.what == "actual" => "",
        _ => place,
    }
}

fn values_of(page: &mut Page, finding: &Finding, values: &[&Proof]) {
    if values.is_empty() {
        return;
    }
    page.blank();
    match (values, difference(finding)) {
        ([left, right], Some(marks)) => {
            let rows = [left, right].map(|proof| {
                let place = place(proof);
                let note = if is_named_in_fix(finding, place) { "" } else { place };
                Row::new(&proof.what, &proof.value, note)
            });
            page.pair(4, &rows, &marks);
        }
        _ => page.rows(4, &values.iter().map(|proof| row(proof)).collect::<Vec<_>>()),
    }
}

fn fix(page: &mut Page, finding: &Finding) {
    let remedy = &finding.remediation;
    let (first_line, told) = wording::finding::fix(remedy);
    if first_line.is_empty() && remedy.steps.is_empty() && remedy.commands.is_empty() {
        return;
    }
    page.blank();
    page.said("Fix:", &first_line);
    if let Some(step) = told.filter(|step| step.is_diff) {
        page.blank();
        page.diff(4, step.parts().1);
    }
    let (notes, steps): (Vec<_>, Vec<_>) =
        remedy.steps.iter().filter(|step| Some(*step) != told).partition(|step| step.is_note);
    let width = steps.len().to_string().len();
    for (index, step) in steps.iter().enumerate() {
        let number = format!("{:>width$}. ", index + 1);
        let lead = if steps.len() > 1 { &number } else { "" };
        let (first, lines) = step.parts();
        page.prose(2, lead, first);
        if lines.is_empty() {
            continue;
        }
        page.blank();
        match step.is_diff {
            true => page.diff(4, lines),
            false => page.snippet(4, lines),
        }
        page.blank();
    }
    for command in &remedy.commands {
        page.blank();
        page.snippet(4, command.text());
    }
    if !notes.is_empty() {
        page.blank();
    }
    for note in notes {
        page.prose(2, "Note: ", note.parts().0);
    }
}
