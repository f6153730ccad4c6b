//! The report as a Markdown page, which platforms show next to the log. In it nothing is masked.

pub(super) mod explain;
mod quote;
pub(super) mod triage;

use self::quote::{code, escape_cell, fenced_block, link, prose};
use super::human::{details, page};
use super::wording::chain::Mark;
use super::wording::finding::{Fix, split_fix};
use super::wording::{self, Headline, findings_in_order, login_summary, why_skipped};
use super::{DECODE, POLICY_LINT, POLICY_TEST};
use crate::catalogue::Severity;
use crate::report::{Finding, Proof, Report, RuleResult, Status, TokenSummary};
use crate::text::guard;

/// The diagnosis. Texts from outside create no Markdown construct in it.
pub(super) fn render(report: &Report) -> String {
    diagnosis(report, false)
}

/// The diagnosis for a ticket or a pull request. What few readers need is folded away in
/// `<details>`, the one HTML element that GitHub, GitLab and Azure DevOps render in Markdown.
pub(super) fn render_folded(report: &Report) -> String {
    diagnosis(report, true)
}

fn diagnosis(report: &Report, folded: bool) -> String {
    let mut page = Page::default();
    let (mark, outcome) = wording::chain::outcome(report);
    page.heading(2, &format!("{} {}", mark.sign(true), prose(&outcome)));
    let steps = wording::chain::chain(report);
    let steps: Vec<String> =
        steps.into_iter().map(|(name, mark)| format!("{} {name}", mark.sign(true))).collect();
    page.paragraph(&steps.join(" → "));
    body(&mut page, report, &login_summary(report), folded);
    page.0
}

/// The report of `doctor policy test`.
pub(super) fn policy(report: &Report) -> String {
    titled_page(
        report,
        POLICY_TEST,
        &wording::policy_headline(report),
        &wording::tested_request(report),
        true,
    )
}

/// The report of `doctor decode`.
pub(super) fn token(report: &Report) -> String {
    titled_page(report, DECODE, &wording::token_headline(report), "", true)
}

/// The report of `doctor policy lint`.
pub(super) fn lint(found: &[Finding]) -> String {
    let mut page = Page::default();
    page.headline(POLICY_LINT, &wording::lint_headline(found));
    for finding in found {
        finding_title(&mut page, finding);
        finding_body(&mut page, finding);
    }
    page.0
}

fn titled_page(
    report: &Report,
    command: &str,
    headline: &Headline,
    about: &str,
    folded: bool,
) -> String {
    let mut page = Page::default();
    page.headline(command, headline);
    body(&mut page, report, about, folded);
    page.0
}

/// Writes what follows the headline.
fn body(page: &mut Page, report: &Report, about: &str, folded: bool) {
    page.paragraph(&prose(about));
    page.paragraph(&prose(&wording::replay_note(report).unwrap_or_default()));
    page.paragraph(&prose(&wording::redaction_note(report).unwrap_or_default()));
    findings(page, report);
    page.section("Checks", folded, |page| checks(page, report));
    if !report.policy.entries.is_empty() {
        page.section("Policy", folded, |page| policy_entries(page, report));
    }
    if let Some(token) = &report.token {
        page.section("Token", folded, |page| token_claims(page, token));
    }
}

/// Lines of Markdown. Callers quote all texts first.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(&guard(line));
        self.0.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.blank();
            self.line(text);
        }
    }

    fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.line("");
        }
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.paragraph(&format!("{} {text}", "#".repeat(level)));
    }

    fn headline(&mut self, command: &str, headline: &Headline) {
        let meaning = match headline.meaning.as_str() {
            "" => String::new(),
            meaning => format!(" - {}", prose(meaning)),
        };
        self.heading(2, &format!("{command}: {}{meaning}", prose(&headline.word)));
    }

    fn section(&mut self, title: &str, folded: bool, content: impl FnOnce(&mut Self)) {
        if !folded {
            self.heading(3, title);
            return content(self);
        }
        self.paragraph(&format!("<details><summary>{title}</summary>"));
        content(self);
        self.paragraph("</details>");
    }

    fn code_block(&mut self, language: &str, text: &str, indent: usize) {
        self.blank();
        for line in fenced_block(language, text, indent) {
            self.line(&line);
        }
    }

    fn table<const N: usize>(
        &mut self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        self.paragraph(&format!("| {} |", header.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(N)));
        for row in rows {
            self.line(&format!("| {} |", row.map(|text| escape_cell(&text)).join(" | ")));
        }
    }
}

/// Writes the findings. Only the first has no title: the page's first line names it.
fn findings(page: &mut Page, report: &Report) {
    let lead = wording::lead_index(report);
    let (full, notes): (Vec<_>, Vec<_>) = findings_in_order(report)
        .into_iter()
        .partition(|(index, finding)| finding.severity > Severity::Info || lead == Some(*index));
    for (index, finding) in full {
        if lead != Some(index) {
            finding_title(page, finding);
        }
        finding_body(page, finding);
    }
    page.blank();
    for (_, finding) in notes {
        page.line(&format!("- note: {} ({})", prose(finding.title), code(finding.code.name())));
    }
}

fn finding_title(page: &mut Page, finding: &Finding) {
    let mark = Mark::of_severity(finding.severity).sign(true);
    let title = prose(finding.title);
    page.heading(3, &format!("{mark} {title} ({})", code(finding.code.name())));
}

/// Writes the cause, the two values that differ, the fix and the rest of the evidence.
fn finding_body(page: &mut Page, finding: &Finding) {
    page.paragraph(&prose(&finding.detail));
    let (values, rest) = wording::finding::split_evidence(finding);
    evidence(page, &values);
    fix(page, finding);
    evidence(page, &rest);
    for url in &finding.remediation.links {
        page.paragraph(&format!("See {}", link(url)));
    }
}

fn evidence(page: &mut Page, proofs: &[&Proof]) {
    if !proofs.is_empty() {
        let row = |p: &&Proof| [prose(&p.what), code(&p.value), prose(&p.place)];
        page.table(["what", "value", "where"], proofs.iter().map(row));
    }
}

fn fix(page: &mut Page, finding: &Finding) {
    let fix = &finding.remediation;
    let Fix { first_line, first_step, steps, notes } = split_fix(fix);
    if !first_line.is_empty() {
        page.paragraph(&format!("**Fix:** {}", prose(&first_line)));
    }
    if let Some(step) = first_step.filter(|step| step.is_diff) {
        page.code_block("diff", step.split_snippet().1, 0);
    }
    page.blank();
    for (index, step) in steps.iter().enumerate() {
        let number = format!("{}. ", index + 1);
        let number = if steps.len() > 1 { &*number } else { "" };
        let (first, lines) = step.split_snippet();
        // An empty first line would end the list item (CommonMark 0.31, section 5.2).
        let first = if first.trim().is_empty() { "Use:".to_owned() } else { prose(first) };
        page.line(&format!("{number}{first}"));
        if !lines.is_empty() {
            let language = if step.is_diff { "diff" } else { "" };
            page.code_block(language, lines, number.len());
            page.blank();
        }
    }
    for command in &fix.commands {
        page.code_block("", command.text(), 0);
    }
    for note in notes {
        page.paragraph(&format!("Note: {}", prose(note.split_snippet().0)));
    }
}

fn policy_entries(page: &mut Page, report: &Report) {
    for entry in &report.policy.entries {
        page.paragraph(&prose(&details::entry_name(report, entry)));
        rules(page, &entry.rules);
    }
}

fn rules(page: &mut Page, rules: &[RuleResult]) {
    if rules.is_empty() {
        page.paragraph("no rules");
        return;
    }
    page.table(
        ["", "claim", "policy wants", "token has"],
        rules.iter().map(|rule| {
            [
                page::rule_outcome(rule).to_owned(),
                code(&rule.claim),
                code(&rule.pattern),
                rule.actual.as_deref().map_or_else(|| prose(page::actual_text(rule)), code),
            ]
        }),
    );
}

fn checks(page: &mut Page, report: &Report) {
    page.table(
        ["", "check", "what was seen"],
        report.checks.iter().map(|check| {
            let (status, seen) = match check.status {
                Status::Pass => ("ok", check.summary.clone()),
                Status::Warn => ("warn", check.summary.clone()),
                Status::Fail => ("fail", check.summary.clone()),
                Status::Skip => ("skip", format!("not checked: {}", why_skipped(report, check))),
            };
            [status.to_owned(), prose(check.id.name()), prose(&seen)]
        }),
    );
}

fn token_claims(page: &mut Page, token: &TokenSummary) {
    page.paragraph(&format!("from {}, {}", prose(&token.source), code(&token.fingerprint)));
    for (name, map, meanings) in
        [("header", &token.header, &[][..]), ("claim", &token.claims, &token.meanings[..])]
    {
        page.table(
            [name, "value", ""],
            details::described_members(map, meanings)
                .into_iter()
                .map(|[name, value, note]| [code(&name), code(&value), prose(&note)]),
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use insta::assert_snapshot;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;
    use crate::render::samples;
    use crate::text::inert;
    use crate::text::tests::hostile;

    #[test]
    fn hostile_text_is_quoted() {
        let text = "a`|<img src=x>\n# [b](https://x) @c **d**";
        let page = render(&samples::with_text(text));
        assert_snapshot!(page.split("\n### Token").next().unwrap(), @r"
        ## ✗ Login to ``a`|<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` fails at the policy `[audience-mismatch]`

        ✓ token → ✓ backend → ✓ issuer → ✗ policy → ? exchange → ? whoami

        organization ``a`|<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**`, backend ``a`|<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` (``a`|<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**`)

        ``a`|<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**`

        | what | value | where |
        | --- | --- | --- |
        | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        |  | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` |  |

        **Fix:** ``a`|<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**`

        1. ``a`|<img`` `src=x>`

           ```
           # [b](https://x) @c **d**
           ```

        2. ``a`|<img`` `src=x>`

           ```
           # [b](https://x) @c **d**
           ```

        ```
        a`|<img src=x>
        # [b](https://x) @c **d**
        ```

        See ``a`|<img src=x>\n# [b](https://x) @c **d**``

        - note: No pulumi on PATH (`cli-not-found`)

        ### Checks

        |  | check | what was seen |
        | --- | --- | --- |
        | ok | input | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | login | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | cloud | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | backend | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | token | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | issuer | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | registration | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | ok | signature | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | fail | policy | ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | skip | exchange | not checked: ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |
        | skip | whoami | not checked: ``a`\u007c<img`` `src=x>\n#` `[b](https://x`) `@c` `**d**` |

        ### Policy

        issuer a`|<img src=x>\n# [b](https://x) @c **d**, policy 1 (allow, organization token, a` `|<img` `src=x>\n#` `[b](https://x`) `@c` `**d**:9`)

        |  | claim | policy wants | token has |
        | --- | --- | --- | --- |
        | differs | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` |

        issuer a`|<img src=x>\n# [b](https://x) @c **d**, policy 2 (deny, team token, a` `|<img` `src=x>\n#` `[b](https://x`) `@c` `**d**:20`)

        |  | claim | policy wants | token has |
        | --- | --- | --- | --- |
        | differs | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` | ``a`\u007c<img src=x>\n# [b](https://x) @c **d**`` |
        ");
    }

    #[test]
    fn page_shows_whole_claims() {
        let report = samples::healthy();
        let page = render(&report);
        for claim in ["iss", "sub", "aud"] {
            let value = report.token.as_ref().unwrap().claims[claim].as_str().unwrap();
            assert!(page.contains(&format!("| `{claim}` | `{value}` |")), "{page}");
        }
    }

    /// [`samples::with_text`] whose links are not https, so that they must not become links.
    fn report_without_links(text: &str) -> Report {
        let mut report = samples::with_text(text);
        for finding in &mut report.findings {
            finding.remediation.links = vec![format!("x{text}")];
        }
        report
    }

    /// The Markdown constructs of a page, without texts, code spans and paragraphs.
    fn constructs(page: &str) -> Vec<Event<'_>> {
        let text = |event: &Event| {
            matches!(event, Event::Text(_) | Event::Code(_) | Event::SoftBreak)
                || matches!(event, Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph))
        };
        Parser::new_ext(page, Options::all()).filter(|event| !text(event)).collect()
    }

    const MARKDOWN: [&str; 24] = [
        "# ",
        "- ",
        "* ",
        "+ ",
        "1. ",
        "1) ",
        "> ",
        "```",
        "~~~",
        "    ",
        "***",
        "---",
        "|",
        "\\",
        "[a](https://x)",
        "![a](b)",
        "[a]: b",
        "<b>",
        "<!--",
        "https://x.y",
        "www.x.y",
        "a@b.c",
        "&lt;",
        "$$",
    ];

    fn hostile_markdown() -> impl Strategy<Value = String> {
        let piece =
            prop_oneof![hostile(), prop::sample::select(&MARKDOWN[..]).prop_map(String::from)];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn text_creates_no_markdown_construct(text in hostile_markdown()) {
            let page = render(&report_without_links(&text));
            for line in page.lines() {
                prop_assert_eq!(inert(line), line);
                prop_assert!(!line.trim_start().starts_with("::"), "{line}");
            }
            let harmless: String =
                text.chars().map(|c| if matches!(c, '\n' | '\r') { c } else { 'x' }).collect();
            let expected = render(&report_without_links(&harmless));
            prop_assert_eq!(constructs(&page), constructs(&expected), "{}", page);
        }
    }
}
