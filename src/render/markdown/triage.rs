//! The report of `doctor triage` as Markdown, for a ticket.

use super::quote::{code, prose};
use super::{Page, finding_body, finding_title};
use crate::render::human::triage::{amount_read, headline, log_rows, login_rows, unread_notes};
use crate::report::triage::{LogPlace, Triage};

/// The findings, then what the logs show about the login and where secrets are.
pub(in crate::render) fn triage(triage: &Triage) -> String {
    let mut page = Page::default();
    page.headline("doctor triage", &headline(triage));
    let read = amount_read(triage);
    page.paragraph(&prose(&match (triage.root_cause, triage.findings.is_empty()) {
        (Some(_), _) => format!("We looked at {read}. This is why the login fails, and what to change:"),
        (None, false) => format!("We looked at {read}. No login to Pulumi Cloud fails there; this may matter:"),
        (None, true) => format!(
            "We looked at {read} and found no known failure. Please run `doctor login` in the step that fails, \
             with `--bundle bundle.json --redact`, and send us that file."
        ),
    }));
    if triage.files.len() > 1 {
        let rows = log_rows(triage)
            .into_iter()
            .map(|row| row.iter().map(|escape_cell| prose(escape_cell)).collect::<Vec<_>>());
        page.table(["log", "what it has", "line"], rows.filter_map(|row| row.try_into().ok()));
    }
    for found in &triage.findings {
        finding_title(&mut page, &found.finding);
        finding_body(&mut page, &found.finding);
    }
    let login_rows = login_rows(triage);
    if !login_rows.is_empty() {
        page.section("The login", true, |page| {
            page.table(
                ["what", "value", "where"],
                login_rows
                    .iter()
                    .map(|[what, value, place]| [prose(what), code(value), prose(place)]),
            );
        });
    }
    for note in unread_notes(triage) {
        page.paragraph(&note);
    }
    if !triage.secrets.is_empty() {
        page.heading(3, "Secrets in these logs");
        let rows = triage.secrets.iter().map(|secret| {
            [
                prose(secret.what),
                prose(&LogPlace::list(&secret.places, secret.count)),
                prose(secret.advice),
            ]
        });
        page.table(["what", "where", "what to do"], rows);
    }
    page.0
}
