//! The state of the step that a line belongs to.

use std::sync::LazyLock;

use super::line::Line;
use crate::evidence::log::{Context, Party, host_of};
use crate::known_messages::Scope;
use crate::platform::{ALL, Platform};

/// How many lines belong to a command, if nothing shows the end of its step.
const COMMAND_REACH: u64 = 60;
/// The longest script of a step. A missing end must not hide the rest of the log.
const LONGEST_SCRIPT: u64 = 400;

/// A text in logs that begins or ends a step, a script or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A step begins.
    Step,
    /// The text of a step's script begins, or its inputs.
    Script,
    /// The text of a step's script ends.
    ScriptEnd,
    /// A request to this server.
    Request(Party),
    /// A login to Pulumi Cloud.
    Login,
    /// The login succeeded.
    LoggedIn,
    /// A step that only makes the exchange.
    ExchangeStep,
    /// The platform says that a step failed.
    Failed,
}

/// The marks, each with a text that identifies it.
pub(super) fn marks() -> &'static [(Mark, &'static str)] {
    static MARKS: LazyLock<Vec<(Mark, &str)>> =
        LazyLock::new(|| PULUMI_MARKS.iter().copied().chain(platform_marks()).collect());
    &MARKS
}

const PULUMI_MARKS: &[(Mark, &str)] = &[
    (Mark::LoggedIn, "Logged in to "),
    (Mark::Login, "pulumi login"),
    (Mark::Login, "could not log in to"),
    (Mark::Login, "problem logging in"),
    (Mark::Login, "Invalid response from token exchange"),
    (Mark::Request(Party::Exchange), "/api/oauth/token"),
    (Mark::Request(Party::Backend), "api.pulumi.com"),
    (Mark::Request(Party::Backend), "/api/user"),
    (Mark::Request(Party::Backend), "/api/capabilities"),
    (Mark::Request(Party::Issuer), "/.well-known/openid-configuration"),
    (Mark::Request(Party::Keys), "/.well-known/jwks"),
];

/// The marks of the platforms, which may share texts.
fn platform_marks() -> impl Iterator<Item = (Mark, &'static str)> {
    ALL.iter().flat_map(|Platform { log, .. }| {
        [
            (Mark::Step, log.step),
            (Mark::Script, log.script),
            (Mark::ScriptEnd, log.script_end),
            (Mark::ExchangeStep, log.exchange_step),
            (Mark::Login, log.login_step),
            (Mark::Failed, log.failed),
            (Mark::Request(Party::Keys), log.keys),
            (Mark::Request(Party::Platform), log.token_request),
        ]
        .into_iter()
        .flat_map(|(mark, texts)| texts.iter().map(move |text| (mark, *text)))
    })
}

/// Requests to Pulumi Cloud whose failure does not stop a login.
const HARMLESS: [&str; 2] = ["/api/cli/version", "A new version of Pulumi"];

/// The current step of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    /// The line before which the text is a script, not output.
    script_until: u64,
    exchange: bool,
    login_until: u64,
}

impl Step {
    /// Whether a line is part of a script.
    pub(super) fn in_script(&self, line: u64) -> bool {
        line < self.script_until
    }

    /// Ends the script, even if the mark of its end is missing.
    pub(super) fn end_script(&mut self) {
        self.script_until = 0;
    }

    /// Updates the state with the marks in a line.
    pub(super) fn apply_marks(&mut self, marks: &[Mark], line: u64) {
        for mark in marks {
            match mark {
                Mark::Step => *self = Self::default(),
                Mark::Script => {
                    let reached = line + LONGEST_SCRIPT;
                    *self = Self { script_until: reached, ..Self::default() };
                }
                Mark::ScriptEnd => self.end_script(),
                Mark::ExchangeStep => self.exchange = true,
                Mark::Login => self.login_until = line + COMMAND_REACH,
                Mark::LoggedIn => self.login_until = 0,
                Mark::Request(_) | Mark::Failed => {}
            }
        }
    }

    /// Whether a message of this scope counts in this line. `party` finds the server of its
    /// request.
    pub(super) fn is_in_scope(
        &self,
        scope: Scope,
        line: u64,
        party: impl Fn() -> Option<Party>,
    ) -> bool {
        match scope {
            // The judge looks at the calls before it, after the whole log was read.
            Scope::Anywhere | Scope::OidcLogin | Scope::LoginVariable => true,
            Scope::PulumiLogin => {
                line < self.login_until || matches!(party(), Some(Party::Backend | Party::Exchange))
            }
            Scope::TokenRequest => party() == Some(Party::Platform),
        }
    }

    /// The server that a line's request went to: the one that the line shows, else that of the last
    /// command. If the line names a host, the command must name it too.
    pub(super) fn party(
        &self,
        marks: &[Mark],
        request: &RequestLine,
        context: &Context,
        before: &[u8],
    ) -> Option<Party> {
        let is_cli = marks.contains(&Mark::Login);
        let url = host_of(request.line).filter(|host| !host.contains(['$', '*', '%', '{']));
        if let Some(party) = party_of_marks(marks) {
            let is_its = is_cli || url.is_none_or(|host| is_known_host(party, host, context));
            return is_its.then_some(party);
        }
        if url.is_some_and(|host| context.backend_hosts.iter().any(|known| known == host)) {
            return Some(Party::Backend);
        }
        if self.exchange {
            return Some(Party::Exchange);
        }
        let host = request.host;
        if is_cli && host.is_none() {
            return Some(Party::Backend);
        }
        let (party, command) = last_request(before)?;
        host.is_none_or(|host| command.contains(host)).then_some(party)
    }
}

/// A line that may report a request.
pub(super) struct RequestLine<'a> {
    pub(super) line: &'a str,
    /// The host in its message.
    pub(super) host: Option<&'a str>,
}

/// Whether the log knows a host in this role. If it knows none, any host counts. Other programs use
/// the same paths.
fn is_known_host(party: Party, host: &str, context: &Context) -> bool {
    let is_pulumis = host == "pulumi.com" || host.ends_with(".pulumi.com");
    match party {
        Party::Backend | Party::Exchange => {
            let known = &context.backend_hosts;
            is_pulumis || known.is_empty() || known.iter().any(|known| known == host)
        }
        Party::Issuer => {
            let mut known = context.issuer_hosts().peekable();
            known.peek().is_none() || known.any(|known| known == host)
        }
        Party::Keys | Party::Platform | Party::Unnamed => true,
    }
}

/// The server that marks identify. The path of a URL tells more than its host.
fn party_of_marks(marks: &[Mark]) -> Option<Party> {
    let named = marks.iter().filter_map(|mark| match mark {
        Mark::Request(party) => Some(*party),
        _ => None,
    });
    named.min_by_key(|party| *party == Party::Backend)
}

/// Whether a mark's text is in the line as a whole path: `/api/users` belongs to another
/// application.
pub(super) fn is_whole_path_in(mark: Mark, line: &str) -> bool {
    let mut texts = marks().iter().filter(|(known, _)| *known == mark).map(|(_, text)| *text);
    !matches!(mark, Mark::Request(_)) || texts.any(|text| contains_whole_path(text, line))
}

fn contains_whole_path(text: &str, line: &str) -> bool {
    let continues = |rest: &str| {
        !text.ends_with('/')
            && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'))
    };
    // Only paths are checked: anything may follow a variable's name or a host.
    line.match_indices(text)
        .any(|(at, _)| !text.starts_with("/api/") || !continues(&line[at + text.len()..]))
}

/// Whether a line begins a step, or begins or ends a script.
pub(super) fn is_step_boundary(line: &str) -> bool {
    marks().iter().any(|(mark, text)| {
        matches!(mark, Mark::Step | Mark::Script | Mark::ScriptEnd) && line.contains(text)
    })
}

/// Whether a text shows which commands ran.
pub(super) fn shows_commands(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|raw| {
        let raw = String::from_utf8_lossy(raw);
        is_step_boundary(&raw) || Line::read(raw.trim_end_matches('\r'), false).is_command
    })
}

/// Words in commands that make a request.
const REQUEST_COMMANDS: [&str; 4] = ["curl", "wget", "Invoke-", "http"];

/// The last command that made a request, and its server. The command was traced by a shell or
/// repeated by the platform. If the platform shows the script as a whole, all requests in it must
/// go to one server.
fn last_request(before: &[u8]) -> Option<(Party, String)> {
    let makes_request = |text: &str| REQUEST_COMMANDS.iter().any(|word| text.contains(word));
    let mut script: Option<Vec<String>> = None;
    // Skips the empty piece before the current line.
    for raw in before.rsplit(|b| *b == b'\n').skip(1).take(COMMAND_REACH as usize) {
        let raw = String::from_utf8_lossy(raw);
        let line = Line::read(raw.trim_end_matches('\r'), script.is_some());
        let has =
            |wanted: Mark| marks().iter().any(|(mark, text)| *mark == wanted && raw.contains(text));
        if has(Mark::ScriptEnd) {
            script = Some(Vec::new());
        } else if has(Mark::Script) {
            break;
        } else if has(Mark::Step) {
            return None;
        } else if let Some(script) = &mut script {
            script.push(line.text.to_owned());
        } else if line.is_command && makes_request(line.text) {
            let party = party_of(line.text)?;
            return Some((party, line.text.to_owned()));
        } else if line.is_command && !raw.contains("+ ") {
            // Another command. A tracing shell shows every part of a command on its own line.
            return None;
        }
    }
    let mut lines = script?;
    lines.reverse();
    let text = lines.join("\n").replace("\\\n", " ");
    let mut requests = text.lines().filter(|command| makes_request(command));
    let command = requests.next()?;
    let party = party_of(command)?;
    requests.all(|other| party_of(other) == Some(party)).then(|| (party, command.to_owned()))
}

fn party_of(command: &str) -> Option<Party> {
    let marks: Vec<Mark> = marks()
        .iter()
        .filter(|(_, text)| contains_whole_path(text, command))
        .map(|(mark, _)| *mark)
        .collect();
    party_of_marks(&marks)
}

/// Whether the line reports a failure that does not stop a login.
pub(super) fn is_harmless(line: &Line) -> bool {
    HARMLESS.iter().any(|text| line.text.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(before: &str, host: Option<&str>) -> Option<Party> {
        of_line(&[], "", host, before)
    }

    fn of_line(marks: &[Mark], line: &str, host: Option<&str>, before: &str) -> Option<Party> {
        let mut context = Context::default();
        context.add_backend_host("https://pulumi.acme.test");
        Step::default().party(marks, &RequestLine { line, host }, &context, before.as_bytes())
    }

    #[test]
    fn script_ends_at_mark_or_limit() {
        let mut step = Step::default();
        step.apply_marks(&[Mark::Script], 1);
        assert!(step.in_script(2));
        step.apply_marks(&[Mark::ScriptEnd], 3);
        assert!(!step.in_script(4));
        step.apply_marks(&[Mark::Script], 5);
        assert!(!step.in_script(5 + LONGEST_SCRIPT));
    }

    #[test]
    fn last_requesting_command_owns_unnamed_line() {
        let exchange = "+ curl https://pulumi.test/api/oauth/token\n+ jq -r .access_token\n";
        assert_eq!(party(exchange, None), Some(Party::Exchange));
        assert_eq!(party(exchange, Some("npm.test")), None);
        assert_eq!(party(exchange, Some("pulumi.test")), Some(Party::Exchange));
        assert_eq!(party(&format!("{exchange}+ curl https://hooks.test\n"), None), None);
        assert_eq!(party(&format!("{exchange}##[section]Starting: x\n"), None), None);
        assert_eq!(party(&format!("{exchange}{}", "a line\n".repeat(100)), None), None);
        assert_eq!(party("", None), None);
        let both = [Mark::Request(Party::Backend), Mark::Request(Party::Exchange)];
        assert_eq!(of_line(&both, "", None, ""), Some(Party::Exchange));
    }

    #[test]
    fn host_in_line_decides() {
        let marks = [Mark::Request(Party::Backend)];
        let ask =
            |host: &str| of_line(&marks, &format!("Get \"https://{host}/api/user\": no"), None, "");
        assert_eq!(ask("pulumi.acme.test"), Some(Party::Backend));
        assert_eq!(ask("api.pulumi.com"), Some(Party::Backend));
        assert_eq!(ask("crm.acme.test"), None);
        let other = "Post \"https://pulumi.acme.test/api/stacks/a/b\": no";
        assert_eq!(of_line(&[], other, None, ""), Some(Party::Backend));
        assert!(is_whole_path_in(marks[0], "Get \"https://a.test/api/user\""));
        assert!(!is_whole_path_in(marks[0], "Get \"https://a.test/api/users\""));
        assert!(!is_whole_path_in(marks[0], "Get \"https://a.test/api/user/1\""));
    }

    #[test]
    fn script_with_one_server_owns_its_lines() {
        let script = |lines: &str| format!("##[group]Run x\n{lines}##[endgroup]\nsaid\n");
        let one = "token=$(curl -H \"Authorization: bearer $T\" \\\n  \
                   \"$ACTIONS_ID_TOKEN_REQUEST_URL&audience=x\")\necho done\n";
        assert_eq!(party(&script(one), None), Some(Party::Platform));
        assert_eq!(party(&script(&format!("{one}curl https://hooks.test\n")), None), None);
    }
}
