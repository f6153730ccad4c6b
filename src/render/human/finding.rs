//! Writes a finding for people: the cause, the two values that differ, the fix, the rest of the
//! evidence.

use super::page::{Page, Row};
use crate::render::wording::chain::Mark;
use crate::render::wording::finding::{
    Fix, differing_ranges, is_named_in_fix, split_evidence, split_fix,
};
use crate::report::{Finding, Proof};

/// Writes the finding to act on first, which the report's first line names. Returns the evidence
/// that is to come later.
pub(super) fn lead_finding(page: &mut Page, finding: &Finding) -> Vec<Row> {
    page.annotation(finding);
    page.blank();
    body(page, finding)
}

/// Writes a finding with its title and everything about it.
pub(super) fn full_finding(page: &mut Page, finding: &Finding) {
    annotated_title(page, finding);
    let rest = body(page, finding);
    if !rest.is_empty() || !finding.remediation.links.is_empty() {
        page.blank();
    }
    page.rows(2, &rest);
    links(page, finding);
}

/// Writes the links to the documentation, which are never wrapped.
pub(super) fn links(page: &mut Page, finding: &Finding) {
    for link in &finding.remediation.links {
        page.unwrapped_line(2, &format!("See {link}"));
    }
}

/// Writes a finding in short: what is wrong, the values, the fix in one sentence.
pub(super) fn short_finding(page: &mut Page, finding: &Finding) {
    annotated_title(page, finding);
    page.prose(2, "", &finding.detail);
    let (values, _) = split_evidence(finding);
    page.rows(4, &values.into_iter().map(row).collect::<Vec<_>>());
    if !finding.remediation.summary.is_empty() {
        page.prose(2, "Fix: ", &finding.remediation.summary);
    }
}

pub(super) fn finding_title(page: &mut Page, finding: &Finding) {
    page.finding_title(Mark::of_severity(finding.severity), finding.title, finding.code.name());
}

fn annotated_title(page: &mut Page, finding: &Finding) {
    page.annotation(finding);
    finding_title(page, finding);
}

fn body(page: &mut Page, finding: &Finding) -> Vec<Row> {
    page.prose(2, "", &finding.detail);
    let (values, rest) = split_evidence(finding);
    compared_values(page, finding, &values);
    fix(page, finding);
    rest.into_iter().map(row).collect()
}

fn row(proof: &Proof) -> Row {
    Row::new(&proof.what, &proof.value, place_note(proof))
}

/// Where a value is from, unless its name says so.
fn place_note(proof: &Proof) -> &str {
    let place = proof.place.as_str();
    match place.strip_prefix("token claim ").map(|claim| format!("token {claim}")) {
        Some(name) if name == proof.what || proof.what == "actual" => "",
        _ => place,
    }
}

fn compared_values(page: &mut Page, finding: &Finding, values: &[&Proof]) {
    if values.is_empty() {
        return;
    }
    page.blank();
    match (values, differing_ranges(finding)) {
        ([left, right], Some(marks)) => {
            let rows = [left, right].map(|proof| {
                let place = place_note(proof);
                let note = if is_named_in_fix(finding, place) { "" } else { place };
                Row::new(&proof.what, &proof.value, note)
            });
            page.compared_rows(4, &rows, &marks);
        }
        _ => page.rows(4, &values.iter().map(|proof| row(proof)).collect::<Vec<_>>()),
    }
}

fn fix(page: &mut Page, finding: &Finding) {
    let remedy = &finding.remediation;
    let Fix { first_line, first_step, steps, notes } = split_fix(remedy);
    if first_line.is_empty() && remedy.steps.is_empty() && remedy.commands.is_empty() {
        return;
    }
    page.blank();
    page.labelled_prose("Fix:", &first_line);
    if let Some(step) = first_step.filter(|step| step.is_diff) {
        page.blank();
        page.diff(4, step.split_snippet().1);
    }
    let width = steps.len().to_string().len();
    for (index, step) in steps.iter().enumerate() {
        let number = format!("{:>width$}. ", index + 1);
        let lead = if steps.len() > 1 { &number } else { "" };
        let (first, lines) = step.split_snippet();
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
        page.prose(2, "Note: ", note.split_snippet().0);
    }
}
