//! Makes hostile text harmless, hides secret parts of URLs, and quotes values for where they are
//! pasted.
//!
//! All text from a token, a file or a server goes through one of these functions before it is
//! shown. None of them ever outputs invisible characters, characters that move others, or the
//! openings `##[` and `##vso[`: the Azure Pipelines agent reads those as a command anywhere in a
//! line (its `Command.TryParse`; the GitHub runner's `ActionCommand.TryParse` does the same for
//! `##[`).

pub mod command;
mod json;
pub(crate) mod nearest;
pub mod secret;
mod url;

pub use json::{json, json_line};
pub use url::{MARK, lacks_url_parts, url, urls_in, urls_in_pattern};

/// Writes the text on one line, with escapes for unseen characters: `\n`, `\u202e`, `\u{e0001}`.
/// Idempotent.
pub fn inert(text: &str) -> String {
    escape(
        text,
        &Syntax {
            hidden: is_unseen,
            reserved: |_| false,
            astral: |c| format!("\\u{{{:x}}}", u32::from(c)),
        },
    )
}

/// The first `max_chars` characters of the text, followed by the number of omitted characters.
pub fn clip(text: &str, max_chars: usize) -> String {
    let kept = prefix(text, max_chars);
    match text[kept.len()..].chars().count() {
        0 => text.to_owned(),
        left_out => format!("{kept}... ({left_out} more characters)"),
    }
}

/// The first `max_chars` characters of the text, followed by dots if some are omitted.
pub(crate) fn shorten(text: &str, max_chars: usize) -> String {
    let kept = prefix(text, max_chars);
    if kept == text { text.to_owned() } else { format!("{kept}...") }
}

/// The first `max_chars` characters of the text.
pub(crate) fn prefix(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Joins items: `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// Quotes the text as one word for a POSIX shell (POSIX.1-2024, XCU section 2.2), safe to paste.
///
/// Unseen characters need `$'...'`, which bash, zsh, ksh and busybox know. Its octal bytes do not
/// depend on the locale. No word contains `$(`, `${`, `$[` or `<<`: pipelines expand those before
/// any shell reads the quotes. A word cannot contain NUL, which ends the value in a shell.
pub fn shell(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    // zsh replaces a word `=name` by the path of that command.
    if !text.is_empty() && text.chars().all(bare) && !text.starts_with('=') {
        return text.to_owned();
    }
    let octal = text.chars().any(is_unseen);
    let mut out = String::from(if octal { "$'" } else { "'" });
    let mut previous = ' ';
    for c in text.chars() {
        let splits = matches!((previous, c), ('#', '#') | ('<', '<') | ('$', '(' | '{' | '['));
        match c {
            // An interactive bash before 5 expands history here.
            '!' if octal => push_octal(&mut out, c),
            _ if octal && (splits || is_unseen(c)) => push_octal(&mut out, c),
            '\'' | '\\' if octal => out.extend(['\\', c]),
            '\'' => out.push_str("'\\''"),
            _ if splits => out.extend(['\'', '\'', c]),
            _ => out.push(c),
        }
        previous = c;
    }
    out.push('\'');
    out
}

/// Writes the text as a YAML 1.2 scalar on one line that every YAML reader reads as a string, in
/// double quotes unless a bare word is safe.
pub fn yaml(text: &str) -> String {
    // Includes words that only YAML 1.1 readers read as another type.
    const OTHER_TYPES: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(bare)
        && !OTHER_TYPES.iter().any(|word| word.eq_ignore_ascii_case(text))
    {
        return text.to_owned();
    }
    let content = escape(
        text,
        &Syntax {
            hidden: is_unseen,
            reserved: is_json_syntax,
            // YAML has no surrogate pairs (YAML 1.2.2 section 5.7).
            astral: |c| format!("\\U{:08x}", u32::from(c)),
        },
    );
    format!("\"{content}\"")
}

/// Writes the text as a JSON string (RFC 8259 section 7) with quotes.
pub fn json_string(text: &str) -> String {
    format!("\"{}\"", json_content(text))
}

/// Escapes the text between the quotes of a JSON string.
fn json_content(text: &str) -> String {
    escape(
        text,
        &Syntax {
            hidden: is_unseen,
            reserved: is_json_syntax,
            astral: |c| {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            },
        },
    )
}

/// Removes commands from a complete line: pieces that are harmless alone may form a command
/// together. The GitHub runner also reads a line as a command if it begins with `::` after white
/// space (`ActionCommand.TryParseV2`).
pub(crate) fn guard(line: &str) -> String {
    let line =
        escape(line, &Syntax { hidden: |_| false, reserved: |_| false, astral: String::from });
    match line.trim_start().strip_prefix("::") {
        Some(rest) => format!("{}\\u003a:{rest}", &line[..line.len() - rest.len() - 2]),
        None => line,
    }
}

/// Wraps the text into lines of at most `width` characters. Breaks only at spaces: longer words,
/// and text between backticks, stay whole so that they can be copied.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    let mut in_code = false;
    let words = text.split(|c: char| {
        in_code ^= c == '`';
        c == ' ' && !in_code
    });
    for (index, word) in words.enumerate() {
        let word_length = word.chars().count();
        if index > 0 && length + 1 + word_length > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        } else if index > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    lines.push(line);
    lines
}

/// The width of a text in characters.
pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// Splits a value into pieces of at most `width` characters. Breaks only after separators, so that
/// a GUID, a name, or a host with its port stays whole.
pub(crate) fn broken(value: &str, width: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let is_separator = |c: char, next: Option<char>| match c {
            ':' => !next.is_some_and(|next| next.is_ascii_digit()),
            _ => "/,;?&=@ ".contains(c),
        };
        let mut end = None;
        for (column, (at, c)) in text.char_indices().enumerate() {
            if let Some(end) = end.filter(|_| column >= width) {
                let (piece, left) = text.split_at(end);
                rest = Some(left);
                return Some(piece);
            }
            let after = at + c.len_utf8();
            let next = text[after..].chars().next();
            if next.is_some() && is_separator(c, next) {
                end = Some(after);
            }
        }
        Some(text)
    })
}

/// The rules of a syntax for [`escape`].
struct Syntax {
    /// The characters to write as code points.
    hidden: fn(char) -> bool,
    /// The characters that need a backslash.
    reserved: fn(char) -> bool,
    /// Writes a hidden character above U+FFFF, which differs by syntax.
    astral: fn(char) -> String,
}

/// Escapes characters that must not be printed, and openings of commands.
fn escape(text: &str, syntax: &Syntax) -> String {
    // Fast path for plain text: otherwise this loop would dominate the time of a report.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'#' | b'"' | b'\\');
    if text.as_bytes().iter().all(is_plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        let command = c == '#' && previous == '#' && opens_command(&text[at + 1..]);
        match c {
            _ if (syntax.reserved)(c) => out.extend(['\\', c]),
            _ if !command && !(syntax.hidden)(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{10000}'.. => out.push_str(&(syntax.astral)(c)),
            _ => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
        previous = c;
    }
    out
}

/// Whether `##` before this text makes a command of the Azure Pipelines agent.
fn opens_command(rest: &str) -> bool {
    rest.starts_with('[') || rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("vso["))
}

fn is_json_syntax(c: char) -> bool {
    matches!(c, '"' | '\\')
}

fn push_octal(out: &mut String, c: char) {
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        out.push_str(&format!("\\{byte:03o}"));
    }
}

/// Whether a character is invisible or changes how its neighbours are shown: controls, white space
/// other than the ordinary space, general category Cf (format, with bidi controls and tags),
/// `Default_Ignorable_Code_Point`, and noncharacters (Unicode 17, DerivedCoreProperties.txt and
/// UnicodeData.txt).
pub(crate) fn is_unseen(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || c.is_whitespace()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Text rich in characters and commands that must be escaped.
    pub(crate) fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => any::<char>().prop_map(String::from),
            2 => "[ -~]{0,6}",
            1 => prop::sample::select(vec![
                "##[", "##vso[", "##VsO[", "#", "##", "[", "::", "\n", "\r\n", "\u{1b}[31m",
                "\u{202e}", "\u{e0041}", "\u{85}", "\u{a0}", "'", "\"", "\\", "`", "$(", "${{",
                "\u{fffe}", "\u{1f600}",
            ])
            .prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn holds_command(text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        lower.contains("##[") || lower.contains("##vso[")
    }

    #[test]
    fn unseen_characters_become_visible() {
        let cases = [
            (
                "plain text, \u{e9}\u{4e16}\u{1f600} C:\\n",
                "plain text, \u{e9}\u{4e16}\u{1f600} C:\\n",
            ),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[2J\u{7f}\u{9b}", "\\u001b[2J\\u007f\\u009b"),
            ("x\u{202e}y\u{2066}\u{200d}\u{feff}", "x\\u202ey\\u2066\\u200d\\ufeff"),
            ("\u{2028}\u{2029}\u{85}\u{a0}\u{fe0f}", "\\u2028\\u2029\\u0085\\u00a0\\ufe0f"),
            ("tag \u{e0041}", "tag \\u{e0041}"),
            ("##vso[task.complete]", "#\\u0023vso[task.complete]"),
            ("##VSO[ ###[error]", "#\\u0023VSO[ ##\\u0023[error]"),
            ("## title # [x] ##vs\u{f6}[", "## title # [x] ##vs\u{f6}["),
        ];
        for (text, expected) in cases {
            assert_eq!(inert(text), expected);
        }
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("\u{4e16}\u{4e16}\u{4e16}", 1), "\u{4e16}... (2 more characters)");
        assert_eq!(clip("", 0), "");
    }

    #[test]
    fn shell_words_are_quoted() {
        let cases = [
            ("https://api.pulumi.com", "https://api.pulumi.com"),
            ("", "''"),
            ("=ls", "'=ls'"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(id) ${{ x }}", "'$''(id) $''{{ x }}'"),
            ("##vso[x]", "'#''#vso[x]'"),
            ("<< x >>", "'<''< x >>'"),
            ("a\nb!'", r"$'a\012b\041\''"),
            ("\u{202e}", r"$'\342\200\256'"),
        ];
        for (text, expected) in cases {
            assert_eq!(shell(text), expected);
        }
    }

    #[test]
    fn shells_read_back_what_was_quoted() {
        let printable: String = (' '..='~').collect();
        let controls: String =
            ('\u{1}'..='\u{1f}').chain(['\u{7f}', '\u{9b}', '\u{2028}']).collect();
        let table = [
            "plain",
            "",
            " ",
            "it's",
            "'''",
            "\\",
            "\\'",
            "a'; touch /nonexistent/x; '",
            "$(id) `id` ${HOME} $[1] $((1+1))",
            "!! !x",
            "###[##vso[",
            "~ * ? [a] {a,b}",
            "-n",
            "%s%n",
            "\u{e9}\u{4e16}\u{1f600}",
            printable.as_str(),
            controls.as_str(),
            "\n\n",
            "$(\u{1b}##[\u{202e}7!'\\",
        ];
        for text in table {
            let word = shell(text);
            // dash has no $'...' (it came to POSIX in 2024).
            let shells: &[&str] = if word.starts_with('$') { &["bash"] } else { &["sh", "bash"] };
            for name in shells {
                let script = format!("printf %s {word}");
                let output = Command::new(name).arg("-c").arg(script).output().unwrap();
                assert_eq!(output.stdout, text.as_bytes(), "{name}: {word}");
            }
        }
    }

    #[test]
    fn yaml_scalars_are_quoted() {
        let cases = [
            ("main", "main"),
            ("refs/heads/main", "refs/heads/main"),
            ("No", "\"No\""),
            ("", "\"\""),
            ("12", "\"12\""),
            ("a: b", "\"a: b\""),
            ("api://AzureADTokenExchange", "\"api://AzureADTokenExchange\""),
            ("\u{e0041}\n\"", "\"\\U000e0041\\n\\\"\""),
        ];
        for (text, expected) in cases {
            assert_eq!(yaml(text), expected);
        }
    }

    #[test]
    fn json_strings_are_escaped() {
        assert_eq!(json_string("a\"\\\u{202e}"), r#""a\"\\\u202e""#);
        assert_eq!(json_string("\u{e0041}##["), r##""\udb40\udc41#\u0023[""##);
    }

    #[test]
    fn guarded_line_is_no_command() {
        let cases = [
            ("  ::error::x", "  \\u003a:error::x"),
            ("a ::error::x", "a ::error::x"),
            ("\u{1b}[1ma ##[b]", "\u{1b}[1ma #\\u0023[b]"),
        ];
        for (line, expected) in cases {
            assert_eq!(guard(line), expected);
        }
    }

    #[test]
    fn wrapping_keeps_words_and_code_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("run `pulumi login x` now", 8), ["run", "`pulumi login x`", "now"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("two  spaces", 40), ["two  spaces"]);
    }

    #[test]
    fn values_break_behind_separators_only() {
        let pieces = |text, width| broken(text, width).collect::<Vec<_>>();
        assert_eq!(pieces("/eid1/c/ab-cd", 8), ["/eid1/c/", "ab-cd"]);
        assert_eq!(pieces("ab-cd.ef_gh", 4), ["ab-cd.ef_gh"]);
        assert_eq!(pieces("abcdef/g", 4), ["abcdef/", "g"]);
        assert_eq!(pieces("a:b 127.0.0.1:80", 13), ["a:b ", "127.0.0.1:80"]);
        assert_eq!(pieces("abcd/", 4), ["abcd/"]);
        assert_eq!(pieces("", 4), [""]);
    }

    proptest! {
        #[test]
        fn inert_text_is_one_visible_line(text in hostile()) {
            let shown = inert(&text);
            prop_assert!(!shown.chars().any(is_unseen), "{shown:?}");
            prop_assert!(!holds_command(&shown), "{shown:?}");
            prop_assert_eq!(inert(&shown), shown);
        }

        #[test]
        fn quoted_text_is_inert(text in hostile()) {
            for quoted in [shell(&text), yaml(&text), json_string(&text)] {
                prop_assert_eq!(inert(&quoted), quoted);
            }
        }

        #[test]
        fn json_reads_back(text in hostile()) {
            prop_assert_eq!(serde_json::from_str::<String>(&json_string(&text)).unwrap(), text);
        }

        #[test]
        fn yaml_reads_back_as_a_string(text in hostile()) {
            let value: serde_json::Value = serde_saphyr::from_str(&yaml(&text)).unwrap();
            prop_assert_eq!(value, serde_json::Value::String(text));
        }

        #[test]
        fn yaml_words_read_back_as_strings(text in "[a-zA-Z0-9_./-]{0,5}") {
            let value: serde_json::Value = serde_saphyr::from_str(&yaml(&text)).unwrap();
            prop_assert_eq!(value, serde_json::Value::String(text));
        }

        #[test]
        fn breaking_loses_nothing(text in hostile(), width in 1usize..40) {
            prop_assert_eq!(broken(&text, width).collect::<String>(), text);
        }

        #[test]
        fn wrapping_loses_nothing(text in hostile(), width in 1usize..40) {
            prop_assert_eq!(wrap(&text, width).join(" "), text);
        }
    }
}
