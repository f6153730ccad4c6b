//! Maps a message to codes. The most likely code comes first.

use super::login::{login_of, match_value, resolve_backend, variable_in_word};
use crate::catalogue::Code;
use crate::evidence::BackendSource;
use crate::evidence::log::{Decided, Log, LogMatch, Party};
use crate::known_messages::{Means, Scope};
use crate::platform::Id;
use crate::pulumi::backend_url;
use crate::pulumi::backend_url::{Resolved, UrlProblem};
use crate::text::secret::REDACTED;

/// The codes of a message. Never empty.
pub(super) fn codes_of(log: &Log, log_match: &LogMatch) -> Vec<Code> {
    match (log_match.message.means, &log_match.decided) {
        (Means::Codes(codes), _) => by_platform(log, log_match, codes),
        (Means::OtherSystem(_), _) => vec![Code::OtherSystemFailed],
        (Means::Network(failure), Some(Decided::Party(party))) => vec![party.network_code(failure)],
        (Means::TokenValue, Some(Decided::Token { code, .. })) => vec![*code],
        (Means::BackendUrl | Means::BackendArgument, _) => backend_codes(log, log_match),
        (Means::ExchangeAnswer, _) => {
            let status = match_value(log_match, "status");
            match exchange_codes(status, &log_match.text) {
                codes if codes[0] == Code::BackendNotPulumi && has_path(log) => {
                    vec![Code::BackendPathSuspicious, Code::BackendNotPulumi]
                }
                codes => codes,
            }
        }
        (Means::Status, Some(Decided::Party(party))) => {
            vec![status_code(*party, match_value(log_match, "status").unwrap_or_default())]
        }
        _ => vec![Code::ExchangeRejected],
    }
}

/// Adapts the codes of a message to the platform. On GitLab, an empty token means that the job
/// requests none.
fn by_platform(log: &Log, log_match: &LogMatch, codes: &[Code]) -> Vec<Code> {
    let login = login_of(log, log_match).and_then(|login| login.token.as_deref());
    let variable = login.and_then(variable_in_word).unwrap_or_default();
    let is_gitlab = log.context.platform == Some(Id::GitLab);
    // GitLab 17 has no CI_JOB_JWT any more.
    let is_unset = log_match.message.scope == Scope::LoginVariable;
    match codes {
        // On other platforms the variable is the user's own.
        [Code::AdoTokenNotExposed]
            if log.context.platform.is_some_and(|platform| platform != Id::AzurePipelines) =>
        {
            vec![Code::TokenEmpty]
        }
        // The login had --oidc-token, so the token was empty.
        [Code::AgentAccountUsed, Code::TokenEmpty] if login.is_some() => {
            vec![Code::TokenEmpty, Code::AgentAccountUsed]
        }
        [Code::TokenEmpty] if is_gitlab && (is_unset || variable.starts_with("CI_JOB_JWT")) => {
            vec![Code::GitlabIdTokenMissing, Code::TokenEmpty]
        }
        codes => codes.to_vec(),
    }
}

/// Whether the backend URL has a path.
fn has_path(log: &Log) -> bool {
    let Some(backend) = &log.context.backend else { return false };
    let version = log.context.version.as_ref().map(|version| &version.value);
    let resolved = Resolved::new(backend.value.clone(), BackendSource::Default, version);
    let problems = backend_url::problems(&resolved, false);
    problems.iter().any(|problem| matches!(problem, UrlProblem::Path { .. }))
}

/// The codes for a URL that the CLI could not use.
fn backend_codes(log: &Log, log_match: &LogMatch) -> Vec<Code> {
    let resolved = resolve_backend(log, log_match);
    // The URL is a token: the shell split the argument with the token.
    if resolved.url.contains(REDACTED) {
        return vec![Code::TokenWrapped, Code::TokenOnCommandLine];
    }
    let version = log.context.version.as_ref().map(|version| &version.value);
    match backend_url::problems(&resolved, false).first() {
        Some(UrlProblem::Empty) => {
            let has_default = version.is_some_and(|version| version.minor >= 216);
            let codes = [Code::BackendEmpty, Code::BackendSchemeMissing];
            // Since 3.216 the CLI has the default backend api.pulumi.com.
            if has_default { codes.into_iter().rev().collect() } else { codes.to_vec() }
        }
        Some(problem) => vec![problem.code()],
        None => vec![Code::BackendSchemeMissing],
    }
}

/// The codes for an answer to the token exchange. The service's failure messages are not
/// documented. Messages known from public logs decide; other words only suggest a code.
fn exchange_codes(status: Option<&str>, answer: &str) -> Vec<Code> {
    let lower = answer.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let number =
        status.and_then(|status| status.parse::<u16>().ok()).or_else(|| status_in_body(answer));
    let is = |range: std::ops::RangeInclusive<u16>| number.is_some_and(|n| range.contains(&n));
    if has(&["invalid organization"]) {
        return vec![Code::OrganizationUnknown];
    }
    if is(429..=429) || has(&["too many requests", "rate limit", "rate-limit"]) {
        return vec![Code::ExchangeRateLimited];
    }
    // Go's own errors begin with the request, so this is not a server's message.
    if ["failed: post \"", "failed: get \""].iter().any(|request| lower.contains(request)) {
        return vec![match has(&["tls: ", "x509: "]) {
            true => Code::BackendTlsUntrusted,
            false => Code::BackendUnreachable,
        }];
    }
    let failing = [
        "server_error",
        "internal server error",
        "bad gateway",
        "service unavailable",
        "unavailable</title>",
        "<title>50",
        "gateway time",
    ];
    if is(500..=599) || has(&failing) {
        return vec![Code::ExchangeServerError];
    }
    if is(404..=404) || has(&["404 page not found"]) {
        return vec![Code::BackendNotPulumi];
    }
    if has(&["<!doctype", "<html", "invalid character '<'", "undefined: undefined"]) {
        return vec![Code::BackendNotPulumi];
    }
    if has(&["unexpected end of json", "cannot unmarshal", "invalid character"]) {
        return vec![Code::ExchangeMalformed];
    }
    let suggestions = [
        (&["expired"][..], Code::TokenExpired),
        (&["signature"], Code::SignatureInvalid),
        (&["issuer"], Code::IssuerNotRegistered),
        (&["audience"], Code::AudienceMismatch),
        (&["subject"], Code::SubjectMismatch),
        (&["polic", "denied"], Code::PolicyDefaultDeny),
    ];
    let suggested = suggestions.iter().filter(|(words, _)| has(words)).map(|(_, code)| *code);
    std::iter::once(Code::ExchangeRejected).chain(suggested).collect()
}

/// The status in the body of Pulumi's own errors: `{"code":404,…}`.
fn status_in_body(answer: &str) -> Option<u16> {
    let start = answer.find('{')?;
    let mut values = serde_json::Deserializer::from_str(&answer[start..]).into_iter();
    let body: serde_json::Value = values.next()?.ok()?;
    body.get("code")?.as_u64()?.try_into().ok()
}

/// The code for an HTTP status that a program other than pulumi reported.
fn status_code(party: Party, status: &str) -> Code {
    let digits: String = status.chars().take_while(char::is_ascii_digit).collect();
    let number = digits.parse().unwrap_or(0);
    match (party, number) {
        (Party::Platform, _) => Code::TokenRequestFailed,
        (Party::Issuer, _) => Code::DiscoveryNotFound,
        (Party::Keys, _) => Code::JwksUnreachable,
        (Party::Exchange, 429) => Code::ExchangeRateLimited,
        (Party::Exchange, 500..) => Code::ExchangeServerError,
        (Party::Exchange, _) => Code::ExchangeRejected,
        (Party::Backend, 401) => Code::WhoamiUnauthorized,
        (Party::Backend, 403) => Code::WhoamiForbidden,
        (Party::Backend | Party::Unnamed, _) => Code::WhoamiFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_answers_have_codes() {
        use Code::{
            BackendNotPulumi, ExchangeMalformed, ExchangeRateLimited, ExchangeRejected,
            ExchangeServerError, OrganizationUnknown, TokenExpired,
        };
        let cases = [
            (
                None,
                "{\"error\":\"invalid_request\",\"error_description\":\"invalid organization x\"}",
                OrganizationUnknown,
            ),
            (Some("429"), "Too Many Requests", ExchangeRateLimited),
            (None, "{\"error\":\"server_error\"}", ExchangeServerError),
            (Some("503"), "", ExchangeServerError),
            (None, "<!DOCTYPE html><html>", BackendNotPulumi),
            (None, "{\"code\":404,\"message\":\"Not Found\"}", BackendNotPulumi),
            (None, "unexpected end of JSON input", ExchangeMalformed),
            (None, "", ExchangeRejected),
        ];
        for (status, answer, code) in cases {
            assert_eq!(exchange_codes(status, answer).first(), Some(&code), "{answer}");
        }
        let suggested = exchange_codes(
            None,
            "{\"error\":\"invalid_grant\",\"error_description\":\"token expired\"}",
        );
        assert_eq!(suggested, [ExchangeRejected, TokenExpired]);
    }

    #[test]
    fn status_codes_depend_on_party() {
        assert_eq!(status_code(Party::Exchange, "403"), Code::ExchangeRejected);
        assert_eq!(status_code(Party::Exchange, "502 Bad Gateway"), Code::ExchangeServerError);
        assert_eq!(status_code(Party::Backend, "401 (Unauthorized)"), Code::WhoamiUnauthorized);
        assert_eq!(status_code(Party::Platform, "401"), Code::TokenRequestFailed);
    }
}
