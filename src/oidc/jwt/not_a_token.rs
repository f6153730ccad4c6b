//! Recognises values that are not a token. Descriptions quote only error messages, titles, paths
//! and variable names, never anything that may be a secret.

use serde_json::Value;
use serde_json::error::Category;
use url::Url;

use super::{
    base64_runs, count_whole_tokens, has_token_shape, holds_token, is_token_char, not_a_token,
    opens_object, truncated,
};
use crate::evidence::{InputProblem, LooksLike};
use crate::text;
use crate::text::secret::shapes::OPAQUE;
use crate::text::secret::{REDACTED, Scrubber};

/// Describes a value that is not a token. `None`: it may be one, so decode it.
pub(super) fn describe_non_token(text: &str) -> Option<InputProblem> {
    if text.is_empty() {
        return Some(InputProblem::Empty);
    }
    if let Some(problem) = null_word(text).or_else(|| json(text)).or_else(|| html(text)) {
        return Some(problem);
    }
    if let Some(problem) = unexpanded_reference(text) {
        return Some(problem);
    }
    if MASKS.iter().any(|mask| text.contains(mask)) {
        return Some(InputProblem::Masked);
    }
    if opens_object(text) {
        return begins_as_token(text);
    }
    if text.starts_with("pul-") {
        return Some(InputProblem::PulumiToken);
    }
    if let Some(shape) = OPAQUE.iter().find(|shape| text.starts_with(shape.prefix)) {
        return Some(InputProblem::OpaqueToken { what: shape.what.into() });
    }
    if let Some(problem) = other_text(text) {
        return Some(problem);
    }
    let has_parts = text.matches('.').count() >= 2 && !text.contains(char::is_whitespace);
    (!has_parts).then(|| not_a_token("text without the three parts of a token", None))
}

/// The masks that platforms put in place of a secret in logs.
const MASKS: [&str; 4] = ["***", "[MASKED]", "[REDACTED]", "[FILTERED]"];

fn begins_as_token(text: &str) -> Option<InputProblem> {
    if text.contains("...") || text.contains('\u{2026}') {
        return Some(truncated("dots replace a part of it".into()));
    }
    let tokens = count_whole_tokens(text);
    (tokens > 1).then(|| InputProblem::NotAToken {
        what: format!("{tokens} tokens, one after the other"),
        shown: None,
        looks_like: LooksLike::SeveralTokens,
    })
}

/// Recognises words that programs print for a missing value.
fn null_word(text: &str) -> Option<InputProblem> {
    const WORDS: [&str; 14] = [
        "null",
        "(null)",
        "<null>",
        "undefined",
        "none",
        "nil",
        "<nil>",
        "nan",
        "true",
        "false",
        "[object Object]",
        "[object Promise]",
        "System.Security.SecureString",
        "System.Object[]",
    ];
    let word = WORDS.iter().find(|word| text.eq_ignore_ascii_case(word))?;
    Some(not_a_token(&format!("the word {word}"), None))
}

// ------------------------------------------------------------------------------ documents

fn json(text: &str) -> Option<InputProblem> {
    if !text.starts_with(['{', '[']) || text.starts_with("{{") {
        return None;
    }
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) if error.classify() == Category::Eof && holds_token(text) => {
            return Some(truncated("the JSON around it ends early".into()));
        }
        Err(error) if error.classify() == Category::Eof => {
            return Some(not_a_token("JSON that ends early", None));
        }
        Err(_) => return None,
    };
    if let Some(message) = error_message(&value) {
        return Some(not_a_token("a JSON error answer", Some(showable(&message))));
    }
    let has = |key: &str| value.get(key).is_some();
    let what = if has("iss") && (has("sub") || has("aud")) {
        "the decoded claims of a token, not the token"
    } else if has("jwks_uri") {
        "an issuer's discovery document"
    } else if has("keys") {
        "a key set"
    } else if holds_token(text) {
        WITH_TOKEN
    } else {
        "JSON that holds no token"
    };
    Some(not_a_token(what, None))
}

/// The message in an error body: RFC 6749 section 5.2, RFC 9457, and the formats of Azure, AWS,
/// GitHub, GitLab and Pulumi Cloud.
fn error_message(value: &Value) -> Option<String> {
    const CODES: [&str; 5] = ["/error/code", "/error", "/code", "/typeKey", "/__type"];
    const MESSAGES: [&str; 9] = [
        "/error_description",
        "/error/message",
        "/message",
        "/Message",
        "/errors/0/message",
        "/errors/0",
        "/detail",
        "/title",
        // Azure DevOps wraps its errors as {"count": 151, "value": "There is no …"}.
        "/value",
    ];
    let find = |paths: &[&str]| {
        paths.iter().find_map(|path| match value.pointer(path)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    match (find(&CODES), find(&MESSAGES)) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => message.or(code),
    }
}

fn html(text: &str) -> Option<InputProblem> {
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with('<') {
        return None;
    }
    if !["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| lower.contains(tag)) {
        return lower.starts_with("<?xml").then(|| not_a_token("an XML document", None));
    }
    let title = lower.find("<title").and_then(|start| {
        let start = start + lower.get(start..)?.find('>')? + 1;
        let end = start + lower.get(start..)?.find("</title")?;
        text.get(start..end)
    });
    let title = title.map(showable).filter(|title| !title.is_empty());
    Some(not_a_token("an HTML page", title))
}

// ----------------------------------------------------------------------------- references

/// The syntax of variable references: beginning, end, name of the syntax, and the characters
/// allowed besides letters and digits.
const REFERENCES: [(&str, &str, &str, &str); 10] = [
    ("${{", "}}", "a GitHub Actions or Azure template expression", EXPRESSION),
    ("$[[", "]]", "a GitLab input expression", EXPRESSION),
    ("$[", "]", "an Azure Pipelines runtime expression", EXPRESSION),
    ("{{", "}}", "a template placeholder", EXPRESSION),
    ("${env:", "}", "a PowerShell variable", "_"),
    ("$env:", "", "a PowerShell variable", "_"),
    ("$(", ")", "an Azure Pipelines macro", "_.-"),
    ("${", "}", "a POSIX shell variable", "_"),
    ("$", "", "a POSIX shell variable", "_"),
    ("%", "%", "a cmd.exe variable", "_"),
];
const EXPRESSION: &str = " _.-'\"[](),|&!=:/{}$";

/// Longer texts are not variable references.
const LONGEST_REFERENCE: usize = 200;

fn unexpanded_reference(text: &str) -> Option<InputProblem> {
    if text.len() > LONGEST_REFERENCE || holds_token(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (inner, syntax, others) = REFERENCES.iter().find_map(|(start, end, syntax, others)| {
        let inner = text.get(start.len()..text.len().checked_sub(end.len())?)?.trim();
        let matches = lower.starts_with(start) && lower.ends_with(end);
        matches.then_some((inner, *syntax, *others))
    })?;
    if is_name(inner, others) {
        // People also write `$(pul-…)`, with the token in place of its name.
        let shown = |text: &str| Scrubber::default().scrub(text);
        return Some(InputProblem::Unexpanded {
            text: shown(text),
            syntax: syntax.into(),
            name: shown(bare_name(inner)),
        });
    }
    // Quote only the command: its arguments may be secrets.
    let command = inner.split_whitespace().next().filter(|command| is_name(command, "_.-/"))?;
    text.starts_with("$(").then(|| InputProblem::Unexpanded {
        text: format!("$({command} ...)"),
        syntax: "a shell's command substitution".into(),
        name: command.into(),
    })
}

fn is_name(text: &str, others: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || others.contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

/// The name in `variables['idToken']` or `env.idToken`. Returns other expressions unchanged.
fn bare_name(inner: &str) -> &str {
    const CONTEXTS: [&str; 6] = ["variables", "env", "vars", "secrets", "parameters", "inputs"];
    let rest = CONTEXTS.iter().find_map(|context| inner.strip_prefix(context)).unwrap_or(inner);
    let index = rest.strip_prefix("['").and_then(|rest| rest.strip_suffix("']"));
    index.or_else(|| rest.strip_prefix('.')).filter(|name| is_name(name, "_.-")).unwrap_or(inner)
}

// -------------------------------------------------------------------------- anything else

const WITH_TOKEN: &str = "text with a token somewhere in it, not the token alone";

fn other_text(text: &str) -> Option<InputProblem> {
    let starts =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    let mut looks_like = LooksLike::Other;
    let (what, shown) = if text == "-" {
        ("a hyphen, which means standard input only as the argument TOKEN", None)
    } else if words(text).any(has_token_shape) {
        (WITH_TOKEN, None)
    } else if text.starts_with("-----BEGIN ") {
        ("a PEM block: a key or a certificate", None)
    } else if is_message(text) {
        ("an error message", Some(showable(text)))
    } else if starts("file:") {
        looks_like = LooksLike::FileAddress;
        ("a file address that does not begin with file://", path(text))
    } else if starts("http://") || starts("https://") {
        // Path and query of such a URL may hold a credential.
        ("a URL", Url::parse(text).ok().and_then(|url| url.host_str().map(showable)))
    } else if is_path(text) {
        looks_like = LooksLike::FilePath;
        ("a file path without file://", path(text))
    } else if is_guid(text) {
        ("a GUID, such as the id of a client or a tenant", None)
    } else if text.starts_with('<') && text.ends_with('>') {
        ("a placeholder", Some(showable(text)))
    } else {
        return None;
    };
    Some(InputProblem::NotAToken { what: what.into(), shown, looks_like })
}

/// The words that may be tokens.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_token_char(c) || matches!(c, '/' | '='))
}

/// Whether a text is a path: `/…`, `./…`, `~/…`, `C:\…`, `\\server\…`, curl's `@…`, or a name with
/// the extension of a token file.
fn is_path(text: &str) -> bool {
    let is_drive =
        matches!(text.as_bytes(), [d, b':', b'\\' | b'/', ..] if d.is_ascii_alphabetic());
    let starts = ["/", "./", "../", "~/", "\\\\", ".\\", "..\\", "@"];
    let ends = [".txt", ".jwt", ".json", ".token", ".tmp", "/token"];
    let is_file = is_drive
        || starts.iter().any(|start| text.starts_with(start))
        || ends.iter().any(|end| text.ends_with(end));
    is_file && text.len() <= 4096 && !text.contains(['\n', '\r'])
}

fn is_guid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Whether a text is several words, one of them about a failure.
fn is_message(text: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "error",
        "fail",
        "denied",
        "unauthorized",
        "forbidden",
        "not found",
        "could not",
        "curl:",
        "invalid",
    ];
    let lower = text.to_ascii_lowercase();
    text.split_whitespace().nth(2).is_some() && SIGNS.iter().any(|sign| lower.contains(sign))
}

/// Runs of this length or more may be secrets.
const SHORTEST_SECRET: usize = 32;

/// The text of an error or a page on one line, without words that may be secrets, up to the first
/// token.
fn showable(text: &str) -> String {
    let is_secret =
        |word| base64_runs(word).any(|run| run.len() >= SHORTEST_SECRET && !is_guid(run));
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let is_token = holds_token(word);
        words.push(if is_token || is_secret(word) { REDACTED } else { word });
        if is_token {
            break;
        }
    }
    clipped(&words.join(" "))
}

/// A path to show. A token that begins with a slash by accident is not shown.
fn path(text: &str) -> Option<String> {
    (!holds_token(text)).then(|| clipped(text))
}

/// How much of a foreign text is quoted, in characters.
const LONGEST_SHOWN: usize = 300;

/// The beginning of a text, without tokens.
fn clipped(text: &str) -> String {
    text::shorten(&Scrubber::default().scrub(text), LONGEST_SHOWN)
}
