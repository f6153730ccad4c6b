//! Checks the layout of every human-readable report (product contract, section 6).

use serde_json::Value;

/// The width of these reports in columns.
pub const WIDTH: usize = 80;

/// Asserts that the cause is in the first lines, that the fix follows soon, and that no line is too
/// wide. `report` is the same report as JSON.
pub fn assert_reads_well(text: &str, report: &Value) {
    let lines: Vec<&str> = text.lines().collect();
    let pasted = texts_to_paste(report);
    for line in &lines {
        let is_whole = |piece: &&str| piece.chars().count() > WIDTH / 2;
        let is_accepted = line.chars().count() <= WIDTH
            || pasted.iter().any(|pasted| pasted.contains(line.trim()))
            // The line holds a value that cannot be broken: a name, a link, a quoted command.
            || line.contains('`')
            || line.split([' ', '/', ':', ',', '@']).any(|piece| is_whole(&piece))
            || line.contains("https://");
        assert!(is_accepted, "a line of {} characters: {line}\n{text}", line.chars().count());
    }
    let is_unhealthy = report["verdict"] == "unhealthy";
    let Some(first) = report["findings"].get(0).filter(|_| is_unhealthy) else { return };
    // A hostile name may have any length.
    if report["request"]["organization"].as_str().is_some_and(|name| name.len() > 40) {
        return;
    }
    let code = format!("[{}]", report["rootCause"].as_str().unwrap());
    assert!(lines.iter().take(2).any(|line| line.ends_with(&code)), "{text}");
    let line_of = |start: &str| lines.iter().position(|line| line.trim().starts_with(start));
    let detail = first["detail"].as_str().unwrap();
    // Hostile text is printed in another form.
    let is_hostile = |text: &str| {
        text.contains("::error") || text.contains("##") || text.chars().any(char::is_control)
    };
    if is_hostile(detail) {
        return;
    }
    let cause: Vec<&str> = detail.split(' ').take(2).collect();
    assert!(line_of(&cause.join(" ")).is_some_and(|line| line < 6), "{cause:?}\n{text}");
    let evidence = first["evidence"].as_array().unwrap().iter();
    let values = evidence.map(|proof| proof["value"].as_str().unwrap()).collect::<Vec<_>>();
    // Hostile values may have any length.
    if values.iter().all(|value| value.len() < 200 && !is_hostile(value))
        && first["detail"].to_string().len() < 400
    {
        assert!(line_of("Fix:").is_some_and(|line| line < 20), "{text}");
    }
}

/// The texts that users paste, which must not be broken into lines.
fn texts_to_paste(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .flat_map(|finding| ["steps", "commands"].map(|part| &finding["remediation"][part]))
        .flat_map(|texts| texts.as_array().unwrap())
        .map(|text| text.as_str().unwrap())
        .collect()
}
