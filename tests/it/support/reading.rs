//! How a report for people reads (product contract, section 6), for every diagnosis of the tests.

use serde_json::Value;

/// The width that these reports are made for, in columns.
pub const WIDTH: usize = 80;

/// The cause is within the first lines, the fix not far below, and no line is too wide. `report` is the
/// same as JSON.
pub fn assert_reads_well(text: &str, report: &Value) {
    let lines: Vec<&str> = text.lines().collect();
    let pasted = pasted(report);
    for line in &lines {
        let is_whole = |piece: &&str| piece.chars().count() > WIDTH / 2;
        let is_fine = line.chars().count() <= WIDTH
            || pasted.iter().any(|pasted| pasted.contains(line.trim()))
            // A value in it that cannot be broken: a name, a link, a quoted command.
            || line.contains('`')
            || line.split([' ', '/', ':', ',', '@']).any(|piece| is_whole(&piece))
            || line.contains("https://");
        assert!(is_fine, "a line of {} characters: {line}\n{text}", line.chars().count());
    }
    let is_unhealthy = report["verdict"] == "unhealthy";
    let Some(first) = report["findings"].get(0).filter(|_| is_unhealthy) else { return };
    // A hostile name is as long as it likes.
    if report["request"]["organization"].as_str().is_some_and(|name| name.len() > 40) {
        return;
    }
    let code = format!("[{}]", report["rootCause"].as_str().unwrap());
    assert!(lines.iter().take(2).any(|line| line.ends_with(&code)), "{text}");
    let at = |beginning: &str| lines.iter().position(|line| line.trim().starts_with(beginning));
    let detail = first["detail"].as_str().unwrap();
    // What is hostile is shown in another form.
    let is_hostile = |text: &str| {
        text.contains("::error") || text.contains("##") || text.chars().any(char::is_control)
    };
    if is_hostile(detail) {
        return;
    }
    let cause: Vec<&str> = detail.split(' ').take(2).collect();
    assert!(at(&cause.join(" ")).is_some_and(|at| at < 6), "{cause:?}\n{text}");
    let evidence = first["evidence"].as_array().unwrap().iter();
    let values = evidence.map(|proof| proof["value"].as_str().unwrap()).collect::<Vec<_>>();
    // Hostile values are as long as they like.
    if values.iter().all(|value| value.len() < 200 && !is_hostile(value))
        && first["detail"].to_string().len() < 400
    {
        assert!(at("Fix:").is_some_and(|at| at < 20), "{text}");
    }
}

/// What is there to be pasted, which no line break may cut.
fn pasted(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .flat_map(|finding| ["steps", "commands"].map(|part| &finding["remediation"][part]))
        .flat_map(|texts| texts.as_array().unwrap())
        .map(|text| text.as_str().unwrap())
        .collect()
}
