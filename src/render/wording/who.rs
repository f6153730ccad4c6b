//! Texts about the kinds of job that a policy lets in.

use colored::Color;

use super::Headline;
use crate::platform::Kind;
use crate::report::who::{KindOfJob, Who};
use crate::text::list;

pub(in crate::render) fn headline(who: &Who) -> Headline {
    let forbidden: Vec<&KindOfJob> = who.kinds.iter().filter(|row| row.forbidden).collect();
    let kinds_with = |decision: &str| {
        let mut names: Vec<String> = Vec::new();
        for row in forbidden.iter().filter(|row| row.decision == decision) {
            let name = row.kind.name().to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    };
    let (allowed, undetermined) = (kinds_with("allow"), kinds_with("unknown"));
    if !allowed.is_empty() {
        let verb = if allowed.len() == 1 { "gets" } else { "get" };
        let meaning = format!("{} {verb} in and must not", list(&allowed));
        return Headline::new("forbidden", Color::Red, meaning);
    }
    if !undetermined.is_empty() {
        let meaning = format!("the policy does not tell whether {} gets in", list(&undetermined));
        return Headline::new("undetermined", Color::Yellow, meaning);
    }
    let others = |row: &&KindOfJob| row.kind != Kind::This && row.decision == "allow";
    let mut kinds: Vec<Kind> = who.kinds.iter().filter(others).map(|row| row.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let meaning = match kinds.len() {
        0 => "no other kind of job gets in".to_owned(),
        1 => "1 other kind of job gets in".to_owned(),
        number => format!("{number} other kinds of job get in"),
    };
    Headline::new("checked", Color::Green, meaning)
}

/// Whether the kind of job gets in.
pub(in crate::render) fn answer(row: &KindOfJob) -> &'static str {
    match row.decision {
        "allow" => "yes",
        "deny" => "no",
        _ => "undetermined",
    }
}

/// The issuer as a heading.
pub(in crate::render) fn issuer(row: &KindOfJob) -> String {
    match &row.issuer {
        Some(issuer) if *issuer != row.name => format!("issuer {} ({issuer})", row.name),
        _ => format!("issuer {}", row.name),
    }
}

/// The failure, for a forbidden kind that gets in or may.
pub(in crate::render) fn title(row: &KindOfJob) -> String {
    let what = row.kind.meaning();
    match row.decision {
        "allow" => format!("A forbidden kind of job gets in: {what}"),
        _ => format!("A forbidden kind of job may get in: {what}"),
    }
}

/// Which policies let the kind in.
pub(in crate::render) fn sentence(who: &Who, row: &KindOfJob) -> String {
    let entry = |(index, line): (&usize, &u64)| match (&who.file, line) {
        (Some(file), 1..) => format!("{} ({file}:{line})", index + 1),
        _ => (index + 1).to_string(),
    };
    let entries: Vec<String> = row.entries.iter().zip(&row.lines).map(entry).collect();
    let policies = match entries.len() {
        0 => "its policies are not known".to_owned(),
        1 => format!("policy {}", entries[0]),
        _ => format!("policies {}", list(&entries)),
    };
    let verb = match row.decision {
        "allow" => "lets in",
        _ => "may let in",
    };
    format!("{}, {policies}, {verb}: {}.", issuer(row), row.kind.meaning())
}
