//! What is wrong with a backend's URL only in the parts of it that are not shown: written down before
//! they go. `pulumi::backend_url` judges the rest by the same rules.

use super::HiddenFault;
use crate::text;

/// No URL of a backend is longer; looking closely at one that is could take long.
pub(crate) const LONGEST: usize = 2048;

/// What is wrong with a URL only in the parts of it that are not shown.
pub(crate) fn hidden_fault(url: &str) -> Option<HiddenFault> {
    let shown = text::url(url);
    let foreign_in = |url: &str| url.chars().find_map(foreign);
    if shown == url {
        None
    } else if url.len() > LONGEST {
        Some(HiddenFault::Long { bytes: url.len() as u64 })
    } else if unexpanded(&shown).is_none() && unexpanded(url).is_some() {
        Some(HiddenFault::Unexpanded)
    } else {
        let what = foreign_in(url).filter(|what| foreign_in(&shown) != Some(what))?;
        Some(HiddenFault::Foreign { what: what.to_owned() })
    }
}

/// A variable reference: `$(X)`, `${X}`, `${{ x }}`, `$X`, `$env:X`, `%X%`.
pub(crate) fn unexpanded(url: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name_starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    for (at, sign) in url.match_indices(['$', '%']) {
        let text = &url[at..];
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

/// Characters that no URL holds, by what a person calls them.
pub(crate) fn foreign(c: char) -> Option<&'static str> {
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
