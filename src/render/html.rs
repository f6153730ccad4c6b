//! The report as one self-contained HTML file: no script, no request, the steps of the login as
//! inline SVG, the support bundle inside.

use std::fmt::Write as _;
use std::ops::Range;

use super::human::{details, page};
use super::wording::chain::{Mark, chain, outcome};
use super::wording::finding::{Fix, differing_ranges, split_fix, visible};
use super::wording::{self, findings_in_order, login_summary, why_skipped};
use crate::report::{Finding, Proof, Report, Status, Step};
use crate::text;

/// Forbids loading and scripts, whatever gets into the page.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1c1c1c;--soft-fg:#555;--bg:#fff;--line:#c4c4c4;--soft:#f4f5f8;--ok:#166b2d;--warn:#7a5200;--bad:#b3131b;--was:#fde3e3;--is:#dff3e2}\
@media(prefers-color-scheme:dark){:root{--fg:#e8e8e8;--soft-fg:#b0b0b0;--bg:#161616;--line:#555;--soft:#242424;--ok:#6fd08c;--warn:#e5b95c;--bad:#ff8a80;--was:#5a1f22;--is:#1d4a2a}}\
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:1.75rem 0 .5rem}\
.about{color:var(--soft-fg);margin:0 0 1rem}\
code,pre,td{font-family:ui-monospace,monospace;font-size:.9rem;overflow-wrap:anywhere}\
pre{background:var(--soft);padding:.75rem;white-space:pre-wrap;border-radius:.25rem}\
table{border-collapse:collapse;width:100%;margin:.75rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border:1px solid var(--line)}th{font-weight:normal;width:12rem}\
td.where{color:var(--soft-fg);width:30%;font-family:inherit}\
@media(max-width:40rem){main{padding:1rem}table,tbody,tr,th,td,td.where{display:block;width:auto;overflow-wrap:anywhere}th{border-bottom:0}td{border-top:0}h1,h2,p,li{overflow-wrap:anywhere}}\
del,ins,mark{color:inherit;text-decoration:none}del,mark.was{background:var(--was)}ins,mark.is{background:var(--is)}\
svg{width:100%;height:auto;max-height:5.5rem}svg text{font:14px system-ui,sans-serif;fill:var(--fg);text-anchor:middle}svg .sign{font-weight:bold;fill:currentColor}\
details{margin:.5rem 0}summary{cursor:pointer}\
.passed{color:var(--ok)}.warned{color:var(--warn)}.failed{color:var(--bad)}.unchecked,.not-reached{color:var(--soft-fg)}";

/// The tags around the bundle in the page.
const BUNDLE_TAGS: [&str; 2] = ["<pre id=\"doctor-bundle\">", "</pre>"];

/// Renders the page, with the text of the run's support bundle.
pub(super) fn render(report: &Report, bundle: Option<&str>) -> String {
    let (mark, first_line) = outcome(report);
    let title = format!("{} {first_line}", mark.sign(true));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{CONTENT_SECURITY_POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1 class=\"{class}\">{title}</h1>\n",
        title = escape(&title),
        class = class(mark),
    );
    let _ = writeln!(page, "<p class=\"about\">{}</p>", escape(&run_summary(report)));
    svg(&mut page, &chain(report));
    text_element(&mut page, "p", &wording::replay_note(report).unwrap_or_default());
    text_element(&mut page, "p", &wording::redaction_note(report).unwrap_or_default());
    let lead = wording::lead_index(report);
    for (index, found) in findings_in_order(report) {
        finding(&mut page, found, lead == Some(index));
    }
    details_element(&mut page, &format!("All {} checks", report.checks.len()), &checks(report));
    if !report.policy.entries.is_empty() {
        details_element(&mut page, "Policy, rule by rule", &policy_entries(report));
    }
    if let Some(token) = &report.token {
        let claims = escape_lines(&text::json(&token.claims));
        details_element(
            &mut page,
            "Token (decoded, without its signature)",
            &format!("<pre>{claims}</pre>"),
        );
    }
    if let Some(bundle) = bundle {
        let [start, end] = BUNDLE_TAGS;
        let note = "<p>To judge it again: <code>doctor replay FILE</code> with this file.</p>\n";
        let content = format!("{note}{start}{}{end}", escape_lines(bundle));
        details_element(&mut page, "Support bundle", &content);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    // The page may be printed into a log, where no line must be a command.
    page.lines().map(|line| text::guard(line) + "\n").collect()
}

/// Extracts the support bundle from a page.
pub(super) fn extract_bundle(page: &str) -> Option<String> {
    let [start, end] = BUNDLE_TAGS;
    let (_, after) = page.split_once(start)?;
    let (content, _) = after.split_once(end)?;
    Some(ENTITIES.iter().rev().fold(content.to_owned(), |text, (c, entity)| {
        text.replace(entity, c.encode_utf8(&mut [0; 4]))
    }))
}

/// `&` comes first, because all entities begin with it.
const ENTITIES: [(char, &str); 5] =
    [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];

fn escape(value: &str) -> String {
    escape_lines(&text::inert(value))
}

/// Escapes text that is already inert and may have several lines.
fn escape_lines(value: &str) -> String {
    ENTITIES.iter().fold(value.to_owned(), |text, (c, entity)| text.replace(*c, entity))
}

/// Writes an element, unless the text is empty.
fn text_element(page: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(page, "<{name}>{}</{name}>", escape(value));
    }
}

/// When the run began, what logs in where, and the program's version.
fn run_summary(report: &Report) -> String {
    let at = report.started_at.strftime("%-d %b %Y %H:%M UTC");
    format!(
        "{at} · {} · doctor {} · no credential is in this file",
        login_summary(report),
        report.doctor_version
    )
}

fn details_element(page: &mut String, title: &str, content: &str) {
    let _ = writeln!(page, "<details>\n<summary>{title}</summary>\n{content}\n</details>");
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Passed => "passed",
        Mark::Warned => "warned",
        Mark::Failed => "failed",
        Mark::Unchecked => "unchecked",
        Mark::NotReached => "not-reached",
    }
}

fn meaning(mark: Mark) -> &'static str {
    match mark {
        Mark::Passed => "passed",
        Mark::Warned => "passed with a warning",
        Mark::Failed => "failed",
        Mark::Unchecked => "not checked",
        Mark::NotReached => "not reached",
    }
}

fn svg(page: &mut String, steps: &[(&'static str, Mark)]) {
    const STEP_DISTANCE: usize = 120;
    let labels: Vec<String> =
        steps.iter().map(|(name, mark)| format!("{name}: {}", meaning(*mark))).collect();
    let _ = writeln!(
        page,
        "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} 70\">",
        labels.join(", "),
        steps.len() * STEP_DISTANCE
    );
    for (index, (name, mark)) in steps.iter().enumerate() {
        let x = index * STEP_DISTANCE + STEP_DISTANCE / 2;
        if index > 0 {
            let (from, to) = (x - STEP_DISTANCE + 20, x - 20);
            let _ = writeln!(
                page,
                "<line x1=\"{from}\" y1=\"24\" x2=\"{to}\" y2=\"24\" stroke=\"currentColor\"/>"
            );
        }
        let _ = writeln!(
            page,
            "<g class=\"{}\"><circle cx=\"{x}\" cy=\"24\" r=\"16\" fill=\"none\" \
             stroke=\"currentColor\" stroke-width=\"2\"/><text class=\"sign\" x=\"{x}\" y=\"29\">{}</text>\
             <text x=\"{x}\" y=\"62\">{name}</text></g>",
            class(*mark),
            mark.sign(true)
        );
    }
    page.push_str("</svg>\n");
}

/// Writes a finding, without its title if `is_lead`: the page's heading names it.
fn finding(page: &mut String, finding: &Finding, is_lead: bool) {
    if !is_lead {
        let mark = Mark::of_severity(finding.severity);
        let (class, sign) = (class(mark), mark.sign(true));
        let (title, code) = (escape(finding.title), finding.code);
        let _ = writeln!(page, "<h2 class=\"{class}\">{sign} {title} <code>{code}</code></h2>");
    }
    text_element(page, "p", &finding.detail);
    let (values, others) = wording::finding::split_evidence(finding);
    evidence(page, &values, differing_ranges(finding));
    fix(page, finding, if is_lead { "h2" } else { "h3" });
    evidence(page, &others, None);
    for link in &finding.remediation.links {
        let _ = writeln!(page, "<p>See <a href=\"{0}\">{0}</a></p>", escape(link));
    }
}

fn fix(page: &mut String, finding: &Finding, heading: &str) {
    let fix = &finding.remediation;
    let Fix { first_line, first_step, steps, notes } = split_fix(fix);
    if first_line.is_empty() && fix.steps.is_empty() {
        return;
    }
    text_element(page, heading, "Fix");
    text_element(page, "p", &first_line);
    if let Some(step) = first_step {
        snippet_or_diff(page, step);
    }
    if !steps.is_empty() {
        page.push_str("<ol>\n");
        for step in steps {
            let _ = write!(page, "<li>{}", escape(step.split_snippet().0));
            snippet_or_diff(page, step);
            page.push_str("</li>\n");
        }
        page.push_str("</ol>\n");
    }
    for command in &fix.commands {
        let command: Vec<String> = command.text().lines().map(escape).collect();
        let _ = writeln!(page, "<pre>{}</pre>", command.join("\n"));
    }
    for note in notes {
        text_element(page, "p", &format!("Note: {}", note.split_snippet().0));
    }
}

/// Writes the snippet or the diff of a step.
fn snippet_or_diff(page: &mut String, step: &Step) {
    let (_, lines) = step.split_snippet();
    if lines.is_empty() {
        return;
    }
    let line = |line: &str| match (step.is_diff, line.starts_with('-')) {
        (false, _) => escape(line),
        (true, true) => format!("<del>{}</del>", escape(line)),
        (true, false) => format!("<ins>{}</ins>", escape(line)),
    };
    let lines: Vec<String> = lines.lines().map(line).collect();
    let _ = writeln!(page, "<pre>{}</pre>", lines.join("\n"));
}

fn evidence(page: &mut String, proofs: &[&Proof], differing: Option<[Range<usize>; 2]>) {
    if proofs.is_empty() {
        return;
    }
    let marks: Vec<Range<usize>> = differing.into_iter().flatten().collect();
    page.push_str("<table>\n");
    for (index, Proof { what, value, place, .. }) in proofs.iter().enumerate() {
        let value = match marks.get(index) {
            Some(range) => highlight(&visible(value), range, if index == 0 { "was" } else { "is" }),
            None => escape(&visible(value)),
        };
        let [what, place] = [what, place].map(|text| escape(text));
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{what}</th><td>{value}</td><td class=\"where\">{place}</td></tr>"
        );
    }
    page.push_str("</table>\n");
}

/// Escapes a value and marks a range of its characters.
fn highlight(value: &str, range: &Range<usize>, class: &str) -> String {
    let part = |from: usize, to: usize| -> String {
        escape(&value.chars().skip(from).take(to.saturating_sub(from)).collect::<String>())
    };
    let (before, within) = (part(0, range.start), part(range.start, range.end));
    format!("{before}<mark class=\"{class}\">{within}</mark>{}", part(range.end, usize::MAX))
}

fn checks(report: &Report) -> String {
    let mut table = "<table>\n".to_owned();
    for check in &report.checks {
        let (class, word, text) = match check.status {
            Status::Pass => ("passed", "ok", check.summary.clone()),
            Status::Warn => ("warned", "warning", check.summary.clone()),
            Status::Fail => ("failed", "failed", check.summary.clone()),
            Status::Skip => ("unchecked", "not checked", why_skipped(report, check)),
        };
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\">{}</th><td class=\"{class}\">{word}</td><td>{}</td></tr>",
            check.id,
            escape(&text)
        );
    }
    table + "</table>"
}

fn policy_entries(report: &Report) -> String {
    let mut text = String::new();
    for entry in &report.policy.entries {
        text_element(&mut text, "p", &details::entry_name(report, entry));
        text.push_str(
            "<table>\n<tr><th scope=\"col\">claim</th><th scope=\"col\">policy wants</th>\
             <th scope=\"col\">token has</th></tr>\n",
        );
        for rule in &entry.rules {
            let class = if rule.matched { "passed" } else { "failed" };
            let _ = writeln!(
                text,
                "<tr><th scope=\"row\">{} <span class=\"{class}\">{}</span></th><td>{}</td>\
                 <td>{}</td></tr>",
                escape(&rule.claim),
                page::rule_outcome(rule),
                escape(&visible(&rule.pattern)),
                escape(&visible(page::actual_text(rule)))
            );
        }
        text.push_str("</table>\n");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::render::samples;
    use crate::text::tests::hostile;

    proptest! {
        #[test]
        fn hostile_text_is_escaped(text in hostile()) {
            let text = format!("{text}<script>x</script><img src=x onerror=y>\"'&lt;");
            let page = render(&samples::with_text(&text), Some(&text::json(&text)));
            for element in ["<script", "<img", "onerror=y>"] {
                prop_assert!(!page.contains(element), "{page}");
            }
            prop_assert_eq!(page.matches("</pre>").count(), page.matches("<pre").count());
        }

        #[test]
        fn bundle_survives_html_page(text in hostile()) {
            let written = text::json(&serde_json::json!({ "value": text, "more": "</pre>&amp;<" }));
            let page = render(&samples::healthy(), Some(&written));
            prop_assert_eq!(extract_bundle(&page).unwrap(), written);
        }
    }

    #[test]
    fn page_loads_nothing() {
        let page = render(&samples::audience_mismatch(), None);
        assert!(page.starts_with("<!doctype html>\n"));
        assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none'"));
        for loading in ["<script", "<link", "src=", "url(", "@import", "http-equiv=\"refresh"] {
            assert!(!page.contains(loading), "{loading}");
        }
        assert!(page.contains(
            "aria-label=\"token: passed, backend: passed, issuer: passed, policy: failed"
        ));
        assert_eq!(extract_bundle(&page), None);
    }
}
