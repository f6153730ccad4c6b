//! What no output may hold, told again here rather than taken from the program.

/// Asserts that a text hides nothing, and that no agent takes a line of it for a command.
pub fn assert_harmless(text: &str, place: &str) {
    let unseen = text.chars().find(|c| *c != '\n' && is_unseen(*c));
    assert_eq!(unseen, None, "{place}: {text}");
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        assert!(!lower.contains("##vso[") && !lower.contains("##["), "{place}: {line}");
        assert!(!line.trim_start().starts_with("::"), "{place}: {line}");
    }
}

/// Characters that cannot be seen, or that move others about.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
