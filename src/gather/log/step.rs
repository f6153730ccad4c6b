//! What is known of the step that a line belongs to.

use super::line::Line;
use crate::log::Party;
use crate::signatures::Scope;

/// How many lines a command speaks for, where nothing says that its step has ended.
const REACH: u64 = 60;
/// No script of a step is longer: an end that was cut off must not hide the rest of a log.
const LONGEST_SCRIPT: u64 = 400;

/// What begins or ends something, as it stands in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A step begins.
    Step,
    /// The text of a step's script begins, or its inputs.
    Script,
    /// It ends.
    ScriptEnd,
    /// Somebody is asked.
    Request(Party),
    /// A login to Pulumi Cloud.
    Login,
    /// A step that does nothing else than the exchange.
    ExchangeStep,
}

/// The marks and the texts by which they are known.
pub(super) const MARKS: &[(Mark, &str)] = &[
    (Mark::Step, "##[section]Starting: "),
    (Mark::Script, "##[group]Run "),
    (Mark::ExchangeStep, "##[group]Run pulumi/auth-actions"),
    (Mark::ScriptEnd, "##[endgroup]"),
    (Mark::Script, "Script contents:"),
    (Mark::ScriptEnd, "Starting Command Output"),
    (Mark::Login, "pulumi login"),
    (Mark::Login, "could not log in to"),
    (Mark::Login, "problem logging in"),
    (Mark::Login, "token exchange"),
    (Mark::Request(Party::Exchange), "/api/oauth/token"),
    (Mark::Request(Party::Backend), "api.pulumi.com"),
    (Mark::Request(Party::Backend), "/api/user"),
    (Mark::Request(Party::Backend), "/api/capabilities"),
    (Mark::Request(Party::Issuer), "/.well-known/openid-configuration"),
    (Mark::Request(Party::Keys), "/.well-known/jwks"),
    (Mark::Request(Party::Keys), "/discovery/v2.0/keys"),
    (Mark::Request(Party::Keys), "/openid/v1/jwks"),
    (Mark::Request(Party::Keys), "/oauth/discovery/keys"),
    (Mark::Request(Party::Platform), "oidctoken"),
    (Mark::Request(Party::Platform), "SYSTEM_OIDCREQUESTURI"),
    (Mark::Request(Party::Platform), "ACTIONS_ID_TOKEN_REQUEST_URL"),
    (Mark::Request(Party::Platform), "oidc request-token"),
    (Mark::Request(Party::Platform), "circleci run oidc get"),
];

/// Requests to Pulumi Cloud whose failure stops no login.
const HARMLESS: [&str; 2] = ["/api/cli/version", "A new version of Pulumi"];

/// The state between the lines of one log.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    /// Until which line what stands there is a script, not what it says.
    script_until: u64,
    exchange: bool,
    login_until: u64,
    request: Option<Request>,
}

/// Who was asked by a command.
#[derive(Debug, Clone)]
struct Request {
    party: Party,
    until: u64,
    /// The command.
    command: String,
}

impl Step {
    /// Whether a line belongs to a script's text.
    pub(super) fn in_script(&self, line: u64) -> bool {
        line < self.script_until
    }

    /// Takes in the marks of a line.
    pub(super) fn mark(&mut self, marks: &[Mark], line: u64, command: Option<&str>) {
        if let Some((party, command)) = asked(marks).zip(command) {
            self.request =
                Some(Request { party, until: line + REACH, command: command.to_owned() });
        }
        for mark in marks {
            match mark {
                Mark::Step => *self = Self::default(),
                Mark::Script => {
                    let reached = line + LONGEST_SCRIPT;
                    *self = Self { script_until: reached, ..Self::default() };
                }
                Mark::ScriptEnd => self.script_until = 0,
                Mark::ExchangeStep => self.exchange = true,
                Mark::Login => self.login_until = line + REACH,
                Mark::Request(_) => {}
            }
        }
    }

    /// Whether a message counts there.
    pub(super) fn counts(&self, scope: Scope, marks: &[Mark], line: u64) -> bool {
        let party = self.party(marks, line, None);
        match scope {
            // What was called before is judged when all is read.
            Scope::Anywhere | Scope::OidcLogin | Scope::LoginVariable => true,
            Scope::PulumiLogin => {
                marks.contains(&Mark::Login)
                    || line < self.login_until
                    || matches!(party, Some(Party::Backend | Party::Exchange))
            }
            Scope::TokenRequest => party == Some(Party::Platform),
        }
    }

    /// Who was asked: whom the line tells, else who was asked last. A line that names a host is
    /// about a request only where that names it too.
    pub(super) fn party(&self, marks: &[Mark], line: u64, host: Option<&str>) -> Option<Party> {
        if let Some(party) = asked(marks) {
            return Some(party);
        }
        if self.exchange {
            return Some(Party::Exchange);
        }
        if marks.contains(&Mark::Login) && host.is_none() {
            return Some(Party::Backend);
        }
        let fits = |request: &&Request| {
            line < request.until && host.is_none_or(|host| request.command.contains(host))
        };
        self.request.as_ref().filter(fits).map(|request| request.party)
    }
}

/// Whom marks name: the path of a URL says more than its host.
fn asked(marks: &[Mark]) -> Option<Party> {
    let named = marks.iter().filter_map(|mark| match mark {
        Mark::Request(party) => Some(*party),
        _ => None,
    });
    named.min_by_key(|party| *party == Party::Backend)
}

/// Whether what a line says stops no login, whoever was asked.
pub(super) fn is_harmless(line: &Line) -> bool {
    HARMLESS.iter().any(|text| line.text.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_end() {
        let mut step = Step::default();
        step.mark(&[Mark::Script], 1, None);
        assert!(step.in_script(2));
        step.mark(&[Mark::ScriptEnd], 3, None);
        assert!(!step.in_script(4));
        step.mark(&[Mark::Script], 5, None);
        assert!(!step.in_script(5 + LONGEST_SCRIPT));
    }

    #[test]
    fn the_last_request_speaks_for_a_line_that_names_nobody_else() {
        let mut step = Step::default();
        let exchange = Mark::Request(Party::Exchange);
        step.mark(&[exchange], 1, Some("curl https://pulumi.test/api/oauth/token"));
        assert_eq!(step.party(&[], 2, None), Some(Party::Exchange));
        assert_eq!(step.party(&[], 2, Some("npm.test")), None);
        assert_eq!(step.party(&[], 2, Some("pulumi.test")), Some(Party::Exchange));
        let keys = [Mark::Request(Party::Keys)];
        assert_eq!(step.party(&keys, 2, Some("npm.test")), Some(Party::Keys));
        assert_eq!(step.party(&[], 2 + REACH, None), None);
        step.mark(&[Mark::Step], 3, None);
        assert_eq!(step.party(&[], 4, None), None);
        let both = [Mark::Request(Party::Backend), exchange];
        assert_eq!(step.party(&both, 5, None), Some(Party::Exchange));
    }
}
