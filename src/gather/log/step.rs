//! What is known of the step that a line belongs to.

use std::sync::LazyLock;

use super::line::Line;
use crate::evidence::log::{Context, Party, host_of};
use crate::known_messages::Scope;
use crate::platform::{ALL, Platform};

/// How many lines a command speaks for, where nothing says that its step has ended.
const REACH: u64 = 60;
/// No script of a step is longer: an end that was cut off must not hide the rest of a log.
const LONGEST_SCRIPT: u64 = 400;

/// Text in logs that begins or ends a step, a script or a request.
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
    /// It worked.
    LoggedIn,
    /// A step that does nothing else than the exchange.
    ExchangeStep,
    /// The platform says that a step failed.
    Failed,
}

/// The marks and the texts by which they are known.
pub(super) fn marks() -> &'static [(Mark, &'static str)] {
    static MARKS: LazyLock<Vec<(Mark, &str)>> =
        LazyLock::new(|| PULUMI.iter().copied().chain(platforms()).collect());
    &MARKS
}

const PULUMI: &[(Mark, &str)] = &[
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

/// The marks of the platforms. What several have is theirs alike.
fn platforms() -> impl Iterator<Item = (Mark, &'static str)> {
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

/// Requests to Pulumi Cloud whose failure stops no login.
const HARMLESS: [&str; 2] = ["/api/cli/version", "A new version of Pulumi"];

/// The state between the lines of one log.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    /// Up to which line the text is a script, not its output.
    script_until: u64,
    exchange: bool,
    login_until: u64,
}

impl Step {
    /// Whether a line belongs to a script's text.
    pub(super) fn in_script(&self, line: u64) -> bool {
        line < self.script_until
    }

    /// The script is over, also where what ends it was cut out.
    pub(super) fn end_script(&mut self) {
        self.script_until = 0;
    }

    /// Stores the marks in a line.
    pub(super) fn mark(&mut self, marks: &[Mark], line: u64) {
        for mark in marks {
            match mark {
                Mark::Step => *self = Self::default(),
                Mark::Script => {
                    let reached = line + LONGEST_SCRIPT;
                    *self = Self { script_until: reached, ..Self::default() };
                }
                Mark::ScriptEnd => self.end_script(),
                Mark::ExchangeStep => self.exchange = true,
                Mark::Login => self.login_until = line + REACH,
                Mark::LoggedIn => self.login_until = 0,
                Mark::Request(_) | Mark::Failed => {}
            }
        }
    }

    /// Whether a message counts there. `party` is the server that the line asked.
    pub(super) fn counts(
        &self,
        scope: Scope,
        line: u64,
        party: impl Fn() -> Option<Party>,
    ) -> bool {
        match scope {
            // What was called before is judged when all is read.
            Scope::Anywhere | Scope::OidcLogin | Scope::LoginVariable => true,
            Scope::PulumiLogin => {
                line < self.login_until || matches!(party(), Some(Party::Backend | Party::Exchange))
            }
            Scope::TokenRequest => party() == Some(Party::Platform),
        }
    }

    /// Who was asked: whom the line tells, else whom the last command asked. A line that names a
    /// host is about that command only where it names the host too.
    pub(super) fn party(
        &self,
        marks: &[Mark],
        asked: &Asked,
        context: &Context,
        before: &[u8],
    ) -> Option<Party> {
        let is_cli = marks.contains(&Mark::Login);
        let url = host_of(asked.line).filter(|host| !host.contains(['$', '*', '%', '{']));
        if let Some(party) = asked_by(marks) {
            let is_its = is_cli || url.is_none_or(|host| belongs(party, host, context));
            return is_its.then_some(party);
        }
        if url.is_some_and(|host| context.backend_hosts.iter().any(|known| known == host)) {
            return Some(Party::Backend);
        }
        if self.exchange {
            return Some(Party::Exchange);
        }
        let host = asked.host;
        if is_cli && host.is_none() {
            return Some(Party::Backend);
        }
        let (party, command) = last_request(before)?;
        host.is_none_or(|host| command.contains(host)).then_some(party)
    }
}

/// Which server a line shows a request to.
pub(super) struct Asked<'a> {
    pub(super) line: &'a str,
    /// The host that its message names.
    pub(super) host: Option<&'a str>,
}

/// Whether a host is one that the log knows in that part, where it knows any: other programs have
/// the same paths.
fn belongs(party: Party, host: &str, context: &Context) -> bool {
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

/// Whom marks name: the path of a URL says more than its host.
fn asked_by(marks: &[Mark]) -> Option<Party> {
    let named = marks.iter().filter_map(|mark| match mark {
        Mark::Request(party) => Some(*party),
        _ => None,
    });
    named.min_by_key(|party| *party == Party::Backend)
}

/// Whether a text that stands for the mark is in the line as more than the beginning of a longer
/// word: `/api/users` is another application's.
pub(super) fn is_in(mark: Mark, line: &str) -> bool {
    let mut texts = marks().iter().filter(|(known, _)| *known == mark).map(|(_, text)| *text);
    !matches!(mark, Mark::Request(_)) || texts.any(|text| is_word_in(text, line))
}

fn is_word_in(text: &str, line: &str) -> bool {
    let goes_on = |rest: &str| {
        !text.ends_with('/')
            && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'))
    };
    // Only a path can go on: behind the name of a variable or a host there is anything.
    line.match_indices(text)
        .any(|(at, _)| !text.starts_with("/api/") || !goes_on(&line[at + text.len()..]))
}

/// Whether a line begins a step, or ends a script.
pub(super) fn begins_another(line: &str) -> bool {
    marks().iter().any(|(mark, text)| {
        matches!(mark, Mark::Step | Mark::Script | Mark::ScriptEnd) && line.contains(text)
    })
}

/// Whether a text shows what was run.
pub(super) fn shows_commands(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|raw| {
        let raw = String::from_utf8_lossy(raw);
        begins_another(&raw) || Line::read(raw.trim_end_matches('\r'), false).is_command
    })
}

/// Words by which a command is known that asks somebody.
const ASKS: [&str; 4] = ["curl", "wget", "Invoke-", "http"];

/// Whom the last command that asks anybody asked, and the command: the last one that a shell traced
/// or a platform repeated, or, where the platform shows the script as a whole, that of the script,
/// unless there are several.
fn last_request(before: &[u8]) -> Option<(Party, String)> {
    let asks = |text: &str| ASKS.iter().any(|word| text.contains(word));
    let mut script: Option<Vec<String>> = None;
    // The line itself begins where the text ends.
    for raw in before.rsplit(|b| *b == b'\n').skip(1).take(REACH as usize) {
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
        } else if line.is_command && asks(line.text) {
            let party = party_of(line.text)?;
            return Some((party, line.text.to_owned()));
        } else if line.is_command && !raw.contains("+ ") {
            // Another command. A shell that traces does so for every part of one.
            return None;
        }
    }
    let mut lines = script?;
    lines.reverse();
    let text = lines.join("\n").replace("\\\n", " ");
    let mut requests = text.lines().filter(|command| asks(command));
    let command = requests.next()?;
    let party = party_of(command)?;
    requests.all(|other| party_of(other) == Some(party)).then(|| (party, command.to_owned()))
}

fn party_of(command: &str) -> Option<Party> {
    let marks: Vec<Mark> = marks()
        .iter()
        .filter(|(_, text)| is_word_in(text, command))
        .map(|(mark, _)| *mark)
        .collect();
    asked_by(&marks)
}

/// Whether the line reports something that stops no login, whichever server was asked.
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
        context.name_backend("https://pulumi.acme.test");
        Step::default().party(marks, &Asked { line, host }, &context, before.as_bytes())
    }

    #[test]
    fn scripts_end() {
        let mut step = Step::default();
        step.mark(&[Mark::Script], 1);
        assert!(step.in_script(2));
        step.mark(&[Mark::ScriptEnd], 3);
        assert!(!step.in_script(4));
        step.mark(&[Mark::Script], 5);
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
    fn the_host_of_the_line_decides() {
        let marks = [Mark::Request(Party::Backend)];
        let ask =
            |host: &str| of_line(&marks, &format!("Get \"https://{host}/api/user\": no"), None, "");
        assert_eq!(ask("pulumi.acme.test"), Some(Party::Backend));
        assert_eq!(ask("api.pulumi.com"), Some(Party::Backend));
        assert_eq!(ask("crm.acme.test"), None);
        let other = "Post \"https://pulumi.acme.test/api/stacks/a/b\": no";
        assert_eq!(of_line(&[], other, None, ""), Some(Party::Backend));
        assert!(is_in(marks[0], "Get \"https://a.test/api/user\""));
        assert!(!is_in(marks[0], "Get \"https://a.test/api/users\""));
        assert!(!is_in(marks[0], "Get \"https://a.test/api/user/1\""));
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
