//! Checks that every known message is found in the form in which each platform shows it.

#![allow(clippy::unwrap_used)]

use std::io::Cursor;

use super::scan::Scanner;
use crate::catalogue::{Category, Code};
use crate::evidence::log::Log;
use crate::judge;
use crate::known_messages::{Means, Message, Scope, ServerFailure, Template, messages};

/// The prefixes of CLI versions, which other programs use too.
const PREFIXES: [&str; 5] = [
    "",
    "error: ",
    "error: problem logging in: ",
    "error: could not log in to the Pulumi Cloud: ",
    "error: could not log in to the state backend \"https://api.pulumi.com\": ",
];

/// What platforms put before and after a line.
const DECORATIONS: [(&str, &str); 8] = [
    ("", ""),
    // Azure Pipelines and GitHub Actions
    ("2026-01-31T12:00:00.1234567Z ##[error]", ""),
    ("##vso[task.logissue type=error]", ""),
    ("::error file=a.js,line=1::", ""),
    ("job\tstep name\t2026-01-31T12:00:00.1234567Z ", ""),
    ("2026-01-31T12:00:00.1234567Z \u{1b}[31m", "\u{1b}[0m"),
    // GitLab
    ("2026-01-31T12:00:00.123456Z 01E ", ""),
    ("\u{1b}[0K\u{1b}[31;1m", "\u{1b}[0;m"),
];

/// The message with values in it.
fn sample(message: &Message) -> String {
    let text = Template::parse(message.text).fill(|name| {
        let value = match (message.means, name) {
            (Means::TokenValue, _) => "null'",
            (_, "url") => "api.acme.test",
            (_, "variable") => "TOKEN",
            (_, "extension") => "yaml",
            (_, "status") => "403",
            _ => "x",
        };
        Some(value.to_owned())
    });
    match message.means {
        Means::Network(_) => format!("Get \"https://api.pulumi.com/api/user\": {text}"),
        _ => text,
    }
}

/// The lines of the log before the message.
fn before(message: &Message) -> &'static [&'static str] {
    match (message.scope, message.means) {
        (_, Means::Status) => &["+ curl https://api.pulumi.com/api/oauth/token"],
        (Scope::Anywhere, _) => &[],
        (Scope::TokenRequest, _) => &["+ curl \"$SYSTEM_OIDCREQUESTURI\""],
        (Scope::PulumiLogin | Scope::OidcLogin | Scope::LoginVariable, _) => {
            &["+ pulumi login --oidc-token \"$TOKEN\" --oidc-org acme"]
        }
    }
}

fn is_code_of(message: &Message, code: Code) -> bool {
    match message.means {
        Means::Codes(codes) => codes[0] == code,
        Means::Network(ServerFailure::Unreachable) => code == Code::BackendUnreachable,
        Means::Network(ServerFailure::Untrusted) => code == Code::BackendTlsUntrusted,
        Means::TokenValue => code == Code::TokenNotAToken,
        Means::BackendUrl | Means::BackendArgument => code.category() == Category::Backend,
        Means::ExchangeAnswer => code == Code::ExchangeRejected,
        Means::Status => matches!(code, Code::ExchangeRejected | Code::WhoamiForbidden),
        Means::OtherSystem(_) => code == Code::OtherSystemFailed,
    }
}

fn read(text: &str) -> Log {
    let mut scanner = Scanner::new();
    scanner.read_log("a.log", false, &mut Cursor::new(text), &|| None).unwrap();
    scanner.finish()
}

#[test]
fn every_message_is_found_in_every_form() {
    let mut lost = Vec::new();
    let mut count = 0;
    for message in messages() {
        let leads = ["error: ", "problem logging in: ", "could not log in to the "];
        let has_none = message.scope == Scope::TokenRequest
            || leads.iter().any(|lead| message.text.starts_with(lead));
        for prefix in PREFIXES.iter().filter(|prefix| prefix.is_empty() || !has_none) {
            for (front, end) in DECORATIONS {
                // Not every combination: that would be thousands of logs.
                if !prefix.is_empty() && !front.is_empty() {
                    continue;
                }
                let line = format!("{front}{prefix}{}{end}", sample(message));
                let job = if front.contains('\t') { front } else { "" };
                let before = before(message).iter().map(|line| format!("{job}{line}\n"));
                let log = read(&format!("{}{line}\nlast line\n", before.collect::<String>()));
                let is_met = log.matches.iter().any(|met| met.message.text.ends_with(message.text));
                let triage = judge::triage(&log);
                let has_code =
                    triage.findings.iter().any(|found| is_code_of(message, found.finding.code));
                count += 1;
                if !is_met || !has_code {
                    let codes: Vec<_> = triage.findings.iter().map(|f| f.finding.code).collect();
                    lost.push(format!("{}\n  in {line:?}: {codes:?}", message.text));
                }
            }
        }
    }
    assert!(count > 2_500, "{count} lines");
    assert!(lost.is_empty(), "{} of {count} lost\n{}", lost.len(), lost.join("\n"));
}
