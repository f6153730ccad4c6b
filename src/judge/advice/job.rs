//! The login that advice is for: that of this run, or one found in a log.

use crate::platform::Id;
use crate::pulumi::backend_url::{self, PULUMI_CLOUD, Resolved, UrlProblem};
use crate::pulumi::login_command::LoginCommand;
use crate::pulumi::urn;
use crate::text::command::{Command, CommandLine};

/// The login that advice is for.
pub(crate) struct Job<'a> {
    /// The CI platform.
    pub(crate) platform: Option<Id>,
    /// The URL for commands: this run's own backend, or its corrected origin on the same host
    /// (product contract, section 5.5). Without one, no command is printed.
    pub(crate) url: Option<String>,
    /// The shell's variable that holds the token.
    pub(crate) variable: &'a str,
    /// The requested organization.
    pub(crate) organization: Option<&'a str>,
}

impl Job<'_> {
    fn login_command(&self) -> LoginCommand<'_> {
        let Self { url, variable, organization, .. } = self;
        LoginCommand { url: url.as_deref(), variable, organization: *organization }
    }

    /// This login as a command of `program`.
    pub(crate) fn login_line(&self, program: &str) -> Option<CommandLine> {
        self.url.as_ref().map(|_| self.login_command().line_for(program))
    }

    /// This login as a `pulumi` command.
    pub(crate) fn login(&self) -> Option<Command> {
        self.login_line("pulumi").map(Command::from)
    }

    /// This login to another backend. `None`: the one from `PULUMI_BACKEND_URL`.
    pub(crate) fn login_to_backend(&self, url: Option<&str>) -> Command {
        LoginCommand { url, ..self.login_command() }.into()
    }

    /// This login with the token in another variable.
    pub(crate) fn login_with_variable(&self, variable: &str) -> Option<Command> {
        self.url.as_ref().map(|_| LoginCommand { variable, ..self.login_command() }.into())
    }

    /// This login in a step of the pipeline. If the backend is unknown here, the pipeline's
    /// settings name it.
    pub(crate) fn login_in_step(&self, variable: &str) -> Command {
        LoginCommand { variable, ..self.login_command() }.into()
    }

    /// This login to another organization.
    pub(crate) fn login_to_organization(&self, organization: Option<&str>) -> Option<Command> {
        self.url.as_ref().map(|_| LoginCommand { organization, ..self.login_command() }.into())
    }

    /// The audience that the token for this login needs.
    pub(crate) fn audience(&self) -> String {
        urn::organization(self.organization.unwrap_or("ORG"))
    }
}

/// The variable for login commands: the one that holds the token, if its name is valid in a shell.
pub(crate) fn printable_variable(held_by: Option<&str>) -> &str {
    let is_name = |name: &&str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    held_by.filter(is_name).unwrap_or("TOKEN")
}

/// The URL for login commands: the current one if it is usable, otherwise its correction. Pulumi
/// Cloud's if there is none.
pub(crate) fn printable_url(resolved: &Resolved, insecure: bool, is_wrong: bool) -> Option<String> {
    if has_http_scheme(&resolved.url) && !is_wrong {
        return Some(resolved.url.clone());
    }
    if resolved.url.is_empty() {
        return Some(PULUMI_CLOUD.to_owned());
    }
    let problems = backend_url::problems(resolved, insecure);
    problems.first().and_then(|problem| replacement(problem, &resolved.url))
}

pub(crate) fn has_http_scheme(url: &str) -> bool {
    let starts = |scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("https://") || starts("http://")
}

/// The corrected URL, if there is one.
pub(crate) fn replacement(problem: &UrlProblem, url: &str) -> Option<String> {
    match problem {
        UrlProblem::SchemeMissing { suggestion } => Some(suggestion.clone()),
        UrlProblem::SchemeUnknown { nearest, .. } => {
            let (_, rest) = url.split_once(':')?;
            Some(format!("{nearest}:{rest}"))
        }
        UrlProblem::Console { suggestion, .. } => suggestion.map(str::to_owned),
        UrlProblem::Malformed { cleaned, .. } => cleaned.clone(),
        UrlProblem::Path { origin, .. } => Some(origin.clone()),
        UrlProblem::InsecureHttp { authority } => {
            Some(format!("https://{}", authority.strip_suffix(":80").unwrap_or(authority)))
        }
        // Without a Pulumi Cloud in the URL there is nothing to correct.
        UrlProblem::Diy { .. }
        | UrlProblem::Unexpanded { .. }
        | UrlProblem::Empty
        | UrlProblem::InsecureFlag => None,
    }
}
