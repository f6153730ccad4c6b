//! The known messages that programs print when a login fails, as data.
//!
//! Each message is a [`Template`], similar to the format string that prints it. There is one file
//! for each kind of program. Specific messages come before general ones, because the first match in
//! a line counts. To add a message, add its row.

mod actions;
mod credentials;
mod network;
mod other_systems;
mod platforms;
mod pulumi;
mod template;

pub(crate) use template::{Found, Template};

use crate::catalogue::Code;

/// A known message.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Its text, as a [`Template`].
    pub text: &'static str,
    /// How its code is determined.
    pub means: Means,
    /// Its meaning in one sentence, which may contain values of `text`. If empty, the catalogue's
    /// meaning of the code applies.
    pub explanation: &'static str,
    /// The fix, if it is more specific than the catalogue's advice; may be empty.
    pub fix: &'static str,
    pub role: Role,
    pub scope: Scope,
    /// How many lines after it belong to it.
    pub following_lines: usize,
    /// Whether it also counts in the middle of a sentence.
    pub anywhere: bool,
}

/// How a message's code is determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// These codes, the most likely one first.
    Codes(&'static [Code]),
    /// By the server that could not be reached or is not trusted.
    Network(ServerFailure),
    /// By the value `token`, which was passed as the token.
    TokenValue,
    /// By the value `url`, from which the CLI made a request.
    BackendUrl,
    /// By the value `url`, the part before the first colon of the URL argument.
    BackendArgument,
    /// By the value `answer`, Pulumi Cloud's answer to the exchange.
    ExchangeAnswer,
    /// By the value `status`, an HTTP status, and the server that returned it.
    Status,
    /// The login to this system failed.
    OtherSystem(&'static str),
}

/// Why a server could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerFailure {
    /// It did not accept a connection, or the connection broke.
    Unreachable,
    /// Its certificate is not trusted.
    Untrusted,
}

/// The role of a message among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Names the cause of a failure.
    Cause,
    /// Follows from another failure; a known cause ranks before it.
    Symptom,
    /// A warning, which counts only if a login failed.
    Hint,
}

/// The context in which a message counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Any; no other program prints it.
    Anywhere,
    /// The line or its step is about a login to Pulumi Cloud.
    PulumiLogin,
    /// The lines around it are about requesting a token from a CI platform.
    TokenRequest,
    /// A login with an OIDC token was called before.
    OidcLogin,
    /// A login takes its token from the variable that the value `variable` names.
    LoginVariable,
}

impl Message {
    const fn new(text: &'static str, means: Means, explanation: &'static str) -> Self {
        let (role, scope) = (Role::Cause, Scope::Anywhere);
        Self { text, means, explanation, fix: "", role, scope, following_lines: 0, anywhere: false }
    }

    const fn code(text: &'static str, codes: &'static [Code], explanation: &'static str) -> Self {
        Self::new(text, Means::Codes(codes), explanation)
    }

    const fn network(
        text: &'static str,
        failure: ServerFailure,
        explanation: &'static str,
    ) -> Self {
        Self { anywhere: true, ..Self::new(text, Means::Network(failure), explanation) }
    }

    const fn other(text: &'static str, system: &'static str, explanation: &'static str) -> Self {
        Self::new(text, Means::OtherSystem(system), explanation)
    }

    const fn fix(mut self, fix: &'static str) -> Self {
        self.fix = fix;
        self
    }

    const fn symptom(mut self) -> Self {
        self.role = Role::Symptom;
        self
    }

    const fn hint(mut self) -> Self {
        self.role = Role::Hint;
        self
    }

    const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    const fn following_lines(mut self, lines: usize) -> Self {
        self.following_lines = lines;
        self
    }

    const fn anywhere(mut self) -> Self {
        self.anywhere = true;
        self
    }
}

/// Every known message, the specific ones first.
pub(crate) fn messages() -> impl Iterator<Item = &'static Message> {
    [
        platforms::MESSAGES,
        actions::MESSAGES,
        credentials::MESSAGES,
        pulumi::SPECIFIC,
        other_systems::MESSAGES,
        network::MESSAGES,
        pulumi::GENERAL,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn templates_have_needles_and_names() {
        for message in messages() {
            let template = Template::parse(message.text);
            assert!(template.needle().len() >= 4, "{}: too short to search for", message.text);
            let wanted = match message.means {
                Means::TokenValue => Some("token"),
                Means::BackendUrl | Means::BackendArgument => Some("url"),
                Means::ExchangeAnswer => Some("answer"),
                Means::Status => Some("status"),
                _ => None,
            };
            if let Some(name) = wanted {
                assert!(template.names().any(|n| n == name), "{}: no {name}", message.text);
            }
            for name in Template::parse(message.explanation).names() {
                assert!(template.names().any(|n| n == name), "{}: no {name}", message.explanation);
            }
        }
    }

    #[test]
    fn message_texts_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for message in messages() {
            assert!(seen.insert(message.text), "{}", message.text);
        }
    }
}
