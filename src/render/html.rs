//! The report as one HTML file that needs nothing else: no script, no request, the chain as inline
//! SVG, the support bundle inside.

use std::fmt::Write as _;

use super::wording::chain::{Mark, chain, outcome};
use super::wording::{self, in_order, who, why_skipped};
use crate::report::{Finding, Proof, Report, Status};
use crate::text;

/// Nothing is loaded and nothing is run, whatever gets into the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1c1c1c;--bg:#fff;--line:#c4c4c4;--soft:#f3f3f3;--ok:#166b2d;--warn:#7a5200;--bad:#b3131b}\
@media(prefers-color-scheme:dark){:root{--fg:#e8e8e8;--bg:#161616;--line:#555;--soft:#242424;--ok:#6fd08c;--warn:#e5b95c;--bad:#ff8a80}}\
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem}\
code,pre,td{font-family:ui-monospace,monospace;font-size:.9rem;overflow-wrap:anywhere}\
pre{background:var(--soft);padding:.75rem;white-space:pre-wrap}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}\
svg{width:100%;height:auto;max-height:5rem}svg text{font:14px system-ui,sans-serif;fill:var(--fg);text-anchor:middle}\
.passed{color:var(--ok)}.warned{color:var(--warn)}.failed{color:var(--bad)}.unchecked,.not-reached{color:var(--fg)}";

/// What surrounds the bundle in the page.
const BUNDLE: [&str; 2] = ["<pre id=\"doctor-bundle\">", "</pre>"];

/// The page. `bundle`: the text of the run's support bundle.
pub(super) fn render(report: &Report, bundle: Option<&str>) -> String {
    let (mark, first_line) = outcome(report);
    let title = format!("{} {first_line}", mark.sign(true));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1 class=\"{class}\">{title}</h1>\n",
        title = escape(&title),
        class = class(mark),
    );
    svg(&mut page, &chain(report));
    element(&mut page, "p", &who(report));
    if let Some(recorded) = wording::recorded(report) {
        element(&mut page, "p", &recorded);
    }
    for (_, found) in in_order(report) {
        finding(&mut page, found);
    }
    checks(&mut page, report);
    if let Some(token) = &report.token {
        let claims = text::json(&token.claims);
        folded(&mut page, "Token", &format!("<pre>{}</pre>\n", escape_lines(&claims)));
    }
    if let Some(bundle) = bundle {
        let [start, end] = BUNDLE;
        let note = "<p>To judge it again: <code>doctor replay FILE</code> with this file.</p>\n";
        let content = format!("{note}{start}{}{end}\n", escape_lines(bundle));
        folded(&mut page, "Support bundle", &content);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    // Printed into a log, no line of it is a command.
    page.lines().map(|line| text::guard(line) + "\n").collect()
}

/// The support bundle in such a page.
pub(super) fn bundle(page: &str) -> Option<String> {
    let [start, end] = BUNDLE;
    let (_, after) = page.split_once(start)?;
    let (content, _) = after.split_once(end)?;
    Some(ENTITIES.iter().rev().fold(content.to_owned(), |text, (c, entity)| {
        text.replace(entity, c.encode_utf8(&mut [0; 4]))
    }))
}

/// The first is that with which all others begin.
const ENTITIES: [(char, &str); 5] =
    [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];

fn escape(value: &str) -> String {
    escape_lines(&text::inert(value))
}

/// The same for text of our own that is inert already and has several lines.
fn escape_lines(value: &str) -> String {
    ENTITIES.iter().fold(value.to_owned(), |text, (c, entity)| text.replace(*c, entity))
}

fn element(page: &mut String, name: &str, value: &str) {
    let _ = writeln!(page, "<{name}>{}</{name}>", escape(value));
}

fn folded(page: &mut String, title: &str, content: &str) {
    let _ = writeln!(page, "<details>\n<summary>{title}</summary>\n{content}</details>");
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
    const APART: usize = 120;
    let told: Vec<String> =
        steps.iter().map(|(name, mark)| format!("{name}: {}", meaning(*mark))).collect();
    let _ = writeln!(
        page,
        "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} 70\">",
        told.join(", "),
        steps.len() * APART
    );
    for (index, (name, mark)) in steps.iter().enumerate() {
        let x = index * APART + APART / 2;
        if index > 0 {
            let (from, to) = (x - APART + 20, x - 20);
            let _ = writeln!(
                page,
                "<line x1=\"{from}\" y1=\"24\" x2=\"{to}\" y2=\"24\" stroke=\"currentColor\"/>"
            );
        }
        let _ = writeln!(
            page,
            "<g class=\"{}\"><circle cx=\"{x}\" cy=\"24\" r=\"16\" fill=\"none\" \
             stroke=\"currentColor\" stroke-width=\"2\"/><text x=\"{x}\" y=\"29\">{}</text>\
             <text x=\"{x}\" y=\"62\">{name}</text></g>",
            class(*mark),
            mark.sign(true)
        );
    }
    page.push_str("</svg>\n");
}

fn finding(page: &mut String, finding: &Finding) {
    let _ = writeln!(
        page,
        "<h2>{}: {} <code>{}</code></h2>",
        finding.severity.name(),
        escape(finding.title),
        finding.code
    );
    element(page, "p", &finding.detail);
    let (values, others) = finding.evidence.split_at(finding.evidence.len().min(2));
    evidence(page, values);
    let fix = &finding.remediation;
    if !fix.summary.is_empty() || !fix.steps.is_empty() {
        page.push_str("<h3>Fix</h3>\n");
        element(page, "p", &fix.summary);
    }
    if !fix.steps.is_empty() {
        page.push_str("<ol>\n");
        for step in &fix.steps {
            let (first, snippet) = step.text.split_once('\n').unwrap_or((&step.text, ""));
            let _ = write!(page, "<li>{}", escape(first));
            lines(page, snippet);
            page.push_str("</li>\n");
        }
        page.push_str("</ol>\n");
    }
    for command in &fix.commands {
        lines(page, command.text());
    }
    evidence(page, others);
    for link in &fix.links {
        let _ = writeln!(page, "<p>See <a href=\"{0}\">{0}</a></p>", escape(link));
    }
}

/// Lines to copy.
fn lines(page: &mut String, snippet: &str) {
    if !snippet.is_empty() {
        let lines: Vec<String> = snippet.lines().map(escape).collect();
        let _ = writeln!(page, "<pre>{}</pre>", lines.join("\n"));
    }
}

fn evidence(page: &mut String, proofs: &[Proof]) {
    if proofs.is_empty() {
        return;
    }
    page.push_str("<table>\n<tr><th>what</th><th>value</th><th>where</th></tr>\n");
    for Proof { what, value, place } in proofs {
        let [what, value, place] = [what, value, place].map(|text| escape(text));
        let _ = writeln!(page, "<tr><th>{what}</th><td>{value}</td><td>{place}</td></tr>");
    }
    page.push_str("</table>\n");
}

fn checks(page: &mut String, report: &Report) {
    page.push_str("<h2>Checks</h2>\n<table>\n");
    for check in &report.checks {
        let (class, word, text) = match check.status {
            Status::Pass => ("passed", "ok", check.summary.clone()),
            Status::Warn => ("warned", "warning", check.summary.clone()),
            Status::Fail => ("failed", "failed", check.summary.clone()),
            Status::Skip => ("unchecked", "not checked", why_skipped(report, check)),
        };
        let _ = writeln!(
            page,
            "<tr><th>{}</th><td class=\"{class}\">{word}</td><td>{}</td></tr>",
            check.id,
            escape(&text)
        );
    }
    page.push_str("</table>\n");
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
        fn hostile_text_stays_text(text in hostile()) {
            let text = format!("{text}<script>x</script><img src=x onerror=y>\"'&lt;");
            let page = render(&samples::with_text(&text), Some(&text::json(&text)));
            for element in ["<script", "<img", "onerror=y>"] {
                prop_assert!(!page.contains(element), "{page}");
            }
            prop_assert_eq!(page.matches("</pre>").count(), page.matches("<pre").count());
        }

        #[test]
        fn bundle_is_read_back(text in hostile()) {
            let written = text::json(&serde_json::json!({ "value": text, "more": "</pre>&amp;<" }));
            let page = render(&samples::healthy(), Some(&written));
            prop_assert_eq!(bundle(&page).unwrap(), written);
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
        assert_eq!(bundle(&page), None);
    }
}
