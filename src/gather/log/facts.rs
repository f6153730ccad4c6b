//! Facts about the login besides messages: its command line, CLI version, backend, claims and
//! success.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::line::Line;
use crate::evidence::log::{
    Context, Located, LoginLine, MAX_CLAIMS, MAX_LOGINS, MAX_SUCCESSES, Place, Success,
};
use crate::evidence::{BackendCandidate, BackendSource, Login};
use crate::known_messages::Template;
use crate::limits;
use crate::oidc::jwt;
use crate::platform;
use crate::pulumi::login_flags;
use crate::text;
use crate::text::secret::REDACTED;

/// A kind of fact to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// A call of `pulumi login`.
    Login,
    /// The CLI's version, alone on its line.
    BareVersion,
    /// The CLI's version, in the value `version`.
    Version,
    /// The backend's URL, in the value `url`.
    Backend,
    /// The backend's URL comes from the variable `name`.
    BackendVariable,
    /// The backend's URL comes from the project file `path`.
    BackendProject,
    /// The backend's URL comes from the credentials file.
    BackendCredentials,
    /// A login succeeded.
    Success,
    /// A claims set as JSON on one line.
    Claims,
    /// A token.
    Token,
    /// A text that only this platform prints.
    Platform(platform::Id),
}

/// The kinds of facts, each with a text that identifies it.
pub(super) fn facts() -> impl Iterator<Item = (Fact, &'static str)> {
    let platforms = platform::ALL.iter().flat_map(|platform| {
        platform.log.platform.iter().map(|text| (Fact::Platform(platform.id), *text))
    });
    FACTS.iter().copied().chain(platforms)
}

const FACTS: &[(Fact, &str)] = &[
    (Fact::Login, "pulumi login"),
    (Fact::Login, "doctor login"),
    (Fact::BareVersion, "v3."),
    (Fact::Version, "pulumi-cli/1 (v{version};"),
    (Fact::Version, "To upgrade from version '{version}' to version"),
    (Fact::Version, "To upgrade from version '{version}' to '"),
    (Fact::Version, "Pulumi version {version} is already installed"),
    (Fact::Version, "Matched version: {version}"),
    (Fact::Version, "build with version: {version}"),
    (Fact::Backend, "could not log in to the state backend \"{url}\""),
    (Fact::Backend, "PULUMI_BACKEND_URL: {url}"),
    (Fact::Backend, "PULUMI_BACKEND_URL={url}"),
    (Fact::BackendVariable, "This backend comes from the {name} environment variable"),
    (Fact::BackendProject, "This backend comes from the `backend` setting in {path}, which"),
    (Fact::BackendCredentials, "recorded in your stored Pulumi credentials"),
    (Fact::Success, "Logged in to {name} as {user} (http{url})"),
    (Fact::Success, "Logged in to {name} (http{url})"),
    (Fact::Success, "Logged in to https://{name} as {user}"),
    (Fact::Success, "OIDC token exchange performed successfully"),
    (Fact::Claims, "\"iss\""),
    (Fact::Token, "eyJ"),
];

impl Context {
    /// Records a fact in a line. `template` belongs to the fact. `next` returns the following
    /// lines.
    pub(super) fn record_fact<'a>(
        &mut self,
        fact: Fact,
        template: &Template,
        line: &Line,
        next: impl Fn() -> Vec<Cow<'a, str>>,
        place: Place,
    ) {
        let value = || {
            let found = template.find(line.text, |_| true)?;
            let (_, value) = found.values.first()?;
            Some(super::secrets::redact(value.trim_end_matches(['.', ','])))
        };
        match fact {
            Fact::Login => {
                if self.logins.len() < MAX_LOGINS
                    && let Some(words) = login_words(line, &next())
                {
                    let login = parse_login(&words, place);
                    if let Some(url) = &login.url {
                        self.add_backend_host(&url.url);
                    }
                    self.logins.push(login);
                }
            }
            Fact::BareVersion => {
                if let Ok(value) = line.text.trim().trim_start_matches('v').parse()
                    && self.version.is_none()
                {
                    self.version = Some(Located { value, place });
                }
            }
            Fact::Version => {
                if let Some(value) = value().and_then(|v| v.trim_start_matches('v').parse().ok()) {
                    self.version.get_or_insert(Located { value, place });
                }
            }
            Fact::Backend => {
                if let Some(value) = value().filter(|v| !v.is_empty() && !v.contains(['$', '*'])) {
                    self.add_backend_host(&value);
                    self.backend.get_or_insert(Located { value, place });
                }
            }
            Fact::BackendVariable => {
                if let Some(name) = value() {
                    self.backend_source.get_or_insert(BackendSource::Environment { name });
                }
            }
            Fact::BackendProject => {
                if let Some(path) = value() {
                    self.backend_source.get_or_insert(BackendSource::Project { path, line: 0 });
                }
            }
            Fact::BackendCredentials => {
                let path = "credentials.json".to_owned();
                self.backend_source.get_or_insert(BackendSource::Credentials { path, line: 0 });
            }
            Fact::Success => {
                let Some(found) = template.find(line.text, |at| line.may_begin(at)) else { return };
                if line.is_command {
                    return;
                }
                if let Some((_, name)) = found.values.first() {
                    self.add_backend_host(name);
                }
                let success = Success { place, at: line.at, is_exchange: found.values.is_empty() };
                let is_full = self.successes.len() >= MAX_SUCCESSES;
                match self.successes.last_mut() {
                    // One line may match several of these texts.
                    Some(last) if last.place == place => {}
                    Some(last)
                        if last.is_exchange
                            && !success.is_exchange
                            && last.place.is_in_same_job(&place) =>
                    {
                        *last = success;
                    }
                    _ if is_full => {}
                    _ => self.successes.push(success),
                }
            }
            Fact::Claims => {
                if let Some(claims) = parse_claims(line.text) {
                    self.record_claims(claims, place);
                }
            }
            Fact::Token => {
                if let Some(claims) = decode_token(line.text) {
                    self.record_claims(claims, place);
                }
            }
            Fact::Platform(id) => {
                self.platform.get_or_insert(id);
            }
        }
    }

    fn record_claims(&mut self, claims: Map<String, Value>, place: Place) {
        // Keep known claims only: others may be secrets, or no claims at all.
        let claims: Map<String, Value> = CLAIMS_SHOWN
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), redact_claim(claims.get(*name)?)?)))
            .map(|(name, value)| match value {
                Value::String(issuer) if name == "iss" => (name, text::url(&issuer).into()),
                value => (name, value),
            })
            .collect();
        let is_known = self.claims.iter().any(|known| known.value == claims);
        if !is_known && self.claims.len() < MAX_CLAIMS {
            self.claims.push(Located { value: claims, place });
        }
    }
}

/// The claims that matter to a login: RFC 7519 section 4.1, and the scope that pulumi reads.
const CLAIMS_SHOWN: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "scope"];

/// A claim's value without secrets. `None`: it is no text, number or list of texts.
fn redact_claim(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::String(super::secrets::redact(text))),
        Value::Number(_) => Some(value.clone()),
        Value::Array(items) => Some(Value::Array(
            items.iter().filter(|item| item.is_string()).filter_map(redact_claim).collect(),
        )),
        _ => None,
    }
}

/// The words of a login command: in a script, after a prompt, or at the beginning of a line. A
/// sentence about `pulumi login` does not count.
fn login_words(line: &Line, next: &[Cow<str>]) -> Option<Vec<String>> {
    let at = line.text.find("pulumi login").or_else(|| line.text.find("doctor login"))?;
    let before = line.text[..at].trim();
    let is_quoted = before.ends_with(['`', '"', '\'']);
    // It follows a prompt, a path, or another command.
    let is_call = line.is_command
        || before.is_empty()
        || before.ends_with(['/', '\\', '&', ';', '|', '>', '$', '#']);
    if is_quoted || !is_call {
        return None;
    }
    let mut text = command_prefix(&line.text[at..]).to_owned();
    for line in next {
        // A backslash continues a line in a shell, a backtick in PowerShell, a caret in cmd.
        let Some(continued) = text.trim_end().strip_suffix(['\\', '`', '^']) else { break };
        text = format!("{continued} {}", command_prefix(Line::read(line, true).text.trim()));
    }
    Some(hide_token(shell_words(&super::secrets::redact(&text))))
}

/// The longest command that is read, in bytes. A token in it is shorter.
const LONGEST_COMMAND: usize = 2 * limits::TOKEN;

fn command_prefix(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_COMMAND)).unwrap_or(text)
}

/// How much of a call of `pulumi login` is kept, in characters.
const LONGEST_CALL: usize = 4096;

/// Hides the value of `--oidc-token` unless it names a variable or a file. Otherwise it may be a
/// token.
fn hide_token(mut words: Vec<String>) -> Vec<String> {
    const FLAG: &str = "--oidc-token";
    let names = |word: &str| {
        word.is_empty()
            || ["$", "%", "file://", "***", REDACTED].iter().any(|s| word.starts_with(s))
    };
    for index in 0..words.len() {
        if words[index] == FLAG {
            if let Some(word) = words.get_mut(index + 1).filter(|word| !names(word)) {
                REDACTED.clone_into(word);
            }
        } else if let Some(value) = words[index].strip_prefix("--oidc-token=")
            && !names(value)
        {
            words[index] = format!("{FLAG}={REDACTED}");
        }
    }
    words
}

/// Parses a login command as pulumi does. If pulumi would reject its flags, they are left out.
fn parse_login(words: &[String], place: Place) -> LoginLine {
    let mut line = LoginLine {
        text: text::clip(&words.join(" "), LONGEST_CALL),
        token: None,
        login: Login::default(),
        url: None,
        local: false,
        place,
    };
    let arguments = words.get(2..).unwrap_or_default();
    let parsed = login_flags::parse(arguments).ok();
    let Some(parsed) = parsed.filter(|parsed| parsed.boolean("help") != Some(true)) else {
        return line;
    };
    let value = |name| parsed.value(name).map(str::to_owned);
    line.token = value("oidc-token");
    line.login = Login {
        token_named: line.token.is_some(),
        organization: value("oidc-org"),
        team: value("oidc-team"),
        user: value("oidc-user"),
        expiration: value("oidc-expiration"),
        ..Login::default()
    };
    line.local = parsed.boolean("local") == Some(true);
    let named = |url: Option<String>, source| url.map(|url| BackendCandidate::new(url, source));
    line.url = named(parsed.positional.first().cloned(), BackendSource::Argument)
        .or_else(|| named(value("cloud-url"), BackendSource::Flag));
    line
}

/// Splits a command into words as a shell does, up to its end. Does not expand variables.
fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ';' | '|' | '&' | '>' | '<') => break,
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A claims set: a JSON object that names an issuer.
fn parse_claims(text: &str) -> Option<Map<String, Value>> {
    let text = &text[text.find('{')?..];
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>();
    let claims = values.next()?.ok()?;
    (claims.contains_key("iss") && claims.contains_key("sub")).then_some(claims)
}

/// The claims of a token that was printed.
fn decode_token(text: &str) -> Option<Map<String, Value>> {
    let start = text.find("eyJ")?;
    let word = &text[start..];
    let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let decoded = jwt::read(&word.as_bytes()[..end.unwrap_or(word.len())], true).ok()?;
    decoded.token.claims.contains_key("iss").then_some(decoded.token.claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login_of(text: &str, next: &[&str]) -> Option<Vec<String>> {
        let next: Vec<Cow<str>> = next.iter().map(|line| Cow::from(*line)).collect();
        login_words(&Line::read(text, false), &next)
    }

    #[test]
    fn login_command_has_its_words() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            login_of(
                "+ pulumi login --oidc-token \"$idToken\" --oidc-org 'acme' && pulumi up",
                &[]
            ),
            Some(words("pulumi login --oidc-token $idToken --oidc-org acme"))
        );
        assert_eq!(
            login_of(
                "pulumi login \\",
                &["  --oidc-token $T \\", "  --oidc-org acme", "pulumi up"]
            ),
            Some(words("pulumi login --oidc-token $T --oidc-org acme"))
        );
        assert_eq!(login_of("[command]/opt/pulumi login", &[]), Some(words("pulumi login")));
        assert_eq!(login_of("try running `pulumi login` first", &[]), None);
        assert_eq!(login_of("the command pulumi login fails", &[]), None);
        for text in ["pulumi login --oidc-token hunter2", "pulumi login --oidc-token=hunter2"] {
            let shown = login_of(text, &[]).unwrap_or_default().join(" ");
            assert!(shown.contains(REDACTED) && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn login_flags_are_parsed_as_pulumi() {
        let place = Place { file: 0, job: 0, line: 1 };
        let text = "pulumi login https://a.test --oidc-token=$T --oidc-org acme --oidc-team t";
        let called = parse_login(&shell_words(text), place);
        assert_eq!(called.token.as_deref(), Some("$T"));
        assert_eq!(called.login.organization.as_deref(), Some("acme"));
        assert_eq!(called.login.team.as_deref(), Some("t"));
        assert_eq!(called.url.map(|url| url.url).as_deref(), Some("https://a.test"));
    }

    #[test]
    fn printed_claims_are_read() {
        assert!(parse_claims("claims: {\"iss\":\"https://a\",\"sub\":\"s\"} end").is_some());
        assert!(parse_claims("{\"iss\":1").is_none());
        let token =
            decode_token("TOKEN=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJl;");
        assert!(token.is_some_and(|claims| claims["iss"] == "https://a"));
    }
}
