//! Recognises values that are not a token. Nothing that might be a secret of some kind is repeated: shown
//! are the texts of errors, titles, paths and the names of variables.

use serde_json::Value;
use serde_json::error::Category;
use url::Url;

use super::{
    has_token_shape, holds_token, is_token_char, not_a_token, opens_object, runs, truncated,
    whole_tokens,
};
use crate::evidence::{InputProblem, LooksLike};
use crate::text;
use crate::text::secret::shapes::OPAQUE;
use crate::text::secret::{REDACTED, Scrubber};

/// Says what a value is that is not a token. `None`: decode it.
pub(super) fn recognise(text: &str) -> Option<InputProblem> {
    if text.is_empty() {
        return Some(InputProblem::Empty);
    }
    if let Some(problem) = word(text).or_else(|| json(text)).or_else(|| html(text)) {
        return Some(problem);
    }
    if let Some(problem) = reference(text) {
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
    if let Some(problem) = other(text) {
        return Some(problem);
    }
    let has_parts = text.matches('.').count() >= 2 && !text.contains(char::is_whitespace);
    (!has_parts).then(|| not_a_token("text without the three parts of a token", None))
}

/// The masks by which platforms replace a secret in logs.
const MASKS: [&str; 4] = ["***", "[MASKED]", "[REDACTED]", "[FILTERED]"];

fn begins_as_token(text: &str) -> Option<InputProblem> {
    if text.contains("...") || text.contains('\u{2026}') {
        return Some(truncated("dots stand for what was left out".into()));
    }
    let tokens = whole_tokens(text);
    (tokens > 1).then(|| InputProblem::NotAToken {
        what: format!("{tokens} tokens, one after the other"),
        shown: None,
        looks_like: LooksLike::SeveralTokens,
    })
}

/// How programs print that there is no value.
fn word(text: &str) -> Option<InputProblem> {
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

/// The message of an error's body: RFC 6749 section 5.2, RFC 9457, and the forms of Azure, AWS,
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

/// How a variable is written: its beginning and end, what that is called, and which characters
/// it may have beside letters and digits.
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

/// Longer names are not names of variables.
const LONGEST_REFERENCE: usize = 200;

fn reference(text: &str) -> Option<InputProblem> {
    if text.len() > LONGEST_REFERENCE || holds_token(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (inner, syntax, others) = REFERENCES.iter().find_map(|(start, end, syntax, others)| {
        let inner = text.get(start.len()..text.len().checked_sub(end.len())?)?.trim();
        let fits = lower.starts_with(start) && lower.ends_with(end);
        fits.then_some((inner, *syntax, *others))
    })?;
    if is_name(inner, others) {
        // People also write `$(pul-…)`, with the token in the place of its name.
        let shown = |text: &str| Scrubber::default().scrub(text);
        return Some(InputProblem::Unexpanded {
            text: shown(text),
            syntax: syntax.into(),
            name: shown(bare_name(inner)),
        });
    }
    // Only the command is repeated: its arguments may be secrets.
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

/// The name in `variables['idToken']` and `env.idToken`; any other expression as it is.
fn bare_name(inner: &str) -> &str {
    const CONTEXTS: [&str; 6] = ["variables", "env", "vars", "secrets", "parameters", "inputs"];
    let rest = CONTEXTS.iter().find_map(|context| inner.strip_prefix(context)).unwrap_or(inner);
    let index = rest.strip_prefix("['").and_then(|rest| rest.strip_suffix("']"));
    index.or_else(|| rest.strip_prefix('.')).filter(|name| is_name(name, "_.-")).unwrap_or(inner)
}

// -------------------------------------------------------------------------- anything else

const WITH_TOKEN: &str = "text with a token somewhere in it, not the token alone";

fn other(text: &str) -> Option<InputProblem> {
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
        // The path and query of such a URL may be a credential.
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

/// The words that a token could be.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_token_char(c) || matches!(c, '/' | '='))
}

/// `/…`, `./…`, `~/…`, `C:\…`, `\\server\…`, curl's `@…`, or a name with an extension that files
/// with tokens have.
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

/// Several words, one of which says that something failed.
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

/// A run from this length on may be a secret.
const LONGEST_RUN: usize = 32;

/// Text that an error or a page brought, on one line: without words that may be secrets, and
/// without all that follows the beginning of a token.
fn showable(text: &str) -> String {
    let is_secret = |word| runs(word).any(|run| run.len() >= LONGEST_RUN && !is_guid(run));
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

/// Whether the value is a path. A token that begins with a slash by accident is not one.
fn path(text: &str) -> Option<String> {
    (!holds_token(text)).then(|| clipped(text))
}

/// The longest text of others that is repeated, in characters.
const LONGEST_SHOWN: usize = 300;

/// The beginning of a text, without what looks like a token.
fn clipped(text: &str) -> String {
    text::shorten(&Scrubber::default().scrub(text), LONGEST_SHOWN)
}
