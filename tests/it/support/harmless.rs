//! Checks output for characters and commands that it must not contain, independently of the
//! program.

/// Asserts that a text has no invisible characters, and no line that a CI agent takes for a
/// command.
pub fn assert_harmless(text: &str, place: &str) {
    let unseen = text.chars().find(|c| *c != '\n' && is_unseen(*c));
    assert_eq!(unseen, None, "{place}: {text}");
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        assert!(!lower.contains("##vso[") && !lower.contains("##["), "{place}: {line}");
        assert!(!line.trim_start().starts_with("::"), "{place}: {line}");
    }
}

/// Whether a character is invisible, or changes how others are displayed.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
