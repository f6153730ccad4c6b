//! Finds the login in a log that a message belongs to.

use jiff::Timestamp;

use crate::catalogue::Code;
use crate::evidence::BackendSource;
use crate::evidence::log::{Log, LogMatch, LoginLine};
use crate::known_messages::Means;
use crate::pulumi::backend_url::Resolved;
use crate::report::Proof;

/// Further evidence in the log for a message.
pub(super) fn login_proofs(log: &Log, log_match: &LogMatch, code: Code) -> Vec<Proof> {
    let mut proofs = Vec::new();
    if code == Code::ExchangeRejected
        && let Some(at) = log_match.at
    {
        // The service's message may not mention an expired token.
        for logged in &log.context.claims {
            let expired = logged.value.get("exp").and_then(serde_json::Value::as_i64);
            if let Some(exp) = expired.filter(|exp| *exp < at.as_second()) {
                let expired =
                    Timestamp::from_second(exp).map_or_else(|_| exp.to_string(), |t| t.to_string());
                proofs.push(Proof::new(
                    "a token in this log had expired",
                    format!("at {expired}; the exchange was refused at {at}"),
                    log.location(logged.place),
                ));
            }
        }
    }
    let called = login_of(log, log_match)
        .filter(|_| !matches!(log_match.message.means, Means::OtherSystem(_)));
    if let Some(login) = called {
        proofs.push(Proof::new("the login", &login.text, log.location(login.place)));
    }
    proofs
}

/// The login that a message belongs to: the last one before it in the same log.
pub(super) fn login_of<'a>(log: &'a Log, log_match: &LogMatch) -> Option<&'a LoginLine> {
    let login = log.context.logins.get(log_match.login?)?;
    let place = log_match.places.first()?;
    Some(login).filter(|login| login.place.is_in_same_job(place))
}

/// The variable in a shell word: `$NAME`, `${NAME}`, `$env:NAME`, `%NAME%`.
pub(super) fn variable_in_word(word: &str) -> Option<&str> {
    let name = word
        .strip_prefix("$env:")
        .or_else(|| word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')))
        .or_else(|| word.strip_prefix('$'))
        .or_else(|| word.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')))?;
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    Some(name.split(":-").next().unwrap_or(name)).filter(|name| is_name(name))
}

pub(super) fn match_value<'a>(log_match: &'a LogMatch, name: &str) -> Option<&'a str> {
    log_match.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// The backend of a message that contains its URL.
pub(super) fn resolve_backend(log: &Log, log_match: &LogMatch) -> Resolved {
    let login = log_match.login.and_then(|index| log.context.logins.get(index));
    let named = login.and_then(|login| login.url.as_ref());
    let logged = match_value(log_match, "url").unwrap_or_default();
    let is_argument = log_match.message.means == Means::BackendArgument;
    // The message contains an argument only up to its first colon.
    let (url, source) = match named {
        Some(named) if named.url.starts_with(logged) => (named.url.clone(), named.source.clone()),
        _ if is_argument => (logged.to_owned(), BackendSource::Argument),
        _ => {
            let source = log.context.backend_source.clone();
            (logged.to_owned(), source.unwrap_or(BackendSource::Default))
        }
    };
    Resolved::new(url, source, log.context.version.as_ref().map(|version| &version.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_words() {
        for word in ["$idToken", "${idToken}", "$env:idToken", "%idToken%", "${idToken:-}"] {
            assert_eq!(variable_in_word(word), Some("idToken"), "{word}");
        }
        for word in ["idToken", "$(idToken)", "file://token", "$", ""] {
            assert_eq!(variable_in_word(word), None, "{word}");
        }
    }
}
