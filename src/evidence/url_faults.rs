//! Faults of a backend's URL, for `pulumi::backend_url`. Faults in the parts of a URL that are not
//! shown are recorded before these parts are removed.

use super::HiddenFault;
use crate::text;

/// Longer URLs are not examined: no backend has one, and examining it could take long.
pub(crate) const MAX_URL_BYTES: usize = 2048;

/// A fault that is only in the parts of a URL that are not shown.
pub(crate) fn hidden_fault(url: &str) -> Option<HiddenFault> {
    let shown = text::url(url);
    let find_invalid_character = |url: &str| url.chars().find_map(invalid_character_name);
    if shown == url {
        None
    } else if url.len() > MAX_URL_BYTES {
        Some(HiddenFault::Long { bytes: url.len() as u64 })
    } else if find_unexpanded(&shown).is_none() && find_unexpanded(url).is_some() {
        Some(HiddenFault::Unexpanded)
    } else {
        let what = find_invalid_character(url)
            .filter(|what| find_invalid_character(&shown) != Some(what))?;
        Some(HiddenFault::Foreign { what: what.to_owned() })
    }
}

/// Finds a variable reference: `$(X)`, `${X}`, `${{ x }}`, `$X`, `$env:X`, `%X%`.
pub(crate) fn find_unexpanded(url: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name_starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    for (start, sign) in url.match_indices(['$', '%']) {
        let text = &url[start..];
        let after = &text[1..];
        let end = match after.chars().next() {
            Some('(') if sign == "$" => text.find(')').map(|end| end + 1),
            Some('{') if after.starts_with("{{") && sign == "$" => {
                text.find("}}").map(|end| end + 2)
            }
            Some('{') if sign == "$" => text.find('}').map(|end| end + 1),
            Some(first) if name_starts(first) => {
                let name = after.strip_prefix("env:").unwrap_or(after);
                let prefix = text.len() - name.len();
                let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
                if sign == "$" {
                    Some(prefix + length)
                } else {
                    // %C3%A9 is percent-encoding.
                    let encoded = length == 2 && name[..2].bytes().all(|b| b.is_ascii_hexdigit());
                    (!encoded && name[length..].starts_with('%')).then_some(prefix + length + 1)
                }
            }
            _ => None,
        };
        if let Some(end) = end {
            return Some(&text[..end]);
        }
    }
    None
}

/// The name of a character that is not allowed in URLs.
pub(crate) fn invalid_character_name(c: char) -> Option<&'static str> {
    match c {
        '\n' | '\r' => Some("a line break"),
        '"' | '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => Some("quotes"),
        '<' | '>' => Some("angle brackets"),
        '\\' => Some("a backslash"),
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => Some("an invisible character"),
        c if c.is_whitespace() => Some("a space"),
        c if c.is_control() => Some("a control character"),
        _ => None,
    }
}
