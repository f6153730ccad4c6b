//! The messages that are known: what programs say when a login fails, as data.
//!
//! A message is written down as a [`Template`], in the form of the format string that prints it.
//! There is one file for each kind of program. Specific messages come before general ones: if a line
//! contains several, the first counts. To add a message, add its row.

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
    /// The code it means.
    pub means: Means,
    /// Its meaning in one sentence. Empty: the catalogue's meaning of the code. It may contain values
    /// of the template, as `text` does.
    pub says: &'static str,
    /// What to do about it, if that is more specific than the catalogue's advice. May be empty.
    pub fix: &'static str,
    /// Its role among other messages.
    pub role: Role,
    /// Where it counts.
    pub scope: Scope,
    /// How many of the next lines belong to it.
    pub more: usize,
    /// Whether it counts in the middle of a sentence as well.
    pub anywhere: bool,
}

/// How the code follows from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// These codes, the most likely one first.
    Codes(&'static [Code]),
    /// A server could not be reached or is not trusted: the code depends on which server.
    Network(Trouble),
    /// The value `token`, which was passed as the token, decides.
    TokenValue,
    /// The value `url`, from which the CLI made a request, decides.
    BackendUrl,
    /// The value `url`, which is what stands before the first colon of the URL that was given as an
    /// argument, decides.
    BackendArgument,
    /// The value `answer`, which is what Pulumi Cloud answered to the exchange, decides.
    ExchangeAnswer,
    /// The value `status`, an HTTP status that a program reported as an error, and the server that it
    /// requested decide.
    Status,
    /// The login to this system failed.
    OtherSystem(&'static str),
}

/// Why a server could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, or none that lasts.
    Unreachable,
    /// A certificate that is not trusted.
    Untrusted,
}

/// The role of a message among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It names what went wrong.
    Cause,
    /// It follows from another failure: a known cause ranks before it.
    Symptom,
    /// A warning: it counts only where a login failed.
    Hint,
}

/// Where a message counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere: no other program prints it.
    Anywhere,
    /// Where the line, or the step that it belongs to, is about a login to Pulumi Cloud.
    PulumiLogin,
    /// Where the lines around it are about asking a CI platform for a token.
    TokenRequest,
    /// Where a login with an OIDC token was called before.
    OidcLogin,
    /// Where a login takes its token from the variable that the value `variable` names.
    LoginVariable,
}

impl Message {
    const fn new(text: &'static str, means: Means, says: &'static str) -> Self {
        let (role, scope) = (Role::Cause, Scope::Anywhere);
        Self { text, means, says, fix: "", role, scope, more: 0, anywhere: false }
    }

    const fn code(text: &'static str, codes: &'static [Code], says: &'static str) -> Self {
        Self::new(text, Means::Codes(codes), says)
    }

    const fn network(text: &'static str, trouble: Trouble, says: &'static str) -> Self {
        Self { anywhere: true, ..Self::new(text, Means::Network(trouble), says) }
    }

    const fn other(text: &'static str, system: &'static str, says: &'static str) -> Self {
        Self::new(text, Means::OtherSystem(system), says)
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

    const fn more(mut self, lines: usize) -> Self {
        self.more = lines;
        self
    }

    const fn anywhere(mut self) -> Self {
        self.anywhere = true;
        self
    }
}

/// Every known message, the specific before the general.
pub(crate) fn messages() -> impl Iterator<Item = &'static Message> {
    [
        platforms::MESSAGES,
        actions::MESSAGES,
        credentials::MESSAGES,
        pulumi::BEFORE,
        other_systems::MESSAGES,
        network::MESSAGES,
        pulumi::AFTER,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_template_is_one() {
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
            for name in Template::parse(message.says).names() {
                assert!(template.names().any(|n| n == name), "{}: no {name}", message.says);
            }
        }
    }

    #[test]
    fn no_message_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for message in messages() {
            assert!(seen.insert(message.text), "{}", message.text);
        }
    }
}
